"""What a slot is, said minute by minute; slow, literal, and without a line of the engine.

Every question is answered by looking at one minute after another on the wall clock of the zone. The only things shared
with the code under test are plain numbers, so that a mistake there is not repeated here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
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
class Pool:
    """Units of a resource, and who uses how many when: (from, until, quantity, session)."""

    total: int
    uses: tuple[tuple[int, int, int, int], ...] = ()


@dataclass(frozen=True)
class Gathering:
    """A class that takes place already: `[start, end)`, the buffers around it, and the seats taken."""

    session: int
    who: int
    start: int
    end: int
    before: int
    after: int
    taken: int


@dataclass(frozen=True)
class Step:
    """One segment: needs by person id, same person as before, units of each pool, seats there are and seats needed."""

    needs: tuple[tuple[int, Need], ...]
    same: bool = False
    units: tuple[int, ...] = ()
    capacity: int = 1
    seats: int = 1


@dataclass(frozen=True)
class World:
    """Everything a question depends on."""

    zone: str
    people: tuple[tuple[int, Person], ...]
    visit: tuple[Step, ...]
    step: int
    weekdays: frozenset[int] = frozenset()
    times: tuple[Range, ...] = ()
    bounds: Range | None = None
    pools: tuple[Pool, ...] = ()
    gatherings: tuple[Gathering, ...] = ()


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


def in_use(pool: Pool, minute: int) -> int:
    """How many units are taken; what shares a session shares its units too."""
    largest: dict[int, int] = {}
    for first, last, quantity, session in pool.uses:
        if first <= minute < last:
            largest[session] = max(largest.get(session, 0), quantity)
    return sum(largest.values())


def occupied(world: World, who: int, minute: int) -> bool:
    """Whether somebody has another visit, or gives a class, with its buffers."""
    if inside(minute, dict(world.people)[who].busy):
        return True
    return any(
        each.who == who and each.start - each.before <= minute < each.end + each.after for each in world.gatherings
    )


def units_free(world: World, step: Step, minute: int) -> bool:
    return all(
        units == 0 or in_use(pool, minute) + units <= pool.total
        for pool, units in zip(world.pools, step.units, strict=True)
    )


def at_work_at(world: World, who: int, minute: int) -> bool:
    return at_work(dict(world.people)[who], wall(world.zone, minute))


def joined(world: World, who: int, step: Step, start: int) -> Gathering | None:
    """The class with seats enough that somebody would join."""
    end = start + dict(step.needs)[who].duration
    for each in sorted(world.gatherings, key=lambda gathering: gathering.session):
        if (each.who, each.start, each.end) == (who, start, end) and each.taken + step.seats <= step.capacity:
            return each
    return None


def can_do(world: World, who: int, step: Step, start: int) -> bool:
    """Whether a person can do one segment from a minute on."""
    need = dict(step.needs)[who]
    if step.seats > step.capacity:
        return False
    if not all(at_work_at(world, who, minute) for minute in range(start, start + need.duration)):
        return False
    if step.capacity > 1 and joined(world, who, step, start):
        return True
    return all(
        not occupied(world, who, minute) and units_free(world, step, minute)
        for minute in range(start - need.before, start + need.duration + need.after)
    )


def fits(world: World, start: int, index: int = 0, previous: int | None = None) -> bool:
    """Whether the segments from `index` on fit when they begin at `start`."""
    if index == len(world.visit):
        return True
    step = world.visit[index]
    return any(
        can_do(world, who, step, start) and fits(world, start + need.duration, index + 1, who)
        for who, need in step.needs
        if not step.same or who == previous
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


def in_bounds(world: World, start: int) -> bool:
    return world.bounds is None or world.bounds[0] <= start < world.bounds[1]


def starts(world: World, window: Range) -> list[int]:
    """Every instant of the window at which the visit can start."""
    return [
        minute
        for minute in range(*window)
        if in_bounds(world, minute) and on_grid(world, minute) and wanted(world, minute) and fits(world, minute)
    ]


def day_counts(world: World, window: Range) -> list[tuple[date, int]]:
    """How many starts each date of the window has, as far as the bounds allow."""
    counts = {wall(world.zone, minute).date(): 0 for minute in range(*window) if in_bounds(world, minute)}
    for start in starts(world, window):
        counts[wall(world.zone, start).date()] += 1
    return sorted(counts.items())


def near_misses(world: World, window: Range) -> list[tuple[int, int, int, int]]:
    """Every (person, start, end, shortfall) of a visit that one person does, by person and start."""
    if not all(step.same for step in world.visit[1:]) or any(step.seats > step.capacity for step in world.visit):
        return []
    alone = [set(dict(step.needs)) for step in world.visit]
    return [miss for who in sorted(set.intersection(*alone)) for miss in _misses_of(world, window, who)]


def _misses_of(world: World, window: Range, who: int) -> list[tuple[int, int, int, int]]:
    needs = [dict(step.needs)[who] for step in world.visit]
    length = sum(need.duration for need in needs)
    begins = [sum(need.duration for need in needs[:index]) for index in range(len(needs))]
    first = min(begin - need.before for begin, need in zip(begins, needs, strict=True))
    last = max(begin + need.duration + need.after for begin, need in zip(begins, needs, strict=True)) - length

    @cache
    def vacant(minute: int) -> bool:
        return not occupied(world, who, minute) and all(units_free(world, step, minute) for step in world.visit)

    def is_open(minute: int) -> bool:
        return at_work_at(world, who, minute) and all(vacant(each) for each in range(minute + first, minute + last + 1))

    def can_begin(start: int) -> bool:
        return on_grid(world, start) and all(
            can_do(world, who, step, start + begin) for step, begin in zip(world.visit, begins, strict=True)
        )

    found = []
    for start in range(*window):
        if in_bounds(world, start) and wanted(world, start) and is_open(start) and not is_open(start - 1):
            needed = next(minute for minute in range(start, start + 9999) if on_grid(world, minute)) + length
            end = next((minute for minute in range(start, needed) if not is_open(minute)), needed)
            if end - start >= 15 and end < needed and not any(can_begin(minute) for minute in range(start, end)):
                found.append((who, start, end, needed - end))
    return found
