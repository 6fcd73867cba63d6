"""FindSlots as a story: put the question to a company, cut the page, and look further when the answer is empty.

Owns how far is looked for a page and for suggestions. Refuses stores and tokens: a company is handed in as it was at
one revision (`memory.Salon`), so that slots, reason and suggestions agree with each other.

Invariant: each suggestion is bookable at that revision; suggestions match the question whenever anything does.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum, auto
from typing import Final, TypeVar

from wamesh.booking.diary import View
from wamesh.booking.explaining import Explanation, explanation_of
from wamesh.booking.memory import Salon
from wamesh.booking.search import Inquiry, Instants, Outlook, bounds_at, outlook
from wamesh.slots.engine import Slot
from wamesh.slots.finding import Finding, NoSlots
from wamesh.slots.near_misses import NearMiss
from wamesh.slots.spans import Span
from wamesh.slots.zones import MINUTES_PER_DAY

T = TypeVar("T", bound=tuple[int, ...])

_REACHES_DAYS: Final = (7, 28, 366)
"""How far around the preference suggestions are looked for, one reach after the other until something is free."""
_FIRST_DAYS: Final = 4
"""How much of a longer window is searched at first: salons have some 30 starts a day, a page holds 100."""
_FEW_STAFF: Final = 5
"""The whole window of so few is searched as quickly as its beginning, which would rarely fill a page."""
_NEAR_MISSES: Final = 20


class Grouping(Enum):
    """How an answer is arranged; the names are those of the contract's SlotGrouping, without its prefix."""

    BY_START = auto()
    BY_STAFF = auto()
    BY_DAY_COUNT = auto()


@dataclass(frozen=True, slots=True)
class Page:
    """At most `size` slots after a position: (start,), or (staff id, start) by staff; None is before the first."""

    size: int
    after: tuple[int, ...] | None = None

    def cut(self, positions: Sequence[T]) -> tuple[Sequence[T], bool]:
        """Returns the page of ascending positions, and whether more follow."""
        left = positions if self.after is None else [each for each in positions if each > self.after]
        return left[: self.size], len(left) > self.size


@dataclass(frozen=True, slots=True)
class Request:
    """What FindSlots is asked for: an inquiry, and what of its answer."""

    inquiry: Inquiry
    page: Page
    grouping: Grouping = Grouping.BY_START
    max_suggestions: int = 3
    explain: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What FindSlots found. `last` is the position of the last slot when more follow; else None. `day_counts` are
    (day number, starts).
    """

    slots: Sequence[Slot]
    effective_window: Span | None
    last: tuple[int, ...] | None = None
    day_counts: Sequence[tuple[int, int]] = field(default=())
    suggestions: Sequence[Slot] = field(default=())
    reason: NoSlots | None = None
    near_misses: Sequence[NearMiss] = field(default=())
    explanation: Explanation | None = None


def answer(salon: Salon, request: Request, now: datetime) -> Answer:
    """Finds slots. Raises ServiceNotFound, StaffNotFound, DurationNotAllowed, ClassNotAlone."""
    inquiry, page = request.inquiry, request.page
    view = salon.diary.at(now, inquiry.absent)
    ready = outlook(salon.calendar, inquiry, now)
    finding = _look_for(ready, view, request)
    found = _page_of(finding, request, ready.question.effective_window)
    if page.after is not None:
        return found
    preferred = _preferred(inquiry, ready)
    reason = finding.reason()
    return replace(
        found,
        reason=reason,
        suggestions=_suggestions(salon, request, finding, preferred, now),
        near_misses=finding.near_misses(preferred, _NEAR_MISSES) if reason or request.explain else (),
        explanation=explanation_of(finding, ready, view, inquiry.preferred) if request.explain else None,
    )


def alternatives(salon: Salon, inquiry: Inquiry, around: int, limit: int, now: datetime) -> Sequence[Slot]:
    """Finds at most `limit` slots nearest to an instant, its local date first, whatever the window and the filters."""
    view = salon.diary.at(now, inquiry.absent)
    earliest, end = bounds_at(salon.calendar, now)
    centre = min(max(around, earliest), end - 1)
    for days in _REACHES_DAYS:
        reach = days * MINUTES_PER_DAY
        window = Instants(centre - reach, centre + reach + 1)
        around_it = replace(inquiry, window=window, weekdays=frozenset(), times=())
        finding = outlook(salon.calendar, around_it, now).look(view)
        if finding.starts:
            return finding.slots_at(finding.nearest(finding.starts, around, limit))
        if window.start <= earliest and window.end >= end:
            break
    return ()


def _look_for(ready: Outlook, view: View, request: Request) -> Finding:
    """Puts the question to no more days than the page needs: the first ones often fill it.

    By staff, for day counts, for a preference and for an explanation the whole window matters at once.
    """
    page = request.page
    whole_matters = request.grouping is not Grouping.BY_START or request.inquiry.preferred is not None
    if not whole_matters and not request.explain and len(ready.staff_ids) > _FEW_STAFF:
        beginning = ready.beginning(_FIRST_DAYS, page.after[0] if page.after else None)
        finding = beginning.look(view)
        if len(finding.starts) > max(page.size, request.max_suggestions):
            return finding
    return ready.look(view)


def _page_of(finding: Finding, request: Request, effective_window: Span | None) -> Answer:
    if request.grouping is Grouping.BY_DAY_COUNT:
        return Answer((), effective_window, day_counts=finding.day_counts)
    if request.grouping is Grouping.BY_STAFF:
        pairs, more = request.page.cut(finding.staff_starts)
        return Answer(finding.slots_of(pairs), effective_window, pairs[-1] if more else None)
    starts, more = request.page.cut([(start,) for start in finding.starts])
    slots = finding.slots_at([start for (start,) in starts])
    return Answer(slots, effective_window, starts[-1] if more else None)


def _preferred(inquiry: Inquiry, ready: Outlook) -> int:
    """Returns what suggestions shall be near to: the preference, or the begin of the window."""
    window = ready.question.window
    if inquiry.preferred is not None:
        return inquiry.preferred
    return window[0][0] if window else 0


def _suggestions(salon: Salon, request: Request, finding: Finding, preferred: int, now: datetime) -> Sequence[Slot]:
    limit = request.max_suggestions
    if finding.starts:
        return finding.slots_at(finding.nearest(finding.starts, preferred, limit))
    if finding.reason() in (NoSlots.NO_ELIGIBLE_STAFF, NoSlots.PARTY_TOO_LARGE):
        return ()
    return alternatives(salon, request.inquiry, preferred, limit, now)
