"""Looking people up: devices, hidden ids, whether a number is on WhatsApp.

One question names topics (`<query>`) and people (`<list>`); the answer has one `<user>` for each, under the address it
was asked by. A person is named by phone number or LID in `jid`, or, who may not exist, by a number in `<contact>`
(`12025550123@c.us` from whatsmeow, `+12025550123` from Baileys).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from wamesh.emulator.codec import HIDDEN_SERVER, PHONE_NUMBER_SERVER, Address, Node
from wamesh.emulator.server.effects import BadStanza, Context, Effect
from wamesh.emulator.server.people import PHONE, Person
from wamesh.emulator.server.stanzas.replies import result
from wamesh.emulator.v1 import emulator_pb2 as pb

USERS_MAX: Final = 1000
"""More people at once are refused: each that nobody knew yet gets a phone with keys, which takes its time."""

_COPIED: Final = ("sid", "index", "last", "mode", "context")
_NOT_FOUND: Final = {"code": "404", "text": "item-not-found"}


def look_up(query: Node, context: Context) -> Iterator[Effect]:
    """Answers every topic known here for every person asked about; topics unknown here are left out."""
    usync = query.child("usync")
    asked, listed = (usync.child("query"), usync.child("list")) if usync else (None, None)
    if usync is None or asked is None or listed is None:
        raise BadStanza("a usync needs a query and a list")
    if len(listed.children("user")) > USERS_MAX:
        raise BadStanza(f"more than {USERS_MAX} people at once")
    users = tuple(_user(user, asked, context) for user in listed.children("user"))
    attributes = {name: usync.attribute(name) for name in _COPIED}
    topics = Node("result", {}, tuple(map(Node, _asked_topics(asked))))
    yield result(query, Node("usync", attributes, (topics, Node("list", {}, users))))


def _asked_topics(asked: Node) -> Iterable[str]:
    """Each topic once, however often it is named."""
    return dict.fromkeys(topic.tag for topic in asked.children())


def _user(user: Node, asked: Node, context: Context) -> Node:
    """One person's answer."""
    contact = asked.child("contact")
    if contact is not None and (named := user.child("contact")) is not None:
        number = named.data.decode(errors="replace")
        address = Address(number.partition("@")[0].lstrip("+"), PHONE_NUMBER_SERVER)
        return _contact(number, address, _find(address, context), contact, asked)
    jid = user.address("jid")
    if jid is None:
        raise BadStanza("a user needs an address")
    person = _find(jid, context)
    return Node("user", {"jid": user.attributes["jid"]}, _topics(person, asked))


def _find(address: Address, context: Context) -> Person | None:
    """Who is there; nobody while a fault says that the account's recipients are not on WhatsApp."""
    person, sender = context.find(address), context.sender.person
    if person is not sender and sender.faults.strike(pb.FAULT_KIND_UNKNOWN_RECIPIENT):
        return None
    return person


def _contact(number: str, address: Address, person: Person | None, contact: Node, asked: Node) -> Node:
    """The answer by number: who asks for addressing mode `lid` gets the hidden id, and the number beside it."""
    answer = Node("contact", {"type": "in" if person else "out"}, number.encode())
    attributes = {"jid": address}
    if person is not None and contact.attribute("addressing_mode") == HIDDEN_SERVER:
        attributes = {"jid": person.lid, "pn_jid": person.pn}
    return Node("user", attributes, (answer, *_topics(person, asked)))


def _topics(person: Person | None, asked: Node) -> tuple[Node, ...]:
    topics = _asked_topics(asked)
    if person is None:
        return tuple(Node(topic, {}, (Node("error", _NOT_FOUND),)) for topic in topics if topic == "devices")
    return tuple(_TOPICS[topic](person) for topic in topics if topic in _TOPICS)


def _devices(person: Person) -> Node:
    """The phone, number 0, and every linked device with its key index, without which clients skip it."""
    devices = [
        Node("device", {"id": str(device.number), "key-index": str(device.key_index) if device.number else ""})
        for device in sorted(person.devices.values(), key=lambda device: device.number)
    ]
    if PHONE not in person.devices:
        devices.insert(0, Node("device", {"id": "0"}))
    return Node("devices", {}, (Node("device-list", {}, tuple(devices)),))


def _hidden_id(person: Person) -> Node:
    return Node("lid", {"val": person.lid})


def _status(person: Person) -> Node:
    return Node("status")


_TOPICS: Final[Mapping[str, Callable[[Person], Node]]] = {"devices": _devices, "lid": _hidden_id, "status": _status}
"""What is known of people: no pictures, no business profiles, no disappearing messages."""
