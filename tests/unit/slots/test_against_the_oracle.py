"""The engine and a literal minute-by-minute reading of the rules agree (invariants 1 to 4, 6 to 15 of the design)."""

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support import slot_oracle
from support.slot_oracle import Need, Person, Range, World
from support.slot_worlds import finding_in, worlds

from wamesh.slots.finding import NoSlots

Case = tuple[World, Range]
thorough = settings(max_examples=200, deadline=None)
brief = settings(max_examples=60, deadline=None)


@thorough
@given(worlds())
def test_every_start_of_the_oracle_is_found_and_no_other(case: Case) -> None:
    """Starts are exactly the instants at which, minute by minute, somebody works and nobody else needs them."""
    world, window = case
    assert finding_in(world, window).starts == slot_oracle.starts(world, window)


@brief
@given(worlds())
def test_a_slot_names_people_who_can_do_it(case: Case) -> None:
    """Each part of each slot is possible for its person, follows the part before, and lists the person as able."""
    world, window = case
    finding = finding_in(world, window)
    people = dict(world.people)
    for slot in finding.slots_at(finding.starts):
        assert [part.start for part in slot.parts[1:]] == [part.end for part in slot.parts[:-1]]
        for part, (needs, _) in zip(slot.parts, world.visit.segments, strict=True):
            need = dict(needs)[part.staff_id]
            assert slot_oracle.can_do(world, people[part.staff_id], need, part.start)
            assert part.staff_id in part.available_staff_ids
            assert part.end - part.start == need.duration
            assert (part.occupied_from, part.occupied_until) == (part.start - need.before, part.end + need.after)
        for (_, same), part, before in zip(world.visit.segments[1:], slot.parts[1:], slot.parts[:-1], strict=True):
            assert not same or part.staff_id == before.staff_id


@brief
@given(worlds(most_segments=1))
def test_available_staff_are_those_the_oracle_would_take_alone(case: Case) -> None:
    """Everybody who could do the service at this start is listed, ascending, and nobody else."""
    world, window = case
    finding = finding_in(world, window)
    people = dict(world.people)
    needs, _ = world.visit.segments[0]
    for slot in finding.slots_at(finding.starts):
        able = tuple(who for who, need in needs if slot_oracle.can_do(world, people[who], need, slot.start))
        assert slot.parts[0].available_staff_ids == able


@brief
@given(worlds())
def test_what_is_listed_is_what_can_be_booked(case: Case) -> None:
    """A minute of the window has a slot exactly when it is listed."""
    world, window = case
    finding = finding_in(world, window)
    bookable = [minute for minute in range(*window) if finding.slot_at(minute) is not None]
    assert bookable == finding.starts


@brief
@given(worlds(), st.integers(0, 1200))
def test_windows_add_up(case: Case, cut: int) -> None:
    """[a, c) finds what [a, b) and [b, c) find."""
    world, (start, end) = case
    middle = min(start + cut, end)
    parts = finding_in(world, (start, middle)).starts + finding_in(world, (middle, end)).starts
    assert finding_in(world, (start, end)).starts == parts


@brief
@given(worlds())
def test_filters_filter_the_unfiltered(case: Case) -> None:
    """Days of the week and times of day keep what they keep of the unfiltered answer."""
    world, window = case
    everything = finding_in(replace(world, weekdays=frozenset(), times=()), window).starts
    kept = [start for start in everything if slot_oracle.wanted(world, start)]
    assert finding_in(world, window).starts == kept


@brief
@given(worlds(), st.integers(-2000, 2000), st.integers(1, 300))
def test_more_bookings_never_add_a_start(case: Case, at: int, length: int) -> None:
    """A booking more, of anybody, leaves a subset."""
    world, window = case
    who, person = world.people[0]
    busier = replace(person, busy=(*person.busy, (window[0] + at, window[0] + at + length)))
    after = finding_in(_with(world, who, busier), window).starts
    assert set(after) <= set(finding_in(world, window).starts)


@brief
@given(worlds(), st.integers(0, 1439), st.integers(1, 700))
def test_wider_hours_never_remove_a_start(case: Case, opening: int, length: int) -> None:
    """Working longer leaves a superset."""
    world, window = case
    who, person = world.people[-1]
    week = tuple(replace(day, hours=(*day.hours, (opening, opening + length))) for day in person.week)
    after = finding_in(_with(world, who, replace(person, week=week)), window).starts
    assert set(after) >= set(finding_in(world, window).starts)


@brief
@given(worlds(), st.integers(0, 1439), st.integers(1, 300))
def test_a_break_never_adds_a_start(case: Case, opening: int, length: int) -> None:
    """One more break leaves a subset."""
    world, window = case
    who, person = world.people[-1]
    week = tuple(replace(day, breaks=(*day.breaks, (opening, opening + length))) for day in person.week)
    after = finding_in(_with(world, who, replace(person, week=week)), window).starts
    assert set(after) <= set(finding_in(world, window).starts)


