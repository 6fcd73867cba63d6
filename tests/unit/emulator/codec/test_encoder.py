"""From nodes to bytes: the encodings that real clients choose, byte by byte."""

import pytest
from hypothesis import given, settings
from support.stanzas import nodes

from wamesh.emulator.codec import SERVER, Address, CodecError, Node, decode, encode
from wamesh.emulator.codec.tokens import codes, words


@given(nodes)
@settings(max_examples=200, deadline=None)
def test_encoded_node_decodes_to_itself(node: Node) -> None:
    """Decoding what was encoded gives the same node."""
    assert decode(encode(node)) == node


@pytest.mark.parametrize(
    ("node", "encoded"),
    [
        (Node("iq"), "00 f801 19"),
        (Node("iq", {"from": SERVER}), "00 f803 19 06 fa00 03"),
        (Node("iq", {"type": "active"}), "00 f803 19 04 ec01"),
        (Node("iq", {"id": "12-3"}), "00 f803 19 08 ff02 12a3"),
        (Node("iq", {"id": "1.2"}), "00 f803 19 08 ff82 1b2f"),
        (Node("iq", {"id": "3EB0F"}), "00 f803 19 08 fb83 3eb0ff"),
        (Node("iq", {"id": "3eb"}), "00 f803 19 08 fc03 336562"),
        (Node("to", {"jid": Address("55", "lid")}), "00 f803 11 0c fa eed1 76"),
        (Node("to", {"jid": Address("55", "s.whatsapp.net", 7)}), "00 f803 11 0c f700 07 eed1"),
        (Node("to", {"jid": Address("55", "lid", 7)}), "00 f803 11 0c f701 07 eed1"),
        (Node("to", {"jid": Address("55", "hosted", 99)}), "00 f803 11 0c f780 63 eed1"),
        (Node("to", {"jid": Address("55", "msgr", 300)}), "00 f803 11 0c f6 eed1 012c cc"),
        (Node("ref", {}, b"iq"), "00 f802 ed50 fc02 6971"),
        (Node("ref", {}, "iq"), "00 f802 ed50 19"),
        (Node("list", {}, ()), "00 f802 71 00"),
        (Node("list", {}, (Node("iq"), Node("iq"))), "00 f802 71 f802 f80119 f80119"),
    ],
    ids=lambda value: str(value) if isinstance(value, Node) else "",
)
def test_encoding(node: Node, encoded: str) -> None:
    """Words are one or two bytes, digits are packed, devices are AD-JIDs, binary stays binary: as Baileys 7 has it."""
    assert encode(node) == bytes.fromhex(encoded)


def test_attribute_without_value_is_left_out() -> None:
    """An empty attribute does not travel."""
    assert encode(Node("iq", {"id": "", "type": "get"})) == encode(Node("iq", {"type": "get"}))


@pytest.mark.parametrize("size", [0, 255, 256, (1 << 20) - 1, 1 << 20])
def test_data_of_any_length_travels(size: int) -> None:
    """Lengths of one byte, of 20 bits and of 32 bits read back."""
    data = bytes(size)
    assert decode(encode(Node("ref", {}, data))).data == data


@pytest.mark.parametrize("size", [0, 1, 255, 256, 2000])
def test_list_of_any_length_travels(size: int) -> None:
    """Lists with lengths of one byte and of two bytes read back."""
    node = Node("list", {}, (Node("item"),) * size)
    assert decode(encode(node)) == node


def test_text_content_comes_back_with_the_same_data() -> None:
    """A text in place of data keeps its bytes, whatever its encoding."""
    for text in ("receipt", "12025550123", "3EB0", "Grüße", ""):
        assert decode(encode(Node("ref", {}, text))).data == text.encode()


@pytest.mark.parametrize(
    "node",
    [
        Node(""),
        Node("iq", {"": "x"}),
        Node("iq", {"id": "\ud800"}),
        Node("to", {"jid": Address("55", "")}),
        Node("to", {"jid": Address("", "lid", 3)}),
        Node("to", {"jid": Address("55", "lid", 65536)}),
        Node("to", {"jid": Address("55", "lid", -1)}),
        Node("list", {}, (Node("item"),) * 65536),
    ],
    ids=["tag", "name", "text", "server", "user", "device", "negative", "length"],
)
def test_node_without_encoding_is_refused(node: Node) -> None:
    """What no bytes can say raises CodecError."""
    with pytest.raises(CodecError):
        encode(node)


def test_table_has_every_word_once() -> None:
    """The table holds 235 one-byte and 4 x 256 two-byte words, all different."""
    single, double = words()
    assert len(single) == 236
    assert [len(dictionary) for dictionary in double] == [256] * 4
    assert len(codes()) == 235 + 4 * 256
