"""What a WhatsApp session reports, one frozen value per event.

A `Transport` hands these to its callback, one at a time and in the order they happened. Events are facts:
they carry no connection, no library type, and nothing that must be released.

Owns: the vocabulary between the adapters and the session machine. Refuses: to say what should be done about
an event, which is the session machine's business. Invariant: events are immutable, comparable, and hold aware
UTC datetimes only.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from wamesh.whatsapp.jid import Jid


class PairingFailure(StrEnum):
    """Why a pairing ended without a device."""

    TIMED_OUT = "TIMED_OUT"
    """Nobody scanned a code while codes were on offer. Start pairing again."""
    REFUSED = "REFUSED"
    """The owner's phone refused, or its answer did not verify. Start pairing again."""
    CANCELLED = "CANCELLED"
    """The caller went away before a device was linked."""
    OUTDATED = "OUTDATED"
    """WhatsApp does not pair this client version any more. Upgrade wamesh."""
    UNAVAILABLE = "UNAVAILABLE"
    """WhatsApp could not be reached, or broke the connection off. Try again later."""


class ContentKind(StrEnum):
    """What a customer sent. Everything that has words carries them in `text`, whatever its kind."""

    TEXT = "TEXT"
    IMAGE = "IMAGE"
    VIDEO = "VIDEO"
    AUDIO = "AUDIO"
    """An audio file or a voice message."""
    DOCUMENT = "DOCUMENT"
    STICKER = "STICKER"
    LOCATION = "LOCATION"
    CONTACT = "CONTACT"
    REACTION = "REACTION"
    """`text` is the emoji, empty when the reaction was taken back; `quoted_message_id` names the message
    reacted to.
    """
    OTHER = "OTHER"
    """Anything newer or rarer: polls, orders, edits, calls. Never an error."""


class ReceiptKind(StrEnum):
    """How far a sent message got on the other side."""

    DELIVERED = "DELIVERED"
    """A device of the customer has it. WhatsApp's *inactive* receipts count as this."""
    READ = "READ"
    """The customer opened it (only when the customer shares read receipts)."""


@dataclass(frozen=True, slots=True)
class QrIssued:
    """A QR code is on offer for `valid_for`; the next one follows by itself until the codes run out."""

    code: str
    valid_for: timedelta


@dataclass(frozen=True, slots=True)
class PairCodeIssued:
    """An eight-character code that the owner types on the phone instead of scanning."""

    code: str


@dataclass(frozen=True, slots=True)
class Paired:
    """The owner linked this device; the transport logs in by itself next.

    `device` is the PN form with its device number, `lid` the hidden form when WhatsApp told it, `name` the
    business or push name of the account (may be empty).
    """

    device: Jid
    lid: Jid | None
    phone_number: str
    name: str


@dataclass(frozen=True, slots=True)
class PairingFailed:
    """Pairing is over without a device. Final: `connect` returns."""

    reason: PairingFailure


@dataclass(frozen=True, slots=True)
class Connected:
    """Logged in: sends work from here on. Fires again after each automatic reconnect."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection is gone. `final` tells whether the transport has given up (a failed first connect) or
    redials by itself; `detail` is for people, never to be parsed.
    """

    detail: str
    final: bool = False


@dataclass(frozen=True, slots=True)
class Replaced:
    """Another client took this session over (WhatsApp's 440). Final; the device stays linked. Never connect
    again unasked.
    """


@dataclass(frozen=True, slots=True)
class LoggedOut:
    """The device is not linked any more. Final, and the stored device is gone.

    `on_connect` is True when the login was refused (`code` 401, 403 or 406), False when the owner removed the
    device while connected.
    """

    on_connect: bool
    code: int | None = None


@dataclass(frozen=True, slots=True)
class TemporarilyBanned:
    """WhatsApp refuses the account for a while (402). Final. `code` is WhatsApp's cause; `expires_in` None
    when not told.
    """

    code: int
    expires_in: timedelta | None


@dataclass(frozen=True, slots=True)
class ClientOutdated:
    """WhatsApp refuses this client version (405). Final until an upgrade."""


@dataclass(frozen=True, slots=True)
class KeepAliveTimedOut:
    """A keep-alive got no answer. Sends may still work; after three minutes the transport redials without a
    Disconnected.
    """


@dataclass(frozen=True, slots=True)
class KeepAliveRestored:
    """Keep-alives are answered again."""


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """A message that reached this device.

    `chat` and `sender` may be PN or LID, without device; `sender_alternate` is the other form when it is
    known, and `phone_number` the sender's E.164 number when any form tells it. `message_id` is unique only
    within the chat. `text` is the body or caption, empty when there are no words. `from_me` marks what the
    owner sent from another device of the account.
    """

    chat: Jid
    message_id: str
    sender: Jid
    time: datetime
    kind: ContentKind = ContentKind.TEXT
    text: str = ""
    sender_alternate: Jid | None = None
    phone_number: str | None = None
    push_name: str = ""
    quoted_message_id: str = ""
    from_me: bool = False
    group: bool = False


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """A message arrived. WhatsApp may deliver the same one again: whoever stores it deduplicates by chat and
    message id.
    """

    message: InboundMessage


@dataclass(frozen=True, slots=True)
class ReceiptReceived:
    """The other side acknowledged messages that this account sent. `chat` may be PN or LID whatever the send
    used.
    """

    chat: Jid
    message_ids: tuple[str, ...]
    kind: ReceiptKind
    time: datetime


Event = (
    QrIssued
    | PairCodeIssued
    | Paired
    | PairingFailed
    | Connected
    | Disconnected
    | Replaced
    | LoggedOut
    | TemporarilyBanned
    | ClientOutdated
    | KeepAliveTimedOut
    | KeepAliveRestored
    | MessageReceived
    | ReceiptReceived
)


def is_final(event: Event) -> bool:
    """True when the transport does nothing more by itself after `event`: `connect` returns, and a new one is
    needed.
    """
    match event:
        case PairingFailed() | Replaced() | LoggedOut() | TemporarilyBanned() | ClientOutdated():
            return True
        case Disconnected(final=final):
            return final
        case _:
            return False
