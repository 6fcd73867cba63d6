"""How loaded each staff member is on a day: the tie-break of assignment.

The load is the number of occupied minutes, buffers included, on the local date of the visit's start. A date's load
counts instants, so that a day of 23 or 25 hours needs no special case.

Invariant: the ranking of a date is total (equal loads go by id), so that an assignment is never a matter of chance.
"""

from collections import Counter
from collections.abc import Mapping

from wamesh.slots.spans import Spans
from wamesh.slots.zones import MINUTES_PER_DAY, Offsets, local_of, readings_of


def minutes_by_day(instants: Spans, offsets: Offsets) -> Counter[int]:
    """Counts a set of instants by the day number that the wall clock reads at each."""
    minutes: Counter[int] = Counter()
    for (start, end), _ in readings_of(instants, offsets):
        while start < end:
            day = start // MINUTES_PER_DAY
            until = min(end, (day + 1) * MINUTES_PER_DAY)
            minutes[day] += until - start
            start = until
    return minutes


class DayRanks:
    """Who comes first on each date of a window: the least loaded, then the lowest id. Counts when first asked."""

    def __init__(self, busy: Mapping[int, Spans], offsets: Offsets) -> None:
        self._busy = busy
        self._offsets = offsets
        self._loads: dict[int, Counter[int]] | None = None
        self._ranks: dict[int, dict[int, int]] = {}

    def __call__(self, instant: int) -> Mapping[int, int]:
        """Returns the rank of each staff member, 0 first, on the local date of an instant of the window."""
        day = local_of(instant, self._offsets) // MINUTES_PER_DAY
        if day not in self._ranks:
            loads = self._all_loads()
            order = sorted(loads, key=lambda staff_id: (loads[staff_id][day], staff_id))
            self._ranks[day] = {staff_id: rank for rank, staff_id in enumerate(order)}
        return self._ranks[day]

    def _all_loads(self) -> dict[int, Counter[int]]:
        if self._loads is None:
            self._loads = {who: minutes_by_day(busy, self._offsets) for who, busy in self._busy.items()}
        return self._loads
