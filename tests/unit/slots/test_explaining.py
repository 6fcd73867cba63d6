"""What is told beside the slots, one plain case each: staff 1 and 2 work from 10:00 to 12:00 in UTC."""

from collections.abc import Sequence
from dataclasses import replace

from wamesh.slots.engine import Agenda, Duty, Segment, Session
from wamesh.slots.explaining import Obstacle, Rule
from wamesh.slots.finding import Finding, NoSlots, Question
from wamesh.slots.near_misses import NearMiss
from wamesh.slots.spans import Span, Spans
from wamesh.slots.zones import Offset

UTC = (Offset(0, 2880, 0),)
WINDOW = (540, 780)


def finding(segments: Sequence[Segment], *busy: Spans, window: Span = WINDOW, bounds: Span = WINDOW) -> Finding:
    """Staff 1, 2, ... who are busy as told, on a grid of 15 minutes."""
    agendas = {staff_id: Agenda([(600, 720)], spans) for staff_id, spans in enumerate(busy, start=1)}
    return Finding(Question(segments, [window], bounds, step=15), agendas, UTC)


def by(*staff: int, duration: int = 45, before: int = 0, after: int = 0, same: bool = False) -> Segment:
    return Segment({each: Duty(duration, before, after) for each in staff}, same)


def test_the_grid_may_waste_minutes() -> None:
    """From 10:05 to 10:55 no 45 minutes begin on a grid of 15; five minutes more would do."""
    found = finding([by(1)], [(600, 605), (655, 720)])
    assert found.near_misses(600, 9) == [NearMiss(1, 605, 655, 5)]


def test_buffers_take_their_part_of_a_free_time() -> None:
    """Between two visits both buffers are cut off; at the edges of a shift none is."""
    found = finding([by(1, duration=60, before=10, after=5)], [(640, 680)])
    assert found.near_misses(600, 9) == [NearMiss(1, 600, 635, 25), NearMiss(1, 690, 720, 30)]


def test_a_free_time_of_fourteen_minutes_is_no_near_miss() -> None:
    """One of fifteen is."""
    found = finding([by(1, 2)], [(614, 720)], [(615, 720)])
    assert found.near_misses(600, 9) == [NearMiss(2, 600, 615, 30)]


def test_near_misses_are_nearest_first() -> None:
    """One that holds the preferred instant before all others, then by staff id."""
    found = finding([by(1, 2)], [(620, 700)], [(630, 690)])
    assert [(miss.staff_id, miss.start) for miss in found.near_misses(625, 3)] == [(2, 600), (1, 600), (2, 690)]


def test_the_nearest_starts_are_of_the_preferred_date_first() -> None:
    """Then those of other dates, the earlier of two; a preference outside of the window is at its edge."""
    days = (0, 1440, 2880)
    agendas = {1: Agenda([(day + 600, day + 720) for day in days], [])}
    found = Finding(Question([by(1)], [(0, 4320)], (0, 4320), step=15), agendas, (Offset(0, 4320, 0),))
    of_day = [1440 + 600 + 15 * index for index in range(6)]
    assert found.nearest(found.starts, 1440 + 600, 4) == of_day[:4]
    assert found.nearest(found.starts, 1440 + 600, 8) == [*of_day, 675, 660]
    assert found.nearest(found.starts, 1440 + 660, 3) == [2100, 2085, 2115]
    assert found.nearest(found.starts, -9, 2) == [600, 615]
    assert found.nearest(found.starts, 9999, 2) == [3555, 3540]
    assert found.nearest([], 600, 2) == []


def test_a_free_time_that_outlasts_the_agendas_is_no_near_miss() -> None:
    """For nobody knows how long it goes on."""
    agendas = {1: Agenda([(2840, 2880)], [])}
    found = Finding(Question([by(1)], [(2820, 2880)], (2820, 2880), step=15), agendas, UTC)
    assert found.near_misses(2840, 9) == []


def test_several_people_have_no_near_misses() -> None:
    """A visit that one person does in two segments has."""
    busy = [(620, 720)]
    assert finding([by(1), by(1)], busy).near_misses(600, 9) == []
    assert finding([by(1), by(1, same=True)], busy).near_misses(600, 9) == [NearMiss(1, 600, 620, 70)]


