"""How loaded each staff member is on a day: the tie-break of assignment.

The load is the number of occupied minutes, buffers included, on the local date of the visit's start. A date's load
counts instants, so that a day of 23 or 25 hours needs no special case.

Invariant: the ranking of a date is total (equal loads go by id), so that an assignment is never a matter of chance.
"""

from collections.abc import Mapping

from wamesh.slots.spans import Spans, clip, measure
from wamesh.slots.zones import Offsets, day_at, instants_of_day


def minutes_on(date: Spans, busy: Spans) -> int:
    """Counts the busy instants of a date (`zones.instants_of_day`); its cost does not grow with the window."""
    return sum([measure(clip(busy, span)) for span in date])


class DayRanks:
    """Who comes first on each date of a window: the least loaded, then the lowest id. Counts a date when asked."""

    def __init__(self, busy: Mapping[int, Spans], offsets: Offsets) -> None:
        self._busy = busy
        self._offsets = offsets
        self._ranks: dict[int, dict[int, int]] = {}

    def __call__(self, instant: int) -> Mapping[int, int]:
        """Returns the rank of each staff member, 0 first, on the local date of an instant of the window."""
        day = day_at(instant, self._offsets)
        if day not in self._ranks:
            self._ranks[day] = self._ranked(day)
        return self._ranks[day]

    def _ranked(self, day: int) -> dict[int, int]:
        date = instants_of_day(day, self._offsets)
        loads = sorted((minutes_on(date, busy), staff_id) for staff_id, busy in self._busy.items())
        return {staff_id: rank for rank, (_, staff_id) in enumerate(loads)}
