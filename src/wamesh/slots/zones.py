"""Instants and local minutes of one time zone.

Owns the translation between the two clocks of the engine: *instants* (minutes since 1970-01-01T00:00Z) and
*local minutes* (minutes on the wall clock since local 1970-01-01T00:00). Within a window a zone is a short
list of offsets, each valid for a span of instants; with it, a set of local minutes becomes the set of
instants whose wall clock reads one of them. So a minute inside a DST gap vanishes, and a minute of a repeated
hour appears twice, without a special case anywhere.

Refuses to subtract aware datetimes of one zone (Python gives wall time) and to assume that midnight exists.

Invariant: the offsets of a window are adjacent, in order and cover it exactly. Rests on two facts of the tz
database since 1973, checked over all zones: offsets are whole minutes, and a zone never changes twice within
a week.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from wamesh.slots.spans import Span, Spans, canonical, intersect

MINUTES_PER_DAY = 1440
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_WEEKDAY = date(1970, 1, 1).weekday()


@dataclass(frozen=True, slots=True)
class Offset:
    """For instants in `[start, end)` the wall clock reads instant + `minutes`."""

    start: int
    end: int
    minutes: int


Offsets = Sequence[Offset]


def day_number(day: date) -> int:
    """Returns the number of the date; its local minutes are `[number * 1440, number * 1440 + 1440)`."""
    return day.toordinal() - _EPOCH_DAY


def day_date(number: int) -> date:
    """Returns the date of a day number."""
    return date.fromordinal(number + _EPOCH_DAY)


def weekday_of(number: int) -> int:
    """Returns the weekday of a day number, Monday is 0."""
    return (number + _EPOCH_WEEKDAY) % 7


def instant_floor(time: datetime) -> int:
    """Returns the last whole minute at or before an aware datetime."""
    return (time - _EPOCH) // timedelta(minutes=1)


def instant_ceil(time: datetime) -> int:
    """Returns the first whole minute at or after an aware datetime."""
    return -((_EPOCH - time) // timedelta(minutes=1))


def instant_time(instant: int) -> datetime:
    """Returns the instant as an aware datetime in UTC."""
    return _EPOCH + timedelta(minutes=instant)


def offset_at(zone: ZoneInfo, instant: int) -> int:
    """Returns the zone's offset from UTC at an instant, in minutes (east is positive)."""
    offset = datetime.fromtimestamp(instant * 60, zone).utcoffset() or timedelta(0)
    return offset // timedelta(minutes=1)


def offsets_between(zone: ZoneInfo, start: int, end: int) -> tuple[Offset, ...]:
    """Returns the zone's offsets over the instants `[start, end)`; empty when the window is."""
    pieces: list[Offset] = []
    since = start
    while since < end:
        minutes = offset_at(zone, since)
        until = _next_change(zone, since, end, minutes)
        pieces.append(Offset(since, until, minutes))
        since = until
    return tuple(pieces)


def _next_change(zone: ZoneInfo, since: int, end: int, minutes: int) -> int:
    """Returns the first instant after `since` with another offset than `minutes`, or `end`; looks a day ahead
    at a time.
    """
    while since < end:
        until = min(since + MINUTES_PER_DAY, end)
        if offset_at(zone, until) != minutes:
            return since + bisect_left(
                range(since, until), True, key=lambda instant: offset_at(zone, instant) != minutes
            )
        since = until
    return end


def local_of(instant: int, offsets: Offsets) -> int:
    """Returns the local minute that the wall clock reads at an instant; LookupError outside the window."""
    for piece in offsets:
        if piece.start <= instant < piece.end:
            return instant + piece.minutes
    raise LookupError(f"instant {instant} lies outside the window of the offsets")


def day_at(instant: int, offsets: Offsets) -> int:
    """Returns the day number that the wall clock reads at an instant; LookupError outside the window."""
    return local_of(instant, offsets) // MINUTES_PER_DAY


def local_span(offsets: Offsets) -> Span:
    """Returns the smallest span of local minutes that holds every wall clock reading of the window; (0, 0)
    when empty.
    """
    if not offsets:
        return (0, 0)
    readings = [(piece.start + piece.minutes, piece.end + piece.minutes) for piece in offsets]
    return min(start for start, _ in readings), max(end for _, end in readings)


def local_days(offsets: Offsets) -> range:
    """Returns the numbers of the local dates that the window touches."""
    start, end = local_span(offsets)
    return range(start // MINUTES_PER_DAY, -(-end // MINUTES_PER_DAY))


def days_of(instants: Spans, offsets: Offsets) -> list[int]:
    """Returns the numbers of the local dates on which the instants lie, ascending; a date that the zone skips is
    not there.
    """
    readings = [reading for reading, _ in readings_of(instants, offsets)]
    return sorted(
        {day for start, end in readings for day in range(start // MINUTES_PER_DAY, -(-end // MINUTES_PER_DAY))}
    )


def instants_of(local: Spans, offsets: Offsets) -> list[Span]:
    """Returns the instants of the window at which the wall clock reads one of the local minutes."""
    return canonical(
        (start - piece.minutes, end - piece.minutes)
        for piece in offsets
        for start, end in intersect(local, [(piece.start + piece.minutes, piece.end + piece.minutes)])
    )


def instants_of_day(day: int, offsets: Offsets) -> list[Span]:
    """Returns the instants of the window whose local date has this day number."""
    return instants_of([(day * MINUTES_PER_DAY, (day + 1) * MINUTES_PER_DAY)], offsets)


def readings_of(instants: Spans, offsets: Offsets) -> Iterator[tuple[Span, int]]:
    """Yields the parts of a set of instants in order, as local minutes with the offset that makes them."""
    for piece in offsets:
        for start, end in intersect(instants, [(piece.start, piece.end)]):
            yield (start + piece.minutes, end + piece.minutes), piece.minutes