@brief
@given(worlds(), st.data())
def test_splitting_a_working_range_changes_nothing(case: Case, data: st.DataObject) -> None:
    """10:00-14:00 and 14:00-19:00 are 10:00-19:00, in any order."""
    world, window = case
    who, person = world.people[0]

    def split(hours: tuple[Range, ...]) -> tuple[Range, ...]:
        cuts = [data.draw(st.integers(start, end)) for start, end in hours]
        halves = [((cut, end), (start, cut)) for (start, end), cut in zip(hours, cuts, strict=True)]
        return tuple(half for pair in halves for half in pair if half[0] < half[1])

    week = tuple(replace(day, hours=split(day.hours)) for day in person.week)
    same = _with(world, who, replace(person, week=week))
    assert finding_in(same, window).starts == finding_in(world, window).starts


@brief
@given(worlds())
def test_the_order_of_rows_changes_nothing(case: Case) -> None:
    """People, bookings and ranges backwards give the same slots, staff included."""
    world, window = case
    backwards = replace(
        world,
        people=tuple(
            (who, replace(person, busy=person.busy[::-1], overrides=person.overrides[::-1]))
            for who, person in reversed(world.people)
        ),
    )
    one, other = finding_in(world, window), finding_in(backwards, window)
    assert one.slots_at(one.starts) == other.slots_at(other.starts)


@brief
@given(worlds(most_segments=1))
def test_anybody_is_the_union_of_each(case: Case) -> None:
    """The starts of a choice of people are those of each of them alone, together."""
    world, window = case
    needs, _ = world.visit.segments[0]
    alone: set[int] = set()
    for each in needs:
        single = replace(world, visit=replace(world.visit, segments=(((each,), False),)))
        alone |= set(finding_in(single, window).starts)
    assert finding_in(world, window).starts == sorted(alone)


@brief
@given(worlds())
def test_a_reason_is_given_exactly_when_there_is_no_slot(case: Case) -> None:
    """The reason says what the oracle finds when it drops the filters, then the bookings."""
    world, window = case
    finding = finding_in(world, window)
    assume(not slot_oracle.starts(world, window))
    unfiltered = replace(world, weekdays=frozenset(), times=())
    idle = replace(unfiltered, people=tuple((who, replace(person, busy=())) for who, person in world.people))
    if any(not staff for staff in _eligible(world)):
        assert finding.reason() is NoSlots.NO_ELIGIBLE_STAFF
    elif slot_oracle.starts(unfiltered, window):
        assert finding.reason() is NoSlots.NO_MATCHING_TIME
    elif slot_oracle.starts(idle, window):
        assert finding.reason() is NoSlots.FULLY_BOOKED
    else:
        assert finding.reason() is NoSlots.CLOSED


@pytest.mark.parametrize("late", [False, True])
@brief
@given(worlds())
def test_notice_and_horizon_cut_the_window(late: bool, case: Case) -> None:
    """Starts outside the bounds are not offered; a window that lies outside them says on which side."""
    world, (start, end) = case
    middle = (start + end) // 2
    bounds = (start - 999, middle) if late else (middle, end + 999)
    expected = [each for each in slot_oracle.starts(world, (start, end)) if bounds[0] <= each < bounds[1]]
    assert finding_in(world, (start, end), bounds).starts == expected
    outside = (start - 999, start) if late else (end, end + 999)
    reason = finding_in(world, (start, end), outside).reason()
    if all(_eligible(world)):
        assert reason is (NoSlots.BEYOND_HORIZON if late else NoSlots.TOO_SOON)


def test_back_to_back_is_legal_and_one_minute_of_overlap_is_not() -> None:
    """A visit may start the minute another ends, and not the minute before."""
    at_work = slot_oracle.Day(((0, 1440),))
    person = Person(week=(at_work,) * 7, busy=((600, 660),))
    visit = slot_oracle.Visit(((((1, Need(60, 0, 0)),), False),))
    world = World("UTC", ((1, person),), visit, step=1)
    starts = finding_in(world, (500, 700)).starts
    assert 540 in starts
    assert 541 not in starts
    assert 659 not in starts
    assert 660 in starts


def _with(world: World, who: int, person: Person) -> World:
    return replace(world, people=tuple((each, person if each == who else same) for each, same in world.people))


def _eligible(world: World) -> list[set[int]]:
    """Who may do each run of segments that one person does in a row."""
    runs: list[set[int]] = []
    for needs, same in world.visit.segments:
        staff = {who for who, _ in needs}
        if same:
            runs[-1] &= staff
        else:
            runs.append(staff)
    return runs
