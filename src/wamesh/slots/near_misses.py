"""Free times that are just too short: what a customer could have if the visit were shorter.

Only visits that one person does have near misses. Let the whole of it take `length` minutes from a start `u` and
occupy `[u - before, u + length + after)`. A minute `m` of somebody who may do the visit is *open* when they work at
`m`, and no instant of `[m - before, m + 1 + after)` is busy or closed for any of the segments. So whatever is done
within open minutes leaves room for the buffers at both of its ends.

A near miss is a maximal span of open minutes

    of at least 15 minutes,
    whose first minute may be a start by window, bounds and filters (it need not lie on the grid), and
    which holds no instant of the grid at which this person can begin the visit.

Its *shortfall* is how many minutes later it would have to end, so that the visit fits from the first instant of the
grid at or after its begin, whether or not window and filters allow that instant. A grid may waste minutes: from 10:05
to 10:55 there is no visit of 45 minutes on a grid of 15, and the shortfall is 5.

Agendas end somewhere. A span is cut where they begin; it is left out where it would have to reach past their end, for
then nobody knows its shortfall.

Invariant: every shortfall is positive.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from wamesh.slots.engine import Agenda, Run, reach_of
from wamesh.slots.filters import grid_instants
from wamesh.slots.spans import Span, Spans, contains, intersect, starts_touching, subtract, union
from wamesh.slots.zones import Offsets

SHORTEST_MINUTES: Final = 15


class NearMiss(NamedTuple):
    """`[start, end)` is free for a staff member, and `shortfall` minutes too short; all are minutes."""

    staff_id: int
    start: int
    end: int
    shortfall: int

    def distance(self, instant: int) -> int:
        """Returns how many minutes the free time lies off an instant; 0 when it holds it."""
        return max(self.start - instant, instant - self.end + 1, 0)


@dataclass(frozen=True, slots=True)
class Misses:
    """Where near misses of one run are looked for: `begins` are the starts that the question allows."""

    run: Run
    agendas: Mapping[int, Agenda]
    begins: Spans
    step: int
    offsets: Offsets

    def __iter__(self) -> Iterator[NearMiss]:
        """Yields them by staff id, then start."""
        for staff_id in self.run.duties:
            length = sum(each.duration for each in self.run.duties[staff_id])
            for span in self._open(staff_id, length):
                needed = self._needed_until(span[0], length)
                if needed is not None and not self._begins_within(span, staff_id):
                    yield NearMiss(staff_id, *span, needed - span[1])

    def _open(self, staff_id: int, length: int) -> Iterator[Span]:
        """Yields the maximal spans of open minutes that are long enough and begin where the question allows."""
        before, after = reach_of(self.run.duties[staff_id])
        agenda = self.agendas[staff_id]
        taken = union([agenda.busy, *(each.closed for each in self.run.segments)])
        for span in subtract(agenda.working, starts_touching(taken, before, after - length + 1)):
            if span[1] - span[0] >= SHORTEST_MINUTES and contains(self.begins, span[0]):
                yield span

    def _needed_until(self, begin: int, length: int) -> int | None:
        """Returns the end of a visit at the first instant of the grid; None past what the agendas cover."""
        end = self.offsets[-1].end
        first = next(grid_instants([(begin, end)], self.step, self.offsets), end)
        return first + length if first + length <= end else None

    def _begins_within(self, span: Span, staff_id: int) -> bool:
        starts = intersect([span], self.run.starts_of[staff_id])
        return any(True for _ in grid_instants(starts, self.step, self.offsets))
