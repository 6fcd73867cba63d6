"""What a day, a month or a day of the week means on a given date, and the pieces of patterns that name them.

Owns the calendar's side of the grammar: which year, which month, which week. Refuses whole phrases: those are the rules
in date_rules.py. Invariants: days are ascending and none lies before today; a date that is over or never was is a
DayProblem.
"""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, TypeAlias

from wamesh.worker.understanding.vocabulary import MONTH_PATTERNS, WEEKDAY_PATTERNS

PAST_DAYS = 90
"""A date without a year that is over by no more than this is a mistake, not next year."""
WINDOW_DAYS = 31
"""Days at most in one answer; what FindSlots takes."""


@dataclass(frozen=True, slots=True)
class DayProblem:
    """A date that cannot be booked whatever the calendar says, in the customer's words."""

    kind: Literal["past", "impossible"]
    said: str


Found: TypeAlias = tuple[date, ...] | DayProblem


DAY = timedelta(days=1)
WEEKDAY = "(?:" + "|".join(WEEKDAY_PATTERNS) + ")"
MONTH = "(?:" + "|".join(MONTH_PATTERNS) + ")"
NUMBER = r"(\d{1,2})(?:th|gen)?"
NTH = r"(\d{1,2})(?:th|gen)"
NEXT = r"(?:следующ\w+|след|будущ\w+|next)"
THIS = r"(?:эт(?:у|ой|ом|от|и|их|а|о)|текущ\w+|ближайш\w+|this|coming|the coming)"
LAST = r"(?:прошл\w+|минувш\w+|last)"
WEEK = r"(?:недел\w+|week)"
TO = r"(?:-|по|до|to|till|until|through|and|и)"
ON = r"(?:(?:в|во|на|on|for|к|the) )*"
YEAR = r"(?: ?,? (\d{4})(?: год\w*| г\.?)?)?"


def rule(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w·])(?:{pattern})(?!\w)")


def weekday_of(word: str) -> int:
    return next(index for index, each in enumerate(WEEKDAY_PATTERNS) if re.fullmatch(each, word))


def month_of(word: str) -> int:
    return next(index for index, each in enumerate(MONTH_PATTERNS, 1) if re.fullmatch(each, word))


def span(first: date, last: date, today: date) -> tuple[date, ...]:
    """Every day of [first, last] from today on, at most 31."""
    first = max(first, today)
    return tuple(first + DAY * index for index in range(min((last - first).days + 1, WINDOW_DAYS)))


def week_of(today: date, weeks_ahead: int) -> tuple[date, ...]:
    monday = today - DAY * today.weekday() + timedelta(weeks=weeks_ahead)
    return span(monday, monday + DAY * 6, today)


def coming(weekday: int, today: date) -> date:
    return today + DAY * ((weekday - today.weekday() - 1) % 7 + 1)


def dated(said: str, day: int, month: int, year: int | None, today: date) -> Found:
    """The date meant by a day and a month, and perhaps a year."""
    if year is None:
        return _nearest(said, day, month, today)
    try:
        found = date(year if year > 99 else 2000 + year, month, day)
    except ValueError:
        return DayProblem("impossible", said)
    return (found,) if found >= today else DayProblem("past", said)


def _nearest(said: str, day: int, month: int, today: date) -> Found:
    try:
        found = date(today.year, month, day)
    except ValueError:
        if not 1 <= month <= 12 or not (day == 29 and month == 2):
            return DayProblem("impossible", said)
        found = None
    if found is not None and found >= today:
        return (found,)
    if found is not None and (today - found).days <= PAST_DAYS:
        return DayProblem("past", said)
    try:
        return (date(today.year + 1, month, day),)
    except ValueError:
        return DayProblem("impossible", said)


def day_of_month(said: str, day: int, today: date) -> Found:
    """The next day of this number: `25-го`, `the 25th`."""
    if not 1 <= day <= 31:
        return DayProblem("impossible", said)
    month = today.replace(day=1)
    for _ in range(3):
        try:
            found = month.replace(day=day)
        except ValueError:
            found = None
        if found is not None and found >= today:
            return (found,)
        month = next_month(month)
    return DayProblem("impossible", said)


def next_month(day: date) -> date:
    return (day.replace(day=1) + DAY * 32).replace(day=1)
