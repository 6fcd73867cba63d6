"""The answer to "when?": starts that match a question, the reason when there are none, and the nearest
alternatives.

Owns the order in which rules are applied: the window cut by notice and horizon, the filters, the grid, then
the engine's predicate. Owns the meaning of each reason; the details are told by `explaining` and `near_misses`.
Refuses clocks, tokens and pages: the caller says what now allows (`bounds`) and takes as many slots as it wants.

Invariant: `starts` holds a minute if and only if `slot_at` gives its slot; so what is listed can be booked,
and what is not cannot.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from heapq import nsmallest

from wamesh.slots.engine import Agenda, Search, Segment, Slot
from wamesh.slots.explaining import Obstacle, Rule, obstacles, relaxed
from wamesh.slots.filters import at_times, grid_instants, on_weekdays
from wamesh.slots.load import DayRanks
from wamesh.slots.near_misses import Misses, NearMiss
from wamesh.slots.spans import Span, Spans, clip, contains, intersect, members
from wamesh.slots.zones import Offsets, day_at, days_of, instants_of_day


class NoSlots(Enum):
    """Why there is no slot; the names are those of the contract's NoSlotsReason, without its prefix."""

    CLOSED = "they do not work then"
    FULLY_BOOKED = "they work, and they, the resources or the seats are booked"
    NO_ELIGIBLE_STAFF = "nobody allowed does the service"
    NO_MATCHING_TIME = "something is free, and the filters exclude it"
    TOO_SOON = "the whole window lies before now plus notice"
    BEYOND_HORIZON = "the whole window lies beyond the horizon"
    PARTY_TOO_LARGE = "the service has fewer seats than the party needs"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: a visit, the set of instants it may start at, and local filters on the start.

    `bounds` are the starts that notice and horizon allow now. `weekdays` count from Monday 0, `times` are
    ranges in minutes since midnight that may wrap; each keeps all when empty. `step` is the grid, 1 to 1440
    minutes.
    """

    segments: Sequence[Segment]
    window: Spans
    bounds: Span
    step: int
    weekdays: Collection[int] = field(default=())
    times: Collection[Span] = field(default=())

    @property
    def effective_window(self) -> Span | None:
        """The smallest span that holds what the bounds leave of the window; None when that is nothing."""
        left = clip(self.window, self.bounds)
        return (left[0][0], left[-1][1]) if left else None


class Finding:
    """One question put to the agendas of a company's staff."""

    def __init__(self, question: Question, agendas: Mapping[int, Agenda], offsets: Offsets) -> None:
        """`agendas` and `offsets` cover the effective window, the local dates of its edges, and after it the
        longest visit with its buffers. Of the rest of the window they need to cover nothing.
        """
        self._question = question
        self._agendas = agendas
        self._offsets = offsets
        self._search = Search(question.segments, agendas)
        self._ranks = DayRanks({staff_id: each.busy for staff_id, each in agendas.items()}, offsets)

    @cached_property
    def starts(self) -> list[int]:
        """The starts that match the question, ascending."""
        return self._on_grid(intersect(self._search.starts, self._allowed))

    @cached_property
    def unfiltered_starts(self) -> list[int]:
        """The starts that would match without the filters, ascending."""
        return self._on_grid(intersect(self._search.starts, self._in_bounds))

    @cached_property
    def staff_starts(self) -> list[tuple[int, int]]:
        """(staff id, start) for each start and each person who could do the first run then, ascending."""
        starts_of = self._search.runs[0].starts_of
        return [(staff_id, start) for staff_id, spans in starts_of.items() for start in members(self.starts, spans)]

    @cached_property
    def day_counts(self) -> list[tuple[int, int]]:
        """(day number, number of starts) for each local date that the effective window touches, ascending."""
        window = self._question.effective_window
        if window is None:
            return []
        counts = Counter(day_at(start, self._offsets) for start in self.starts)
        return [(day, counts[day]) for day in days_of([window], self._offsets)]

    def slot_at(self, start: int, staff_id: int | None = None) -> Slot | None:
        """Returns the slot at an instant with the staff it would take; None when the instant is not in
        `starts`.

        With a staff id the first run is done by that person, or there is no slot.
        """
        if not contains(self._allowed, start) or not self._on_grid([(start, start + 1)]):
            return None
        slots = self._search.slots_at([(start, staff_id)], self._ranks)
        return slots[0] if slots else None

    def slots_at(self, starts: Iterable[int]) -> list[Slot]:
        """Returns the slots of some members of `starts` or `unfiltered_starts`, in the order given."""
        return self._search.slots_at([(start, None) for start in starts], self._ranks)

    def slots_of(self, pairs: Iterable[tuple[int, int]]) -> list[Slot]:
        """Returns the slots of some members of `staff_starts`, in the order given."""
        return self._search.slots_at([(start, staff_id) for staff_id, start in pairs], self._ranks)

    def reason(self) -> NoSlots | None:
        """Tells why `starts` is empty; None when it is not."""
        if self.starts:
            return None
        if not self._search.somebody_eligible:
            return NoSlots.NO_ELIGIBLE_STAFF
        if not all(each.seats_suffice for each in self._question.segments):
            return NoSlots.PARTY_TOO_LARGE
        if self._question.effective_window is None:
            return why_out_of_bounds(self._question)
        if self.unfiltered_starts:
            return NoSlots.NO_MATCHING_TIME
        working = self._on_grid(intersect(self._starts_up_to(Rule.WORKING_TIME), self._in_bounds))
        return NoSlots.FULLY_BOOKED if working else NoSlots.CLOSED

    def near_misses(self, preferred: int, limit: int) -> list[NearMiss]:
        """Returns at most `limit` free times that are too short, nearest to an instant first, then by staff
        id and start; none for a visit that several people do, or a party that no class can seat.
        """
        run = self._search.runs[0]
        if len(self._search.runs) > 1 or not all(each.seats_suffice for each in run.segments):
            return []
        misses = Misses(run, self._agendas, self._allowed, self._question.step, self._offsets)
        return nsmallest(limit, misses, key=lambda miss: (miss.distance(preferred), miss))

    def funnel(self) -> list[tuple[Rule, int]]:
        """Returns how many starts on the grid each rule leaves, in the order of `Rule`; the last count is that
        of `starts`.

        WINDOW counts as far as the offsets reach, for beyond them nobody knows the grid. A caller who wants
        all of a window counted lets the offsets reach over all of it; the agendas need not.
        """
        left = [self._covered, self._in_bounds, self._allowed]
        people = (Rule.WORKING_TIME, Rule.STAFF_FREE, Rule.RESOURCES_FREE, Rule.SEATS)
        left += [intersect(self._starts_up_to(rule), self._allowed) for rule in people]
        return [(rule, len(self._on_grid(starts))) for rule, starts in zip(Rule, left, strict=True)]

    def obstacles_at(self, start: int) -> list[Obstacle]:
        """Returns each rule that a start breaks, in order; none exactly when the start can be booked.

        Outside the effective window nobody's calendar is known, so that only the rules of the question are
        told.
        """
        if self.slot_at(start) is not None:
            return []
        broken = [Obstacle(rule) for rule in self._broken_by(start)]
        if not contains(self._in_bounds, start):
            return broken
        return broken + list(obstacles(self._question.segments, self._agendas, start, self._ranks(start)))

    def _broken_by(self, start: int) -> list[Rule]:
        """The rules of the question that a start breaks."""
        minute, first, end = [(start, start + 1)], *self._question.bounds
        known = bool(self._offsets) and self._offsets[0].start <= start < self._offsets[-1].end
        kept = {
            Rule.WINDOW: contains(self._question.window, start) and (not known or bool(self._on_grid(minute))),
            Rule.NOTICE_AND_HORIZON: first <= start < end,
            Rule.FILTERS: not known or bool(self._filtered(minute)),
        }
        return [rule for rule, holds in kept.items() if not holds]

    def nearest(self, starts: Sequence[int], preferred: int, limit: int) -> list[int]:
        """Returns at most `limit` of the starts, which ascend; nearest to `preferred` first, those of its local date
        before all others.
        """
        if not starts:
            return []
        of_day = list(members(starts, self._day_of(preferred)))
        found = _closest(of_day, preferred, limit)
        if len(found) == limit:
            return found
        others = sorted(set(starts).difference(of_day))
        return found + _closest(others, preferred, limit - len(found))

    def _day_of(self, instant: int) -> list[Span]:
        """The instants of the local date; beyond the window, of the date at its edge, which is nearest anyway."""
        known = min(max(instant, self._offsets[0].start), self._offsets[-1].end - 1)
        return instants_of_day(day_at(known, self._offsets), self._offsets)

    @cached_property
    def _covered(self) -> list[Span]:
        """The window, as far as the offsets reach."""
        if not self._offsets:
            return []
        return clip(self._question.window, (self._offsets[0].start, self._offsets[-1].end))

    @cached_property
    def _in_bounds(self) -> list[Span]:
        """What notice and horizon leave of the window."""
        return clip(self._question.window, self._question.bounds)

    @cached_property
    def _allowed(self) -> list[Span]:
        """What the filters leave of that."""
        return self._filtered(self._in_bounds)

    def _filtered(self, instants: Spans) -> list[Span]:
        kept = on_weekdays(instants, self._question.weekdays, self._offsets)
        return at_times(kept, self._question.times, self._offsets)

    def _on_grid(self, instants: Spans) -> list[int]:
        return list(grid_instants(instants, self._question.step, self._offsets))

    def _starts_up_to(self, rule: Rule) -> list[Span]:
        """Where the visit could start if the rules after this one did not exist, whatever the question allows."""
        return Search(*relaxed(self._question.segments, self._agendas, rule)).starts


def why_out_of_bounds(question: Question) -> NoSlots:
    """Tells why the bounds leave nothing of a window. A window without an instant is a date that the zone skips."""
    if not question.window:
        return NoSlots.CLOSED
    return NoSlots.TOO_SOON if question.window[0][0] < question.bounds[0] else NoSlots.BEYOND_HORIZON


def _closest(ascending: Sequence[int], instant: int, limit: int) -> list[int]:
    """Returns at most `limit` of the numbers, nearest first, the earlier of two."""
    at = bisect_left(ascending, instant)
    around = ascending[max(0, at - limit) : at + limit]
    return sorted(around, key=lambda each: (abs(each - instant), each))[:limit]
