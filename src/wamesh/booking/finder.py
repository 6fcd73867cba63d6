"""FindSlots as a story: read the calendar, put the question, and look further when the answer is empty.

Owns what is read for an answer and how far suggestions reach. Every step reads one snapshot, so that slots,
reason and suggestions agree with each other.

Invariant: each suggestion is bookable on that snapshot; suggestions match the question whenever anything
does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from wamesh.booking.appointments import Wish
from wamesh.booking.calendar import Calendar
from wamesh.booking.search import Inquiry, Instants, Outlook, bounds_at, outlook
from wamesh.booking.stores import BookingStore, CalendarStore, Steps
from wamesh.slots.engine import Slot
from wamesh.slots.finding import Finding, NoSlots
from wamesh.slots.spans import Span
from wamesh.slots.zones import MINUTES_PER_DAY

_REACHES_DAYS = (7, 28, 366)
"""How far around the preference suggestions are looked for, one reach after the other until something is
free.
"""

_FIRST_DAYS = 4
"""How much of a longer window is searched at first: salons have some 30 starts a day, a page holds 100."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What FindSlots found: one page of slots, and whether more follow."""

    calendar: Calendar
    slots: Sequence[Slot]
    more: bool
    suggestions: Sequence[Slot]
    reason: NoSlots | None
    effective_window: Span | None


@dataclass(frozen=True, slots=True)
class Page:
    """At most `size` slots that start after the minute `after` (None: from the first)."""

    size: int
    after: int | None = None

    def cut(self, starts: Sequence[int]) -> tuple[Sequence[int], bool]:
        """Returns the page of ascending starts, and whether more follow."""
        left = starts if self.after is None else [each for each in starts if each > self.after]
        return left[: self.size], len(left) > self.size


class Finder:
    """Answers inquiries from the stores."""

    def __init__(self, calendars: CalendarStore, bookings: BookingStore) -> None:
        self._calendars = calendars
        self._bookings = bookings

    def answer(self, company_id: int, inquiry: Inquiry, page: Page, now: datetime) -> Steps[Answer]:
        """Finds slots. Raises CompanyNotFound, ServiceNotFound, StaffNotFound, BookingNotFound."""
        calendar = yield from self._calendars.load(company_id)
        if inquiry.exclude_booking_id:
            yield from self._bookings.get(company_id, inquiry.exclude_booking_id)
        ready = outlook(calendar, inquiry, now)
        finding = yield from self._look_for(page, ready, inquiry)
        starts, more = page.cut(finding.starts)
        suggestions = yield from self._suggest(ready, finding, inquiry, now)
        return Answer(
            calendar=calendar,
            slots=finding.slots_at(starts),
            more=more,
            suggestions=suggestions,
            reason=finding.reason(),
            effective_window=ready.question.effective_window,
        )

    def _look_for(self, page: Page, ready: Outlook, inquiry: Inquiry) -> Steps[Finding]:
        """Puts the question to no more days than the answer needs: the first ones often fill the first page.

        A preference is for the whole window at once, since what is nearest to it may lie anywhere.
        """
        beginning = ready.beginning(_FIRST_DAYS)
        if beginning is not ready and page.after is None and inquiry.preferred is None:
            finding = yield from self.look(beginning, inquiry.exclude_booking_id)
            if len(finding.starts) > max(page.size, inquiry.max_suggestions):
                return finding
        return (yield from self.look(ready, inquiry.exclude_booking_id))

    def look(self, ready: Outlook, exclude_booking_id: int = 0) -> Steps[Finding]:
        """Reads the time of everybody concerned, and puts the question."""
        company_id = ready.calendar.company.company_id
        busy = yield from self._bookings.busy(company_id, ready.staff_ids, ready.stretch, exclude_booking_id)
        return ready.look(busy)

    def alternatives(
        self, calendar: Calendar, wishes: Sequence[Wish], around: int, limit: int, now: datetime, exclude: int = 0
    ) -> Steps[list[Slot]]:
        """Finds at most `limit` slots nearest to an instant, its local date first, whatever the time of day."""
        earliest, end = bounds_at(calendar, now)
        centre = min(max(around, earliest), end - 1)
        for days in _REACHES_DAYS:
            reach = days * MINUTES_PER_DAY
            around_it = Inquiry(tuple(wishes), Instants(centre - reach, centre + reach + 1))
            finding = yield from self.look(outlook(calendar, around_it, now), exclude)
            if finding.starts:
                return finding.slots_at(finding.nearest(finding.starts, around, limit))
            if centre - reach <= earliest and centre + reach >= end:
                break
        return []

    def _suggest(self, ready: Outlook, finding: Finding, inquiry: Inquiry, now: datetime) -> Steps[Sequence[Slot]]:
        window = ready.question.window
        preferred = inquiry.preferred if inquiry.preferred is not None else (window[0][0] if window else 0)
        if finding.starts:
            return finding.slots_at(finding.nearest(finding.starts, preferred, inquiry.max_suggestions))
        if finding.reason() is NoSlots.NO_ELIGIBLE_STAFF:
            return []
        return (
            yield from self.alternatives(
                ready.calendar,
                inquiry.wishes,
                preferred,
                inquiry.max_suggestions,
                now,
                inquiry.exclude_booking_id,
            )
        )
