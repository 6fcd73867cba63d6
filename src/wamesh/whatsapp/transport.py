"""The port to WhatsApp: what a session process needs of a client library, and nothing of how the library does
it.

Two adapters satisfy it: `neonize/transport.py` (the real protocol) and `memory/transport.py` (a simulated network
over gRPC). The name `emulator` is the first one again, led to an emulator of WhatsApp on this machine. The conformance
kit in `tests/support/transport_conformance.py` runs the same rules over each.

Owns: the port, its values, and the choice of an adapter by name. Refuses: leases, retries after a final
event, storing messages. Invariant: a transport serves one company, holds at most one connection, and connects
only inside `connect`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, Literal, Protocol

from wamesh.whatsapp.events import Event
from wamesh.whatsapp.jid import Jid

SECRET_BYTES: Final = 32
EXIT_STORE_LOST: Final = 5
"""The exit code of a process whose transport could not go on without its device store; it may be started again."""

TransportName = Literal["neonize", "memory", "emulator"]
OnEvent = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """A text for one chat.

    `secret` is 32 random bytes, fresh for each message: the transport stores it beside the message id
    *before* a byte reaches the wire, so that `find_sent` can tell after a crash whether the send began.
    `quoted_message_id` is empty, or the id of the customer's message in the same chat that this one answers.
    """

    chat: Jid
    text: str
    secret: bytes = field(repr=False)
    quoted_message_id: str = ""

    def __post_init__(self) -> None:
        if len(self.secret) != SECRET_BYTES:
            raise ValueError(f"secret has {len(self.secret)} bytes, it must have {SECRET_BYTES}")


@dataclass(frozen=True, slots=True)
class Sent:
    """WhatsApp's server has the message; `time` is the server's, UTC."""

    message_id: str
    time: datetime


@dataclass(frozen=True, slots=True)
class NotSent:
    """Nothing reached the wire; sending again is safe."""

    reason: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """WhatsApp answered with an error; the message was not delivered. 463 (reach-out limit) must not be
    retried.
    """

    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Uncertain:
    """The message may or may not have been sent; only `find_sent` and later receipts can tell."""

    reason: str


SendOutcome = Sent | NotSent | Rejected | Uncertain


class Transport(Protocol):
    """One company's client. Synchronous: each blocking call takes a thread of its own.

    Events reach the callback given at construction one at a time, in order, and a final one before `connect` returns.
    For inbound messages WhatsApp is told *delivered* before the callback returns, so the callback does one durable
    append and nothing else; it must not raise.
    """

    @property
    def paired(self) -> bool:
        """True when the device store holds a linked device. Passive: reads the store, never WhatsApp's network.

        Raises DeviceStoreUnavailable.
        """
        ...

    def connect(self) -> None:
        """Dials, pairs when no device is stored, logs in, and stays until `stop` or a final event; reports
        only by events.

        A failed first dial is final. After a later network loss it redials by itself at 0, 2, 4, ... seconds.
        May be called again after it returned; raises RuntimeError when it is running already.
        """
        ...

    def request_pair_code(self, phone_number: str) -> str:
        """Returns the code the owner of `phone_number` (E.164) types instead of scanning; needs `connect`
        running, unpaired.

        Raises PairCodeUnavailable when there is nothing to pair with.
        """
        ...

    def send(self, message: OutgoingMessage) -> SendOutcome:
        """Sends and waits for the server's answer, up to about 75 s. Never connects, never raises for a
        failed send.
        """
        ...

    def find_sent(self, secret: bytes) -> str | None:
        """Returns the message id written for `secret` before the wire was touched; None when that send never
        began.

        Reads the device store: works offline, after a crash, and from another transport over the same
        directory. Raises SentRecordLost when the store that knew is gone,
        DeviceStoreUnavailable.
        """
        ...

    def logout(self) -> None:
        """Unlinks the device at WhatsApp when connected, forgets it here, and ends `connect`."""
        ...

    def stop(self) -> None:
        """Ends `connect` within two or three seconds at most and keeps the device; harmless when nothing runs.

        No event follows, except the messages and receipts that had arrived: `connect` returns after them.
        """
        ...


class SentRecordLost(Exception):
    """The device that sent is unlinked and its records with it: whether the message was sent cannot be known."""


class DeviceStoreUnavailable(Exception):
    """The server with the device store does not answer; the text says which, without user or password."""


class PairCodeUnavailable(Exception):
    """No pair code can be had now: already paired, not connected, or refused by WhatsApp; the text says
    which.
    """


class UnknownTransport(ValueError):
    """The configured transport name is none of ours."""


def make_transport(
    name: TransportName, directory: Path, on_event: OnEvent, options: Mapping[str, str] | None = None
) -> Transport:
    """Returns the adapter `name` over the company's own `directory` (made when missing).

    `options` are the adapter's: for `memory` the network's address and the account's phone number, for `neonize`
    see its module, for `emulator` see `wamesh.emulator.client`. The adapter is imported here and only here, so
    that a process loads one of them.
    """
    directory.mkdir(parents=True, exist_ok=True)
    if name == "memory":
        from wamesh.whatsapp.memory.transport import MemoryTransport

        return MemoryTransport.open(directory, on_event, options or {})
    if name == "neonize":
        from wamesh.whatsapp.neonize.transport import NeonizeTransport

        return NeonizeTransport.open(directory, on_event, options or {})
    if name == "emulator":
        from wamesh.emulator.client.neonize_client import open_transport

        return open_transport(directory, on_event, options or {})
    raise UnknownTransport(f"transport {name!r} is unknown; use 'neonize', 'memory' or 'emulator'")
