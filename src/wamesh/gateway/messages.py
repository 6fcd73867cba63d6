"""The messages of the gateway as plain values: what came in, what goes out, and how far each has come.

Owns: the vocabulary that inbox, outbox, their stores and the servicer share. Refuses: I/O, clocks, protobuf.
Invariant: times are aware UTC datetimes; a `Draft` has an address that WhatsApp can have.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from wamesh.whatsapp.events import InboundMessage
from wamesh.whatsapp.jid import Jid


class DeliveryState(StrEnum):
    """How far an outgoing message has come; the values of the contract's enum, without its prefix."""

    QUEUED = "QUEUED"
    """Stored, surely not sent: waits for a connected session or its turn in the chat."""
    SENDING = "SENDING"
    """Handed over. With a message id it was written to the wire, and a receipt may prove it."""
    SENT = "SENT"
    DELIVERED = "DELIVERED"
    READ = "READ"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"
    CANCELLED = "CANCELLED"
    """Taken back before it was sent."""


OPEN_STATES: Final = frozenset({DeliveryState.QUEUED, DeliveryState.SENDING})
"""The states that somebody still works on; every other one is an outcome."""


SUCCESSES: Final = frozenset({DeliveryState.SENT, DeliveryState.DELIVERED, DeliveryState.READ})
"""The outcomes in which WhatsApp has the message."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A message that somebody asks to send: `request_id` names it within the company.

    `queueable` lets it wait for a session that is not connected. `at_least_once` has it sent again when a crash
    leaves it in doubt. `schedule_time` is the moment before which it is not sent; it is part of the content, so that
    one request never means two moments. `expire_time` is when it is given up unless it has begun to be sent; None
    leaves that to the outbox.
    """

    company_id: int
    request_id: str
    chat: Jid
    text: str
    quoted_message_id: str = ""
    queueable: bool = False
    at_least_once: bool = False
    schedule_time: datetime | None = None
    expire_time: datetime | None = None
    content_hash: bytes = field(init=False, repr=False)
    """32 bytes that two drafts share when they would send the same thing to the same chat at the same moment."""

    def __post_init__(self) -> None:
        moment = () if self.schedule_time is None else (self.schedule_time.astimezone(UTC).isoformat(),)
        content = _content_hash(str(self.chat), self.text, self.quoted_message_id, *moment)
        object.__setattr__(self, "content_hash", content)

    @property
    def may_queue(self) -> bool:
        """True when Send need not wait for its outcome."""
        return self.queueable or self.schedule_time is not None


def _content_hash(*parts: str) -> bytes:
    digest = hashlib.sha256()
    for part in parts:
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(8, "big") + encoded)
    return digest.digest()


@dataclass(frozen=True, slots=True)
class OutboxMessage:
    """A row of the outbox. `secret` is the 32 bytes by which a crashed send is found again; `message_id` is
    empty until WhatsApp's id is known, and while it is sent again the id under which it may have arrived;
    `failure` is one sentence when FAILED or UNKNOWN. It is not sent before `schedule_time`, and does not begin to be
    sent after `expire_time` (None: never too late).
    """

    sequence: int
    company_id: int
    request_id: str
    content_hash: bytes
    chat: Jid
    text: str
    quoted_message_id: str
    secret: bytes = field(repr=False)
    queueable: bool
    at_least_once: bool
    state: DeliveryState
    message_id: str
    failure: str
    create_time: datetime
    update_time: datetime
    schedule_time: datetime | None = None
    expire_time: datetime | None = None

    @property
    def is_open(self) -> bool:
        """True while the outcome is not known."""
        return self.state in OPEN_STATES

    @property
    def may_queue(self) -> bool:
        """True when Send need not wait for its outcome."""
        return self.queueable or self.schedule_time is not None


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A customer's message in the inbox; `sequence` grows with the order of storing."""

    sequence: int
    message: InboundMessage
    receive_time: datetime


@dataclass(frozen=True, slots=True)
class Terms:
    """How one client wants to be served. `max_conversations`, `max_messages`, `ack_deadline`, `max_attempts`
    and `company_ids` (empty: all) are the stream's own; the two waits belong to the subscription, and the
    last client to open it sets them.
    """

    subscription: str
    max_conversations: int = 16
    quiet_period: timedelta = timedelta(seconds=3)
    max_wait: timedelta = timedelta(seconds=15)
    max_messages: int = 50
    ack_deadline: timedelta = timedelta(seconds=60)
    max_attempts: int = 10
    company_ids: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Claim:
    """A batch of one conversation, reserved for one stream until `deadline`.

    `messages` are in order and never empty; `attempt` is 1 the first time.
    """

    delivery_id: str
    subscription: str
    company_id: int
    conversation: str
    messages: tuple[StoredMessage, ...]
    attempt: int
    deadline: datetime


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that a subscription gave up on, after `attempts` deliveries without an ack.

    `replaying` while it waits for another delivery, or is being delivered.
    """

    subscription: str
    company_id: int
    conversation: str
    stored: StoredMessage
    attempts: int
    bury_time: datetime
    replaying: bool = False

    @property
    def sequence(self) -> int:
        """The message's place in the inbox."""
        return self.stored.sequence


@dataclass(frozen=True, slots=True)
class SubscriptionProgress:
    """How far behind a subscription is. `oldest_pending_time` is when the oldest message that it has not acked was
    stored, None when there is none; the waits and `max_messages` are those that its last client set.
    """

    subscription: str
    pending_conversations: int
    oldest_pending_time: datetime | None
    dead_letters: int
    quiet_period: timedelta
    max_wait: timedelta
    max_messages: int
