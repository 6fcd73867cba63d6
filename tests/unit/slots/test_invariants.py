"""What always holds of slots, by the numbers of the design's invariants; 1 and 2 are in test_against_the_oracle."""

import itertools
from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import slot_oracle
from support.slot_oracle import Day, Need, Person, Pool, Range, Step, World
from support.slot_worlds import class_worlds, examples, finding_in, worlds

from wamesh.slots.engine import Slot

Case = tuple[World, Range]
cases = st.one_of(worlds(), worlds(), class_worlds())


def starts(world: World, window: Range) -> list[int]:
    return finding_in(world, window).starts


@examples(40)
@given(cases)
def test_starts_lie_in_the_effective_window_and_on_the_grid(case: Case) -> None:
    """Invariant 3: whatever the zone does."""
    world, window = case
    finding = finding_in(world, window)
    first, last = max(window[0], (world.bounds or window)[0]), min(window[1], (world.bounds or window)[1])
    assert all(first <= start < last and slot_oracle.on_grid(world, start) for start in finding.starts)


@examples(40)
@given(cases)
def test_starts_are_sorted_and_unique_whatever_the_order_of_rows(case: Case) -> None:
    """Invariant 4: people, visits, uses and sessions backwards give the same slots, staff included."""
    world, window = case
    backwards = replace(
        world,
        people=tuple(
            (who, replace(person, busy=person.busy[::-1], overrides=person.overrides[::-1], away=person.away[::-1]))
            for who, person in reversed(world.people)
        ),
        pools=tuple(replace(pool, uses=pool.uses[::-1]) for pool in world.pools),
        gatherings=world.gatherings[::-1],
    )
    one, other = finding_in(world, window), finding_in(backwards, window)
    assert one.starts == sorted(set(one.starts))
    assert one.slots_at(one.starts) == other.slots_at(other.starts)
    assert one.staff_starts == other.staff_starts


def test_back_to_back_is_legal_and_one_minute_of_overlap_is_not() -> None:
    """Invariant 5: a visit may start the minute another ends, and end the minute another starts; of staff and rooms."""
    step = Step(((1, Need(60, 0, 0)),), units=(1,))
    person = Person(week=(Day(((0, 1440),)),) * 7)
    booked = World("UTC", ((1, replace(person, busy=((600, 660),))),), (step,), step=1, pools=(Pool(1),))
    in_use = World("UTC", ((1, person),), (step,), step=1, pools=(Pool(1, ((600, 660, 1, 1),)),))
    for world in (booked, in_use):
        assert starts(world, (500, 700)) == [*range(500, 541), *range(660, 700)]


@examples(40)
@given(cases, st.integers(0, 1200))
def test_windows_add_up(case: Case, cut: int) -> None:
    """Invariant 6: [a, c) finds what [a, b) and [b, c) find."""
    world, (first, last) = case
    world = replace(world, bounds=world.bounds or (first, last))
    middle = min(first + cut, last)
    assert starts(world, (first, last)) == starts(world, (first, middle)) + starts(world, (middle, last))


@examples(20)
@given(cases, st.integers(1, 9))
def test_pages_concatenate_to_one_page(case: Case, size: int) -> None:
    """Invariant 7: slots do not depend on which others are asked for with them, by start or by staff member."""
    world, window = case
    whole = finding_in(world, window)
    pages: list[Slot] = []
    by_staff: list[Slot] = []
    for at in range(0, len(whole.staff_starts), size):
        finding = finding_in(world, window)
        pages += finding.slots_at(finding.starts[at : at + size])
        by_staff += finding.slots_of(finding.staff_starts[at : at + size])
    assert pages == whole.slots_at(whole.starts)
    assert by_staff == whole.slots_of(whole.staff_starts)


@examples(40)
@given(st.one_of(worlds(most_segments=1), class_worlds()))
def test_anybody_is_the_union_of_each(case: Case) -> None:
    """Invariant 8: the starts of a choice of people are those of each of them alone, together."""
    world, window = case
    (step,) = world.visit
    alone = [starts(replace(world, visit=(replace(step, needs=(each,)),)), window) for each in step.needs]
    assert starts(world, window) == sorted(set(itertools.chain.from_iterable(alone)))


