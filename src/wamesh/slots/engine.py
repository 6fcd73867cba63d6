"""The predicate of a slot: at which minutes a visit can start, and who does it.

A visit is segments in order, each beginning when the one before it ends. A staff member `s` can begin a
segment at minute `u` exactly when

    [u, u + duration)                   lies in the working time of s, which breaks interrupt, and
    [u - before, u + duration + after)  holds no occupancy of another visit of s.

So buffers may reach into a break or past the end of a shift, and never into another visit; the buffers within
one visit do not meet each other, since a buffer parts visits and not the segments of one.

The engine works backwards. Segments that one person must do in a row form a *run*. For the last run, the
starts are where anybody eligible can do all of it; for each run before, where somebody can do it and the rest
can start when they end. Each step is union, intersection and shift of sets of minutes: no candidate is ever
tried out one by one.

Owns the one predicate for listing and booking: a slot is listed if and only if `Search.slot_at` gives it, and
booking asks the same function on the same sets. Refuses clocks, zones, grids and filters: those are one more
set of minutes, intersected outside.

Invariant: results depend on sets alone, never on the order of rows.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from wamesh.slots.spans import (
    Span,
    Spans,
    contains,
    intersect,
    shift,
    starts_inside,
    starts_touching,
    subtract,
    union,
)

Ranks = Callable[[int], Mapping[int, int]]
"""For the start of a visit, the rank of each staff member: the lowest is taken."""


@dataclass(frozen=True, slots=True)
class Duty:
    """What one staff member needs for one segment, in minutes: `duration` >= 1, buffers >= 0."""

    duration: int
    before: int = 0
    after: int = 0


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of a visit: who may do it, by staff id, and whether it stays with the person of the part
    before.
    """

    duties: Mapping[int, Duty]
    same_staff_as_previous: bool = False


@dataclass(frozen=True, slots=True)
class Agenda:
    """One staff member's time within the window of a search, as canonical sets of instants.

    `working` is when they work; `busy` is what other visits occupy, buffers included. Outside its window an
    agenda is closed, so it must reach past the last start by the longest visit, and `busy` past both ends by
    the longest buffer.
    """

    working: Spans
    busy: Spans


class Part(NamedTuple):
    """One segment of a slot: `[start, end)` done by `staff_id`, who occupies `[occupied_from,
    occupied_until)`.
    """

    staff_id: int
    available_staff_ids: tuple[int, ...]
    start: int
    end: int
    occupied_from: int
    occupied_until: int


@dataclass(frozen=True, slots=True)
class Slot:
    """A start at which the whole visit fits, with the staff it would take; one part a segment."""

    parts: tuple[Part, ...]

    @property
    def start(self) -> int:
        """The minute at which the first segment starts."""
        return self.parts[0].start

    @property
    def end(self) -> int:
        """The minute at which the last segment ends."""
        return self.parts[-1].end


class _Run:
    """Segments in a row that one person does, and where each eligible person can begin them."""

    def __init__(self, segments: Sequence[Segment], agendas: Mapping[int, Agenda], rest: Spans | None) -> None:
        """`rest` is where the next run can start; None when this is the last."""
        eligible = frozenset[int].intersection(*(frozenset(each.duties) for each in segments))
        self.duties = {
            staff_id: [each.duties[staff_id] for each in segments] for staff_id in sorted(eligible & agendas.keys())
        }
        self._starts = {staff_id: _starts(duties, agendas[staff_id], rest) for staff_id, duties in self.duties.items()}
        self._edges = [(staff_id, list(chain(*starts))) for staff_id, starts in self._starts.items()]

    def starts(self) -> list[Span]:
        return union(self._starts.values())

    def able(self, minute: int) -> tuple[int, ...]:
        """Returns who can begin at the minute, ascending: an odd number of edges at or before it means
        inside.
        """
        return tuple([staff_id for staff_id, edges in self._edges if bisect_right(edges, minute) & 1])

    def parts(self, staff_id: int, able: tuple[int, ...], minute: int) -> list[Part]:
        parts: list[Part] = []
        start = minute
        for duty in self.duties[staff_id]:
            end = start + duty.duration
            parts.append(Part(staff_id, able, start, end, start - duty.before, end + duty.after))
            start = end
        return parts


def _starts(duties: Sequence[Duty], agenda: Agenda, rest: Spans | None) -> list[Span]:
    """Returns where one person can begin the duties in a row, such that the rest of the visit can follow."""
    length = sum(each.duration for each in duties)
    starts = starts_inside(agenda.working, length)
    begin = 0
    for duty in duties:
        taken = starts_touching(agenda.busy, duty.before - begin, begin + duty.duration + duty.after)
        starts = subtract(starts, taken)
        begin += duty.duration
    return starts if rest is None else intersect(starts, shift(rest, -length))


class Search:
    """Where one visit fits into the agendas of a company's staff."""

    def __init__(self, segments: Sequence[Segment], agendas: Mapping[int, Agenda]) -> None:
        """`segments` are 1 or more, in order; staff without an agenda can do nothing."""
        self._runs: list[_Run] = []
        rest: list[Span] | None = None
        for group in reversed(_groups(segments)):
            run = _Run(group, agendas, rest)
            rest = run.starts()
            self._runs.insert(0, run)
        self.starts: list[Span] = rest or []

    @property
    def somebody_eligible(self) -> bool:
        """Whether each segment has at least one person who may do it; without one there is no slot at any
        time.
        """
        return all(run.duties for run in self._runs)

    def slot_at(self, minute: int, ranks: Ranks) -> Slot | None:
        """Returns the slot that starts at a minute, or None when the visit does not fit there.

        Takes for each run the person that ranks first among those who can do it.
        """
        if not contains(self.starts, minute):
            return None
        parts: list[Part] = []
        at, rank = minute, ranks(minute)
        for run in self._runs:
            able = run.able(at)
            chosen = min(able, key=rank.__getitem__)
            parts.extend(run.parts(chosen, able, at))
            at = parts[-1].end
        return Slot(tuple(parts))


def _groups(segments: Sequence[Segment]) -> list[list[Segment]]:
    groups: list[list[Segment]] = []
    for segment in segments:
        if groups and segment.same_staff_as_previous:
            groups[-1].append(segment)
        else:
            groups.append([segment])
    return groups