def test_the_funnel_goes_rule_by_rule() -> None:
    """16 starts in the window, 12 after notice, 6 at work, 2 not booked, 1 with a room."""
    found = finding([replace(by(1), closed=[(600, 645)])], [(615, 630), (690, 720)], bounds=(600, 780))
    assert found.funnel() == list(zip(Rule, [16, 12, 12, 6, 2, 1, 1], strict=True))


def test_the_whole_of_a_window_is_counted_as_far_as_offsets_reach() -> None:
    """Without offsets nothing is."""
    found = Finding(Question([by(1)], [(0, 60)], (100, 200), step=15), {}, ())
    assert [count for _, count in found.funnel()] == [0] * 7
    assert found.day_counts == []
    assert found.near_misses(0, 9) == []
    assert found.obstacles_at(0) == [Obstacle(Rule.NOTICE_AND_HORIZON)]


def test_an_obstacle_tells_the_span_that_is_met() -> None:
    """No more of it than the visit needs, buffers included."""
    found = finding([replace(by(1, 2, before=10), closed=[(680, 700)])], [(500, 650)], [(700, 800)])
    assert found.obstacles_at(645) == [
        Obstacle(Rule.STAFF_FREE, 0, 1, (635, 650)),
        Obstacle(Rule.RESOURCES_FREE, 0, 1, (680, 690)),
        Obstacle(Rule.RESOURCES_FREE, 0, 2, (680, 690)),
    ]


def test_who_can_do_it_is_no_obstacle_and_neither_is_who_cannot() -> None:
    """The first segment can be done, so that only the second one is named, where it begins."""
    found = finding([by(1, 2), by(1)], [(600, 645), (690, 720)], [])
    assert found.obstacles_at(630) == [Obstacle(Rule.STAFF_FREE, 1, 1, (690, 720))]


def test_a_segment_that_nobody_may_do_has_an_obstacle() -> None:
    """It names no person."""
    assert finding([by(1), by()], []).obstacles_at(600) == [Obstacle(Rule.WORKING_TIME, 1)]


def test_obstacles_count_segments_through_the_whole_visit() -> None:
    """Two that one person does in a row, then one that nobody works long enough for."""
    visit = [by(1, duration=15), by(1, duration=15, same=True), by(2, duration=200)]
    assert finding(visit, [], []).obstacles_at(600) == [Obstacle(Rule.WORKING_TIME, 2, 2)]
    last = [by(1, duration=15), by(2, duration=15), by(1, duration=15), by()]
    assert finding(last, [], []).obstacles_at(600) == [Obstacle(Rule.WORKING_TIME, 3)]


def test_the_next_segment_begins_when_the_first_in_rank_is_done() -> None:
    """Of those who can do it, the least loaded; their durations differ."""
    first = Segment({1: Duty(15), 2: Duty(45)})
    found = finding([first, by(3)], [(705, 720)], [], [(600, 615), (645, 720)])
    assert found.obstacles_at(600) == [Obstacle(Rule.STAFF_FREE, 1, 3, (645, 690))]
    found = finding([first, by(3)], [], [(705, 720)], [(600, 615), (645, 720)])
    assert found.obstacles_at(600) == [Obstacle(Rule.STAFF_FREE, 1, 3, (645, 660))]


def test_a_party_that_is_too_large_has_an_obstacle() -> None:
    """It is the class's, not a person's; two people are too many for each part of a visit."""
    yoga = replace(by(1), capacity=3, seats=4)
    assert finding([yoga], []).obstacles_at(600) == [Obstacle(Rule.SEATS, 0)]
    visit = [by(1, duration=15), by(1, duration=15, same=True), by(2, duration=15)]
    two = finding([replace(each, seats=2) for each in visit], [], [])
    assert two.obstacles_at(600) == [Obstacle(Rule.SEATS, index) for index in range(3)]


