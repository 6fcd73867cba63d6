"""What a slot is, said minute by minute; slow, literal, and without a line of the engine.

Every question is answered by looking at one minute after another on the wall clock of the zone. The only things shared
with the code under test are plain numbers, so that a mistake there is not repeated here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

Range = tuple[int, int]


@dataclass(frozen=True)
class Day:
    """Ranges of minutes since midnight of the opening date; they may reach into the next date."""

    hours: tuple[Range, ...] = ()
    breaks: tuple[Range, ...] = ()


@dataclass(frozen=True)
class Away:
    """Time off: whole dates `[first, last]`, or wall clock times `[start, end)`."""

    first: date | None = None
    last: date | None = None
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True)
class Person:
    """When somebody works, and the instants (epoch minutes) that other visits occupy."""

    week: tuple[Day, ...]
    overrides: tuple[tuple[date, Day], ...] = ()
    away: tuple[Away, ...] = ()
    busy: tuple[Range, ...] = ()


@dataclass(frozen=True)
class Need:
    """What a person needs for a segment, in minutes."""

    duration: int
    before: int
    after: int


@dataclass(frozen=True)
class Visit:
    """Segments as (needs by person id, same person as before)."""

    segments: tuple[tuple[tuple[tuple[int, Need], ...], bool], ...]


@dataclass(frozen=True)
class World:
    """Everything a question depends on."""

    zone: str
    people: tuple[tuple[int, Person], ...]
    visit: Visit
    step: int
    weekdays: frozenset[int] = frozenset()
    times: tuple[Range, ...] = ()


@lru_cache(maxsize=200_000)
def wall(zone: str, minute: int) -> datetime:
    """What the clock on the wall shows, without zone."""
    return datetime.fromtimestamp(minute * 60, ZoneInfo(zone)).replace(tzinfo=None)


def inside(value: int, ranges: Sequence[Range]) -> bool:
    return any(start <= value < end for start, end in ranges)


def plan_of(person: Person, opening: date) -> Day:
    for away in person.away:
        if away.first is not None and away.last is not None and away.first <= opening <= away.last:
            return Day()
    for day, plan in person.overrides:
        if day == opening:
            return plan
    return person.week[opening.weekday()]


def at_work(person: Person, now: datetime) -> bool:
    """Whether the person works during the minute that the wall clock shows."""
    for away in person.away:
        if away.start is not None and away.end is not None and away.start <= now < away.end:
            return False
    for days_ago in (0, 1):
        plan = plan_of(person, now.date() - timedelta(days=days_ago))
        minute = now.hour * 60 + now.minute
        since_opening_midnight = minute + 1440 * days_ago
        on_break = inside(since_opening_midnight, plan.breaks) or inside(since_opening_midnight - 1440, plan.breaks)
        if inside(since_opening_midnight, plan.hours) and not on_break:
            return True
    return False


def can_do(world: World, person: Person, need: Need, start: int) -> bool:
    served = range(start, start + need.duration)
    occupied = range(start - need.before, start + need.duration + need.after)
    return all(at_work(person, wall(world.zone, minute)) for minute in served) and not any(
        inside(minute, person.busy) for minute in occupied
    )


def fits(world: World, start: int, index: int = 0, previous: int | None = None) -> bool:
    """Whether the segments from `index` on fit when they begin at `start`."""
    if index == len(world.visit.segments):
        return True
    needs, same = world.visit.segments[index]
    people = dict(world.people)
    return any(
        can_do(world, people[who], need, start) and fits(world, start + need.duration, index + 1, who)
        for who, need in needs
        if not same or who == previous
    )


def on_grid(world: World, start: int) -> bool:
    clock = wall(world.zone, start)
    return (clock.hour * 60 + clock.minute) % world.step == 0


def wanted(world: World, start: int) -> bool:
    clock = wall(world.zone, start)
    minute = clock.hour * 60 + clock.minute
    if world.weekdays and clock.weekday() not in world.weekdays:
        return False
    return not world.times or any(
        first <= minute < last if first <= last else minute >= first or minute < last for first, last in world.times
    )


def starts(world: World, window: Range) -> list[int]:
    """Every instant of the window at which the visit can start."""
    return [
        minute for minute in range(*window) if on_grid(world, minute) and wanted(world, minute) and fits(world, minute)
    ]
