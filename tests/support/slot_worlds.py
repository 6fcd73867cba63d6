"""Worlds for property tests: random calendars, busy times and visits, near the minutes that bite.

A world is written in the oracle's words; `finding_in` says the same in the engine's.
"""

import os
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from hypothesis import settings
from hypothesis import strategies as st
from support import slot_oracle
from support.slot_oracle import Away, Day, Gathering, Need, Person, Pool, Range, Step, World

from wamesh.slots.engine import Agenda, Duty, Segment, Session
from wamesh.slots.finding import Finding, Question
from wamesh.slots.spans import canonical
from wamesh.slots.working import DayPlan, Schedule, working_instants
from wamesh.slots.zones import MINUTES_PER_DAY, day_number, offsets_between

T = TypeVar("T")


def examples(count: int) -> settings:
    """So many examples; times WAMESH_EXAMPLES, an environment variable: 10 for a long search, 0.3 for a quick look."""
    return settings(max_examples=round(count * float(os.environ.get("WAMESH_EXAMPLES", "1"))), deadline=None)


# A zone with the date on which its clock does something, or a date that is special everywhere.
PLACES = (
    ("Europe/Berlin", date(2026, 3, 29)),  # 02:00 -> 03:00
    ("Europe/Berlin", date(2026, 10, 25)),  # 03:00 -> 02:00
    ("America/Santiago", date(2026, 9, 6)),  # 00:00 -> 01:00: this date has no midnight
    ("America/Santiago", date(2026, 4, 4)),  # 24:00 -> 23:00: the last hour comes twice
    ("Africa/Cairo", date(2026, 4, 24)),  # 00:00 -> 01:00
    ("Africa/Cairo", date(2026, 10, 29)),  # 24:00 -> 23:00
    ("Australia/Lord_Howe", date(2026, 10, 4)),  # half an hour forward
    ("Australia/Lord_Howe", date(2026, 4, 5)),  # half an hour back
    ("Asia/Kathmandu", date(2026, 1, 1)),  # +05:45, a year's end
    ("America/St_Johns", date(2011, 11, 6)),  # 00:01 -> 23:01 of the date before
    ("Pacific/Apia", date(2011, 12, 30)),  # a date that does not exist
    ("UTC", date(2028, 2, 29)),
)


@st.composite
def ranges(draw: st.DrawFn, most: int = 2) -> tuple[Range, ...]:
    """Ranges of minutes of a day on a coarse grid, some of them past midnight, in any order, perhaps overlapping."""
    made = []
    for _ in range(draw(st.integers(0, most))):
        start = draw(st.integers(0, 95)) * 15
        made.append((start, start + draw(st.integers(1, 48)) * 15))
    return tuple(made)


@st.composite
def days(draw: st.DrawFn) -> Day:
    """A day's plan: often a plain shift, sometimes anything."""
    shifts = st.sampled_from([((0, 1440),), ((480, 1200),), ((1200, 2000),), ((0, 600), (660, 1320))])
    hours = draw(_mostly(shifts, ranges()))
    return Day(hours, draw(_mostly(st.just(()), ranges(1))))


@st.composite
def away(draw: st.DrawFn, around: date) -> Away:
    """Whole dates or wall clock times off, near a date."""
    first = around + timedelta(days=draw(st.integers(-2, 1)))
    if draw(st.booleans()):
        return Away(first=first, last=first + timedelta(days=draw(st.integers(0, 1))))
    start = datetime.combine(first, datetime.min.time()) + timedelta(minutes=draw(st.integers(0, 1439)))
    return Away(start=start, end=start + timedelta(minutes=draw(st.integers(1, 900))))


