"""A customer's wishes put to a company's calendar: from wishes, window and filters to slots.

Owns the translation between the catalogue and the slot engine: which staff may do a segment, which stretch of
time must be read, what notice and horizon allow, what a slot costs. Refuses wire types, tokens and SQL; the
busy times are handed in.

Invariant: FindSlots and CreateBooking come through `look` with the same calendar and the same rules; there is
no other way to a slot.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final
from zoneinfo import ZoneInfo

from wamesh.booking.appointments import BookedSegment, Terms, TermsPart, Wish
from wamesh.booking.calendar import Calendar
from wamesh.slots.engine import Agenda, Segment, Slot
from wamesh.slots.finding import Finding, Question
from wamesh.slots.spans import Span, Spans, canonical, clip
from wamesh.slots.zones import MINUTES_PER_DAY, instant_ceil, instant_floor, instants_of, offsets_between, readings_of

_LONGEST_DATE_MINUTES: Final = 26 * 60
"""No local date has more minutes."""


@dataclass(frozen=True, slots=True)
class Dates:
    """Starts on the local dates with these day numbers, both inclusive."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Instants:
    """Starts at these instants: `[start, end)` in minutes."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Inquiry:
    """What FindSlots asks. `weekdays` count from Monday 0, `times` are ranges of minutes since midnight that
    may wrap.
    """

    wishes: tuple[Wish, ...]
    window: Dates | Instants
    weekdays: frozenset[int] = frozenset()
    times: tuple[Span, ...] = ()
    preferred: int | None = None
    exclude_booking_id: int = 0
    max_suggestions: int = 3


@dataclass(frozen=True)
class Outlook:
    """A question made ready: what to ask the engine, and whose time in which stretch it needs to know."""

    calendar: Calendar
    question: Question

    @cached_property
    def staff_ids(self) -> frozenset[int]:
        """Everybody who may do some segment."""
        return frozenset(staff_id for each in self.question.segments for staff_id in each.duties)

    @cached_property
    def stretch(self) -> Span:
        """The minutes to read, in whole days; empty when notice and horizon leave nothing of the window.

        They hold the visit with its buffers at each start of the window, and the local date of that start.
        """
        window = self.question.effective_window
        if window is None:
            return (0, 0)
        duties = [duty for each in self.question.segments for duty in each.duties.values()]
        buffer = max((max(duty.before, duty.after) for duty in duties), default=0)
        longest = sum(
            max((duty.duration for duty in each.duties.values()), default=0) for each in self.question.segments
        )
        dates = _dates_around(self.calendar.zone, window)
        start, end = min(dates[0], window[0] - buffer), max(dates[1], window[1] + longest + buffer)
        return start // MINUTES_PER_DAY * MINUTES_PER_DAY, -(-end // MINUTES_PER_DAY) * MINUTES_PER_DAY

    def beginning(self, days: int) -> "Outlook":
        """The same question about the first days of the effective window; itself when that has no more."""
        window = self.question.effective_window
        if window is None or window[1] - window[0] <= days * MINUTES_PER_DAY:
            return self
        first = (window[0], window[0] + days * MINUTES_PER_DAY)
        return Outlook(self.calendar, replace(self.question, window=clip(self.question.window, first)))

    def look(self, busy: Mapping[int, Spans]) -> Finding:
        """Puts the question; `busy` is what other visits occupy within `stretch`, by staff id, in any order."""
        offsets, working = self.calendar.working(self.stretch)
        agendas = {
            staff_id: Agenda(working[staff_id], canonical(busy.get(staff_id, ()))) for staff_id in self.staff_ids
        }
        return Finding(self.question, agendas, offsets)


def _dates_around(zone: ZoneInfo, window: Span) -> Span:
    """Returns the smallest span that holds, of each instant of the window, the whole local date."""
    offsets = offsets_between(zone, window[0] - _LONGEST_DATE_MINUTES, window[1] + _LONGEST_DATE_MINUTES)
    local = [reading for reading, _ in readings_of([window], offsets)]
    first, last = min(start for start, _ in local), max(end for _, end in local) - 1
    midnights = (first // MINUTES_PER_DAY * MINUTES_PER_DAY, (last // MINUTES_PER_DAY + 1) * MINUTES_PER_DAY)
    dates = instants_of([midnights], offsets)
    return dates[0][0], dates[-1][1]


def segments_of(calendar: Calendar, wishes: Sequence[Wish]) -> tuple[Segment, ...]:
    """Returns the wishes as the engine knows them. Raises ServiceNotFound, StaffNotFound."""
    return tuple(_segment(calendar, wish) for wish in wishes)


def _segment(calendar: Calendar, wish: Wish) -> Segment:
    for staff_id in sorted(wish.excluded | (wish.only or frozenset())):
        calendar.member(staff_id)
    duties = {
        staff_id: duty
        for staff_id, duty in calendar.duties(wish.service_id).items()
        if staff_id not in wish.excluded and (wish.only is None or staff_id in wish.only)
    }
    return Segment(duties, wish.same_staff_as_previous)


def bounds_at(calendar: Calendar, now: datetime) -> Span:
    """Returns the starts that notice and horizon allow: `[start, end)` in minutes."""
    earliest = instant_ceil(now + timedelta(minutes=calendar.company.notice_minutes))
    return earliest, instant_floor(now + timedelta(minutes=calendar.company.horizon_minutes)) + 1


def outlook(calendar: Calendar, inquiry: Inquiry, now: datetime) -> Outlook:
    """Makes an inquiry ready. Raises ServiceNotFound, StaffNotFound."""
    bounds = bounds_at(calendar, now)
    question = Question(
        segments=segments_of(calendar, inquiry.wishes),
        window=_window(calendar, inquiry.window, bounds),
        bounds=bounds,
        step=calendar.company.step_minutes,
        weekdays=inquiry.weekdays,
        times=inquiry.times,
    )
    return Outlook(calendar, question)


def _window(calendar: Calendar, window: Dates | Instants, bounds: Span) -> Spans:
    """Returns the instants a visit may start at, before notice and horizon.

    Dates far outside the bounds are not looked up in the zone, whose rules end: what matters of them is the
    side.
    """
    if isinstance(window, Instants):
        return canonical([(window.start, window.end)])
    local = (window.first * MINUTES_PER_DAY, (window.last + 1) * MINUTES_PER_DAY)
    rough = (local[0] - MINUTES_PER_DAY, local[1] + MINUTES_PER_DAY)
    if rough[1] <= bounds[0] or rough[0] >= bounds[1]:
        return [local]
    return instants_of([local], offsets_between(calendar.zone, *rough))


def terms_of(calendar: Calendar, wishes: Sequence[Wish], slot: Slot) -> Terms:
    """Returns what booking the slot would mean: who does what when, and the price."""
    parts = [
        TermsPart(wish.service_id, part.staff_id, part.start, part.end)
        for wish, part in zip(wishes, slot.parts, strict=True)
    ]
    price = sum([calendar.price_micros(each.service_id, each.staff_id) for each in parts])
    return Terms(tuple(parts), price, calendar.company.currency)


def booked_segments(wishes: Sequence[Wish], slot: Slot) -> tuple[BookedSegment, ...]:
    """Returns the segments of the appointment that books the slot."""
    return tuple(
        BookedSegment(wish.service_id, part.staff_id, part.start, part.end, part.occupied_from, part.occupied_until)
        for wish, part in zip(wishes, slot.parts, strict=True)
    )
