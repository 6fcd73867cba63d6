"""The network that speaks WhatsApp's protocol, behind the control contract's port.

Owns: the composition of server, phones and documents, and what the owner's and the customers' hands do to them.
Refuses: sockets; `wire/` brings the connections to `server`. Invariant: a network over documents that hold one is
that network again.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Final

from wamesh.clock import Clock
from wamesh.emulator.errors import AccountNotFound, NotConnected, NoWire, PairingFailed
from wamesh.emulator.event_log import EventLog, timestamp
from wamesh.emulator.faults import AT_ONCE, NEED_CONNECTION
from wamesh.emulator.log import Log
from wamesh.emulator.phones.port import OnLinked
from wamesh.emulator.phones.registry import Phones
from wamesh.emulator.server.people import Device, Person
from wamesh.emulator.server.server import Server
from wamesh.emulator.store import Documents
from wamesh.emulator.timing import CallLater, PairingPace
from wamesh.emulator.v1 import emulator_pb2 as pb

PAIRING_SECONDS: Final = 10.0


class ProtocolNetwork:
    """A `control.Network` of WhatsApp's protocol; see the port for what each method does."""

    def __init__(
        self,
        documents: Documents,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
        call_later: CallLater,
        pace: PairingPace | None = None,
    ) -> None:
        self._documents = documents
        self._log = EventLog(clock, documents)
        self.server = Server(
            documents, self._log, clock, random_bytes, call_later, pace or PairingPace(), self._answer_unknown
        )
        self._phones = Phones(self.server, documents, self._log, clock, random_bytes)
        self._wire: pb.GetWireResponse | None = None

    def listens_at(self, wire: pb.GetWireResponse) -> None:
        """Tells the network by which address and whose trust its clients are led here."""
        self._wire = wire

    def _answer_unknown(self, phone_number: str) -> Person:
        """Every number has somebody: a customer, until an account is made of it."""
        return self._phones.customer(phone_number).person

    @property
    def log(self) -> EventLog:
        return self._log

    def wire(self) -> pb.GetWireResponse:
        if self._wire is None:
            raise NoWire
        return self._wire

    # Accounts

    def add_account(self, phone_number: str, push_name: str) -> pb.Account:
        person = self.server.directory.person(phone_number)
        if person is None or not person.is_account:
            person = self.server.directory.add(phone_number, is_account=True)
            self._phones.owner(person)
            self._log.record(pb.EVENT_KIND_ACCOUNT_ADDED, phone_number)
        if push_name:
            self._phones.owner(person).rename(push_name)
        return as_proto(person)

    def accounts(self) -> list[pb.Account]:
        people = sorted(self.server.directory.people(), key=lambda person: person.phone_number)
        return [as_proto(person) for person in people if person.is_account]

    def _account(self, phone_number: str) -> Person:
        person = self.server.directory.person(phone_number)
        if person is None or not person.is_account:
            raise AccountNotFound(phone_number)
        return person

    # The owner's phone

    async def scan(self, phone_number: str, code: str) -> int:
        owner = self._phones.owner(self._account(phone_number))
        return await _linked(partial(owner.scan, code))

    def refuse(self, phone_number: str, code: str) -> None:
        self._phones.owner(self._account(phone_number)).refuse(code)

    async def enter_pair_code(self, phone_number: str, code: str) -> int:
        owner = self._phones.owner(self._account(phone_number))
        return await _linked(partial(owner.enter_pair_code, code))

    def send_as_owner(self, account: str, customer: str, text: str) -> str:
        return self._phones.owner(self._account(account)).write(customer, text)

    # The customers' phones

    def send_as_customer(self, request: pb.SendAsCustomerRequest) -> str:
        self._account(request.account_phone_number)
        return self._phones.customer(request.customer_phone_number).send(request)

    def read_as_customer(self, customer: str, account: str) -> int:
        return self._phones.customer(customer).read(self._account(account))

    def type_as_customer(self, customer: str, account: str, *, typing: bool) -> None:
        self._phones.customer(customer).type(self._account(account), typing=typing)

    def mailbox(self, customer: str) -> Log[pb.CustomerMessage]:
        return self._phones.customer(customer).mailbox

    # Faults

    def inject(self, fault: pb.InjectFaultRequest) -> None:
        person = self._account(fault.account_phone_number)
        if fault.kind in NEED_CONNECTION and not self.server.connected(person):
            raise NotConnected(person.phone_number)
        name = pb.FaultKind.Name(fault.kind).removeprefix("FAULT_KIND_")
        self._log.record(pb.EVENT_KIND_FAULT_INJECTED, person.phone_number, code=fault.code, detail=name)
        if fault.kind in AT_ONCE:
            self.server.inject(person, fault)
        else:
            person.faults.arm(fault)

    def clear_faults(self, phone_number: str) -> None:
        person = self._account(phone_number)
        person.faults.clear()
        self.server.clear(person)

    def commit(self) -> None:
        self._documents.commit()


async def _linked(begin: Callable[[OnLinked], None]) -> int:
    """Waits for the end of a pairing that `begin` starts; returns the device's number. Raises PairingFailed, and what
    `begin` raises.
    """
    linked: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def done(device: Device | None, why: str) -> None:
        if linked.done():
            return
        if device is None:
            linked.set_exception(PairingFailed(why))
        else:
            linked.set_result(device.number)

    begin(done)
    try:
        async with asyncio.timeout(PAIRING_SECONDS):
            return await linked
    except TimeoutError:
        raise PairingFailed("the client did not answer") from None


def as_proto(person: Person) -> pb.Account:
    """The account as the contract shows it; the phone itself, device 0, is not listed."""
    linked = [device for number, device in sorted(person.devices.items()) if number]
    return pb.Account(
        phone_number=person.phone_number,
        lid=str(person.lid),
        push_name=person.push_name,
        devices=[
            pb.Device(
                number=device.number,
                connected=device.endpoint is not None,
                link_time=timestamp(device.link_time),
                pending_count=len(device.queue),
            )
            for device in linked
        ],
    )
