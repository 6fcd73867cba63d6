"""From a node to its bytes, without the frame around them.

Words of the token table become one or two bytes, texts of digits are packed two in a byte, everything else is text
with its length before it: the choices that real clients make. Attributes with an empty value are left out. Nothing is
compressed (clients accept both).

Owns: all choices between encodings. Invariant: `decode(encode(node))` equals `node`, but for attributes without a
value and for content given as `str` that the decoder can only take for bytes.
"""

import re
from typing import Final

from wamesh.emulator.codec import tokens
from wamesh.emulator.codec.address import MAX_DEVICE, Address
from wamesh.emulator.codec.errors import CodecError
from wamesh.emulator.codec.node import Node
from wamesh.emulator.codec.tokens import DOMAIN_SERVERS

_PLAIN: Final = b"\x00"
_DOMAINS: Final = {server: domain for domain, server in DOMAIN_SERVERS.items()}
_NIBBLES: Final = re.compile(r"[0-9.-]{1,127}")
_HEX: Final = re.compile(r"[0-9A-F]{1,127}")
_NIBBLES_AS_HEX: Final = str.maketrans(tokens.NIBBLE_DIGITS, "0123456789AB")


def encode(node: Node) -> bytes:
    """Returns the flag byte 0 (not compressed) and the node; raises CodecError for what has no encoding."""
    out = bytearray(_PLAIN)
    try:
        _write_node(out, node)
    except UnicodeEncodeError as error:
        raise CodecError(f"a text in {node.tag!r} cannot be written in UTF-8") from error
    return bytes(out)


def _write_node(out: bytearray, node: Node) -> None:
    if not node.tag or "" in node.attributes:
        raise CodecError("an element without a tag, or an attribute without a name")
    attributes = [(name, value) for name, value in node.attributes.items() if value]
    _write_list_start(out, 1 + 2 * len(attributes) + (node.content is not None))
    _write_text(out, node.tag)
    for name, value in attributes:
        _write_text(out, name)
        if isinstance(value, Address):
            _write_address(out, value)
        else:
            _write_text(out, value)
    _write_content(out, node.content)


def _write_content(out: bytearray, content: bytes | str | tuple[Node, ...] | None) -> None:
    if isinstance(content, bytes):
        _write_binary(out, content)
    elif isinstance(content, str):
        _write_text(out, content)
    elif content is not None:
        _write_list_start(out, len(content))
        for child in content:
            _write_node(out, child)


def _write_list_start(out: bytearray, size: int) -> None:
    if size == 0:
        out.append(tokens.LIST_EMPTY)
    elif size < 1 << 8:
        out += bytes((tokens.LIST_8, size))
    elif size < 1 << 16:
        out.append(tokens.LIST_16)
        out += size.to_bytes(2)
    else:
        raise CodecError(f"a list of {size} is too long")


def _write_text(out: bytearray, text: str) -> None:
    code = tokens.codes().get(text)
    if code is not None:
        out += code
    elif _NIBBLES.fullmatch(text):
        _write_packed(out, tokens.NIBBLE_8, text.translate(_NIBBLES_AS_HEX))
    elif _HEX.fullmatch(text):
        _write_packed(out, tokens.HEX_8, text)
    else:
        _write_binary(out, text.encode())


def _write_packed(out: bytearray, kind: int, digits: str) -> None:
    """Two hexadecimal digits a byte; the top bit of the length says that the last half byte is filling."""
    odd = len(digits) % 2
    packed = bytes.fromhex(digits + "F" * odd)
    out += bytes((kind, odd << 7 | len(packed)))
    out += packed


def _write_binary(out: bytearray, data: bytes) -> None:
    size = len(data)
    if size < 1 << 8:
        out += bytes((tokens.BINARY_8, size))
    elif size < 1 << 20:
        out.append(tokens.BINARY_20)
        out += size.to_bytes(3)
    else:
        out.append(tokens.BINARY_32)
        out += size.to_bytes(4)
    out += data


def _write_address(out: bytearray, address: Address) -> None:
    """A device of a person is an AD-JID, a device elsewhere (or above 255) an FB-JID, all others are JID pairs."""
    device, domain = address.device, _DOMAINS.get(address.server)
    if not address.server or not 0 <= device <= MAX_DEVICE or (device and not address.user):
        raise CodecError(f"{address!r} names nobody")
    if not device:
        out.append(tokens.JID_PAIR)
        _write_text_or_nothing(out, address.user)
        _write_text(out, address.server)
    elif domain is not None and device < 1 << 8:
        out += bytes((tokens.AD_JID, domain, device))
        _write_text(out, address.user)
    else:
        out.append(tokens.FB_JID)
        _write_text(out, address.user)
        out += device.to_bytes(2)
        _write_text(out, address.server)


def _write_text_or_nothing(out: bytearray, text: str) -> None:
    if text:
        _write_text(out, text)
    else:
        out.append(tokens.LIST_EMPTY)
