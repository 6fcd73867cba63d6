"""When somebody works: the precedence of rules, nights, and midnights."""

from datetime import date
from zoneinfo import ZoneInfo

from wamesh.slots.spans import Span
from wamesh.slots.working import CLOSED, DayPlan, Schedule, working_instants
from wamesh.slots.zones import day_number, offsets_between

MONDAY = day_number(date(2026, 11, 23))
MIDNIGHT = MONDAY * 1440
SHIFT = DayPlan(hours=((600, 1080),))
NIGHT = DayPlan(hours=((1320, 1560),))


def works(schedule: Schedule, start: int = 0, end: int = 1440) -> list[Span]:
    """The working minutes of `[start, end)`, counted from Monday's midnight in UTC."""
    offsets = offsets_between(ZoneInfo("UTC"), MIDNIGHT + start, MIDNIGHT + end)
    return [(one - MIDNIGHT, other - MIDNIGHT) for one, other in working_instants(schedule, offsets)]


def week(monday: DayPlan, other: DayPlan = CLOSED) -> tuple[DayPlan, ...]:
    return (monday, other, other, other, other, other, other)


def test_weekly_hours_hold_on_their_day() -> None:
    """And not on the next."""
    assert works(Schedule(week(SHIFT)), 0, 2880) == [(600, 1080)]


def test_an_override_replaces_the_weekly_hours() -> None:
    """Also by nothing."""
    assert works(Schedule(week(SHIFT), {MONDAY: DayPlan(((0, 60),))})) == [(0, 60)]
    assert works(Schedule(week(SHIFT), {MONDAY: CLOSED})) == []


def test_a_day_off_outranks_an_override() -> None:
    """Whatever was planned for the date."""
    assert works(Schedule(week(SHIFT), {MONDAY: SHIFT}, days_off=frozenset({MONDAY}))) == []


def test_an_absence_outranks_an_override() -> None:
    """Minute by minute."""
    absence = (MIDNIGHT + 700, MIDNIGHT + 800)
    assert works(Schedule(week(SHIFT), {MONDAY: SHIFT}, absences=(absence,))) == [(600, 700), (800, 1080)]


def test_overlapping_and_adjacent_ranges_are_one() -> None:
    """In any order."""
    plan = DayPlan(hours=((660, 720), (600, 660), (650, 700)))
    assert works(Schedule(week(plan))) == [(600, 720)]


def test_a_night_shift_is_seen_by_a_window_that_begins_after_midnight() -> None:
    """It belongs to Monday, and ends on Tuesday at 02:00."""
    assert works(Schedule(week(NIGHT)), 1440, 2880) == [(1440, 1560)]


def test_a_day_off_takes_the_night_with_it_and_leaves_the_night_before() -> None:
    """Tuesday off: Monday's night goes on until 02:00, Tuesday's does not begin."""
    schedule = Schedule((NIGHT,) * 7, days_off=frozenset({MONDAY + 1}))
    assert works(schedule, 1200, 4320) == [(1320, 1560), (4200, 4320)]


def test_closing_at_24_meets_opening_at_0() -> None:
    """Two whole days are one span."""
    assert works(Schedule((DayPlan(((0, 1440),)),) * 7), 0, 2880) == [(0, 2880)]


def test_a_break_after_midnight_interrupts_the_night_it_belongs_to() -> None:
    """00:30-01:00 in a shift of 22:00-02:00."""
    plan = DayPlan(hours=((1320, 1560),), breaks=((30, 60),))
    assert works(Schedule(week(plan)), 0, 2880) == [(1320, 1470), (1500, 1560)]


def test_a_break_across_midnight_interrupts_both_sides() -> None:
    """23:30-00:30."""
    plan = DayPlan(hours=((1320, 1560),), breaks=((1410, 1470),))
    assert works(Schedule(week(plan)), 0, 2880) == [(1320, 1410), (1470, 1560)]
