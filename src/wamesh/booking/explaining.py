"""Why an answer of FindSlots is as it is, with the bookings and resources that stand in the way by name.

Owns the way from the engine's obstacles, which are spans of time, to whose booking and which resource is meant. Refuses
to judge: what an obstacle is, is the engine's word.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from wamesh.booking.diary import View
from wamesh.booking.search import Outlook
from wamesh.slots.explaining import Obstacle, Rule
from wamesh.slots.finding import Finding
from wamesh.slots.spans import Span, clip


@dataclass(frozen=True, slots=True)
class NamedObstacle:
    """One thing that stands in the way of a start; ids are 0 where nothing of the kind is meant."""

    rule: Rule
    segment_index: int
    staff_id: int = 0
    resource_id: int = 0
    booking_id: int = 0


@dataclass(frozen=True, slots=True)
class Explanation:
    """How many starts each rule leaves, in the order of the rules; and what stands in the way at a preferred start."""

    steps: Sequence[tuple[Rule, int]]
    obstacles: Sequence[NamedObstacle]


def explanation_of(finding: Finding, ready: Outlook, view: View, preferred: int | None) -> Explanation:
    """Explains a finding, and the preferred start if there is one."""
    met = [] if preferred is None else finding.obstacles_at(preferred)
    named = [each for obstacle in met for each in _named(obstacle, ready, view)]
    return Explanation(finding.funnel(), named)


def _named(obstacle: Obstacle, ready: Outlook, view: View) -> Iterator[NamedObstacle]:
    """Yields the obstacle once for each booking or resource that is meant, or once without."""
    rule, index, staff_id = obstacle.rule, obstacle.segment_index, obstacle.staff_id or 0
    if obstacle.span is not None and rule is Rule.STAFF_FREE:
        for booking_id in _bookings(staff_id, obstacle.span, view) or [0]:
            yield NamedObstacle(rule, index, staff_id, booking_id=booking_id)
    elif obstacle.span is not None and rule is Rule.RESOURCES_FREE:
        for resource_id in ready.exhausted(index, obstacle.span, view):
            yield NamedObstacle(rule, index, staff_id, resource_id=resource_id)
    else:
        yield NamedObstacle(rule, index, staff_id)


def _bookings(staff_id: int, span: Span, view: View) -> list[int]:
    """Returns the bookings that take a span of somebody's time; holds have no name."""
    met = {
        visit_id
        for visit_id, segment in view.visits_of(staff_id, span)
        if clip([(segment.occupied_from, segment.occupied_until)], span)
    }
    return sorted(met - view.diary.holds)