@examples(40)
@given(cases, st.data())
def test_one_more_person_never_removes_a_start(case: Case, data: st.DataObject) -> None:
    """Invariant 8: for any segment of a visit, however many it has."""
    world, window = case
    index = data.draw(st.integers(0, len(world.visit) - 1))
    fewer = replace(world.visit[index], needs=world.visit[index].needs[1:])
    less = replace(world, visit=(*world.visit[:index], fewer, *world.visit[index + 1 :]))
    assert set(starts(less, window)) <= set(starts(world, window))


@examples(60)
@given(cases, st.integers(-300, 1300), st.integers(1, 300), st.data())
def test_whatever_takes_time_never_adds_a_start(case: Case, at: int, length: int, data: st.DataObject) -> None:
    """Invariant 9: a booking or hold, time off, a break, a longer buffer, a used resource, or a taken seat."""
    world, window = case
    who, person = data.draw(st.sampled_from(world.people))
    start = window[0] + at
    opening = at % 1440
    off = slot_oracle.Away(start=slot_oracle.wall(world.zone, start), end=slot_oracle.wall(world.zone, start + length))
    pause = tuple(replace(day, breaks=(*day.breaks, (opening, opening + length))) for day in person.week)
    worse = [
        _with(world, who, replace(person, busy=(*person.busy, (start, start + length)))),
        _with(world, who, replace(person, away=(*person.away, off))),
        _with(world, who, replace(person, week=pause)),
        replace(world, visit=tuple(_wider(step, length) for step in world.visit)),
        replace(
            world,
            pools=tuple(replace(pool, uses=(*pool.uses, (start, start + length, 1, 99))) for pool in world.pools),
        ),
        replace(world, gatherings=tuple(replace(each, taken=each.taken + 1) for each in world.gatherings)),
    ]
    before = set(starts(world, window))
    for after in worse:
        assert set(starts(after, window)) <= before


@examples(40)
@given(cases, st.integers(0, 1439), st.integers(1, 700))
def test_wider_hours_never_remove_a_start(case: Case, opening: int, length: int) -> None:
    """Invariant 10: working longer leaves a superset."""
    world, window = case
    who, person = world.people[-1]
    week = tuple(replace(day, hours=(*day.hours, (opening, opening + length))) for day in person.week)
    after = starts(_with(world, who, replace(person, week=week)), window)
    assert set(after) >= set(starts(world, window))


@examples(60)
@given(worlds(), st.data())
def test_a_visit_looked_past_is_no_visit(case: Case, data: st.DataObject) -> None:
    """Invariant 11: what is booked or held in a slot stands in its own way; looked past, it can be had there again."""
    world, window = case
    world = replace(world, visit=tuple(replace(step, capacity=1, seats=1) for step in world.visit), gatherings=())
    finding = finding_in(world, window)
    if not finding.starts:
        return
    (slot,) = finding.slots_at([data.draw(st.sampled_from(finding.starts))])
    booked = world
    for part in slot.parts:
        person = dict(booked.people)[part.staff_id]
        busy = (*person.busy, (part.occupied_from, part.occupied_until))
        booked = _with(booked, part.staff_id, replace(person, busy=busy))
    assert finding_in(booked, window).slot_at(slot.start, slot.parts[0].staff_id) is None
    past = replace(booked, people=tuple((who, _without(booked, who, slot)) for who, _ in booked.people))
    again = finding_in(past, window)
    assert again.starts == finding.starts
    assert again.slot_at(slot.start) == slot


@examples(40)
@given(cases, st.data())
def test_splitting_a_working_range_changes_nothing(case: Case, data: st.DataObject) -> None:
    """Invariant 12: 10:00-14:00 and 14:00-19:00 are 10:00-19:00, in any order."""
    world, window = case
    who, person = world.people[0]

    def split(hours: tuple[Range, ...]) -> tuple[Range, ...]:
        cuts = [data.draw(st.integers(start, end)) for start, end in hours]
        halves = [((cut, end), (start, cut)) for (start, end), cut in zip(hours, cuts, strict=True)]
        return tuple(half for pair in halves for half in pair if half[0] < half[1])

    week = tuple(replace(day, hours=split(day.hours)) for day in person.week)
    same = _with(world, who, replace(person, week=week))
    assert starts(same, window) == starts(world, window)


