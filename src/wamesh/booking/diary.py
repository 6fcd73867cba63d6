"""What already has a company's time: its bookings and holds, as a picture at one revision.

Owns: who is busy when, which class sessions have seats left, how much of a resource is in use. Refuses rules of time
(`slots`), and to know what a free time is good for. Instants are whole minutes, spans half-open.

A diary is never changed: `with_visits` makes the next picture from this one and from what changed, and shares with it
all that did not. Holds end with the clock, not with a revision, so that a diary is always asked `at` a moment.

Invariant: two diaries of one revision answer every question alike, however they were arrived at.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Final, NamedTuple

from wamesh.booking.appointments import BookedSegment
from wamesh.slots.spans import Span, canonical, clip
from wamesh.slots.zones import MINUTES_PER_DAY

LONGEST_OCCUPANCY_MINUTES: Final = 3 * MINUTES_PER_DAY
"""A service and each of its buffers take a day at most."""


@dataclass(frozen=True, slots=True)
class Visit:
    """What one booking or hold takes; without segments it takes nothing any more. A booking has no `expire_time`."""

    visit_id: int
    segments: tuple[BookedSegment, ...]
    party_size: int = 1
    expire_time: datetime | None = None

    def lasts(self, now: datetime) -> bool:
        """Tells whether it still takes its time."""
        return self.expire_time is None or now < self.expire_time


class ClassSession(NamedTuple):
    """A class that somebody has booked: `[start, end)`, what it occupies, and how many of its seats are taken."""

    session_id: int
    start: int
    end: int
    occupancy: Span
    seats_taken: int


class _Entry(NamedTuple):
    """One segment of a visit on somebody's sheet."""

    occupied_from: int
    visit_id: int
    position: int
    segment: BookedSegment
    visit: Visit


class _Sheet:
    """The entries of one staff member, or of one resource, by the begin of their occupancy."""

    def __init__(self, entries: Iterable[_Entry] = ()) -> None:
        self.entries = sorted(entries)

    def without(self, visit_ids: Collection[int]) -> list[_Entry]:
        return [each for each in self.entries if each.visit_id not in visit_ids]

    def meeting(self, stretch: Span, gone: Collection[int]) -> Iterator[_Entry]:
        """Yields what meets the stretch and is not gone."""
        first = bisect_left(self.entries, (stretch[0] - LONGEST_OCCUPANCY_MINUTES,))
        for entry in self.entries[first : bisect_left(self.entries, (stretch[1],))]:
            if entry.segment.occupied_until > stretch[0] and entry.visit_id not in gone:
                yield entry

    def busy(self, stretch: Span, gone: Collection[int]) -> list[Span]:
        if not gone:
            return clip(self._busy, stretch)
        met = self.meeting(stretch, gone)
        return canonical((each.segment.occupied_from, each.segment.occupied_until) for each in met)

    @cached_property
    def _busy(self) -> list[Span]:
        return canonical((each.segment.occupied_from, each.segment.occupied_until) for each in self.entries)


_BLANK: Final = _Sheet()


@dataclass(frozen=True)
class Diary:
    """The bookings and holds of a company at `revision`."""

    revision: int = 0
    visits: Mapping[int, Visit] = field(default_factory=dict)
    _staff: Mapping[int, _Sheet] = field(default_factory=dict)
    _resources: Mapping[int, _Sheet] = field(default_factory=dict)

    holds: frozenset[int] = frozenset()

    def with_visits(self, changed: Iterable[Visit], revision: int) -> "Diary":
        """Returns the diary at a later revision, with these visits in the place of those with the same ids."""
        news = {each.visit_id: each for each in changed}
        olds = [self.visits[visit_id] for visit_id in news if visit_id in self.visits]
        visits = {**self.visits, **news}
        for visit_id in [each.visit_id for each in news.values() if not each.segments]:
            del visits[visit_id]
        new_holds = {each.visit_id for each in news.values() if each.segments and each.expire_time is not None}
        return Diary(
            revision,
            visits,
            _rewritten(self._staff, olds, news.values(), _staff_ids),
            _rewritten(self._resources, olds, news.values(), _resource_ids),
            self.holds - news.keys() | new_holds,
        )

    def at(self, now: datetime, absent: Collection[int] = ()) -> "View":
        """Returns what is taken at a moment: holds that have expired are not, nor are the visits `absent`."""
        return View(self, frozenset(absent) | {each for each in self.holds if not self.visits[each].lasts(now)})


