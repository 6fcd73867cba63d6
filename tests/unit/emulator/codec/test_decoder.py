"""From bytes to nodes: everything clients write is read, everything else is refused."""

import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.stanzas import nodes

from wamesh.emulator.codec import Address, CodecError, Node, decode, encode
from wamesh.emulator.codec.decoder import MAX_BYTES, MAX_DEPTH, MAX_NODES
from wamesh.emulator.codec.tokens import codes


def value(encoded: str) -> str | Address:
    """The value of the one attribute of an element, from the value's bytes."""
    return decode(bytes.fromhex("00 f803 19 08" + encoded)).attributes["id"]


def nested(depth: int) -> Node:
    node = Node("item")
    for _ in range(depth - 1):
        node = Node("item", {}, (node,))
    return node


def test_every_word_is_known() -> None:
    """Each word of the table reads from its code."""
    assert {word: value(code.hex()) for word, code in codes().items()} == {word: word for word in codes()}


@pytest.mark.parametrize(
    ("encoded", "expected"),
    [
        ("00", ""),
        ("fc00", ""),
        ("fc03 616263", "abc"),
        ("fd000003 616263", "abc"),
        ("fe00000003 616263", "abc"),
        ("ff02 12ab", "12-."),
        ("ff82 1a2f", "1-2"),
        ("fb02 3EB0", "3EB0"),
        ("fb82 3EB0", "3EB"),
        ("ff00", ""),
        ("fa 00 03", Address("", "s.whatsapp.net")),
        ("fa ff0155 fc03 6c6964", Address("55", "lid")),
        ("f7 00 03 ff0155", Address("55", "s.whatsapp.net", 3)),
        ("f7 01 00 ff0155", Address("55", "lid")),
        ("f7 80 63 ff0155", Address("55", "hosted", 99)),
        ("f7 81 63 ff0155", Address("55", "hosted.lid", 99)),
        ("f6 ff0155 012c fc04 6d736772", Address("55", "msgr", 300)),
        ("f5 ff0155 0003 0009 fc07 696e7465726f70", Address("9-55", "interop", 3)),
    ],
)
def test_every_encoding_of_a_value_is_read(encoded: str, expected: str | Address) -> None:
    """Texts in all lengths and packings, and addresses of all four kinds."""
    assert value(encoded) == expected


@pytest.mark.parametrize(
    ("encoded", "expected"),
    [("19", b"iq"), ("ff0112", b"12"), ("fa ff0155 fc03 6c6964", b"55@lid"), ("fc02 6971", b"iq")],
)
def test_content_that_is_no_list_is_data(encoded: str, expected: bytes) -> None:
    """Words, packed digits, addresses and binary all read as data."""
    assert decode(bytes.fromhex("00 f802 19" + encoded)).data == expected


@given(nodes)
@settings(max_examples=100, deadline=None)
def test_compressed_stanza_is_read(node: Node) -> None:
    """Flag 2 says that the rest is compressed by zlib."""
    assert decode(b"\x02" + zlib.compress(encode(node)[1:])) == node


@given(st.binary(max_size=200), st.sampled_from([b"", b"\x00", b"\x00\xf8", b"\x02", b"\x00\xf8\x03\x19"]))
@settings(max_examples=100, deadline=None)
def test_random_bytes_are_a_node_or_refused(data: bytes, start: bytes) -> None:
    """No bytes raise anything but CodecError."""
    try:
        assert isinstance(decode(start + data), Node)
    except CodecError as error:
        assert str(error)


@given(nodes, st.data())
@settings(max_examples=100, deadline=None)
def test_damaged_stanza_is_a_node_or_refused(node: Node, data: st.DataObject) -> None:
    """A stanza with one byte changed raises CodecError if it cannot be read, and nothing else."""
    encoded = bytearray(encode(node))
    encoded[data.draw(st.integers(0, len(encoded) - 1))] = data.draw(st.integers(0, 255))
    try:
        assert isinstance(decode(bytes(encoded)), Node)
    except CodecError as error:
        assert str(error)


@given(nodes, st.data())
@settings(max_examples=100, deadline=None)
def test_cut_stanza_is_refused(node: Node, data: st.DataObject) -> None:
    """No beginning of a stanza is a stanza."""
    encoded = encode(node)
    with pytest.raises(CodecError):
        decode(encoded[: data.draw(st.integers(0, len(encoded) - 1))])


@given(nodes, st.binary(min_size=1, max_size=8))
def test_stanza_with_something_behind_is_refused(node: Node, rest: bytes) -> None:
    """Bytes behind the stanza are not ignored."""
    with pytest.raises(CodecError):
        decode(encode(node) + rest)


@pytest.mark.parametrize(
    "encoded",
    [
        "",
        "00",
        "01 f80119",
        "04 f80119",
        "00 19",
        "00 0019",
        "00 f800",
        "00 f80100",
        "00 f802 19 f0",
        "00 f803 19 00 19",
        "00 f805 19 08 19 08 19",
        "00 f801 fa0003",
        "00 f801 f0",
        "00 f803 19 08 fc01ff",
        "00 f803 19 08 ff011c",
        "00 f803 19 08 ff01f1",
        "00 f803 19 08 fa1900",
        "00 f803 19 08 fafa000303",
        "00 f803 19 08 f70203ff0155",
        "00 f803 19 08 f7000300",
        "02 f80119",
        "02",
    ],
)
def test_malformed_stanza_is_refused(encoded: str) -> None:
    """Unknown flags and codes, missing tags and names, doubled attributes, bad texts and addresses raise CodecError."""
    with pytest.raises(CodecError):
        decode(bytes.fromhex(encoded))


def test_address_within_an_address_is_refused_at_any_length() -> None:
    """Addresses hold texts, so a long row of address codes is refused at once instead of exhausting the stack."""
    with pytest.raises(CodecError):
        decode(bytes.fromhex("00 f803 19 08") + b"\xfa" * 100_000)


def test_depth_is_limited() -> None:
    """An element nested as deep as allowed is read, one deeper is refused."""
    assert decode(encode(nested(MAX_DEPTH))) == nested(MAX_DEPTH)
    with pytest.raises(CodecError):
        decode(encode(nested(MAX_DEPTH + 1)))


def test_number_of_elements_is_limited() -> None:
    """More elements than any client sends are refused."""
    half = Node("list", {}, (Node("item"),) * (MAX_NODES // 2))
    with pytest.raises(CodecError):
        decode(encode(Node("list", {}, (half, half))))


def test_zip_bomb_is_refused() -> None:
    """A stanza that grows beyond the limit is refused without being unpacked."""
    plain = encode(Node("ref", {}, bytes(MAX_BYTES)))[1:]
    with pytest.raises(CodecError):
        decode(b"\x02" + zlib.compress(plain))


def test_cut_or_followed_compression_is_refused() -> None:
    """The compressed stream must end exactly where the stanza does."""
    packed = b"\x02" + zlib.compress(encode(Node("iq", {"type": "get"}))[1:])
    for damaged in (packed[:-1], packed + b"\x00"):
        with pytest.raises(CodecError):
            decode(damaged)


def test_size_is_limited() -> None:
    """A plain stanza has a limit as well, so that what is passed on with more attributes still fits in a frame."""
    with pytest.raises(CodecError):
        decode(encode(Node("ref", {}, bytes(MAX_BYTES))))
