"""Which minutes a start may fall on at all, before anybody's calendar is asked: days of the week, times of
day, the grid.

Each rule looks only at what the wall clock reads at the start. So the filters are independent of each other
(Friday with 22:00-02:00 keeps Friday 00:30 and Friday 23:00, not Saturday 00:30), and each instant of a
repeated hour is judged alike.

Invariant: filtering the answer and filtering the question give the same starts.
"""

from collections.abc import Collection, Iterator

from wamesh.slots.spans import Span, Spans, canonical, intersect
from wamesh.slots.zones import MINUTES_PER_DAY, Offsets, instants_of, local_days, readings_of, weekday_of


def on_weekdays(instants: Spans, weekdays: Collection[int], offsets: Offsets) -> list[Span]:
    """Keeps the instants whose local date is one of the weekdays (Monday is 0); an empty collection keeps
    all.
    """
    if not weekdays:
        return list(instants)
    days = (day for day in local_days(offsets) if weekday_of(day) in weekdays)
    local = canonical((day * MINUTES_PER_DAY, (day + 1) * MINUTES_PER_DAY) for day in days)
    return intersect(instants, instants_of(local, offsets))


def at_times(instants: Spans, ranges: Collection[Span], offsets: Offsets) -> list[Span]:
    """Keeps the instants whose local time of day is in one of the ranges; an empty collection keeps all.

    A range is `[start, end)` in minutes since midnight, 0 to 1440; an end before the start wraps midnight.
    """
    if not ranges:
        return list(instants)
    times = canonical(part for each in ranges for part in _unwrap(each))
    local = canonical(
        (day * MINUTES_PER_DAY + start, day * MINUTES_PER_DAY + end)
        for day in local_days(offsets)
        for start, end in times
    )
    return intersect(instants, instants_of(local, offsets))


def _unwrap(times: Span) -> tuple[Span, ...]:
    start, end = times
    return (times,) if start <= end else ((start, MINUTES_PER_DAY), (0, end))


def grid_instants(instants: Spans, step: int, offsets: Offsets) -> Iterator[int]:
    """Yields the instants, ascending, whose local minutes since midnight are a multiple of `step` (1 to
    1440).
    """
    for span, shift in readings_of(instants, offsets):
        yield from _grid(span, step, shift)


def _grid(local: Span, step: int, shift: int) -> Iterator[int]:
    """Yields the grid instants of one span of local minutes, for which instant = local minute - `shift`."""
    start, end = local
    for day in range(start // MINUTES_PER_DAY, -(-end // MINUTES_PER_DAY)):
        midnight = day * MINUTES_PER_DAY
        first = midnight + -(-max(start - midnight, 0) // step) * step
        yield from range(first - shift, min(end, midnight + MINUTES_PER_DAY) - shift, step)
