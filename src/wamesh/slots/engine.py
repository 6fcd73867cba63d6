"""The predicate of a slot: at which minutes a visit can start, and who does it.

A visit is segments in order, each beginning when the one before it ends. A staff member `s` can begin a
segment at minute `u` exactly when

    [u, u + duration)                   lies in the working time of s, which breaks interrupt, and
    [u - before, u + duration + after)  holds no occupancy of another visit of s, and
    [u - before, u + duration + after)  holds no instant at which the segment's resources are taken.

So buffers may reach into a break or past the end of a shift, and never into another visit; the buffers within
one visit do not meet each other, since a buffer parts visits and not the segments of one.

A class is a segment with several seats. A new session of it begins where any segment could. A session that
takes place already can be joined at its own start if it has seats enough: its occupancy and its resources are
its own, and stand in nobody's way.

The engine works backwards. Segments that one person must do in a row form a *run*. For the last run, the
starts are where anybody eligible can do all of it; for each run before, where somebody can do it and the rest
can start when they end. Each step is union, intersection and shift of sets of minutes: no candidate is ever
tried out one by one.

Owns the one predicate for listing and booking: a slot is listed if and only if `Search.slots_at` gives it, and
booking asks the same function on the same sets. Refuses clocks, zones, grids and filters: those are one more
set of minutes, intersected outside.

Invariant: results depend on sets alone, never on the order of rows.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from wamesh.slots.spans import (
    Span,
    Spans,
    canonical,
    clip,
    intersect,
    shift,
    starts_inside,
    starts_touching,
    subtract,
    union,
)

Ranks = Callable[[int], Mapping[int, int]]
"""For the start of a visit, the rank of each staff member: the lowest is taken."""

Place: TypeAlias = tuple[int, int | None]
"""The start of a visit, and who shall do its first run; None for whoever is best."""


@dataclass(frozen=True, slots=True)
class Duty:
    """What one staff member needs for one segment, in minutes: `duration` >= 1, buffers >= 0."""

    duration: int
    before: int = 0
    after: int = 0


class Session(NamedTuple):
    """A class that takes place already: `[start, end)`, the seats left in it before this visit, and what it occupies,
    which stays as it was made when the buffers change.
    """

    session_id: int
    start: int
    end: int
    open_seats: int
    occupancy: Span


@dataclass(frozen=True, slots=True)
class Segment:
    """One part of a visit: who may do it, by staff id, and whether it stays with the person of the part
    before.

    `closed` holds the instants at which the resources that it needs are taken. A class has a `capacity` above
    1, is a visit of its own, and knows its `sessions` by staff id. `seats` is what this visit takes of the
    capacity.
    """

    duties: Mapping[int, Duty]
    same_staff_as_previous: bool = False
    closed: Spans = ()
    capacity: int = 1
    seats: int = 1
    sessions: Mapping[int, Sequence[Session]] = field(default_factory=dict)

    @property
    def seats_suffice(self) -> bool:
        """Whether an empty class, or one person's time, is enough for the party."""
        return self.seats <= self.capacity

    def session_at(self, staff_id: int, minute: int) -> Session | None:
        """Returns the session of a staff member that this segment would be part of if it began at the minute,
        whether or not it has seats; of several, one that has, then the one with the lowest id.
        """
        end = minute + self.duties[staff_id].duration
        met = [each for each in self.sessions.get(staff_id, ()) if (each.start, each.end) == (minute, end)]
        return min(met, key=lambda each: (each.open_seats < self.seats, each), default=None)


@dataclass(frozen=True, slots=True)
class Agenda:
    """One staff member's time within the window of a search, as canonical sets of instants.

    `working` is when they work; `busy` is what other visits occupy, buffers included, and so what sessions
    occupy that this visit may join. Outside its window an agenda is closed, so it must reach past the last
    start by the longest visit, and `busy` past both ends by the longest buffer.
    """

    working: Spans
    busy: Spans


class Part(NamedTuple):
    """One segment of a slot: `[start, end)` done by `staff_id`, who occupies `[occupied_from,
    occupied_until)`.

    Of a class: the session that it joins, None for a new one, and the seats that are open there before this
    visit. Else None and 0.
    """

    staff_id: int
    available_staff_ids: tuple[int, ...]
    start: int
    end: int
    occupied_from: int
    occupied_until: int
    session_id: int | None = None
    open_seats: int = 0


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


