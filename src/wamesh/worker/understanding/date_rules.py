"""The grammar of dates: rules from the most to the least specific, each with the reader of its match.

Relative days (`послезавтра`, `in two days`), calendar dates (`25 ноября`, `25.11`, `Nov 25`, `25-го`), months,
weekends, ranges (`с 25 по 28`). Owns how one phrase becomes dates. Refuses negation, open ends and single days of
the week: they need the text around them (see days.py). Invariant: a reader returns ascending days from today on, a
DayProblem, or None for *not a date*.
"""

import re
from collections.abc import Callable
from datetime import date
from typing import TypeAlias

from wamesh.worker.understanding.dates import (
    DAY,
    LAST,
    MONTH,
    NEXT,
    NTH,
    NUMBER,
    ON,
    THIS,
    TO,
    WEEK,
    WEEKDAY,
    YEAR,
    DayProblem,
    Found,
    coming,
    dated,
    day_of_month,
    month_of,
    next_month,
    rule,
    span,
    weekday_of,
)


def _to_int(text: str | None) -> int | None:
    return int(text) if text else None


# Each reader turns a match of its rule into days. `None`: not a day after all, leave the text unread.
_Reader: TypeAlias = Callable[[re.Match[str], date], Found | None]


def _read_iso(match: re.Match[str], today: date) -> Found:
    return dated(match[0], int(match[3]), int(match[2]), int(match[1]), today)


def _read_date_range(match: re.Match[str], today: date) -> Found:
    first_month = month_of(match[2]) if match[2] else month_of(match[4])
    return _between(
        dated(match[0], int(match[1]), first_month, None, today),
        dated(match[0], int(match[3]), month_of(match[4]), None, today),
        today,
    )


def _read_month_first_range(match: re.Match[str], today: date) -> Found:
    month = month_of(match[1])
    return _between(
        dated(match[0], int(match[2]), month, None, today),
        dated(match[0], int(match[3]), month, None, today),
        today,
    )


def _read_dotted_range(match: re.Match[str], today: date) -> Found:
    return _between(
        dated(match[0], int(match[1]), int(match[2]), None, today),
        dated(match[0], int(match[3]), int(match[4]), None, today),
        today,
    )


def _between(first: Found, last: Found, today: date) -> Found:
    if isinstance(last, DayProblem):
        return last
    if isinstance(first, DayProblem):
        return span(today, last[-1], today) if first.kind == "past" else first
    return span(first[0], last[-1], today) if first[0] <= last[-1] else first + last


def _read_two_dates(match: re.Match[str], today: date) -> Found:
    month = month_of(match[3])
    first = dated(match[0], int(match[1]), month, None, today)
    last = dated(match[0], int(match[2]), month, None, today)
    if isinstance(first, DayProblem) or isinstance(last, DayProblem):
        return first if isinstance(first, DayProblem) else last
    return first + last


def _read_date(match: re.Match[str], today: date) -> Found:
    return dated(match[0], int(match[1]), month_of(match[2]), _to_int(match[3]), today)


def _read_month_first(match: re.Match[str], today: date) -> Found:
    return dated(match[0], int(match[2]), month_of(match[1]), _to_int(match[3]), today)


def _read_dotted(match: re.Match[str], today: date) -> Found | None:
    """`25.11` and `11/25`; `18.30` is a time, and so is `10.12` after `в`."""
    left, sign, right, year = int(match[2]), match[3], int(match[4]), _to_int(match[5])
    at_a_time = match[1] is not None and re.match(r"(?:в|at|к|after|before|после|с|до)", match[1]) is not None
    if year is None and sign == "." and left <= 23 and (len(match[4]) == 2 and right <= 59):
        if right > 12 or right == 0:
            return None
        if at_a_time:
            return None
    if sign == "/" and left <= 12 < right <= 31:
        left, right = right, left
    if not 1 <= right <= 12 and not 1 <= left <= 31:
        return None if year is None and sign == "/" else DayProblem("impossible", match[0])
    return dated(match[0], left, right, year, today)