def test_only_the_first_of_what_is_met_is_told() -> None:
    """A caller who moves out of its way asks again."""
    found = finding([replace(by(1), closed=[(610, 615), (620, 625)])], [(605, 610), (630, 640)])
    assert found.obstacles_at(600) == [
        Obstacle(Rule.STAFF_FREE, 0, 1, (605, 610)),
        Obstacle(Rule.RESOURCES_FREE, 0, 1, (610, 615)),
    ]


def test_a_session_that_is_full_is_the_obstacle() -> None:
    """And one with seats is none, though its own occupancy is busy time."""
    session = Session(9, 600, 645, 0, (600, 645))
    full = replace(by(1), capacity=2, sessions={1: [session]})
    assert finding([full], [(600, 645)]).obstacles_at(600) == [Obstacle(Rule.SEATS, 0, 1, (600, 645))]
    open_to_one = replace(full, sessions={1: [session._replace(open_seats=1)]})
    assert finding([open_to_one], [(600, 645)]).obstacles_at(600) == []


def test_the_first_start_that_notice_allows_breaks_no_rule() -> None:
    """Nor does the first instant whose offset is known."""
    found = finding([by(1)], [(600, 720)], bounds=(600, 660))
    assert [each.rule for each in found.obstacles_at(600)] == [Rule.STAFF_FREE]
    assert [each.rule for each in found.obstacles_at(660)] == [Rule.NOTICE_AND_HORIZON]
    question = Question([by(1)], [(0, 60)], (0, 60), step=15, times=[(60, 120)])
    first = Finding(question, {1: Agenda([(600, 720)], [])}, UTC)
    assert [each.rule for each in first.obstacles_at(0)] == [Rule.FILTERS, Rule.WORKING_TIME]


def test_beyond_the_offsets_no_local_rule_is_judged() -> None:
    """For nobody knows what the clock reads there."""
    question = Question([by(1)], [(2820, 2880)], (0, 2880), step=15, times=[(60, 120)])
    found = Finding(question, {1: Agenda([(600, 720)], [])}, UTC)
    assert [each.rule for each in found.obstacles_at(2880)] == [Rule.WINDOW, Rule.NOTICE_AND_HORIZON]


def test_why_a_window_is_out_of_bounds() -> None:
    """It ends where the bounds begin, or begins where they end; a date that the zone skips is closed."""
    assert finding([by(1)], [], window=(540, 600), bounds=(600, 660)).reason() is NoSlots.TOO_SOON
    assert finding([by(1)], [], window=(660, 700), bounds=(600, 660)).reason() is NoSlots.BEYOND_HORIZON
    assert finding([by(1)], [], window=(600, 600), bounds=(600, 600)).reason() is NoSlots.BEYOND_HORIZON
    nothing = Finding(Question([by(1)], [], (600, 660), step=15), {1: Agenda([(600, 720)], [])}, UTC)
    assert nothing.reason() is NoSlots.CLOSED


def test_a_free_time_may_end_past_the_window() -> None:
    """Its first minute is what the question must allow."""
    found = finding([by(1)], [(600, 640), (670, 720)], window=(540, 650))
    assert found.near_misses(600, 9) == [NearMiss(1, 640, 670, 20)]
    assert finding([by(1)], [(600, 640), (670, 720)], window=(660, 700)).near_misses(600, 9) == []


def test_a_shortfall_may_reach_to_the_end_of_the_agendas() -> None:
    """And not past it; nor is one told when the grid has no instant left."""

    def misses(shift: Span, step: int) -> list[NearMiss]:
        question = Question([by(1)], [(2700, 2880)], (2700, 2880), step)
        return Finding(question, {1: Agenda([shift], [])}, UTC).near_misses(2700, 9)

    assert misses((2830, 2860), 15) == [NearMiss(1, 2830, 2860, 20)]
    assert misses((2836, 2860), 15) == []
    assert misses((2840, 2870), 60) == []


def test_how_far_a_free_time_is() -> None:
    """Nothing from its first to its last minute, then a minute for each."""
    miss = NearMiss(1, 600, 620, 25)
    assert [miss.distance(at) for at in (590, 599, 600, 610, 619, 620, 629)] == [10, 1, 0, 0, 0, 1, 10]