@dataclass(frozen=True, slots=True)
class View:
    """A diary as it reads at one moment to one caller, without the visits in `gone`."""

    diary: Diary
    gone: frozenset[int]

    def busy(self, staff_id: int, stretch: Span) -> list[Span]:
        """Returns what visits occupy of a staff member's time, as a canonical set within the stretch's visits."""
        return self.diary._staff.get(staff_id, _BLANK).busy(stretch, self.gone)

    def sessions(self, service_id: int, staff_id: int, stretch: Span) -> list[ClassSession]:
        """Returns the sessions of a class that a staff member gives, by start, and how many seats they have taken."""
        taken: defaultdict[tuple[int, int, int, Span], int] = defaultdict(int)
        for entry in self.diary._staff.get(staff_id, _BLANK).meeting(stretch, self.gone):
            each = entry.segment
            if each.service_id == service_id:
                occupancy = (each.occupied_from, each.occupied_until)
                taken[each.start, each.session_id, each.end, occupancy] += entry.visit.party_size
        return [
            ClassSession(session_id, start, end, occupancy, seats)
            for (start, session_id, end, occupancy), seats in sorted(taken.items())
        ]

    def exhausted(self, resource_id: int, spare: int, stretch: Span) -> list[Span]:
        """Returns when more than `spare` units of a resource are in use, as a canonical set.

        A session takes what the largest of its segments takes, once, however many visits share it.
        """
        by_session: defaultdict[int, list[tuple[int, Span]]] = defaultdict(list)
        for entry in self.diary._resources.get(resource_id, _BLANK).meeting(stretch, self.gone):
            segment = entry.segment
            quantity = sum(need.quantity for need in segment.needs if need.resource_id == resource_id)
            by_session[segment.session_id].append((quantity, (segment.occupied_from, segment.occupied_until)))
        return _above(spare, [step for uses in by_session.values() for step in _steps(uses)])

    def visits_of(self, staff_id: int, stretch: Span) -> list[tuple[int, BookedSegment]]:
        """Returns the visit ids and segments of a staff member that meet the stretch, by begin of the occupancy."""
        met = self.diary._staff.get(staff_id, _BLANK).meeting(stretch, self.gone)
        return [(each.visit_id, each.segment) for each in met]


def _steps(uses: Collection[tuple[int, Span]]) -> Iterator[tuple[int, int]]:
    """Yields (minute, change of what is in use) of one session, whose use is the largest of what covers a minute."""
    below = 0
    for level in sorted({quantity for quantity, _ in uses}):
        for start, end in canonical(span for quantity, span in uses if quantity >= level):
            yield start, level - below
            yield end, below - level
        below = level


def _above(spare: int, steps: list[tuple[int, int]]) -> list[Span]:
    """Returns the minutes at which the sum of the steps so far is more than `spare`."""
    in_use = 0
    spans: list[Span] = []
    since = 0
    for minute, change in sorted(steps):
        was, in_use = in_use > spare, in_use + change
        if in_use > spare and not was:
            since = minute
        elif was and in_use <= spare:
            spans.append((since, minute))
    return canonical(spans)


def _staff_ids(segment: BookedSegment) -> Iterable[int]:
    return (segment.staff_id,)


def _resource_ids(segment: BookedSegment) -> Iterable[int]:
    return [need.resource_id for need in segment.needs]


def _rewritten(
    sheets: Mapping[int, _Sheet],
    olds: Iterable[Visit],
    news: Iterable[Visit],
    keys: Callable[[BookedSegment], Iterable[int]],
) -> Mapping[int, _Sheet]:
    """Returns the sheets with the old visits struck out and the new ones entered; `keys` tells whose sheets."""
    struck: defaultdict[int, set[int]] = defaultdict(set)
    for visit in olds:
        for segment in visit.segments:
            for key in keys(segment):
                struck[key].add(visit.visit_id)
    entered: defaultdict[int, list[_Entry]] = defaultdict(list)
    for visit in news:
        for position, segment in enumerate(visit.segments):
            for key in keys(segment):
                entered[key].append(_Entry(segment.occupied_from, visit.visit_id, position, segment, visit))
    changed = {
        key: _Sheet([*sheets.get(key, _BLANK).without(struck[key]), *entered[key]]) for key in {*struck, *entered}
    }
    return {**sheets, **changed}