@st.composite
def people(draw: st.DrawFn, around: date, window: Range) -> Person:
    """Somebody with a week of few different days, and some visits around the window."""
    plans = draw(st.lists(days(), min_size=1, max_size=3))
    visit = st.tuples(st.integers(window[0] - 300, window[1] + 300), st.integers(1, 200))
    visits = visit.map(lambda visit: (visit[0], visit[0] + visit[1]))
    busy = draw(_mostly(st.lists(visits, max_size=4), st.lists(visits, min_size=5, max_size=10)))
    return Person(
        week=tuple(draw(st.sampled_from(plans)) for _ in range(7)),
        overrides=tuple(draw(_mostly(st.just([]), st.lists(st.tuples(st.just(around), days()), max_size=1)))),
        away=tuple(draw(_mostly(st.just([]), st.lists(away(around), max_size=1)))),
        busy=tuple(busy),
    )


def needs() -> st.SearchStrategy[Need]:
    """What a segment takes, in minutes that fit no grid."""
    return st.builds(
        Need, st.sampled_from([1, 15, 25, 30, 45, 60, 150]), st.sampled_from([0, 10, 45]), st.sampled_from([0, 5, 70])
    )


@st.composite
def pools(draw: st.DrawFn, window: Range) -> Pool:
    """Some units, in use around the window; sessions share them now and then."""
    use = st.tuples(
        st.integers(window[0] - 300, window[1] + 300), st.integers(1, 200), st.integers(1, 3), st.integers(1, 3)
    )
    uses = draw(st.lists(use.map(lambda use: (use[0], use[0] + use[1], use[2], use[3])), max_size=5))
    return Pool(draw(st.integers(1, 4)), tuple(uses))


@st.composite
def worlds(draw: st.DrawFn, most_segments: int = 3) -> tuple[World, Range]:
    """A world, and a window of some hours around the moment that bites."""
    zone, around = draw(st.sampled_from(PLACES))
    midnight = int(datetime.combine(around, datetime.min.time(), ZoneInfo(zone)).timestamp()) // 60
    start = midnight + draw(st.integers(-8, 16)) * 60 + draw(st.integers(0, 59))
    window = (start, start + draw(st.integers(1, 18)) * 60)
    staff = {who: draw(people(around, window)) for who in range(1, draw(st.integers(1, 3)) + 1)}
    resources = tuple(draw(st.one_of(st.just(list[Pool]()), st.lists(pools(window), min_size=1, max_size=2))))
    steps = []
    for index in range(draw(st.integers(1, most_segments))):
        unable = draw(_mostly(st.just(set[int]()), st.sets(st.sampled_from(sorted(staff)))))
        needed = tuple((who, draw(needs())) for who in sorted(staff.keys() - unable))
        units = tuple(draw(_mostly(st.integers(1, pool.total), st.sampled_from([0, 9]))) for pool in resources)
        steps.append(Step(needed, index > 0 and draw(st.booleans()), units))
    world = World(
        zone=zone,
        people=tuple(staff.items()),
        visit=tuple(steps),
        step=draw(st.sampled_from([15, 1, 5, 7, 30, 45, 50, 60])),
        weekdays=frozenset(draw(_mostly(st.just(set[int]()), st.sets(st.integers(0, 6), min_size=2)))),
        times=tuple(draw(_mostly(st.just(list[Range]()), st.lists(_times(), min_size=1, max_size=2)))),
        bounds=draw(_mostly(st.none(), _bounds(window))),
        pools=resources,
    )
    return draw(_mostly(st.just(world), classes(world, window))), window


@st.composite
def classes(draw: st.DrawFn, world: World, window: Range) -> World:
    """The world with a class as its visit, some sessions of which take place already."""
    capacity = draw(st.integers(2, 4))
    step = replace(world.visit[0], capacity=capacity, seats=draw(st.sampled_from([1, 1, 2, capacity, capacity + 1])))
    begins = [minute for minute in range(*window) if slot_oracle.on_grid(world, minute)]
    gatherings = []
    for session in range(draw(st.integers(1, 4))) if step.needs and begins else ():
        who, need = draw(st.sampled_from(step.needs))
        start = draw(_mostly(st.sampled_from(begins), st.integers(*window)))
        end = start + draw(_mostly(st.just(need.duration), st.integers(1, 90)))
        taken = draw(st.integers(0, capacity + 1))
        gatherings.append(Gathering(session, who, start, end, need.before, need.after, taken))
    return replace(world, visit=(step,), gatherings=tuple(gatherings))


