"""The answer to "when?": starts that match a question, the reason when there are none, and the nearest
alternatives.

Owns the order in which rules are applied: the window cut by notice and horizon, the filters, the grid, then
the engine's predicate. Owns the meaning of each reason. Refuses clocks, tokens and pages: the caller says
what now allows (`bounds`) and takes as many slots as it wants.

Invariant: `starts` holds a minute if and only if `slot_at` gives its slot; so what is listed can be booked,
and what is not cannot.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from heapq import nsmallest

from wamesh.slots.engine import Agenda, Search, Segment, Slot
from wamesh.slots.filters import at_times, grid_starts, on_weekdays
from wamesh.slots.load import DayRanks
from wamesh.slots.spans import Span, Spans, clip, contains, intersect
from wamesh.slots.zones import Offsets, day_at, instants_of_day


class NoSlots(Enum):
    """Why there is no slot; the names are those of the contract's NoSlotsReason, without its prefix."""

    CLOSED = "they do not work then"
    FULLY_BOOKED = "they work, and are booked"
    NO_ELIGIBLE_STAFF = "nobody allowed does the service"
    NO_MATCHING_TIME = "something is free, and the filters exclude it"
    TOO_SOON = "the whole window lies before now plus notice"
    BEYOND_HORIZON = "the whole window lies beyond the horizon"


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
        """`agendas` and `offsets` cover the window, the local dates of its edges, and after it the longest
        visit.
        """
        self._question = question
        self._agendas = agendas
        self._offsets = offsets
        self._search = Search(question.segments, agendas)
        self._ranks = DayRanks({staff_id: each.busy for staff_id, each in agendas.items()}, offsets)

    @cached_property
    def starts(self) -> list[int]:
        """The starts that match the question, ascending."""
        return self._on_grid(self._filtered(self._within_window(self._search.starts)))

    @cached_property
    def unfiltered_starts(self) -> list[int]:
        """The starts that would match without the filters, ascending."""
        return self._on_grid(self._within_window(self._search.starts))

    def slot_at(self, start: int) -> Slot | None:
        """Returns the slot at an instant with the staff it would take; None when the instant is not in
        `starts`.
        """
        allowed = self._on_grid(self._filtered(self._within_window([(start, start + 1)])))
        return self._search.slot_at(start, self._ranks) if allowed else None

    def slots_at(self, starts: Sequence[int]) -> list[Slot]:
        """Returns the slots of some members of `starts` or `unfiltered_starts`, in the order given."""
        slots = (self._search.slot_at(start, self._ranks) for start in starts)
        return [slot for slot in slots if slot is not None]

    def reason(self) -> NoSlots | None:
        """Tells why `starts` is empty; None when it is not."""
        if self.starts:
            return None
        if not self._search.somebody_eligible:
            return NoSlots.NO_ELIGIBLE_STAFF
        if self._question.effective_window is None:
            return why_out_of_bounds(self._question)
        if self.unfiltered_starts:
            return NoSlots.NO_MATCHING_TIME
        return NoSlots.FULLY_BOOKED if self._open_starts() else NoSlots.CLOSED

    def nearest(self, starts: Sequence[int], preferred: int, limit: int) -> list[int]:
        """Returns at most `limit` of the starts, nearest to `preferred` first, those of its local date before
        all others.
        """
        if not starts:
            return []
        day = self._day_of(preferred)

        def distance(start: int) -> tuple[bool, int, int]:
            return not contains(day, start), abs(start - preferred), start

        return nsmallest(limit, starts, key=distance)

    def _day_of(self, instant: int) -> list[Span]:
        """The instants of the local date; beyond the window, of the date at its edge, which is nearest anyway."""
        known = min(max(instant, self._offsets[0].start), self._offsets[-1].end - 1)
        return instants_of_day(day_at(known, self._offsets), self._offsets)

    def _within_window(self, instants: Spans) -> list[Span]:
        return intersect(instants, clip(self._question.window, self._question.bounds))

    def _filtered(self, instants: Spans) -> list[Span]:
        kept = on_weekdays(instants, self._question.weekdays, self._offsets)
        return at_times(kept, self._question.times, self._offsets)

    def _on_grid(self, instants: Spans) -> list[int]:
        return grid_starts(instants, self._question.step, self._offsets)

    def _open_starts(self) -> list[int]:
        """The starts in the window if nobody had a booking."""
        idle = {staff_id: Agenda(each.working, ()) for staff_id, each in self._agendas.items()}
        return self._on_grid(self._within_window(Search(self._question.segments, idle).starts))


def why_out_of_bounds(question: Question) -> NoSlots:
    """Tells why the bounds leave nothing of a window. A window without an instant is a date that the zone skips."""
    if not question.window:
        return NoSlots.CLOSED
    return NoSlots.TOO_SOON if question.window[0][0] < question.bounds[0] else NoSlots.BEYOND_HORIZON
