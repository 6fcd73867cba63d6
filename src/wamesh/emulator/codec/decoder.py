"""From bytes to a node; the sender is not trusted.

Owns: every encoding that clients write, compressed or not. Refuses, with `CodecError` and nothing else: bytes that
end too early or too late, codes that mean nothing, an attribute named twice, text that is no UTF-8, and stanzas out of
all proportion (depth, number of elements, size after decompression), before they cost memory.
"""

import zlib
from typing import Final

from wamesh.emulator.codec import tokens
from wamesh.emulator.codec.address import Address
from wamesh.emulator.codec.errors import CodecError
from wamesh.emulator.codec.node import Node
from wamesh.emulator.codec.tokens import DOMAIN_SERVERS, NIBBLE_DIGITS

MAX_DEPTH: Final = 32
MAX_NODES: Final = 100_000
"""A login uploads 812 keys in about 2,500 elements; nothing that clients send comes near this."""
MAX_BYTES: Final = 8 << 20
"""Plain, or after decompression: half of what a frame can hold, so that a message still fits in one when it is passed
on with more attributes than it came with.
"""

_LISTS: Final = frozenset({tokens.LIST_EMPTY, tokens.LIST_8, tokens.LIST_16})
_BINARIES: Final = frozenset({tokens.BINARY_8, tokens.BINARY_20, tokens.BINARY_32})
_ADDRESSES: Final = frozenset({tokens.JID_PAIR, tokens.AD_JID, tokens.FB_JID, tokens.INTEROP_JID})

_COMPRESSED: Final = 2
_NIBBLES_OF_HEX: Final = str.maketrans("abcdef", NIBBLE_DIGITS[10:] + "????")
"""`bytes.hex` writes the half bytes; those that stand for no digit become question marks."""
_ODD: Final = 0x80


def decode(data: bytes) -> Node:
    """Returns the node behind the flag byte (0 plain, 2 zlib); raises CodecError for anything else."""
    reader = _Reader(_body(data))
    try:
        node = reader.node(MAX_DEPTH)
    except IndexError:
        raise CodecError("the stanza ends too early") from None
    except UnicodeDecodeError:
        raise CodecError("a text is not UTF-8") from None
    reader.finish()
    return node


def _body(data: bytes) -> bytes:
    if not data:
        raise CodecError("an empty stanza")
    if data[0] == _COMPRESSED:
        return _decompressed(data[1:])
    if data[0]:
        raise CodecError(f"unknown flags {data[0]:#04x}")
    if len(data) > MAX_BYTES + 1:
        raise CodecError(f"a stanza of {len(data)} bytes")
    return data[1:]


def _decompressed(data: bytes) -> bytes:
    stream = zlib.decompressobj()
    try:
        body = stream.decompress(data, MAX_BYTES)
    except zlib.error as error:
        raise CodecError(f"broken compression: {error}") from error
    if not stream.eof or stream.unused_data:
        raise CodecError("the compressed stanza is cut, followed by something, or too large")
    return body


class _Reader:
    """A position in the bytes; every method reads one thing and moves behind it.

    Reading behind the end is an IndexError, which `decode` names.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._nodes_left = MAX_NODES
        self._single, self._double = tokens.words()

    def finish(self) -> None:
        if self._at != len(self._data):
            raise CodecError(f"{len(self._data) - self._at} bytes follow the stanza")

    def node(self, depth: int) -> Node:
        """One element; `depth` says how many levels may still open."""
        self._nodes_left -= 1
        if not depth or self._nodes_left < 0:
            raise CodecError("too many elements, or too deep")
        size = self._list_size(self._byte())
        tag = self._text()
        if not size or not tag:
            raise CodecError("an element without a tag")
        attributes = self._attributes((size - 1) // 2)
        return Node(tag, attributes, None if size % 2 else self._content(depth))

    def _attributes(self, count: int) -> dict[str, str | Address]:
        attributes = {self._text(): self._value() for _ in range(count)}
        if len(attributes) != count or "" in attributes:
            raise CodecError("an attribute comes twice or has no name")
        return attributes

    def _content(self, depth: int) -> bytes | str | tuple[Node, ...]:
        kind = self._byte()
        if kind in _LISTS:
            return tuple(self.node(depth - 1) for _ in range(self._list_size(kind)))
        if kind in _BINARIES:
            return self._binary(kind)
        return str(self._address(kind)) if kind in _ADDRESSES else self._text_of(kind)

    def _value(self) -> str | Address:
        """The value of an attribute."""
        kind = self._byte()
        return self._address(kind) if kind in _ADDRESSES else self._text_of(kind)

    def _text(self) -> str:
        return self._text_of(self._byte())

    def _text_of(self, kind: int) -> str:
        """A text whose first byte `kind` is read already; texts hold nothing, so this does not recur."""
        if kind < tokens.DICTIONARY_0:
            return self._single[kind]
        if kind <= tokens.DICTIONARY_3:
            return self._double[kind - tokens.DICTIONARY_0][self._byte()]
        if kind in _BINARIES:
            return self._binary(kind).decode()
        if kind == tokens.HEX_8 or kind == tokens.NIBBLE_8:
            return self._packed(kind)
        raise CodecError(f"code {kind} stands in the place of a text")

    def _address(self, kind: int) -> Address:
        if kind == tokens.AD_JID:
            return self._device_of_person()
        user, device = self._text(), 0
        if kind != tokens.JID_PAIR:
            device = self._number(2)
        if kind == tokens.INTEROP_JID:
            user = f"{self._number(2)}-{user}"
        return self._named(user, self._text(), device)

    def _device_of_person(self) -> Address:
        domain, device = self._byte(), self._byte()
        if domain not in DOMAIN_SERVERS:
            raise CodecError(f"unknown domain {domain} of an address")
        return self._named(self._text(), DOMAIN_SERVERS[domain], device)

    def _named(self, user: str, server: str, device: int = 0) -> Address:
        if not server or (device and not user):
            raise CodecError("an address that names nobody")
        return Address(user, server, device)

    def _list_size(self, kind: int) -> int:
        if kind == tokens.LIST_8:
            return self._byte()
        if kind == tokens.LIST_16:
            return self._number(2)
        if kind == tokens.LIST_EMPTY:
            return 0
        raise CodecError(f"code {kind} stands in the place of a list")

    def _binary(self, kind: int) -> bytes:
        if kind == tokens.BINARY_8:
            return self._bytes(self._byte())
        if kind == tokens.BINARY_20:
            return self._bytes(self._number(3) & 0xFFFFF)
        return self._bytes(self._number(4))

    def _packed(self, kind: int) -> str:
        """Two digits a byte; the top bit of the length says that the last half byte is filling."""
        length = self._byte()
        text = self._bytes(length & ~_ODD).hex()
        if length & _ODD:
            text = text[:-1]
        if kind == tokens.HEX_8:
            return text.upper()
        text = text.translate(_NIBBLES_OF_HEX)
        if "?" in text:
            raise CodecError("a half byte that stands for no digit")
        return text

    def _byte(self) -> int:
        value = self._data[self._at]
        self._at += 1
        return value

    def _number(self, size: int) -> int:
        return int.from_bytes(self._bytes(size))

    def _bytes(self, size: int) -> bytes:
        end = self._at + size
        if end > len(self._data):
            raise IndexError
        data = self._data[self._at : end]
        self._at = end
        return data