def _read_ordinal(match: re.Match[str], today: date) -> Found:
    return day_of_month(match[0], int(match[1]), today)


def _read_high_ordinal(match: re.Match[str], today: date) -> Found | None:
    """`26th` by itself is a day; the low ones are places in a list."""
    return _read_ordinal(match, today) if int(match[1]) > 6 else None


def _read_ordinal_range(match: re.Match[str], today: date) -> Found:
    return _between(day_of_month(match[0], int(match[1]), today), day_of_month(match[0], int(match[2]), today), today)


def _read_weekday_range(match: re.Match[str], today: date) -> Found:
    first = coming(weekday_of(match[1]), today - DAY)
    last = first + DAY * ((weekday_of(match[2]) - first.weekday()) % 7)
    return span(first, last, today)


def _read_in_days(match: re.Match[str], today: date) -> Found:
    return _ahead(match, today, int(match[1]))


def _read_in_one_day(match: re.Match[str], today: date) -> Found:
    return _ahead(match, today, 1)


def _ahead(match: re.Match[str], today: date, days: int) -> Found:
    return (today + DAY * days,) if days <= 400 else DayProblem("impossible", match[0])


def _read_in_months(match: re.Match[str], today: date) -> Found:
    month = today
    for _ in range(min(int(match[1] or 1), 12)):
        month = next_month(month)
    last = next_month(month) - DAY
    return (month.replace(day=min(today.day, last.day)),)


def _read_anchored_week(match: re.Match[str], today: date) -> Found:
    """A week from Friday."""
    return (coming(weekday_of(match[1]), today) + DAY * 7,)


def _read_weeks_from(match: re.Match[str], today: date) -> Found:
    """Two weeks from tomorrow."""
    weeks = 1 if match[1] == "a" else int(match[1])
    return _ahead(match, today, weeks * 7 + (match[2] == "tomorrow"))


def _read_next_weekday(match: re.Match[str], today: date) -> Found:
    monday = today + DAY * (7 - today.weekday())
    return (monday + DAY * weekday_of(match[1]),)


def _read_this_weekday(match: re.Match[str], today: date) -> Found:
    return (coming(weekday_of(match[1]), today - DAY),)


def _read_past(match: re.Match[str], today: date) -> Found:
    return DayProblem("past", match[0])


def _read_next_weekend(match: re.Match[str], today: date) -> Found:
    saturday = today + DAY * (12 - today.weekday())
    return (saturday, saturday + DAY)


def _read_this_weekend(match: re.Match[str], today: date) -> Found:
    saturday = today + DAY * (5 - today.weekday())
    return span(saturday, saturday + DAY, today)


def _read_weekend(match: re.Match[str], today: date) -> Found:
    """On a Sunday *the weekend* is the next one."""
    return _read_next_weekend(match, today) if today.weekday() == 6 else _read_this_weekend(match, today)


def _read_working_days(match: re.Match[str], today: date) -> Found:
    return tuple(each for each in span(today, today + DAY * 8, today) if each.weekday() < 5)


def _read_every_weekday(match: re.Match[str], today: date) -> Found:
    first = coming(weekday_of(match[1]), today - DAY)
    return (first, first + DAY * 7)


def _read_month(match: re.Match[str], today: date) -> Found:
    """`в декабре`, `в начале декабря`."""
    month = month_of(match[2])
    first = date(today.year + (month < today.month), month, 1)
    return _part_of_month(match[1], first, today)


def _read_relative_month(match: re.Match[str], today: date) -> Found:
    following = match[2] is not None and re.fullmatch(NEXT, match[2]) is not None
    first = next_month(today) if following else today.replace(day=1)
    return _part_of_month(match[1], first, today)