def class_worlds() -> st.SearchStrategy[tuple[World, Range]]:
    """Worlds whose visit is a class; nothing but people, resources and seats forbids a start."""
    open_worlds = worlds(most_segments=1).map(
        lambda case: (replace(case[0], weekdays=frozenset(), times=(), bounds=None), case[1])
    )
    return open_worlds.flatmap(lambda case: st.tuples(classes(*case), st.just(case[1])))


def _bounds(window: Range) -> st.SearchStrategy[Range]:
    """Notice and horizon that cut the window somewhere, or leave nothing of it."""
    minute = st.integers(window[0] - 60, window[1] + 60)
    return st.tuples(minute, minute).map(lambda pair: (min(pair), max(pair) + 1))


def _mostly(usual: st.SearchStrategy[T], unusual: st.SearchStrategy[T]) -> st.SearchStrategy[T]:
    """The usual in three of four cases."""
    return st.integers(0, 3).flatmap(lambda chance: unusual if chance == 3 else usual)


def _times() -> st.SearchStrategy[Range]:
    pair = st.tuples(st.integers(0, 1439), st.integers(0, 1440))
    return pair.filter(lambda times: times[0] != times[1])


def schedule_of(person: Person) -> Schedule:
    """The person's working time in the engine's words."""
    return Schedule(
        weekly=tuple(DayPlan(day.hours, day.breaks) for day in person.week),
        overrides={day_number(day): DayPlan(plan.hours, plan.breaks) for day, plan in person.overrides},
        days_off=frozenset(
            number
            for each in person.away
            if each.first is not None and each.last is not None
            for number in range(day_number(each.first), day_number(each.last) + 1)
        ),
        absences=tuple(
            (_local_minute(each.start), _local_minute(each.end))
            for each in person.away
            if each.start is not None and each.end is not None
        ),
    )


def _local_minute(wall: datetime) -> int:
    return day_number(wall.date()) * MINUTES_PER_DAY + wall.hour * 60 + wall.minute


def finding_in(world: World, window: Range) -> Finding:
    """The engine's answer for the world."""
    known = (window[0] - 4000, window[1] + 4000)
    offsets = offsets_between(ZoneInfo(world.zone), *known)
    agendas = {
        who: Agenda(working_instants(schedule_of(person), offsets), canonical([*person.busy, *_given(world, who)]))
        for who, person in world.people
    }
    segments = [segment_of(world, step, known) for step in world.visit]
    question = Question(segments, [window], world.bounds or window, world.step, world.weekdays, world.times)
    return Finding(question, agendas, offsets)


def _given(world: World, who: int) -> list[Range]:
    """What the classes of a person occupy."""
    return [(each.start - each.before, each.end + each.after) for each in world.gatherings if each.who == who]


def segment_of(world: World, step: Step, known: Range) -> Segment:
    """The step in the engine's words, with what is closed to it minute by minute."""
    return Segment(
        duties={who: Duty(need.duration, need.before, need.after) for who, need in step.needs},
        same_staff_as_previous=step.same,
        closed=canonical((minute, minute + 1) for minute in range(*known) if not _units_free(world, step, minute)),
        capacity=step.capacity,
        seats=step.seats,
        sessions={
            who: [
                Session(
                    each.session,
                    each.start,
                    each.end,
                    step.capacity - each.taken,
                    (each.start - each.before, each.end + each.after),
                )
                for each in world.gatherings
                if each.who == who
            ]
            for who, _ in step.needs
        },
    )


def _units_free(world: World, step: Step, minute: int) -> bool:
    return not world.pools or slot_oracle.units_free(world, step, minute)
