"""A staff member's bookings as the text of a calendar (RFC 5545).

What one person does in a visit without a pause is one event: its services in the title, with the customer. A visit in
which they come, go and come again is two. The identity of an event is the visit and where in it the event begins, so
that it stays when the visit moves; SEQUENCE is the booking's revision. Cancelled bookings are events too, with STATUS
CANCELLED: programs then remove what they have.

The library icalendar writes the text. Owns what an event says. Refuses control characters, which no line of a calendar
may hold, and texts of more than `MOST_BYTES`, of which it leaves out the far end. Invariant: a text depends on the
arguments alone, so that the same bookings give the same bytes.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import groupby
from typing import Final

import icalendar

from wamesh.booking.appointments import Appointment, BookedSegment, BookingState
from wamesh.booking.calendar import Calendar, StaffMember
from wamesh.booking.catalogue.edits import SERVICES
from wamesh.slots.zones import instant_time

MOST_BYTES: Final = 2 * 1024 * 1024
REFRESH: Final = timedelta(minutes=15)
"""How often programs are asked to come again; many come less often."""

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_PRODUCT: Final = "-//wamesh//bookings//EN"


def feed_text(calendar: Calendar, member: StaffMember, bookings: Iterable[Appointment], realm: str) -> str:
    """Writes the bookings of a staff member, in their order; `realm` tells this installation from all others."""
    head, end, rest = _empty(f"{member.name}, {calendar.company.name}").to_ical().partition(b"END:VCALENDAR")
    events = (
        _event(calendar, booking, run, f"{booking.company_id}-{booking.booking_id}-{position}@{realm}").to_ical()
        for booking in bookings
        for position, run in _runs(booking, member.staff_id)
    )
    return b"".join([head, *_fitting(events), end, rest]).decode()


def _fitting(texts: Iterable[bytes]) -> Iterator[bytes]:
    left = MOST_BYTES
    for text in texts:
        left -= len(text)
        if left < 0:
            return
        yield text


def _empty(title: str) -> icalendar.Calendar:
    feed = icalendar.Calendar()
    feed.add("PRODID", _PRODUCT)
    feed.add("VERSION", "2.0")
    feed.add("METHOD", "PUBLISH")
    feed.add("NAME", _printable(title))
    feed.add("X-WR-CALNAME", _printable(title))
    feed.add("REFRESH-INTERVAL", REFRESH, parameters={"VALUE": "DURATION"})
    feed.add("X-PUBLISHED-TTL", icalendar.vDuration(REFRESH))
    return feed


def _runs(booking: Appointment, staff_id: int) -> Iterator[tuple[int, Sequence[BookedSegment]]]:
    """Yields the parts of a visit that a person does without a pause, with the position at which each begins."""
    position = 0
    for who, group in groupby(booking.segments, key=lambda segment: segment.staff_id):
        run = tuple(group)
        if who == staff_id:
            yield position, run
        position += len(run)


def _event(calendar: Calendar, booking: Appointment, run: Sequence[BookedSegment], uid: str) -> icalendar.Event:
    event = icalendar.Event()
    event.add("UID", uid)
    event.add("SEQUENCE", booking.revision)
    event.add("DTSTAMP", booking.update_time)
    event.add("CREATED", booking.create_time)
    event.add("LAST-MODIFIED", booking.update_time)
    event.add("DTSTART", instant_time(run[0].start))
    event.add("DTEND", instant_time(run[-1].end))
    event.add("STATUS", "CANCELLED" if booking.state is BookingState.CANCELLED else "CONFIRMED")
    event.add("SUMMARY", _printable(_summary(calendar, booking, run)))
    for name, text in (("DESCRIPTION", _description(booking)), ("LOCATION", calendar.company.address)):
        if text:
            event.add(name, _printable(text))
    return event


def _summary(calendar: Calendar, booking: Appointment, run: Sequence[BookedSegment]) -> str:
    services = " + ".join(SERVICES.find(calendar, each.service_id).name for each in run)
    seats = f" ×{booking.party_size}" if booking.party_size > 1 else ""
    return f"{services}{seats}, {booking.customer.name}" if booking.customer.name else f"{services}{seats}"


def _description(booking: Appointment) -> str:
    return "\n".join(filter(None, (booking.customer.phone_number, booking.note)))


def _printable(text: str) -> str:
    """Returns the text with a space for each character that no line of a calendar may hold."""
    return _CONTROL.sub(" ", text.replace("\r\n", "\n"))