def _part_of_month(part: str | None, first: date, today: date) -> Found:
    last = next_month(first) - DAY
    if part is not None and re.match("нач|beg|start|early|перв", part):
        last = first + DAY * 9
    elif part is not None and re.match("сер|mid", part):
        first, last = first + DAY * 10, first + DAY * 19
    elif part is not None and re.match("кон|end|late|втор|2", part):
        first = last - DAY * 9
    return span(first, last, today) or DayProblem("past", part or "")


def _read_today(match: re.Match[str], today: date) -> Found:
    return (today,)


def _read_tomorrow(match: re.Match[str], today: date) -> Found:
    return (today + DAY,)


def _read_day_after_tomorrow(match: re.Match[str], today: date) -> Found:
    return (today + DAY * 2,)


def _read_next_days(match: re.Match[str], today: date) -> Found:
    return span(today, today + DAY * 3, today)


_PART_OF_MONTH = r"(начал\w+|середин\w+|конц\w+|beginning of|start of|early|mid|middle of|end of|late)(?: of)?(?: the)?"
_NOT_A_HALF = "".join(
    rf"(?<!{each} )"
    for each in ("пол", "пол -", "половине", "половина", "половину", "половины", "минут", "минуты", "мин", "четверть")
)
_NOT_COUNTED = (
    r"(?! (?:1(?!\d)|раз|time|половин\w+|half|вариант\w*|option|очеред\w+|one|мастер\w*|слот|slot|пункт|"
    r"строчк\w+|окно|окошко))"
)

RANGES: tuple[tuple[re.Pattern[str], _Reader], ...] = (
    (
        rule(
            rf"(?:с|со|от|from|between|между)? ?{NUMBER} ?({MONTH})? "
            rf"{TO} {NUMBER}(?: числа)?(?: of)? ?({MONTH})"
        ),
        _read_date_range,
    ),
    (rule(rf"({MONTH}) (?:the )?{NUMBER} {TO} (?:the )?{NUMBER}"), _read_month_first_range),
    (
        rule(
            rf"(?:с|со|от|from|between|между)? ?(\d{{1,2}})[./](\d{{1,2}}) "
            rf"{TO} (\d{{1,2}})[./](\d{{1,2}})"
        ),
        _read_dotted_range,
    ),
    (rule(rf"(?:с|со|от|from|between|между) (?:the )?{NTH} {TO} (?:the )?{NUMBER}(?: числ\w+)?"), _read_ordinal_range),
    (rule(rf"(?:с|от|from|between|между)? ?{NUMBER} {TO} {NUMBER} числ\w+"), _read_ordinal_range),
    (rule(rf"(?:с|со|от|from|between|между)? ?({WEEKDAY}) {TO} ({WEEKDAY})"), _read_weekday_range),
)  # fmt: skip
"""Rules that name both ends. Read first."""

