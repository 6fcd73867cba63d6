"""Why a visit can start at so few minutes: what each rule leaves, and what stands in the way at one of them.

Owns the order and the meaning of the rules, and the reading of the engine's predicate rule by rule. Refuses to decide:
whether a start can be booked is the word of `engine.Search` alone.

Invariant: a start has no obstacle exactly when the engine has a slot there.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from itertools import chain

from wamesh.slots.engine import Agenda, Duty, Segment, duties_of, grouped
from wamesh.slots.spans import Span, clip


class Rule(Enum):
    """The rules of a start, in the order in which they apply; the names are those of the contract's SlotRule,
    without its prefix.
    """

    WINDOW = "it lies in the window and on the grid"
    NOTICE_AND_HORIZON = "it lies between now plus notice and now plus horizon"
    FILTERS = "it matches the days of the week and the times of day"
    WORKING_TIME = "somebody allowed works for the whole of each segment"
    STAFF_FREE = "no other visit takes their time, buffers included"
    RESOURCES_FREE = "the rooms, chairs and other resources are free"
    SEATS = "the class has seats enough"


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One rule that a start breaks.

    `staff_id` is whose time is meant, None where the rule holds for everybody. `span` is the part of what they need
    that something else has taken: other visits, resources, or a session with too few seats.
    """

    rule: Rule
    segment_index: int = 0
    staff_id: int | None = None
    span: Span | None = None


Agendas = Mapping[int, Agenda]


def relaxed(segments: Sequence[Segment], agendas: Agendas, last: Rule) -> tuple[Sequence[Segment], Agendas]:
    """Returns the visit and the agendas as if the rules of people, resources and seats after `last` did not exist."""
    if last is Rule.WORKING_TIME:
        agendas = {staff_id: replace(each, busy=()) for staff_id, each in agendas.items()}
    if last is not Rule.SEATS:
        segments = [_empty(each) for each in segments]
    if last in (Rule.WORKING_TIME, Rule.STAFF_FREE):
        segments = [replace(each, closed=()) for each in segments]
    return segments, agendas


def _empty(segment: Segment) -> Segment:
    """Returns the segment for one person, who finds all seats of each session open."""
    sessions = {
        staff_id: [each._replace(open_seats=segment.capacity) for each in theirs]
        for staff_id, theirs in segment.sessions.items()
    }
    return replace(segment, seats=1, sessions=sessions)


def obstacles(segments: Sequence[Segment], agendas: Agendas, start: int, rank: Mapping[int, int]) -> Iterator[Obstacle]:
    """Yields what breaks the rules of people, resources and seats at a start.

    Segments that one person does in a row are looked at together. Where nobody can do all of them, each of their
    people is named with everything that stops them; where somebody can, nothing stands in the way. The next ones are
    looked at where they begin when the first in rank did these, of those who can, or else of all who may.
    """
    index = 0
    for group in grouped(segments):
        for position, segment in enumerate(group, index):
            if not segment.seats_suffice:
                yield Obstacle(Rule.SEATS, position)
        duties = duties_of(group, agendas)
        if not duties:
            yield Obstacle(Rule.WORKING_TIME, index)
            return
        met = {staff_id: list(_met(group, staff_id, agendas[staff_id], start, index)) for staff_id in duties}
        able = [staff_id for staff_id, obstacles in met.items() if not obstacles]
        if not able:
            yield from chain.from_iterable(met.values())
        start += _length(duties[min(able or duties, key=rank.__getitem__)])
        index += len(group)


def _length(duties: Iterable[Duty]) -> int:
    return sum(each.duration for each in duties)


def _met(group: Sequence[Segment], staff_id: int, agenda: Agenda, start: int, index: int) -> Iterator[Obstacle]:
    """Yields what stops one person from doing a group of segments from `start` on."""
    for position, segment in enumerate(group, index):
        end = start + segment.duties[staff_id].duration
        if clip(agenda.working, (start, end)) != [(start, end)]:
            yield Obstacle(Rule.WORKING_TIME, position, staff_id)
        for rule, span in _taken(segment, staff_id, agenda, start):
            yield Obstacle(rule, position, staff_id, span)
        start = end


def _taken(segment: Segment, staff_id: int, agenda: Agenda, start: int) -> Iterator[tuple[Rule, Span]]:
    """Yields what is taken of the time, the resources and the seats that one person needs for a segment."""
    session = segment.session_at(staff_id, start)
    if session is not None:
        if session.open_seats < segment.seats:
            yield Rule.SEATS, (session.start, session.end)
        return
    duty = segment.duties[staff_id]
    occupancy = (start - duty.before, start + duty.duration + duty.after)
    for rule, taken in ((Rule.STAFF_FREE, agenda.busy), (Rule.RESOURCES_FREE, segment.closed)):
        for span in clip(taken, occupancy)[:1]:
            yield rule, span
