"""CreateBooking and CancelBooking as stories: lock the company, look again, write.

Owns what happens within the one transaction of a change. The company is locked first, so that changes of one
company follow each other; then the predicate of FindSlots decides on what is in the tables now, and only then
a row is written.

Invariant: one order makes at most one booking, however often and from however many callers it comes.
"""

from collections.abc import Sequence
from datetime import datetime

from wamesh.booking.appointments import Appointment, BookingQuery, BookingState, Order
from wamesh.booking.calendar import Calendar
from wamesh.booking.errors import RequestIdReused
from wamesh.booking.finder import Finder
from wamesh.booking.search import Inquiry, Instants, booked_segments, outlook, terms_of
from wamesh.booking.stores import BookingStore, CalendarStore, Steps
from wamesh.slots.engine import Slot
from wamesh.slots.zones import instant_floor

_ALTERNATIVES = 3


class Taken(Exception):
    """Ends the transaction of an order that cannot be fulfilled as it was offered."""


class Booker:
    """Carries out changes of bookings over the stores."""

    def __init__(self, calendars: CalendarStore, bookings: BookingStore, finder: Finder) -> None:
        self._calendars = calendars
        self._bookings = bookings
        self._finder = finder

    def book(self, order: Order, now: datetime) -> Steps[tuple[Calendar, Appointment]]:
        """Makes the booking, or returns the one that this order made before.

        Raises CompanyNotFound, ServiceNotFound, StaffNotFound, RequestIdReused; Taken when the visit does not
        fit.
        """
        calendar = yield from self._calendars.lock(order.company_id)
        earlier = yield from self._bookings.find_request(order.company_id, order.request_id)
        if earlier is not None and earlier.fingerprint != order.fingerprint:
            raise RequestIdReused(order.request_id)
        if earlier is not None:
            return calendar, earlier.booking
        slot = yield from self._slot(calendar, order, now)
        booking_id = yield from self._bookings.next_id(order.company_id)
        booking = appointment_of(calendar, order, slot, booking_id, now)
        yield from self._bookings.add(booking, order.request_id, order.fingerprint)
        return calendar, booking

    def cancel(
        self, company_id: int, booking_id: int, reason: str, now: datetime
    ) -> Steps[tuple[Calendar, Appointment]]:
        """Cancels a booking; one that is cancelled stays as it is. Raises CompanyNotFound, BookingNotFound."""
        calendar = yield from self._calendars.lock(company_id)
        booking = yield from self._bookings.get(company_id, booking_id)
        if booking.state is not BookingState.CANCELLED:
            yield from self._bookings.cancel(company_id, booking_id, now, reason)
            booking = yield from self._bookings.get(company_id, booking_id)
        return calendar, booking

    def list(self, query: BookingQuery) -> Steps[tuple[Calendar, Sequence[Appointment]]]:
        """Reads a page of bookings. Raises CompanyNotFound."""
        calendar = yield from self._calendars.load(query.company_id)
        bookings = yield from self._bookings.list(query)
        return calendar, bookings

    def alternatives(self, order: Order, now: datetime) -> Steps[tuple[Calendar, Sequence[Slot]]]:
        """Finds what could be booked instead. Raises CompanyNotFound, ServiceNotFound, StaffNotFound."""
        calendar = yield from self._calendars.load(order.company_id)
        around = instant_floor(order.start_time)
        slots = yield from self._finder.alternatives(calendar, order.wishes, around, _ALTERNATIVES, now)
        return calendar, slots

    def _slot(self, calendar: Calendar, order: Order, now: datetime) -> Steps[Slot]:
        """Looks at the ordered start again. An offer stands only with its staff, its times and its price."""
        if order.start is None:
            raise Taken
        inquiry = Inquiry(order.exact_wishes, Instants(order.start, order.start + 1))
        finding = yield from self._finder.look(outlook(calendar, inquiry, now))
        slot = finding.slot_at(order.start)
        if slot is None or order.terms not in (None, terms_of(calendar, order.exact_wishes, slot)):
            raise Taken
        return slot


def appointment_of(calendar: Calendar, order: Order, slot: Slot, booking_id: int, now: datetime) -> Appointment:
    """Returns the booking that an order makes of a slot."""
    terms = terms_of(calendar, order.wishes, slot)
    return Appointment(
        company_id=order.company_id,
        booking_id=booking_id,
        state=BookingState.CONFIRMED,
        segments=booked_segments(order.wishes, slot),
        price_micros=terms.price_micros,
        currency=terms.currency,
        customer=order.customer,
        note=order.note,
        create_time=now,
    )