RULES: tuple[tuple[re.Pattern[str], _Reader], ...] = (
    (rule(r"(\d{4})-(\d{1,2})-(\d{1,2})"), _read_iso),
    (rule(rf"{NUMBER} (?:или|либо|or|,) {NUMBER}(?: of)? ({MONTH})"), _read_two_dates),
    (rule(rf"{NUMBER}(?: числа)?(?: of)? ?({MONTH}){YEAR}"), _read_date),
    (rule(rf"({MONTH})(?: \.)? (?:the )?{NUMBER}(?! ?(?::|час\w*|am|pm|утра|вечера|дня)){YEAR}"), _read_month_first),
    (rule(r"((?:в|at|к|на|after|before|после|с|до|on|for) )?(\d{1,2})([./])(\d{1,2})(?:[./](\d{2,4}))?"), _read_dotted),
    (rule(rf"{NUMBER} числ\w+"), _read_ordinal),
    (rule(rf"(?:числа|число) {NUMBER}"), _read_ordinal),
    (rule(rf"{_NOT_A_HALF}(\d{{1,2}})gen{_NOT_COUNTED}"), _read_ordinal),
    (rule(rf"{_NOT_A_HALF}{NTH}{_NOT_COUNTED}"), _read_high_ordinal),
    (rule(rf"(?:(?:on|for|by|after|before) )?the {NTH}{_NOT_COUNTED}"), _read_ordinal),
    (rule(rf"(?:(?:на|on|for) )(?:the )?{NTH}{_NOT_COUNTED}"), _read_ordinal),
    (rule(rf"(?:in )?(?:a|1) week (?:from|on|after) ({WEEKDAY})"), _read_anchored_week),
    (rule(r"(?:in )?(\d{1,2}|a) weeks? (?:from|after) (today|tomorrow|now)"), _read_weeks_from),
    (rule(rf"({WEEKDAY}) week"), _read_anchored_week),
    (rule(r"через (\d{1,3}) (?:день|дня|дней|дн|сут\w+)"), _read_in_days),
    (rule(r"через день"), _read_day_after_tomorrow),
    (rule(r"через сутки|in (?:a|1) day|(?:a|1) day from now"), _read_in_one_day),
    (rule(r"in (?:a )?(\d{1,3})(?: of)?(?: more)? days?"), _read_in_days),
    (rule(r"(\d{1,3}) days (?:from now|later|from today)"), _read_in_days),
    (rule(r"(?:через|in) (?:a )?(\d{1,2} )?(?:месяц\w*|months?)"), _read_in_months),
    (rule(rf"{ON}{LAST} (?:{WEEKDAY}|{WEEK}|месяц\w*|month|выходн\w+|weekend|night)"), _read_past),
    (rule(r"позавчера\w*|вчера\w*|yesterday"), _read_past),
    (rule(rf"{ON}{NEXT} (?:выходн\w+|weekend)"), _read_next_weekend),
    (rule(rf"{ON}{THIS} (?:выходн\w+|weekend)"), _read_this_weekend),
    (rule(rf"{ON}(?:выходн(?:ые|ых|ым|ой|ому)|weekends?)"), _read_weekend),
    (rule(rf"{ON}(?:будн\w+|рабоч\w+ дн\w+|weekdays?|working days?|work days?)"), _read_working_days),
    (rule(rf"{ON}{NEXT} ({WEEKDAY})"), _read_next_weekday),
    (rule(rf"{ON}{THIS} ({WEEKDAY})"), _read_this_weekday),
    (rule(rf"по ({WEEKDAY})"), _read_every_weekday),
    (rule(rf"(?:в|in|во|к|до)? ?{_PART_OF_MONTH} ({MONTH})"), _read_month),
    (rule(rf"(?:в|in|на|for|during)(?: the)?( )({MONTH})(?! \d)"), _read_month),
    (
        rule(
            rf"(?:(?:в|in|at) )?(?:the )?(?:{_PART_OF_MONTH} )?(?:the )?"
            rf"({NEXT}|{THIS}|) ?(?:месяца|month)"
        ),
        _read_relative_month,
    ),
    (rule(rf"(?:в|на|in|during)?( )?({NEXT}|{THIS}) (?:месяц\w*|month)"), _read_relative_month),
    (rule(r"(?:the )?day after tomorrow|послезавтра\w*|после завтра|overmorrow"), _read_day_after_tomorrow),
    (rule(r"завтра|tomorrow"), _read_tomorrow),
    (rule(r"сегодня|today|прямо сейчас|сейчас|right now|now"), _read_today),
    (rule(r"(?:this|этим)(?= (?:morning|afternoon|evening|утром|вечером))"), _read_today),
    (
        rule(
            r"на днях|в ближайшие дни|(?:in )?the next (?:few|2 of|2|3) days|(?:these|"
            r"coming) days"
        ),
        _read_next_days,
    ),
)  # fmt: skip
"""Rules for one day or one period; `after` or `by` before it opens an end."""