@examples(40)
@given(cases)
def test_filters_filter_the_unfiltered(case: Case) -> None:
    """Invariant 13: days of the week and times of day keep what they keep of the unfiltered answer."""
    world, window = case
    everything = starts(replace(world, weekdays=frozenset(), times=()), window)
    assert starts(world, window) == [start for start in everything if slot_oracle.wanted(world, start)]
    assert finding_in(world, window).unfiltered_starts == everything


@examples(40)
@given(cases)
def test_a_start_has_a_local_time_that_exists(case: Case) -> None:
    """Invariant 14: the wall clock shows it and leads back to it; a repeated time is two starts, told by the fold."""
    world, window = case
    zone = ZoneInfo(world.zone)
    clocks = [datetime.fromtimestamp(start * 60, zone) for start in starts(world, window)]
    readings = [(clock.replace(tzinfo=None), clock.fold) for clock in clocks]
    assert len(set(readings)) == len(readings)
    for clock, start in zip(clocks, starts(world, window), strict=True):
        assert clock.replace(tzinfo=None).replace(tzinfo=zone, fold=clock.fold).timestamp() == start * 60


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("America/Santiago", date(2026, 9, 6), 23),
        ("America/Santiago", date(2026, 4, 4), 25),
        ("Africa/Cairo", date(2026, 4, 24), 23),
        ("Africa/Cairo", date(2026, 10, 29), 25),
        ("Australia/Lord_Howe", date(2026, 10, 4), 23.5),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
        ("Asia/Kathmandu", date(2026, 10, 25), 24),
    ],
)
def test_a_date_has_as_many_starts_as_it_has_minutes(zone: str, day: date, hours: float) -> None:
    """Invariant 14: each instant of a date of 23, 24 or 25 hours counts once."""
    world = _round_the_clock(zone, Day(((0, 1440),)))
    middle = int(datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(zone)).timestamp()) // 60
    finding = finding_in(world, (middle - 2000, middle + 2000))
    on_day = [start for start in finding.starts if slot_oracle.wall(zone, start).date() == day]
    assert len(on_day) == hours * 60
    assert dict(finding.day_counts)[(day - date(1970, 1, 1)).days] == hours * 60


@pytest.mark.parametrize(
    "day", [date(2026, 1, 31), date(2026, 12, 31), date(2028, 2, 28), date(2028, 2, 29), date(2100, 2, 28)]
)
@pytest.mark.parametrize(("hours", "count"), [((1320, 1440), 120), ((1320, 1560), 240), ((0, 1440), 300)])
def test_midnight_is_a_minute_like_any_other(day: date, hours: Range, count: int) -> None:
    """Invariant 15: closing at 24:00 and working until 02:00, at ends of month, year and leap February."""
    shift, rest = Day((hours,)), Day()
    person = Person((rest,) * 7, overrides=((day, shift),))
    world = World("UTC", ((1, person),), (Step(((1, Need(1, 0, 0)),)),), step=1)
    midnight = (day - date(1970, 1, 1)).days * 1440
    opening = max(midnight + hours[0], midnight + 1140)
    assert starts(world, (midnight + 1140, midnight + 1800)) == list(range(opening, opening + count))


def test_a_visit_may_cross_midnight_when_the_next_date_opens_at_0() -> None:
    """Invariant 15: two days that meet are one working time."""
    world = _round_the_clock("UTC", Day(((0, 1440),)), minutes=60)
    assert starts(world, (1400, 1500)) == list(range(1400, 1500))


def _round_the_clock(zone: str, day: Day, minutes: int = 1) -> World:
    return World(zone, ((1, Person((day,) * 7)),), (Step(((1, Need(minutes, 0, 0)),)),), step=1)


def _with(world: World, who: int, person: Person) -> World:
    return replace(world, people=tuple((each, person if each == who else same) for each, same in world.people))


def _without(world: World, who: int, slot: Slot) -> Person:
    """The person without the visit that took the slot."""
    person = dict(world.people)[who]
    gone = sum(part.staff_id == who for part in slot.parts)
    return replace(person, busy=person.busy[: len(person.busy) - gone])


def _wider(step: Step, minutes: int) -> Step:
    needs = tuple((who, replace(need, before=need.before + minutes, after=need.after + 1)) for who, need in step.needs)
    return replace(step, needs=needs)
