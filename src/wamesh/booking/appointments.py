"""A booking as the room knows it, from the offer to the calendar entry.

Owns the nouns: the wish for a visit, the terms on which a slot was offered, the order to book, hold or move it, the
appointment that came of it and what happened to it since. Refuses wire types and tables. Instants are whole minutes
since 1970-01-01T00:00Z (`slots.zones`), spans half-open.

A *hold* is an appointment too: one without a customer, which blocks its time until it expires. Booking it makes a
confirmed appointment of its own in the place of the hold.

Invariant: an appointment's segments follow each other without a gap, and each occupies its own time with its
buffers.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from wamesh.booking.calendar import Need


class BookingState(Enum):
    """Where a booking stands; the values are stored."""

    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"
    HELD = "held"
    RELEASED = "released"


class ChangeKind(Enum):
    """What happened to a booking; the values are stored."""

    CREATED = "created"
    RESCHEDULED = "rescheduled"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Wish:
    """One segment as a customer wants it: anybody, only some or anybody but some of those who do the service, and how
    many minutes it shall take (None: as long as the service takes).
    """

    service_id: int
    only: frozenset[int] | None = None
    excluded: frozenset[int] = frozenset()
    same_staff_as_previous: bool = False
    duration_minutes: int | None = None
    path: str = field(default="", compare=False)
    """Where the wish stands in the request, such as `segments[0]`."""


class TermsPart(NamedTuple):
    """One segment of an offer: who does what from when until when."""

    service_id: int
    staff_id: int
    start: int
    end: int


class Terms(NamedTuple):
    """What a slot token promises: time, people, price and seats."""

    parts: tuple[TermsPart, ...]
    price_micros: int
    currency: str
    party_size: int = 1

    @property
    def start(self) -> int:
        """The start of the visit."""
        return self.parts[0].start


@dataclass(frozen=True, slots=True)
class Customer:
    """Who comes; each may be empty. `phone_number` is E.164, `chat` a JID."""

    name: str = ""
    phone_number: str = ""
    chat: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked to be booked, held or moved to. `fingerprint` stands for the whole content: an order with the same
    request id and fingerprint is the same order.

    `start` is None when `start_time` lies between two minutes, where nothing can begin. `terms` are those of
    the slot that was offered; None leaves staff and price to the moment of booking. `hold_id` is the caller's own hold,
    which the order takes the place of; 0 for none. `actor` and `reason` are for the history.
    """

    company_id: int
    request_id: str
    fingerprint: str
    wishes: tuple[Wish, ...]
    start_time: datetime
    start: int | None
    terms: Terms | None = None
    party_size: int = 1
    hold_id: int = 0
    customer: Customer = Customer()
    note: str = ""
    actor: str = ""
    reason: str = ""

    @property
    def exact_wishes(self) -> tuple[Wish, ...]:
        """The wishes, narrowed to the people of the offer."""
        if self.terms is None:
            return self.wishes
        return tuple(
            replace(wish, only=frozenset({part.staff_id}), excluded=frozenset())
            for wish, part in zip(self.wishes, self.terms.parts, strict=True)
        )


@dataclass(frozen=True, slots=True)
class Cancellation:
    """What is asked to be cancelled. `request_id` may be empty; `expected_revision` 0 is any; `actor` and `reason` are
    for the history.
    """

    company_id: int
    booking_id: int
    request_id: str
    fingerprint: str
    expected_revision: int
    actor: str
    reason: str


@dataclass(frozen=True, slots=True)
class Release:
    """A hold that is asked to be given back. `request_id` may be empty."""

    company_id: int
    hold_id: int
    request_id: str
    fingerprint: str


class BookedSegment(NamedTuple):
    """One segment of an appointment; `[occupied_from, occupied_until)` is closed to other visits of the staff
    member, and takes `needs` of the company's resources.

    `session_id` names the class session that it is a seat of; appointments of one session share it. What is no class
    has one of its own.
    """

    service_id: int
    staff_id: int
    start: int
    end: int
    occupied_from: int
    occupied_until: int
    session_id: int
    needs: tuple[Need, ...] = ()


@dataclass(frozen=True, slots=True)
class Appointment:
    """A booking, or a hold. `cancel_time` and `cancel_reason` are None and empty while it stands; `expire_time` is a
    hold's end and None for a booking. `revision` counts the changes, from 1.
    """

    company_id: int
    booking_id: int
    state: BookingState
    segments: tuple[BookedSegment, ...]
    price_micros: int
    currency: str
    customer: Customer
    note: str
    create_time: datetime
    update_time: datetime
    party_size: int = 1
    revision: int = 1
    cancel_time: datetime | None = None
    cancel_reason: str = ""
    expire_time: datetime | None = None

    @property
    def start(self) -> int:
        """The start of the first segment."""
        return self.segments[0].start

    @property
    def end(self) -> int:
        """The end of the last segment."""
        return self.segments[-1].end


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """The outcome of an earlier change: the fingerprint of its content, and the booking or hold as it stands now."""

    fingerprint: str
    booking: Appointment


@dataclass(frozen=True, slots=True)
class BookingQuery:
    """A page of bookings: those that end after `start` and start before `end` (minutes, exclusive of
    touching), that follow `after` = (start, booking_id) in order. None, an empty chat or staff id 0 mean no condition.
    Holds are never among them.
    """

    company_id: int
    limit: int
    start: int | None = None
    end: int | None = None
    state: BookingState | None = None
    chat: str = ""
    staff_id: int = 0
    after: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of a booking's history: what happened, who asked for it and why, and what was booked then."""

    revision: int
    kind: ChangeKind
    time: datetime
    actor: str
    reason: str
    segments: tuple[BookedSegment, ...]
    price_micros: int
    currency: str
