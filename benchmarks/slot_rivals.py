"""Two other ways to find the starts of a visit, for comparison: minute by minute, and with a library of intervals.

Both are given what the engine is given, when each person works and when they are busy, and follow the same rules for a
visit of one service: the service inside the working time, its occupancy clear of others, the start on the grid. They
tell only the starts, not who would do it.

Owns: nothing but these two functions. Invariant: on the same input they return what `wamesh.slots` returns.
"""

from collections.abc import Iterable, Mapping

import portion

from wamesh.slots.engine import Agenda, Duty
from wamesh.slots.spans import Spans


def minute_scan(grid: Iterable[int], duties: Mapping[int, Duty], agendas: Mapping[int, Agenda]) -> list[int]:
    """Tries each start of the grid, and for each person each minute of the visit."""
    working = {staff_id: _minutes(each.working) for staff_id, each in agendas.items()}
    busy = {staff_id: _minutes(each.busy) for staff_id, each in agendas.items()}

    def can(staff_id: int, duty: Duty, start: int) -> bool:
        served = range(start, start + duty.duration)
        occupied = range(start - duty.before, start + duty.duration + duty.after)
        return all(minute in working[staff_id] for minute in served) and not any(
            minute in busy[staff_id] for minute in occupied
        )

    return [start for start in grid if any(can(staff_id, duty, start) for staff_id, duty in duties.items())]


def _minutes(spans: Spans) -> set[int]:
    return {minute for start, end in spans for minute in range(start, end)}


def with_portion(grid: Iterable[int], duties: Mapping[int, Duty], agendas: Mapping[int, Agenda]) -> list[int]:
    """Takes unions and differences of `portion.Interval`s, then asks for each start of the grid."""
    starts = portion.empty()
    for staff_id, duty in duties.items():
        agenda = agendas[staff_id]
        fits = portion.Interval(
            *(
                portion.closedopen(start, end - duty.duration + 1)
                for start, end in agenda.working
                if end - start >= duty.duration
            )
        )
        taken = portion.Interval(
            *(
                portion.closedopen(start - duty.duration - duty.after + 1, end + duty.before)
                for start, end in agenda.busy
            )
        )
        starts |= fits - taken
    spans = [(each.lower, each.upper) for each in starts]
    return [start for start in grid if any(lower <= start < upper for lower, upper in spans)]
