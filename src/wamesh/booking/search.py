"""A customer's wishes put to a company's calendar: from wishes, window and filters to slots.

Owns the translation between the catalogue and the diary on one side and the slot engine on the other: which staff may
do a segment, which stretch of time matters, what notice and horizon allow, which resources and seats are left, what a
slot costs. Refuses wire types, tokens and tables.

Invariant: whoever looks for a slot, books, holds or moves one comes through `outlook` and `look` with the same calendar
and the same rules; there is no other way to a slot.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final
from zoneinfo import ZoneInfo

from wamesh.booking.appointments import BookedSegment, Terms, TermsPart, Wish
from wamesh.booking.calendar import Calendar, Need, Service
from wamesh.booking.diary import View
from wamesh.booking.errors import ClassNotAlone, DurationNotAllowed
from wamesh.slots.engine import Agenda, Segment, Session, Slot
from wamesh.slots.finding import Finding, Question
from wamesh.slots.spans import Span, Spans, canonical, clip, union
from wamesh.slots.zones import (
    MINUTES_PER_DAY,
    Offsets,
    instant_ceil,
    instant_floor,
    instants_of,
    offsets_between,
    readings_of,
)

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
    may wrap. `absent` are the ids of bookings and holds that are looked past.
    """

    wishes: tuple[Wish, ...]
    window: Dates | Instants
    weekdays: frozenset[int] = frozenset()
    times: tuple[Span, ...] = ()
    preferred: int | None = None
    absent: frozenset[int] = frozenset()
    party_size: int = 1


@dataclass(frozen=True)
class Outlook:
    """A question made ready: what to ask the engine, and whose time in which stretch it needs to know."""

    calendar: Calendar
    question: Question
    wishes: Sequence[Wish]

    @cached_property
    def staff_ids(self) -> frozenset[int]:
        """Everybody who may do some segment."""
        return frozenset(staff_id for each in self.question.segments for staff_id in each.duties)

    @cached_property
    def stretch(self) -> Span:
        """The minutes that matter, in whole days; empty when notice and horizon leave nothing of the window.

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

    def beginning(self, days: int, after: int | None) -> "Outlook":
        """The same question about the days of the effective window that follow the minute `after` (None: the first)."""
        window = self.question.effective_window
        if window is None:
            return self
        since = window[0] if after is None else after + 1
        part = (since, since + days * MINUTES_PER_DAY)
        return replace(self, question=replace(self.question, window=clip(self.question.window, part)))

    def look(self, view: View) -> Finding:
        """Puts the question to the company's staff, as the view has their time."""
        offsets, agendas = self.agendas(view)
        segments = [self._with_view(*each, view) for each in zip(self.question.segments, self.wishes, strict=True)]
        return Finding(replace(self.question, segments=segments), agendas, offsets)

    def agendas(self, view: View) -> tuple[Offsets, Mapping[int, Agenda]]:
        """Returns the zone's offsets within the stretch, and everybody's time in it, by staff id."""
        offsets, working = self.calendar.working(self.stretch)
        everybody = sorted(self.staff_ids)
        return offsets, {each: Agenda(working[each], self._busy(each, view)) for each in everybody}

    def exhausted(self, index: int, span: Span, view: View) -> list[int]:
        """Returns the ids of the resources of which too little is left for a segment within a span."""
        needs = self.calendar.service(self.wishes[index].service_id).needs
        return [each.resource_id for each in needs if clip(self._exhausted(each, view), span)]

    def _busy(self, staff_id: int, view: View) -> list[Span]:
        booked, elsewhere = view.busy(staff_id, self.stretch), clip(self.calendar.busy(staff_id), self.stretch)
        return union([booked, elsewhere]) if elsewhere else booked

    def _with_view(self, segment: Segment, wish: Wish, view: View) -> Segment:
        """Adds to a segment what is left of its resources and of its class's seats."""
        service = self.calendar.service(wish.service_id)
        if not service.needs and service.capacity == 1:
            return segment
        return replace(
            segment,
            closed=union(self._exhausted(each, view) for each in service.needs),
            sessions={staff_id: self._sessions(service, staff_id, view) for staff_id in segment.duties},
        )

    def _exhausted(self, need: Need, view: View) -> list[Span]:
        """Returns when too little of a resource is left."""
        resource = self.calendar.resource(need.resource_id)
        if resource.archived or need.quantity > resource.quantity:
            return [self.stretch]
        return view.exhausted(need.resource_id, resource.quantity - need.quantity, self.stretch)

    def _sessions(self, service: Service, staff_id: int, view: View) -> list[Session]:
        if service.capacity == 1:
            return []
        begun = view.sessions(service.service_id, staff_id, self.stretch)
        return [
            Session(each.session_id, each.start, each.end, service.capacity - each.seats_taken, each.occupancy)
            for each in begun
        ]


