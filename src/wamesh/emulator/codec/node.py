"""The stanza: one element of WhatsApp's binary XML, as a value.

Owns: reading questions (attributes, children, data) and the text form for logs. Refuses: bytes on the wire (`encoder`,
`decoder`) and what any stanza means. Invariant: a node never changes; who needs another makes another.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Final

from wamesh.emulator.codec.address import Address

_SHOWN_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Node:
    """An element with its attributes and either data, children, or nothing.

    An attribute that is an address must be an `Address`: clients do not accept one in text form. Attributes with an
    empty value are not sent. Content as `bytes` travels as binary, as `str` by token or packed where it can; a `str`
    that cannot comes back from the wire as `bytes`, so readers use `data`.
    """

    tag: str
    attributes: Mapping[str, str | Address] = field(default_factory=dict)
    content: bytes | str | tuple["Node", ...] | None = None

    def attribute(self, name: str) -> str:
        """Returns the attribute as text, an address in its text form; empty when missing."""
        return str(self.attributes.get(name, ""))

    def address(self, name: str) -> Address | None:
        """Returns the attribute as an address, parsed when it came as text; None when missing; raises CodecError."""
        value = self.attributes.get(name, "")
        if isinstance(value, Address):
            return value
        return Address.parse(value) if value else None

    def child(self, tag: str) -> "Node | None":
        """Returns the first child with this tag."""
        return next(self._matching(tag), None)

    def children(self, tag: str = "") -> tuple["Node", ...]:
        """Returns all children in order, or those with this tag."""
        return tuple(self._matching(tag))

    @property
    def data(self) -> bytes:
        """The content as bytes, text in UTF-8; empty when there is none or when it is children."""
        if isinstance(self.content, str):
            return self.content.encode()
        return self.content if isinstance(self.content, bytes) else b""

    def _matching(self, tag: str) -> Iterator["Node"]:
        if isinstance(self.content, tuple):
            yield from (node for node in self.content if not tag or node.tag == tag)

    def __str__(self) -> str:
        """XML on one line, for logs; data of more than 16 bytes is shown by its length only."""
        opening = self.tag + "".join(f' {name}="{escape(str(value))}"' for name, value in self.attributes.items())
        body = self._body()
        return f"<{opening}>{body}</{self.tag}>" if body else f"<{opening}/>"

    def _body(self) -> str:
        match self.content:
            case tuple(nodes):
                return "".join(map(str, nodes))
            case str(text):
                return escape(text)
            case bytes(data) if len(data) > _SHOWN_BYTES:
                return f"({len(data)} bytes)"
            case bytes(data):
                return data.hex()
            case _:
                return ""
