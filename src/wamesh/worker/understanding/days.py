"""Which days a customer means, as local dates of the company.

Owns what surrounds a date: days of the week and the week they belong to, open ends (`после пятницы`, `by Friday`),
*any day*, denial and correction; one date by itself is date_rules.py's. Refuses to guess: a date that is over or never
was is a `DayProblem`. Invariants: the days are ascending, unique, at most 31, and none lies before today. A day of
the week is the next one after today; with *next* or *следующий* it is that of the next calendar week.
"""

import re
from dataclasses import dataclass
from datetime import date, timedelta

from wamesh.worker.understanding.clauses import is_denied, last_said
from wamesh.worker.understanding.date_rules import RANGES, RULES
from wamesh.worker.understanding.dates import (
    DAY,
    NEXT,
    ON,
    THIS,
    WEEK,
    WEEKDAY,
    WINDOW_DAYS,
    DayProblem,
    Found,
    coming,
    rule,
    span,
    week_of,
    weekday_of,
)
from wamesh.worker.understanding.words import Scan

SOON_DAYS = 14
"""How far *any day* and an open end reach."""


@dataclass(frozen=True, slots=True)
class Days:
    """What was said about days. `wanted` is ascending, or None when nothing was said; `unwanted` days are denied."""

    wanted: tuple[date, ...] | None = None
    unwanted: frozenset[date] = frozenset()
    problem: DayProblem | None = None
    any_day: bool = False


@dataclass(frozen=True, slots=True)
class _Mention:
    start: int
    end: int
    found: Found
    any_day: bool = False
    weekday: bool = False


_ANY_DAY = rule(
    r"(?:в|на)? ?люб(?:ой|ые|ое) (?:другой )?(?:удобн\w+ |свободн\w+ )?(?:день|дни|число|дату|время|дня)|"
    r"когда угодно|в любое|"
    r"any(?: other)? (?:day|date|time)|anytime|whenever|(?:как можно|можно) (?:скорее|раньше|быстрее)|поскорее|"
    r"побыстрее|asap|as soon as possible|(?:the )?earliest (?:you|u) have|"
    r"срочно|(?:в |на )?(?:само\w+ |сам\w+ )?ближайш\w+(?: (?:врем\w+|дат\w+|окн\w+|окош\w+|свободн\w+|ден\w+|"
    r"запис\w+|возможн\w+))*|the soonest|soonest|"
    r"(?:the )?(?:first|next|earliest) (?:available|free|possible)(?: (?:slot|time|appointment|day|date))?|"
    r"when (?:are you|is .{1,20}) (?:free|available)"
)
_SPAN_OF_WEEKS = rule(
    rf"{ON}(?:({NEXT}|той|ту)|({THIS})) {WEEK}|(?:через|in) (?:a |(\d{{1,2}}) )?(?:недел\w+|weeks?)(?: time)?|"
    rf"(\d{{1,2}}|a) weeks? (?:from now|from today|later)|(?:на|в) ()неделе|(?:the )?(?P<second>week after next)"
)
_PART_OF_WEEK = rule(
    r"(?:в|во|at|in|к)? ?(?:the )?(начал\w+|середин\w+|конц\w+|1th половин\w+|2th половин\w+|beginning|start|"
    r"middle|end)(?: of)?(?: the)?(?: ·+| недели| week)"
)
_PLAIN_WEEKDAY = rule(rf"({WEEKDAY})")

_APPOSITION = re.compile(r"[ ,(]*(?:(?:на|в|во|это|the|on|то есть) ?)*[ ,(]*")

_MOVED_FROM = rule(
    rf"(?:с|со) (?:{WEEKDAY}|завтра|сегодня|послезавтра)(?= на )|(?<=move it )from (?:{WEEKDAY}|today|"
    rf"tomorrow)(?= to )|"
    rf"(?<=appointment )from (?:{WEEKDAY}|today|tomorrow)(?= to )|(?<=booking )from (?:{WEEKDAY}|today|"
    rf"tomorrow)(?= to )"
)
"""The day that a visit is moved away from."""

_BOUNDS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?<!\w)(?:не позже|не позднее|no later than|not later than|by|through)(?: the)?$"), "until"),
    (re.compile(
        r"(?<!\w)(?:не раньше|не ранее|начиная с|с|со|from|starting(?: from| on)?|not before|(?:no|"
        r"not) earlier than|since)(?: the)?$"), "from"),
    (re.compile(r"(?<!\w)(?:после|позже|позднее|after|later than)(?: the)?$"), "after"),
    (re.compile(r"(?<!\w)(?:до|before|until|till|раньше|prior to|earlier than)(?: the)?$"), "before"),
)  # fmt: skip
_BOUND_INSIDE = re.compile(r"(?:(on|for|by|after|before|с|до|после|at|in|на|в) )(?:the )?\d")


def find_days(scan: Scan, today: date) -> Days:
    """Reads what the text says about days and blanks it in `scan`. `today` is the company's local date."""
    for _ in scan.take(_MOVED_FROM):
        pass
    mentions = _absolute(scan, today)
    mentions += _weekdays_and_weeks(scan, today, mentions)
    if not mentions:
        mentions = [
            _Mention(*match.span(), span(today, today + DAY * (SOON_DAYS - 1), today), True)
            for match in scan.take(_ANY_DAY)
        ]
    return _combine(scan, mentions, today)


