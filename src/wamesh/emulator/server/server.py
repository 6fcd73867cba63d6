"""The whole server: state, connections, and the doors for the wire, the phones and the control contract.

Owns: who is connected as which device, and the offers of unpaired clients. Refuses: sockets, and what stanzas mean.
Invariant: a device has at most one endpoint; whoever comes second replaces the first.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import Final, TypeAlias

from wamesh.clock import Clock
from wamesh.emulator.codec import PHONE_NUMBER_SERVER, Address, Node
from wamesh.emulator.event_log import EventLog
from wamesh.emulator.noise import ServerIdentity
from wamesh.emulator.server import notices
from wamesh.emulator.server.connection import Connection
from wamesh.emulator.server.directory import Directory
from wamesh.emulator.server.effects import Context
from wamesh.emulator.server.media import MediaFiles
from wamesh.emulator.server.mishaps import Mishaps
from wamesh.emulator.server.pairing import PairingOffer
from wamesh.emulator.server.people import PHONE, Device, Endpoint, Person, PublicKeys, new_phone
from wamesh.emulator.server.queues import Queues
from wamesh.emulator.server.rival import Rival
from wamesh.emulator.server.router import Origin, Router
from wamesh.emulator.server.shared_settings import SharedSettings
from wamesh.emulator.signal import PreKeyBundle
from wamesh.emulator.store import Documents
from wamesh.emulator.timing import CallLater, PairingPace
from wamesh.emulator.v1 import emulator_pb2 as pb
from wamesh.emulator.wire.contract import Link

DEVICE_REMOVED: Final = Node("stream:error", {"code": "401"}, (Node("conflict", {"type": "device_removed"}),))

_NUMBER: Final = re.compile("[1-9][0-9]{6,14}")

Occupant: TypeAlias = Connection | Rival
"""Whoever can log in as a device."""


class Server:
    """One WhatsApp. Used from one thread. `answer_unknown(phone_number)` tells who is at a number nobody added yet."""

    def __init__(
        self,
        documents: Documents,
        log: EventLog,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
        call_later: CallLater,
        pace: PairingPace,
        answer_unknown: Callable[[str], Person | None],
    ) -> None:
        self.log = log
        self.clock = clock
        self.random_bytes = random_bytes
        self.call_later = call_later
        self.pace = pace
        self.directory = Directory(documents)
        self.media = MediaFiles(documents, log)
        self.offers: list[PairingOffer] = []
        self.queues = Queues(documents, self.directory)
        context = partial(
            Context,
            directory=self.directory,
            queues=self.queues,
            log=log,
            find=self.find,
            random_bytes=random_bytes,
            settings=SharedSettings(documents, self.media.store, random_bytes),
        )
        self.router = Router(self.queues, context, call_later, self._forget)
        self._answer_unknown = answer_unknown
        self._occupants: dict[Device, Occupant] = {}
        self._mishaps = Mishaps(self)
        self._last_connection = max((event.connection for event in log.after(0)), default=0)

    # For the wire

    def open(self, link: Link, identity: ServerIdentity) -> Connection:
        """A websocket was opened: feed it to the connection returned."""
        number = self.new_connection_number()
        return Connection(self, link, identity, number)

    def admits(self) -> bool:
        """False for whoever dials while the service is down for some account: the wire does not know yet who it is."""
        for person in self.directory.people():
            if person.faults.strike(pb.FAULT_KIND_SERVICE_DOWN):
                self.log.record(pb.EVENT_KIND_CONNECTION_REFUSED, person.phone_number, detail="down by a fault")
                return False
        return True

    # For the phones

    def attach_phone(self, person: Person, keys: PublicKeys, endpoint: Endpoint) -> Device:
        """Connects a person's phone, device 0, for as long as the process lives."""
        phone = new_phone(person, keys, endpoint)
        self.directory.attach(phone)
        return phone

    def receive(self, device: Device, stanza: Node) -> None:
        """Takes a stanza of a phone, in order; what follows from it may be pushed before this returns."""
        self.router.take(stanza, device)

    def take_bundle(self, device: Device) -> PreKeyBundle:
        """Returns what is needed to begin a Signal session with a device; uses up a one-time prekey."""
        bundle = self.directory.take_bundle(device)
        if notices.ran_low(device):
            self.router.deliver(notices.few_prekeys(device, self.new_id(), self.time))
        return bundle

    def find_code(self, qr_ref: bytes) -> PairingOffer | None:
        """Returns the client that shows this ref in a QR code."""
        return next((offer for offer in self.offers if qr_ref in offer.refs), None)

    def code_offers(self, phone_number: str) -> list[PairingOffer]:
        """Returns the clients that asked to be linked by code to this number, oldest first."""
        return [offer for offer in self.offers if offer.hello and offer.hello.phone_number == phone_number]

    # For the control contract

    def connected(self, person: Person) -> bool:
        """Whether a linked device of the account is logged in."""
        return any(device in self._occupants for device in person.devices.values())

    def inject(self, person: Person, fault: pb.InjectFaultRequest) -> None:
        """Makes an at-once fault happen (`faults.AT_ONCE`)."""
        self._mishaps.happen(person, fault)

    def clear(self, person: Person) -> None:
        """Ends the faults that last: slow links, second clients."""
        self._mishaps.clear(person)

    def unlink(self, device: Device, detail: str) -> None:
        """Forgets a linked device; whoever is logged in as it hears so. Harmless when it is unlinked already."""
        self._forget(device, None, detail)

    # For the rooms of the server

    @property
    def time(self) -> str:
        """Now, in seconds since 1970, as attributes carry it."""
        return str(int(self.clock().timestamp()))

    def new_id(self) -> str:
        """Returns the id of a stanza that the server begins: digits."""
        return str(int.from_bytes(self.random_bytes(6)))

    def new_connection_number(self) -> int:
        """Counts and logs a connection; no number is used twice, not even after a restart."""
        self._last_connection += 1
        self.log.record(pb.EVENT_KIND_CONNECTION_OPENED, connection=self._last_connection)
        return self._last_connection

    def find(self, address: Address) -> Person | None:
        """Who is at an address; a well-formed phone number nobody has is asked for."""
        person = self.directory.at(address)
        if person is None and address.server == PHONE_NUMBER_SERVER and _NUMBER.fullmatch(address.user):
            return self._answer_unknown(f"+{address.user}")
        return person

    def occupant(self, device: Device) -> Occupant | None:
        """Returns who is logged in as a device."""
        return self._occupants.get(device)

    def enter(self, device: Device, occupant: Occupant) -> None:
        """Logs somebody in as a device, in the place of whoever was."""
        if (earlier := self._occupants.get(device)) is not None:
            earlier.replace(f"by connection {occupant.number}")
        self._occupants[device] = occupant
        device.endpoint = occupant
        self.log.record(
            pb.EVENT_KIND_LOGGED_IN, device.person.phone_number, device=device.number, connection=occupant.number
        )
        if isinstance(occupant, Connection):
            self._mishaps.greet(occupant, device.person)

    def leave(self, device: Device, occupant: Occupant) -> None:
        """Somebody is logged in no more."""
        if self._occupants.get(device) is occupant:
            del self._occupants[device]
            device.endpoint = None

    def link(self, device: Device, connection: int) -> None:
        """Links a device that proved itself on a connection, and tells its siblings."""
        self.directory.link(device)
        self.log.record(pb.EVENT_KIND_PAIRED, device.person.phone_number, device=device.number, connection=connection)
        self._tell_device_list(device.person, but=device)

    def _forget(self, device: Device, origin: Origin | None, detail: str) -> None:
        """Unlinks a device; a client that asked for it itself (`origin`) is left to close its connection."""
        if not device.is_linked or device.number == PHONE:
            return
        self.log.record(pb.EVENT_KIND_DEVICE_REMOVED, device.person.phone_number, device=device.number, detail=detail)
        self.queues.forget(device)
        self.directory.unlink(device)
        occupant = self._occupants.get(device)
        if occupant is not None and occupant is not origin:
            occupant.end(DEVICE_REMOVED, "device removed")
        self._tell_device_list(device.person)

    def _tell_device_list(self, person: Person, but: Device | None = None) -> None:
        for notice in notices.device_list(person, self.new_id(), self.time):
            if notice.device is not but:
                self.router.deliver(notice)
