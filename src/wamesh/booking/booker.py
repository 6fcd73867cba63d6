"""CreateBooking, RescheduleBooking, CancelBooking, HoldSlot and ReleaseHold as stories: lock the company, look again,
write.

Owns what happens within the one transaction of a change. The company is locked first, so that changes of one company
follow each other; then the predicate of FindSlots decides on what is in the tables now, and only then a row is written.

Invariant: one order is carried out at most once, however often and from however many callers it comes; a booking's
history tells each of its changes.
"""

from dataclasses import replace
from datetime import datetime
from typing import TypeAlias

from wamesh.booking.appointments import (
    Appointment,
    BookingState,
    Cancellation,
    Change,
    ChangeKind,
    Order,
    Release,
    Wish,
)
from wamesh.booking.calendar import Calendar
from wamesh.booking.errors import BookingCancelled, BookingChanged, RequestIdReused
from wamesh.booking.memory import Salon, Salons
from wamesh.booking.search import Inquiry, Instants, booked_segments, outlook, terms_of
from wamesh.booking.stores import BookingStore, Steps
from wamesh.slots.engine import Slot
from wamesh.slots.zones import instant_floor

Made: TypeAlias = tuple[Calendar, Appointment]
"""What a change answers with: the booking or hold, and the catalogue to read it by."""


class Taken(Exception):
    """Ends the transaction of an order that cannot be fulfilled as it was offered; `inquiry` is what it was after."""

    def __init__(self, inquiry: Inquiry) -> None:
        super().__init__()
        self.inquiry = inquiry


class Booker:
    """Carries out changes of bookings over the stores. Each raises CompanyNotFound."""

    def __init__(self, salons: Salons, bookings: BookingStore) -> None:
        self._salons = salons
        self._bookings = bookings

    def book(self, order: Order, now: datetime) -> Steps[Made]:
        """Makes the booking, or returns the one that this order made before.

        Raises ServiceNotFound, StaffNotFound, DurationNotAllowed, ClassNotAlone, RequestIdReused; Taken when the visit
        does not fit.
        """
        salon = yield from self._salons.locked(order.company_id, now)
        booking = yield from self._earlier(order)
        if booking is None:
            booking = yield from self._add(salon, order, BookingState.CONFIRMED, None, now)
            yield from self._tell(booking, ChangeKind.CREATED, order.actor, order.reason)
        return salon.calendar, booking

    def hold(self, order: Order, until: datetime, now: datetime) -> Steps[Made]:
        """Holds what is ordered until a moment, or returns the hold that this order made before. Raises as `book`."""
        salon = yield from self._salons.locked(order.company_id, now)
        held = yield from self._earlier(order)
        if held is None:
            held = yield from self._add(salon, order, BookingState.HELD, until, now)
        return salon.calendar, held

    def release(self, asked: Release, now: datetime) -> Steps[None]:
        """Frees what a hold keeps; one that keeps nothing any more stays as it is. Raises RequestIdReused."""
        yield from self._salons.locked(asked.company_id, now)
        if asked.request_id and (yield from self._earlier(asked)) is not None:
            return
        is_known = yield from self._bookings.release(asked.company_id, asked.hold_id, now)
        if asked.request_id and is_known:
            yield from self._bookings.record_request(
                asked.company_id, asked.request_id, asked.fingerprint, asked.hold_id
            )

    def move(self, order: Order, booking_id: int, expected_revision: int, now: datetime) -> Steps[Made]:
        """Moves a booking; an order without wishes keeps its parts and people.

        Raises as `book`, and BookingNotFound, BookingCancelled, BookingChanged.
        """
        salon = yield from self._salons.locked(order.company_id, now)
        earlier = yield from self._earlier(order)
        if earlier is not None:
            return salon.calendar, earlier
        booking = yield from self._bookings.get(order.company_id, booking_id)
        if booking.state is BookingState.CANCELLED:
            raise BookingCancelled(booking_id)
        _expect(booking, expected_revision)
        wanted = order if order.wishes else _as_booked(order, booking, salon.calendar)
        slot = yield from self._slot(salon, wanted, now, frozenset({booking_id}))
        session_id = yield from self._bookings.next_id(order.company_id)  # others may go on with the one that it opened
        moved = _moved(booking, salon.calendar, wanted, slot, session_id, now)
        yield from self._bookings.change(moved)
        yield from self._tell(moved, ChangeKind.RESCHEDULED, order.actor, order.reason)
        yield from self._bookings.record_request(order.company_id, order.request_id, order.fingerprint, booking_id)
        return salon.calendar, moved

    def cancel(self, asked: Cancellation, now: datetime) -> Steps[Made]:
        """Cancels a booking; one that is cancelled stays as it is.

        Raises BookingNotFound, BookingChanged, RequestIdReused.
        """
        salon = yield from self._salons.locked(asked.company_id, now)
        if asked.request_id:
            earlier = yield from self._earlier(asked)
            if earlier is not None:
                return salon.calendar, earlier
        booking = yield from self._bookings.get(asked.company_id, asked.booking_id)
        if booking.state is not BookingState.CANCELLED:
            _expect(booking, asked.expected_revision)
            booking = _cancelled(booking, asked.reason, now)
            yield from self._bookings.change(booking)
            yield from self._tell(booking, ChangeKind.CANCELLED, asked.actor, asked.reason)
        if asked.request_id:
            yield from self._bookings.record_request(
                asked.company_id, asked.request_id, asked.fingerprint, booking.booking_id
            )
        return salon.calendar, booking

    def _earlier(self, asked: Order | Cancellation | Release) -> Steps[Appointment | None]:
        """Returns what this very request made before. Raises RequestIdReused when another one did."""
        recorded = yield from self._bookings.find_request(asked.company_id, asked.request_id)
        if recorded is None:
            return None
        if recorded.fingerprint != asked.fingerprint:
            raise RequestIdReused(asked.request_id)
        return recorded.booking

    def _add(
        self, salon: Salon, order: Order, state: BookingState, expire_time: datetime | None, now: datetime
    ) -> Steps[Appointment]:
        slot = yield from self._slot(salon, order, now)
        booking_id = yield from self._bookings.next_id(order.company_id)
        terms = terms_of(salon.calendar, order.wishes, slot, order.party_size)
        booking = Appointment(
            company_id=order.company_id,
            booking_id=booking_id,
            state=state,
            segments=booked_segments(salon.calendar, order.wishes, slot, booking_id),
            price_micros=terms.price_micros,
            currency=terms.currency,
            customer=order.customer,
            note=order.note,
            create_time=now,
            update_time=now,
            party_size=order.party_size,
            expire_time=expire_time,
        )
        yield from self._bookings.add(booking)
        yield from self._bookings.record_request(order.company_id, order.request_id, order.fingerprint, booking_id)
        return booking

    def _slot(self, salon: Salon, order: Order, now: datetime, absent: frozenset[int] = frozenset()) -> Steps[Slot]:
        """Looks at the ordered start again, and frees what holds keep of it: the caller's own, and those that expired.

        An offer stands only with its staff, its times and its price. Raises Taken.
        """
        yield from self._bookings.expire(order.company_id, now)
        if order.hold_id:
            yield from self._bookings.release(order.company_id, order.hold_id, now)
            absent |= {order.hold_id}
        slot = _look_again(salon, order, absent, now)
        if slot is None:
            minute = instant_floor(order.start_time)
            raise Taken(Inquiry(order.wishes, Instants(minute, minute + 1), absent=absent, party_size=order.party_size))
        return slot

    def _tell(self, booking: Appointment, kind: ChangeKind, actor: str, reason: str) -> Steps[None]:
        change = Change(
            revision=booking.revision,
            kind=kind,
            time=booking.update_time,
            actor=actor,
            reason=reason,
            segments=booking.segments,
            price_micros=booking.price_micros,
            currency=booking.currency,
        )
        yield from self._bookings.write_history(booking.company_id, booking.booking_id, change)