def _absolute(scan: Scan, today: date) -> list[_Mention]:
    mentions: list[_Mention] = []
    for index, (pattern, read) in enumerate((*RANGES, *RULES)):
        position = 0
        while (match := pattern.search(scan.rest, position)) is not None:
            position = match.end()
            found = read(match, today)
            if found is None:
                continue
            start = match.start() + len(match[0]) - len(match[0].lstrip())
            scan.blank(start, match.end())
            mention = _Mention(start, match.end(), found)
            mentions.append(mention if index < len(RANGES) else _bounded(scan, mention, today))
    return mentions


def _weekdays_and_weeks(scan: Scan, today: date, absolute: list[_Mention]) -> list[_Mention]:
    """Days of the week belong to the week that was named, if one was."""
    week = next(iter(scan.take(_SPAN_OF_WEEKS)), None)
    days = _days_of_week_phrase(week, today) if week else week_of(today, 0)
    part = next(iter(scan.take(_PART_OF_WEEK)), None)
    weekdays = list(scan.take(_PLAIN_WEEKDAY))
    weekdays = [each for each in weekdays if not _in_apposition(scan, each, absolute)]
    if weekdays:
        return [_bounded(scan, _one_weekday(each, week, today), today) for each in weekdays]
    if part is not None:
        start = min(part.start(), week.start() if week else part.start())
        return [_Mention(start, part.end(), _part_of_week(part[1], week, today))]
    return [_Mention(*week.span(), days)] if week else []


def _in_apposition(scan: Scan, weekday: re.Match[str], dates: list[_Mention]) -> bool:
    """Whether the day of the week only repeats a date beside it: `в пятницу, 27-го`, `tomorrow, Thursday`; and not
    `not tomorrow, Friday`.
    """
    gaps = (
        scan.whole[weekday.end() : each.start]
        if each.start >= weekday.end()
        else scan.whole[each.end : weekday.start()]
        for each in dates
        if not is_denied(scan, each.start, each.end)
    )
    return any(_APPOSITION.fullmatch(gap) for gap in gaps)


def _days_of_week_phrase(week: re.Match[str], today: date) -> tuple[date, ...]:
    ahead = _weeks_ahead(week)
    if week[1] or week[2] or week[5] is not None or week["second"]:
        return week_of(today, ahead)
    return (today + timedelta(weeks=ahead),)


def _weeks_ahead(week: re.Match[str]) -> int:
    if week[2] or week[5] is not None:
        return 0
    count = "2" if week["second"] else week[3] or week[4]
    return min(int(count), 52) if count and count.isdigit() else 1


def _one_weekday(match: re.Match[str], week: re.Match[str] | None, today: date) -> _Mention:
    weekday = weekday_of(match[1])
    if week is None:
        return _Mention(*match.span(), (coming(weekday, today),), weekday=True)
    monday = today - DAY * today.weekday() + timedelta(weeks=_weeks_ahead(week))
    found = monday + DAY * weekday
    return _Mention(*match.span(), (found,) if found >= today else DayProblem("past", match[0]))


def _part_of_week(part: str, week: re.Match[str] | None, today: date) -> Found:
    ahead = _weeks_ahead(week) if week else 0
    monday = today - DAY * today.weekday() + timedelta(weeks=ahead)
    first, last = (0, 1) if re.match("нач|beg|start", part) else (2, 3) if re.match("сер|mid", part) else (3, 5)
    first, last = (0, 2) if part.startswith("1th") else (3, 6) if part.startswith("2th") else (first, last)
    found = span(monday + DAY * first, monday + DAY * last, today)
    return found or span(monday + DAY * (first + 7), monday + DAY * (last + 7), today)


def _bounded(scan: Scan, mention: _Mention, today: date) -> _Mention:
    """Widens `after Friday`, `до пятницы` and the like to the days they mean."""
    if isinstance(mention.found, DayProblem) or not mention.found:
        return mention
    inside = _BOUND_INSIDE.match(scan.whole, mention.start, mention.end)
    before = scan.before(mention.start) + (f" {inside[1]}" if inside else "")
    bound = next(((match, kind) for each, kind in _BOUNDS if (match := each.search(before))), None)
    if bound is None:
        return mention
    return _Mention(min(bound[0].start(), mention.start), mention.end, _widened(bound[1], mention.found, today))


def _widened(kind: str, days: tuple[date, ...], today: date) -> Found:
    reach = DAY * (SOON_DAYS - 1)
    if kind == "from":
        return span(days[0], days[0] + reach, today)
    if kind == "after":
        return span(days[-1] + DAY, days[-1] + reach, today)
    last = days[-1] if kind == "until" else days[0] - DAY
    return span(today, max(last, today), today)


def _combine(scan: Scan, mentions: list[_Mention], today: date) -> Days:
    denied = [each for each in mentions if is_denied(scan, each.start, each.end)]
    standing = last_said(scan, [each for each in mentions if each not in denied])
    unwanted = frozenset(day for each in denied for day in _denied_days(each))
    problem = next((each.found for each in reversed(standing) if isinstance(each.found, DayProblem)), None)
    affirmed = {day for each in standing if not isinstance(each.found, DayProblem) for day in each.found}
    wanted = affirmed - unwanted
    wanted = wanted or affirmed
    if wanted:
        return Days(
            tuple(sorted(wanted))[:WINDOW_DAYS], unwanted - wanted, None, any(each.any_day for each in standing)
        )
    return Days(None, unwanted, problem)


def _denied_days(mention: _Mention) -> tuple[date, ...]:
    """The days that are ruled out; a day of the week is so in the next weeks too."""
    if isinstance(mention.found, DayProblem):
        return ()
    if not mention.weekday:
        return mention.found
    return tuple(mention.found[0] + timedelta(weeks=index) for index in range(WINDOW_DAYS // 7 + 1))
