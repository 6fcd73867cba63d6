"""A server without sockets and without phones: endpoints that only note what they are handed.

`handled` runs one stanza of a device through the server's table and returns the effects, none of them carried out.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from support.randomness import seeded_bytes

from wamesh.emulator.codec import HIDDEN_SERVER, Node
from wamesh.emulator.event_log import EventLog
from wamesh.emulator.server.dispatch import handle
from wamesh.emulator.server.effects import Effect
from wamesh.emulator.server.people import Device, Person
from wamesh.emulator.server.queues import Queues
from wamesh.emulator.server.server import Server
from wamesh.emulator.signal import PreKeyBundle
from wamesh.emulator.store import Documents
from wamesh.emulator.timing import PairingPace
from wamesh.emulator.v1 import emulator_pb2 as pb

ACCOUNT: Final = "+12025550100"
CUSTOMER: Final = "+12025550111"
NOW: Final = datetime(2026, 1, 1, 12, tzinfo=UTC)


@dataclass(eq=False)
class Notebook:
    """An endpoint: notes what it is handed, and how it was ended."""

    stanzas: list[Node] = field(default_factory=list)

    def push(self, stanza: Node) -> None:
        self.stanzas.append(stanza)


class ServerWorld:
    """An account with its phone, and a customer with one; devices are linked by `link`."""

    def __init__(self, documents: Documents | None = None) -> None:
        self.documents = documents or Documents.open()
        self.log = EventLog(lambda: NOW)
        self.random_bytes = seeded_bytes("server world")
        self.later: list[tuple[timedelta, Callable[[], None]]] = []
        self.server = Server(
            self.documents,
            self.log,
            lambda: NOW,
            self.random_bytes,
            lambda delay, function: self.later.append((delay, function)),
            PairingPace(),
            self._answer_unknown,
        )
        self.account = self._with_phone(ACCOUNT, is_account=True)
        self.customer = self._with_phone(CUSTOMER)

    def link(self, *, connected: bool = True, prekeys: int = 0) -> Device:
        """Links a device to the account, with its own keys and `prekeys` one-time ones."""
        keys = self._keys()
        directory = self.server.directory
        number = directory.reserve_number(self.account)
        device = Device(
            person=self.account,
            number=number,
            identity=keys.identity,
            registration_id=keys.registration_id,
            signed_prekey_id=keys.signed_prekey_id,
            signed_prekey=keys.signed_prekey,
            signature=keys.signature,
            link_time=NOW,
            noise_key=self.random_bytes(32),
            key_index=number,
            endpoint=Notebook() if connected else None,
        )
        directory.link(device)
        directory.publish_prekeys(device, {number: self.random_bytes(32) for number in range(1, prekeys + 1)})
        return device

    def handled(self, sender: Device, stanza: Node) -> list[Effect]:
        """Returns what a stanza of `sender` causes, in order."""
        return list(handle(stanza, self.server.router.context(sender)))

    def answer(self, sender: Device, stanza: Node) -> Node:
        """Returns the one answer a stanza gets."""
        answers = [effect for effect in self.handled(sender, stanza) if isinstance(effect, Node)]
        assert len(answers) == 1
        return answers[0]

    @property
    def queues(self) -> Queues:
        """What is under way."""
        return self.server.queues

    def kinds(self) -> "list[pb.EventKind.ValueType]":
        """The kinds of the events so far."""
        return [event.kind for event in self.log.after(0)]

    def arm(self, kind: "pb.FaultKind.ValueType", **fields: int) -> None:
        """Arms a fault of the account for its next time."""
        fault = pb.InjectFaultRequest(kind=kind, count=1, **fields)  # type: ignore[arg-type]
        self.account.faults.arm(fault)

    def run_later(self) -> None:
        """Does what waits for its time, now."""
        waiting, self.later[:] = list(self.later), []
        for _, function in waiting:
            function()

    def _with_phone(self, phone_number: str, *, is_account: bool = False) -> Person:
        person = self.server.directory.add(phone_number, is_account=is_account)
        keys = self._keys()
        self.server.attach_phone(person, keys, Notebook())
        return person

    def _keys(self) -> PreKeyBundle:
        """Keys that nobody looks into: the server only hands them on."""
        draw = self.random_bytes
        return PreKeyBundle(
            registration_id=int.from_bytes(draw(2)),
            identity=draw(32),
            signed_prekey_id=1,
            signed_prekey=draw(32),
            signature=draw(64),
            prekey_id=None,
            prekey=None,
        )

    def _answer_unknown(self, phone_number: str) -> Person:
        return self._with_phone(phone_number)


def pushed(device: Device) -> list[Node]:
    """What a device's notebook holds."""
    assert isinstance(device.endpoint, Notebook)
    return device.endpoint.stanzas


def query(xmlns: str, kind: str, *children: Node) -> Node:
    """A query as clients ask it, with id `7`."""
    return Node("iq", {"id": "7", "xmlns": xmlns, "type": kind}, children or None)


def fan_out(to: Person, *devices: Device, message_id: str = "A1", form: str = HIDDEN_SERVER) -> Node:
    """A message with one encrypted part for each device: the device's number as its content."""
    parts = tuple(
        Node("to", {"jid": device.address(form)}, (Node("enc", {"v": "2", "type": "msg"}, bytes([device.number])),))
        for device in devices
    )
    return Node(
        "message", {"id": message_id, "type": "text", "to": to.address(form)}, (Node("participants", {}, parts),)
    )
