"""The simulated network behind `MemoryWire`: who is linked, who is connected, and what goes wrong.

It behaves as WhatsApp does where a client can tell the difference: a device has at most one connection and
the second login replaces the first; a delivery waits until its device confirms it; one message id of a device
counts once, however often it is sent. It outlives the programs that connect to it, so its log is the judge of
"one holder" and "sent once".

Owns: accounts, pairing codes on offer, faults. Refuses: sockets, tasks, the wall clock. Used from one thread.
Invariant: everything the network does is in `log` before anybody can see its effect.
"""

from collections.abc import Callable
from typing import Final

from wamesh.clock import Clock
from wamesh.emulator.errors import AccountNotFound, CodeNotOnOffer, NotConnected
from wamesh.emulator.event_log import EventLog
from wamesh.emulator.faults import AT_ONCE, NEED_CONNECTION
from wamesh.emulator.memory.connection import Connection, Link, pair_code_key
from wamesh.emulator.memory.people import Account, Device
from wamesh.emulator.memory.post import Post
from wamesh.emulator.timing import CallLater, PairingPace
from wamesh.emulator.v1 import emulator_pb2 as pb
from wamesh.emulator.v1 import memory_wire_pb2 as wire

CREDENTIAL_BYTES: Final = 32


class MemoryNetwork:
    """The whole network. `random_bytes(n)` makes ids and credentials: a seeded one gives repeatable runs."""

    def __init__(
        self,
        clock: Clock,
        random_bytes: Callable[[int], bytes],
        call_later: CallLater,
        pace: PairingPace | None = None,
    ) -> None:
        self.log = EventLog(clock)
        self.post = Post(self.log, random_bytes)
        self.pace = pace or PairingPace()
        self.call_later = call_later
        self.random_bytes = random_bytes
        self.accounts: dict[str, Account] = {}
        self.offers: dict[str, Connection] = {}
        self._connection_count = 0

    def open(self, link: Link) -> Connection:
        """A client opened a connection: feed its frames to `receive`, and call `lost` when it is gone."""
        self._connection_count += 1
        self.log.record(pb.EVENT_KIND_CONNECTION_OPENED, connection=self._connection_count)
        return Connection(self, link, self._connection_count)

    def add_account(self, phone_number: str, push_name: str) -> Account:
        """Returns the account with this number, made or renamed (an empty name renames nothing)."""
        account = self.accounts.get(phone_number)
        if account is None:
            account = self.accounts[phone_number] = Account(phone_number)
            self.log.record(pb.EVENT_KIND_ACCOUNT_ADDED, account.phone_number)
        account.push_name = push_name or account.push_name
        return account

    def account(self, phone_number: str) -> Account:
        """Returns the account; raises AccountNotFound."""
        try:
            return self.accounts[phone_number]
        except KeyError:
            raise AccountNotFound(phone_number) from None

    # The owner's phone

    def scan(self, phone_number: str, code: str) -> Device:
        """The owner's phone links the client that shows `code`; raises CodeNotOnOffer."""
        return self._link(self.account(phone_number), self._shower_of(code))

    def refuse(self, phone_number: str, code: str) -> None:
        """The owner's phone refuses the client that shows `code`; raises CodeNotOnOffer."""
        account, shower = self.account(phone_number), self._shower_of(code)
        self.log.record(pb.EVENT_KIND_PAIRING_REFUSED, account.phone_number, connection=shower.number)
        shower.end(wire.ConnectResponse(pair_refused=wire.PairRefused()), "pairing refused")

    def enter_pair_code(self, phone_number: str, code: str) -> Device:
        """The owner types a pair code, with or without its dash; raises CodeNotOnOffer."""
        return self._link(self.account(phone_number), self._shower_of(pair_code_key(phone_number, code)))

    def _shower_of(self, code: str) -> Connection:
        try:
            return self.offers[code]
        except KeyError:
            raise CodeNotOnOffer from None

    def _link(self, account: Account, shower: Connection) -> Device:
        device = account.link(self.random_bytes(CREDENTIAL_BYTES), self.log.now())
        self.log.record(pb.EVENT_KIND_PAIRED, account.phone_number, device=device.number, connection=shower.number)
        success = wire.PairSuccess(
            account_phone_number=account.phone_number,
            lid=str(account.lid),
            device=device.number,
            credential=device.credential,
            push_name=account.push_name,
        )
        shower.end(wire.ConnectResponse(pair_success=success), "paired")
        return device

    def unlink(self, account: Account, device: Device, detail: str) -> None:
        """Forgets a device; a live connection hears it and ends. Harmless when it is unlinked already."""
        if account.devices.pop(device.number, None) is None:
            return
        self.log.record(pb.EVENT_KIND_DEVICE_REMOVED, account.phone_number, device=device.number, detail=detail)
        if device.connection is not None:
            end = wire.StreamEnd(reason=wire.STREAM_END_REASON_DEVICE_REMOVED)
            device.connection.end(wire.ConnectResponse(stream_end=end), "device removed")

    # Faults

    def inject(self, fault: pb.InjectFaultRequest) -> None:
        """Makes the fault happen, or arms it; raises NotConnected when it needs a connection and none is
        there.
        """
        account = self.account(fault.account_phone_number)
        if fault.kind in NEED_CONNECTION and not account.connections():
            raise NotConnected(account.phone_number)
        name = pb.FaultKind.Name(fault.kind).removeprefix("FAULT_KIND_")
        self.log.record(pb.EVENT_KIND_FAULT_INJECTED, account.phone_number, code=fault.code, detail=name)
        if fault.kind in AT_ONCE:
            self._strike_now(account, fault.kind)
        else:
            account.faults.arm(fault)

    def _strike_now(self, account: Account, kind: "pb.FaultKind.ValueType") -> None:
        if kind == pb.FAULT_KIND_DEVICE_REMOVED:
            for device in tuple(account.devices.values()):
                self.unlink(account, device, "by the owner")
            return
        for connection in account.connections():
            if kind == pb.FAULT_KIND_REPLACED:
                connection.replace("by a client outside")
            else:
                connection.cut("dropped by a fault")
