"""A booking as the room knows it, from the offer to the calendar entry.

Owns the nouns: the wish for a visit, the terms on which a slot was offered, the appointment that came of it.
Refuses wire types and tables. Instants are whole minutes since 1970-01-01T00:00Z (`slots.zones`), spans
half-open.

Invariant: an appointment's segments follow each other without a gap, and each occupies its own time with its
buffers.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import NamedTuple


class BookingState(Enum):
    """Where a booking stands; the values are stored."""

    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Wish:
    """One segment as a customer wants it: anybody, only some or anybody but some of those who do the service."""

    service_id: int
    only: frozenset[int] | None = None
    excluded: frozenset[int] = frozenset()
    same_staff_as_previous: bool = False


class TermsPart(NamedTuple):
    """One segment of an offer: who does what from when until when."""

    service_id: int
    staff_id: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Terms:
    """What a slot token promises: time, people and price."""

    parts: tuple[TermsPart, ...]
    price_micros: int
    currency: str

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
    """A booking as it is asked for. `fingerprint` stands for the whole content: an order with the same
    request id and fingerprint is the same order.

    `start` is None when `start_time` lies between two minutes, where nothing can begin. `terms` are those of
    the slot that was offered; None leaves staff and price to the moment of booking.
    """

    company_id: int
    request_id: str
    fingerprint: str
    wishes: tuple[Wish, ...]
    start_time: datetime
    start: int | None
    terms: Terms | None
    customer: Customer
    note: str

    @property
    def exact_wishes(self) -> tuple[Wish, ...]:
        """The wishes, narrowed to the people of the offer."""
        if self.terms is None:
            return self.wishes
        return tuple(Wish(each.service_id, only=frozenset({each.staff_id})) for each in self.terms.parts)


@dataclass(frozen=True, slots=True)
class BookedSegment:
    """One segment of an appointment; `[occupied_from, occupied_until)` is closed to other visits of the staff
    member.
    """

    service_id: int
    staff_id: int
    start: int
    end: int
    occupied_from: int
    occupied_until: int


@dataclass(frozen=True, slots=True)
class Appointment:
    """A booking. `cancel_time` and `cancel_reason` are None and empty while it stands."""

    company_id: int
    booking_id: int
    state: BookingState
    segments: tuple[BookedSegment, ...]
    price_micros: int
    currency: str
    customer: Customer
    note: str
    create_time: datetime
    cancel_time: datetime | None = None
    cancel_reason: str = ""

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
    """The outcome of an earlier CreateBooking: the fingerprint of its content, and the booking as it stands
    now.
    """

    fingerprint: str
    booking: Appointment


@dataclass(frozen=True, slots=True)
class BookingQuery:
    """A page of bookings: those that end after `start` and start before `end` (minutes, exclusive of
    touching), that follow `after` = (start, booking_id) in order. None, or an empty chat, means no condition.
    """

    company_id: int
    limit: int
    start: int | None = None
    end: int | None = None
    state: BookingState | None = None
    chat: str = ""
    after: tuple[int, int] | None = None
