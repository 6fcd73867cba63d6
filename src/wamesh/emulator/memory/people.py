"""The people of the simulated network as state: accounts with their linked devices, and customers with their
phones.

Owns: who exists, which devices are linked, what waits for a device, what a customer's phone holds. Refuses:
connections and protocol. Invariant: a delivery waits for its device until the device confirms it; device
numbers are never used twice.
"""

from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import TYPE_CHECKING

from wamesh.emulator.faults import Faults
from wamesh.emulator.lid import hidden_user
from wamesh.emulator.log import Log
from wamesh.emulator.v1 import emulator_pb2 as pb
from wamesh.emulator.v1 import memory_wire_pb2 as wire
from wamesh.whatsapp.jid import HIDDEN_SERVER, Jid

if TYPE_CHECKING:
    from wamesh.emulator.memory.connection import Connection


def lid_of(phone_number: str) -> Jid:
    """Returns the hidden id of a number, the same in every run."""
    return Jid(hidden_user(phone_number), HIDDEN_SERVER)


@dataclass(slots=True, eq=False)
class Device:
    """A client linked to an account, connected or not."""

    number: int
    credential: bytes
    link_time: datetime
    connection: "Connection | None" = None
    pending: dict[int, wire.ConnectResponse] = field(default_factory=dict)
    sent_ids: set[str] = field(default_factory=set)
    _deliveries: "count[int]" = field(default_factory=lambda: count(1))

    def deliver(self, frame: wire.ConnectResponse) -> None:
        """Keeps an inbound or receipt frame until confirmed, and pushes it when the device is connected."""
        kept = wire.ConnectResponse()
        kept.CopyFrom(frame)
        body = kept.inbound if kept.HasField("inbound") else kept.receipt
        body.delivery = next(self._deliveries)
        self.pending[body.delivery] = kept
        if self.connection is not None:
            self.connection.push(kept)


@dataclass(slots=True, eq=False)
class Account:
    """A number that owns a phone and links devices."""

    phone_number: str
    push_name: str = ""
    devices: dict[int, Device] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    _numbers: "count[int]" = field(default_factory=lambda: count(1))

    @property
    def lid(self) -> Jid:
        return lid_of(self.phone_number)

    def link(self, credential: bytes, now: datetime) -> Device:
        """Returns a new device with the next free number."""
        device = Device(next(self._numbers), credential, now)
        self.devices[device.number] = device
        return device

    def connections(self) -> "list[Connection]":
        """The live connections, ordered by device number."""
        return [device.connection for device in self.devices.values() if device.connection is not None]

    def deliver(self, frame: wire.ConnectResponse, *, but: Device | None = None) -> None:
        """Gives every linked device its copy of `frame`, except the device `but`."""
        for device in self.devices.values():
            if device is not but:
                device.deliver(frame)


@dataclass(slots=True, eq=False)
class Customer:
    """A number that writes to accounts and is written to."""

    phone_number: str
    push_name: str = ""
    addressing: "pb.Addressing.ValueType" = pb.ADDRESSING_LID
    mailbox: Log[pb.CustomerMessage] = field(default_factory=Log)
    unread: dict[str, list[str]] = field(default_factory=dict)
    """Ids of received, unopened messages by the account that sent them, in order."""
    sent_ids: set[tuple[str, str]] = field(default_factory=set)
    """(account, message id) of everything this customer wrote."""

    @property
    def lid(self) -> Jid:
        return lid_of(self.phone_number)

    def addresses(self) -> tuple[Jid, Jid]:
        """The two forms of the customer's address, the one that WhatsApp shows first in front."""
        number = Jid.of_phone_number(self.phone_number)
        return (number, self.lid) if self.addressing == pb.ADDRESSING_PHONE_NUMBER else (self.lid, number)
