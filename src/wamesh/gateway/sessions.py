"""The sessions as the rest of the gateway sees them, and what they ask of it.

`Sessions` is the port behind every rpc that names a session; the supervisor satisfies it. `InboundSink` and
`ReceiptSink` are where the supervisor puts what customers send. Together they are the whole border between
*life of a session* and *flow of messages*.

Owns: the two directions of that border. Refuses: protobuf, processes, SQL. Invariant: nothing here connects,
except what says so (`start`, `reconnect`, `pair`).
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

from wamesh.gateway.session.state import Reason, SessionState
from wamesh.whatsapp.events import (
    InboundMessage,
    PairCodeIssued,
    Paired,
    PairingFailed,
    QrIssued,
    ReceiptReceived,
)
from wamesh.whatsapp.transport import OutgoingMessage, SendOutcome

PairingEvent: TypeAlias = QrIssued | PairCodeIssued | Paired | PairingFailed
"""What `Sessions.pair` yields: codes as they rotate, then exactly one `Paired` or `PairingFailed`."""


@dataclass(frozen=True, slots=True)
class SessionSnapshot:
    """What is recorded about one company's session at one moment. All times are UTC.

    `reason` says why it is in `state` and `action` what an operator should do, in words (empty when nothing).
    `retry_time` is when it tries again by itself, or when a ban ends. `device`, `lid` and `phone_number`
    (E.164) are empty while no device is linked. `holder` is the gateway that holds the lease, empty for none;
    `epoch` is the fencing token of the last lease this gateway had, 0 before the first. `last_inbound_time`
    is the last customer's message, `last_ack_time` the last message of ours that WhatsApp's server took; both
    None before the first since this gateway started.
    """

    company_id: int
    state: SessionState
    reason: Reason
    since: datetime
    retry_time: datetime | None = None
    action: str = ""
    device: str = ""
    lid: str = ""
    phone_number: str = ""
    holder: str = ""
    epoch: int = 0
    last_inbound_time: datetime | None = None
    last_ack_time: datetime | None = None


class Sessions(Protocol):
    """Every company's session. Reading is passive and from memory; only the operator's verbs change anything."""

    def snapshot(self, company_id: int) -> SessionSnapshot:
        """Returns what is recorded about the company's session. Raises SessionNotFound."""
        ...

    def snapshots(self) -> list[SessionSnapshot]:
        """Returns all of them, by company id."""
        ...

    async def start(self, company_id: int) -> SessionSnapshot:
        """Starts the session, registering an unknown company. Idempotent; returns before it is connected.

        Without a stored device it ends UNPAIRED. Raises SessionNotConnected for a state that an operator must
        leave in another way (REPLACED, LOGGED_OUT, BANNED before its end), Draining.
        """
        ...

    async def stop(self, company_id: int) -> SessionSnapshot:
        """Stops the session and keeps its device. Idempotent. Raises SessionNotFound."""
        ...

    async def reconnect(self, company_id: int) -> SessionSnapshot:
        """Connects again after REPLACED, an expired ban, or at once instead of at `retry_time`.

        Raises SessionNotFound, SessionNotConnected, Draining.
        """
        ...

    async def logout(self, company_id: int) -> SessionSnapshot:
        """Unlinks the device at WhatsApp and forgets it. Raises SessionNotFound, SessionNotConnected."""
        ...

    def pair(self, company_id: int, phone_number: str | None = None) -> AsyncGenerator[PairingEvent, None]:
        """Links a device, registering an unknown company; `phone_number` (E.164) asks for a pair code instead
        of QRs.

        Leaving the iterator (close it: `contextlib.aclosing`) cancels the pairing. Raises AlreadyPaired,
        PairingInProgress, Draining at the first step.
        """
        ...

    async def send(self, company_id: int, message: OutgoingMessage) -> SendOutcome:
        """Sends through the session that is connected; never connects.

        `NotSent` when its process was gone already, `Uncertain` when the session's process ended meanwhile. Raises
        SessionNotFound, SessionNotConnected.
        """
        ...

    async def find_sent(self, company_id: int, secret: bytes) -> str | None:
        """Returns the message id that was written for `secret` before the wire was touched; None for never
        sent.

        Works whenever the session has a process, connected or not. Raises SessionNotFound,
        SessionProcessUnavailable when there is none to ask, SentRecordLost when nobody can know any more.
        """
        ...


class InboundSink(Protocol):
    """Where customers' messages go."""

    async def accept(self, company_id: int, epoch: int, message: InboundMessage) -> None:
        """Stores the message; durable and deduplicated by (company, chat, message id) when it returns.

        Called again with the same message after any crash. Raises LeaseLost when `epoch` is not the current
        one.
        """
        ...


class ReceiptSink(Protocol):
    """Where WhatsApp's receipts for our messages go."""

    async def note_receipts(self, company_id: int, epoch: int, receipts: Sequence[ReceiptReceived]) -> None:
        """Records the receipts durably, all or none; harmless when repeated. Raises LeaseLost like
        `InboundSink.accept`.
        """
        ...


class TermSink(Protocol):
    """Who works only while this gateway holds a company's lease. A *term* is the time of one; its epoch names it."""

    def begin(self, company_id: int, epoch: int) -> None:
        """A term begins, and ends any other of the company: what the terms before left undone, on whatever gateway, is
        taken up from the store.
        """
        ...

    def end(self, company_id: int) -> None:
        """The term is over, if there was one: from here on nothing more is done for the company."""
        ...