class Run:
    """Segments in a row that one person does, and where each eligible person can begin them."""

    def __init__(self, segments: Sequence[Segment], agendas: Mapping[int, Agenda], rest: Spans | None) -> None:
        """`rest` is where the next run can start; None when this is the last."""
        self.segments = segments
        self.duties = duties_of(segments, agendas)
        self.starts_of = {staff_id: self._starts(staff_id, agendas[staff_id], rest) for staff_id in self.duties}

    def starts(self) -> list[Span]:
        """Returns where somebody can begin."""
        return union(self.starts_of.values())

    def able_at(self, minutes: Iterable[int]) -> dict[int, tuple[int, ...]]:
        """Returns who can begin at each of some minutes, ascending."""
        asked = sorted(set(minutes))
        able: list[list[int]] = [[] for _ in asked]
        for staff_id, starts in self.starts_of.items() if asked else ():
            last = 0
            for start, end in clip(starts, (asked[0], asked[-1] + 1)):
                first = bisect_left(asked, start, last)
                last = bisect_left(asked, end, first)
                for each in able[first:last]:
                    each.append(staff_id)
        return dict(zip(asked, map(tuple, able), strict=True))

    def parts_at(
        self, minute: int, able: tuple[int, ...], rank: Mapping[int, int], wanted: int | None = None
    ) -> list[Part]:
        """Returns the run from the minute on, done by whoever of the able has a session to join, then by whoever ranks
        first; or by who is wanted. Nothing when nobody can.
        """
        if wanted is not None:
            return self._parts(wanted, able, minute) if wanted in able else []
        joined = self.segments[0].sessions and [each for each in able if self._session(each, minute)]
        chosen = min(joined or able, key=rank.__getitem__, default=None)
        return [] if chosen is None else self._parts(chosen, able, minute)

    def _parts(self, staff_id: int, able: tuple[int, ...], minute: int) -> list[Part]:
        parts: list[Part] = []
        start = minute
        for duty in self.duties[staff_id]:
            end = start + duty.duration
            parts.append(Part(staff_id, able, start, end, start - duty.before, end + duty.after))
            start = end
        return parts if self.segments[0].capacity == 1 else [self._seated(*parts)]

    def _seated(self, part: Part) -> Part:
        session = self._session(part.staff_id, part.start)
        if session is None:
            return part._replace(open_seats=self.segments[0].capacity)
        return part._replace(
            session_id=session.session_id,
            open_seats=session.open_seats,
            occupied_from=session.occupancy[0],
            occupied_until=session.occupancy[1],
        )

    def _session(self, staff_id: int, minute: int) -> Session | None:
        return self.segments[0].session_at(staff_id, minute)

    def _starts(self, staff_id: int, agenda: Agenda, rest: Spans | None) -> list[Span]:
        """Returns where one person can begin the run, such that the rest of the visit can follow."""
        duties = self.duties[staff_id]
        length = sum([each.duration for each in duties])
        at_work = starts_inside(agenda.working, length)
        starts = subtract(at_work, starts_touching(agenda.busy, *reach_of(duties)))
        begin = 0
        for segment, duty in zip(self.segments, duties, strict=True):
            end = begin + duty.duration
            if segment.closed:
                starts = subtract(starts, starts_touching(segment.closed, duty.before - begin, end + duty.after))
            if segment.capacity > 1:
                starts = union([starts, intersect(at_work, _joinable(segment, staff_id))])
            if not segment.seats_suffice:
                return []
            begin = end
        return starts if rest is None else intersect(starts, shift(rest, -length))


def duties_of(segments: Sequence[Segment], agendas: Mapping[int, Agenda]) -> dict[int, list[Duty]]:
    """Returns who may do all of the segments in a row, ascending, and what each needs for each of them."""
    eligible = frozenset[int].intersection(*(frozenset(each.duties) for each in segments)) & agendas.keys()
    return {staff_id: [each.duties[staff_id] for each in segments] for staff_id in sorted(eligible)}


def reach_of(duties: Sequence[Duty]) -> tuple[int, int]:
    """Returns (before, after) such that duties in a row from minute u on occupy `[u - before, u + after)`.

    There is no hole in it, since each occupancy holds its own duty.
    """
    before = after = begin = 0
    for duty in duties:
        before = max(before, duty.before - begin)
        begin += duty.duration
        after = max(after, begin + duty.after)
    return before, after


def _joinable(segment: Segment, staff_id: int) -> list[Span]:
    """Returns the starts of the sessions of one person that have seats enough."""
    length = segment.duties[staff_id].duration
    return canonical(
        (each.start, each.start + 1)
        for each in segment.sessions.get(staff_id, ())
        if each.end - each.start == length and each.open_seats >= segment.seats
    )


class Search:
    """Where one visit fits into the agendas of a company's staff."""

    def __init__(self, segments: Sequence[Segment], agendas: Mapping[int, Agenda]) -> None:
        """`segments` are 1 or more, in order; staff without an agenda can do nothing."""
        self.runs: list[Run] = []
        rest: list[Span] | None = None
        for group in reversed(grouped(segments)):
            run = Run(group, agendas, rest)
            rest = run.starts()
            self.runs.insert(0, run)
        self.starts: list[Span] = rest or []

    @property
    def somebody_eligible(self) -> bool:
        """Whether each segment has at least one person who may do it; without one there is no slot at any
        time.
        """
        return all(run.duties for run in self.runs)

    def slots_at(self, places: Sequence[Place], ranks: Ranks) -> list[Slot]:
        """Returns the slots at some places, in their order, without those where the visit does not fit.

        Takes for each run whoever has a session of the class to join, then whoever ranks first of those who
        can do it; for the first run whom the place names.
        """
        first, *others = self.runs
        able_at = first.able_at(start for start, _ in places)
        begun = [first.parts_at(start, able_at[start], ranks(start), wanted) for start, wanted in places]
        visits = [parts for parts in begun if parts]
        for run in others:
            able_at = run.able_at(parts[-1].end for parts in visits)
            for parts in visits:
                at = parts[-1].end
                parts += run.parts_at(at, able_at[at], ranks(parts[0].start))
        return [Slot(tuple(parts)) for parts in visits]


def grouped(segments: Sequence[Segment]) -> list[list[Segment]]:
    """Returns the segments in order, those together that one person does in a row."""
    groups: list[list[Segment]] = []
    for segment in segments:
        if groups and segment.same_staff_as_previous:
            groups[-1].append(segment)
        else:
            groups.append([segment])
    return groups
