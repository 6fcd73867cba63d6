"""Stanzas no client sends: the shapes that handlers expect, with wrong values in any place.

`hostile_stanzas(seed, people)` draws for ever: every tag, type and namespace the server knows, addresses that exist and
addresses that cannot, keys of wrong lengths, numbers that are none. The same seed gives the same stanzas.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from wamesh.emulator.codec import HIDDEN_SERVER, PHONE_NUMBER_SERVER, SERVER, Address, CodecError, Node, encode
from wamesh.emulator.server.dispatch import QUERIES, STANZAS
from wamesh.emulator.server.people import Person

_TAGS: Final = (*STANZAS, "notification", "stream:error", "failure", "call", "nobody-knows")
_CHILDREN: Final = (
    *("participants", "enc", "to", "key", "user", "skey", "id", "value", "signature", "list", "item", "retry", "keys"),
    *(
        "registration",
        "identity",
        "type",
        "usync",
        "query",
        "contact",
        "devices",
        "lid",
        "status",
        "sync",
        "collection",
    ),
    *("patch", "remove-companion-device", "composing", "paused", "count", "digest", "rotate", "participating", "bot"),
)
_NAMESPACES: Final = (*{xmlns for xmlns, _ in QUERIES}, "", "nobody-knows")
_TYPES: Final = (
    *("get", "set", "result", "error", "", "retry", "read", "read-self", "played", "server-error", "inactive", "text"),
    *("media", "pkmsg", "msg", "skmsg", "available", "unavailable", "subscribe", "encrypt", "peer", "message"),
)
_IDS: Final = ("", "A1", "A2", "x" * 300, "a b c", "a:b", "\0", "é", *(f"N{number}" for number in range(40)))
_NUMBERS: Final = ("0", "1", "2", "5", "-1", "x", "", "٣", "1e9", "9" * 30)
_TEXTS: Final = ("", "1", "lid", "pn", "true", "regular", "critical_block", "x" * 50, "\0")
_BYTES: Final = (0, 1, 3, 4, 32, 33, 64, 80, 300)
_NAMED: Final = ("to", "from", "jid", "recipient", "participant")
_ATTRIBUTES: Final = (*_NAMED, "id", "type", "xmlns", "class", "category", "count", "t", "name", "version", "v", "edit")


def hostile_stanzas(seed: int, people: Sequence[Person]) -> Iterator[Node]:
    """Draws stanzas that have an encoding; `people` are those whose addresses are used, and misused."""
    draw = _Draw(random.Random(seed), people)
    while True:
        stanza = draw.stanza()
        try:
            encode(stanza)
        except CodecError:
            continue
        yield stanza


class _Draw:
    def __init__(self, dice: random.Random, people: Sequence[Person]) -> None:
        self._dice = dice
        self._addresses = [*_IMPOSSIBLE, *_of(people)]
        self._shapes: Sequence[Callable[[], Node]] = (
            *(self._anything,) * 6,
            self._message,
            self._retry,
            self._receipt,
            self._upload,
            self._bundles,
            self._usync,
        )

    def stanza(self) -> Node:
        return self._dice.choice(self._shapes)()

    def _anything(self) -> Node:
        return Node(self._dice.choice(_TAGS), self._attributes(8), self._content(3))

    def _attributes(self, most: int) -> dict[str, str | Address]:
        names = self._dice.sample(_ATTRIBUTES, self._dice.randint(0, most))
        return {name: self._value(name) for name in names}

    def _value(self, name: str) -> str | Address:
        if name in _NAMED:
            return self._address()
        choices = {"id": _IDS, "type": _TYPES, "class": _TYPES, "xmlns": _NAMESPACES, "count": _NUMBERS}
        return self._dice.choice(choices.get(name, _TEXTS))

    def _address(self) -> str | Address:
        return self._dice.choice(self._addresses)

    def _content(self, depth: int) -> bytes | str | tuple[Node, ...] | None:
        if not depth or self._dice.random() < 0.3:
            return self._dice.choice((None, "text", self._some_bytes()))
        return tuple(
            Node(self._dice.choice(_CHILDREN), self._attributes(3), self._content(depth - 1))
            for _ in range(self._dice.randint(0, 4))
        )

    def _some_bytes(self) -> bytes:
        return self._dice.randbytes(self._dice.choice(_BYTES))

    # Shapes that get past the first checks

    def _message(self) -> Node:
        parts = tuple(Node("to", {"jid": self._address()}, (self._enc(),)) for _ in range(3))
        content = (Node("participants", {}, parts),) if self._dice.random() < 0.6 else (self._enc(),)
        return Node("message", {"to": self._address(), **self._named()}, content)

    def _named(self) -> dict[str, str | Address]:
        return {name: self._value(name) for name in ("id", "type", "category")}

    def _enc(self) -> Node:
        return Node("enc", {"type": self._dice.choice(("pkmsg", "msg", "")), "v": "2"}, b"\x33" + self._some_bytes())

    def _retry(self) -> Node:
        retry = Node("retry", {"id": self._value("id"), "count": self._value("count")})
        keys = Node("keys", {}, (Node("identity", {}, self._some_bytes()), self._key("key"), self._key("skey")))
        content = (retry, Node("registration", {}, self._some_bytes()), keys)
        return Node("receipt", {"to": self._address(), "type": "retry", "id": self._value("id")}, content)

    def _key(self, tag: str) -> Node:
        right = self._dice.random() < 0.7
        sizes = {"id": 3, "value": 32, "signature": 64}
        content = (Node(name, {}, bytes(size) if right else self._some_bytes()) for name, size in sizes.items())
        return Node(tag, {}, tuple(content))

    def _receipt(self) -> Node:
        items = tuple(Node("item", {"id": self._value("id")}) for _ in range(3))
        return Node("receipt", {"to": self._address(), **self._named()}, (Node("list", {}, items),))

    def _upload(self) -> Node:
        content = (Node("list", {}, (self._key("key"), self._key("key"))), self._key("skey"))
        return self._query("encrypt", "set", *content)

    def _bundles(self) -> Node:
        users = tuple(Node("user", {"jid": self._address()}) for _ in range(3))
        return self._query("encrypt", "get", Node("key", {}, users))

    def _usync(self) -> Node:
        contact = Node("contact", {}, self._dice.choice((b"+12025550144", b"", b"\xff\xff", b"@", b"9" * 999)))
        users = tuple(Node("user", {"jid": self._address()}, (contact,)) for _ in range(3))
        topics = tuple(Node(self._dice.choice(_CHILDREN)) for _ in range(3))
        return self._query("usync", "get", Node("usync", {}, (Node("query", {}, topics), Node("list", {}, users))))

    def _query(self, xmlns: str, kind: str, *content: Node) -> Node:
        return Node("iq", {"to": SERVER, "id": "q", "xmlns": xmlns, "type": kind}, content)


_IMPOSSIBLE: Final[Sequence[str | Address]] = (
    *(
        SERVER,
        Address("", "g.us"),
        Address("123", "g.us"),
        Address("status", "broadcast"),
        Address("99", HIDDEN_SERVER),
    ),
    *(Address("0", PHONE_NUMBER_SERVER), Address("1" * 40, PHONE_NUMBER_SERVER), Address("x", HIDDEN_SERVER, 65535)),
    *("", "@", "a:b@c", "12025550111:99999@s.whatsapp.net", "x" * 300, "\0", "٣٣٣٣٣٣٣٣@s.whatsapp.net"),
)


def _of(people: Sequence[Person]) -> Iterator[Address]:
    for person in people:
        for device in (0, 1, 2, 300, 65535):
            yield person.pn.with_device(device)
            yield person.lid.with_device(device)