def _dates_around(zone: ZoneInfo, window: Span) -> Span:
    """Returns the smallest span that holds, of each instant of the window, the whole local date."""
    offsets = offsets_between(zone, window[0] - _LONGEST_DATE_MINUTES, window[1] + _LONGEST_DATE_MINUTES)
    local = [reading for reading, _ in readings_of([window], offsets)]
    first, last = min(start for start, _ in local), max(end for _, end in local) - 1
    midnights = (first // MINUTES_PER_DAY * MINUTES_PER_DAY, (last // MINUTES_PER_DAY + 1) * MINUTES_PER_DAY)
    dates = instants_of([midnights], offsets)
    return dates[0][0], dates[-1][1]


def segments_of(calendar: Calendar, wishes: Sequence[Wish], party_size: int) -> tuple[Segment, ...]:
    """Returns the wishes as the engine knows them, but for what is left of resources and seats.

    Raises ServiceNotFound, StaffNotFound, DurationNotAllowed, ClassNotAlone.
    """
    for wish in wishes:
        if len(wishes) > 1 and calendar.service(wish.service_id).capacity > 1:
            raise ClassNotAlone(f"{wish.path}.service_id", wish.service_id)
    return tuple(_segment(calendar, wish, party_size) for wish in wishes)


def _segment(calendar: Calendar, wish: Wish, party_size: int) -> Segment:
    for staff_id in sorted(wish.excluded | (wish.only or frozenset())):
        calendar.member(staff_id)
    service = calendar.service(wish.service_id)
    duration = _duration(service, wish)
    duties = {
        staff_id: duty if duration is None else replace(duty, duration=duration)
        for staff_id, duty in calendar.duties(wish.service_id).items()
        if staff_id not in wish.excluded and (wish.only is None or staff_id in wish.only)
    }
    return Segment(duties, wish.same_staff_as_previous, capacity=service.capacity, seats=party_size)


def _duration(service: Service, wish: Wish) -> int | None:
    """Returns the duration that the wish chooses; None when it leaves that to the service."""
    if wish.duration_minutes is None:
        return None
    shortest, longest = service.duration_range or (service.duration_minutes, service.duration_minutes)
    if not shortest <= wish.duration_minutes <= longest:
        raise DurationNotAllowed(f"{wish.path}.duration", service.service_id, shortest, longest)
    return wish.duration_minutes


def bounds_at(calendar: Calendar, now: datetime) -> Span:
    """Returns the starts that notice and horizon allow: `[start, end)` in minutes."""
    earliest = instant_ceil(now + timedelta(minutes=calendar.company.notice_minutes))
    return earliest, instant_floor(now + timedelta(minutes=calendar.company.horizon_minutes)) + 1


def outlook(calendar: Calendar, inquiry: Inquiry, now: datetime) -> Outlook:
    """Makes an inquiry ready.

    Raises CompanyNotFound, ServiceNotFound, StaffNotFound, DurationNotAllowed, ClassNotAlone.
    """
    calendar.expect_open()
    bounds = bounds_at(calendar, now)
    question = Question(
        segments=segments_of(calendar, inquiry.wishes, inquiry.party_size),
        window=_window(calendar, inquiry.window, bounds),
        bounds=bounds,
        step=calendar.company.step_minutes,
        weekdays=inquiry.weekdays,
        times=inquiry.times,
    )
    return Outlook(calendar, question, inquiry.wishes)


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


def terms_of(calendar: Calendar, wishes: Sequence[Wish], slot: Slot, party_size: int) -> Terms:
    """Returns what booking the slot would mean: who does what when, and the price, which is paid for each seat."""
    parts: list[TermsPart] = []
    price = 0
    for wish, part in zip(wishes, slot.parts, strict=True):
        parts.append(TermsPart(wish.service_id, part.staff_id, part.start, part.end))
        price += calendar.price_micros(wish.service_id, part.staff_id)
    return Terms(tuple(parts), party_size * price, calendar.company.currency, party_size)


def booked_segments(
    calendar: Calendar, wishes: Sequence[Wish], slot: Slot, session_id: int
) -> tuple[BookedSegment, ...]:
    """Returns the segments of the appointment that books the slot: of the class session that it joins, or of a new
    one.
    """
    return tuple(
        BookedSegment(
            service_id=wish.service_id,
            staff_id=part.staff_id,
            start=part.start,
            end=part.end,
            occupied_from=part.occupied_from,
            occupied_until=part.occupied_until,
            session_id=session_id if part.session_id is None else part.session_id,
            needs=calendar.service(wish.service_id).needs,
        )
        for wish, part in zip(wishes, slot.parts, strict=True)
    )