def _look_again(salon: Salon, order: Order, absent: frozenset[int], now: datetime) -> Slot | None:
    """Returns the slot at the ordered start; None when there is none, or not on the terms of the offer."""
    if order.start is None:
        return None
    window = Instants(order.start, order.start + 1)
    inquiry = Inquiry(order.exact_wishes, window, absent=absent, party_size=order.party_size)
    finding = outlook(salon.calendar, inquiry, now).look(salon.diary.at(now, absent))
    slot = finding.slot_at(order.start)
    if slot is None or order.terms is None:
        return slot
    return slot if terms_of(salon.calendar, order.wishes, slot, order.party_size) == order.terms else None


def _expect(booking: Appointment, revision: int) -> None:
    if revision and revision != booking.revision:
        raise BookingChanged(booking.booking_id, revision, booking.revision)


def _as_booked(order: Order, booking: Appointment, calendar: Calendar) -> Order:
    """Returns the order for the parts that are booked, by the same people, as long as they are."""
    wishes = tuple(
        Wish(
            each.service_id,
            only=frozenset({each.staff_id}),
            duration_minutes=each.end - each.start if calendar.service(each.service_id).duration_range else None,
            path="start_time",
        )
        for each in booking.segments
    )
    return replace(order, wishes=wishes, party_size=booking.party_size)


def _moved(
    booking: Appointment, calendar: Calendar, order: Order, slot: Slot, session_id: int, now: datetime
) -> Appointment:
    terms = terms_of(calendar, order.wishes, slot, order.party_size)
    return replace(
        booking,
        segments=booked_segments(calendar, order.wishes, slot, session_id),
        price_micros=terms.price_micros,
        currency=terms.currency,
        party_size=order.party_size,
        revision=booking.revision + 1,
        update_time=now,
    )


def _cancelled(booking: Appointment, reason: str, now: datetime) -> Appointment:
    return replace(
        booking,
        state=BookingState.CANCELLED,
        cancel_time=now,
        cancel_reason=reason,
        revision=booking.revision + 1,
        update_time=now,
    )
