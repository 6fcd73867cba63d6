"""The values of a catalogue, written as a person would write them: `mon-fri`, `10:00-19:30`, `35.50`.

Owns the one spelling of each value; files and differences show it. Invariant: `catalogue.values` reads each spelling
back to the same value.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Final, TypeVar

from wamesh.booking.calendar import Absence
from wamesh.booking.catalogue.values import WEEKDAYS
from wamesh.slots.spans import Span
from wamesh.slots.zones import MINUTES_PER_DAY, day_date

T = TypeVar("T")

CLOSED: Final = "closed"
_MICROS: Final = 1_000_000


def price_text(micros: int) -> str:
    """Writes an amount: 35, 35.50, 0.125."""
    units, rest = divmod(micros, _MICROS)
    decimals = f"{rest:06}".rstrip("0")
    return f"{units}.{decimals:0<2}" if decimals else str(units)


def day_text(day: int) -> str:
    """Writes a day number as a date."""
    return day_date(day).isoformat()


def moment_text(minute: int) -> str:
    """Writes a local minute as a date with a time."""
    day, rest = divmod(minute, MINUTES_PER_DAY)
    return f"{day_text(day)} {_time_text(rest)}"


def ranges_text(ranges: Iterable[Span]) -> str:
    """Writes ranges of minutes, or `closed` for none."""
    return ", ".join("-".join(time_range_ends(each)) for each in ranges) or CLOSED


def time_range_ends(span: Span) -> tuple[str, str]:
    """Writes the ends of a range of minutes; 24:00 is the end of the day, a smaller end is on the next one."""
    start, end = span
    return _time_text(start), _time_text(end if end <= MINUTES_PER_DAY else end - MINUTES_PER_DAY)


def _time_text(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def absence_ends(absence: Absence) -> tuple[str, str]:
    """Writes the ends of an absence: two dates, both inclusive, or two moments."""
    if absence.whole_days:
        return day_text(absence.days.start), day_text(absence.days.stop - 1)
    return moment_text(absence.start), moment_text(absence.end)


def week_text(week: Mapping[str, T]) -> dict[str, T]:
    """Returns a mapping by weekday with neighbours of equal value together: `mon-fri`, `sun-thu`, `daily`."""
    runs: list[list[str]] = []
    for before, day in pairwise(("", *WEEKDAYS)):
        if day not in week:
            continue
        if before in week and week[before] == week[day]:
            runs[-1].append(day)
        else:
            runs.append([day])
    if len(runs) > 1 and runs[0][0] == WEEKDAYS[0] and runs[-1][-1] == WEEKDAYS[-1] and week["sun"] == week["mon"]:
        runs[-1] += runs.pop(0)
    return {_days_text(run): week[run[0]] for run in runs}


def _days_text(days: Sequence[str]) -> str:
    if len(days) == len(WEEKDAYS):
        return "daily"
    return days[0] if len(days) == 1 else f"{days[0]}-{days[-1]}"
