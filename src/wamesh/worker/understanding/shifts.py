"""How far from a visit that stands: `на час позже`, `push it by 15 minutes`, `a week later`, `the same time`.

Owns amounts of time, their direction, and what shall stay as it is. Refuses moments (days.py, times.py), which can be
said without a visit. Invariant: an amount that a calendar would read otherwise (`на неделю`, `на 2 дня`) is a shift
only beside words of moving; `перенесите на 2 часа` stays a moment, `сдвиньте на 2 часа` is none.
"""

import re
from dataclasses import dataclass
from typing import Final

from wamesh.worker.understanding.clock import clock_pattern
from wamesh.worker.understanding.words import Scan


@dataclass(frozen=True, slots=True)
class Shift:
    """The new start less the old one, in local dates and minutes; None where nothing was said, 0 for *the same*."""

    days: int | None = None
    minutes: int | None = None

    def __bool__(self) -> bool:
        return self.days is not None or self.minutes is not None

    @property
    def leads_away(self) -> bool:
        """Whether it says more than *the same*."""
        return bool(self.days or self.minutes)


def _rule(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w·:.])(?:{pattern})(?!\w)")


_MINUTES: Final = r"минут\w*|мин|minutes?|mins?"
_HOURS: Final = r"час\w*|ч|hours?|hrs?"
_DAYS: Final = r"день|дн\w+|денек|сутки|days?"
_WEEKS: Final = r"недел\w+|weeks?"
_CLOCK_AMOUNT: Final = (
    rf"(?:(?:a )?(?P<count>\d{{1,2}})(?: of)? (?P<unit>{_MINUTES}|{_HOURS})|(?P<half>полчас\w*|half an hour|half hour)|"
    rf"(?P<more>полтора часа|(?:an|1) hour and (?:a )?half)|(?P<quarter>четверть часа|(?:a )?quarter of an hour)|"
    rf"(?:an? |1 )?(?P<hour>час|часик|часок|hour))"
)
_CALENDAR_AMOUNT: Final = (
    rf"(?:(?:a )?(?P<many>\d{{1,2}})(?: of)? (?P<dates>{_DAYS}|{_WEEKS})|(?:a |1 )?(?P<day>день|денек|сутки|day)|"
    r"(?:a |1 )?(?P<week>неделю|недельку|week))"
)
_EARLIER: Final = r"раньше|пораньше|ранее|earlier|sooner"
_LATER: Final = r"позже|попозже|позднее|попозднее|later"
_AMOUNTS: Final = (_CLOCK_AMOUNT, _CALENDAR_AMOUNT)

_TOLD: Final = tuple(_rule(rf"(?:(?:на|by) )?{each} (?P<way>{_EARLIER}|{_LATER})") for each in _AMOUNTS)
"""With its direction: about a visit whoever says it."""
_PUSHED: Final = tuple(
    _rule(
        rf"(?:(?P<before>back|forward|up|ahead|out)(?: by)? |by |(?:it|this|that|appointment|booking|visit) ){each}"
        rf"(?: (?P<way>{_EARLIER}|{_LATER}|forward|up|ahead|back))?"
    )
    for each in _AMOUNTS
)
_BY_MINUTES: Final = _rule(
    rf"на (?:(?P<count>\d{{1,2}}) (?P<unit>{_MINUTES})|(?P<half>полчас\w*)|(?P<quarter>четверть часа))"
    r"(?: (?P<way>вперед|назад))?"
)
_BY_HOURS: Final = _rule(
    rf"на (?:(?P<count>\d{{1,2}}) (?P<unit>{_HOURS})|(?P<more>полтора часа)|(?P<hour>час|часик|часок))"
    r"(?: (?P<way>вперед|назад))?"
)
_BY_DATES: Final = _rule(rf"на {_CALENDAR_AMOUNT}(?: (?P<way>вперед|назад))?")
_PUSHING: Final = _rule(r"(?:с|пере|по|ото)?(?:двин\w*|двига\w*)|смест\w*|смеща\w*")
"""`Сдвиньте на час` is by an hour, `перенесите на час` at one o'clock."""
_PULLING: Final = _rule(r"(?:bring|pull)(?: \w+){1,4} (?:forward|up)|move(?: \w+){1,3} up")
_SAME_TIME: Final = _rule(
    r"(?:(?:в|на) )?(?:то|это) ?же(?: самое)? время|в (?:тот|этот) ?же час|(?:at )?(?:the )?same (?:time|hour)"
)
_SAME_DAY: Final = _rule(
    r"(?:в )?(?:тот|этот) ?же(?: самый)? день|(?:на )?(?:ту|эту) ?же дату|(?:on )?(?:the )?same (?:day|date)"
)
_FROM_A_TIME: Final = _rule(rf"from {clock_pattern('a', bare=True)}(?= to )")


def find_shift(scan: Scan, *, moving: bool) -> Shift:
    """Reads by how much a visit shall move, and blanks it in `scan`, with the time that it moves away from.

    `moving` says that the text has words of moving. Read it before days and times.
    """
    found = _first(scan, _TOLD)
    if found is None and moving:
        _first(scan, (_FROM_A_TIME,))
        hours = (_BY_HOURS,) if _PUSHING.search(scan.whole) else ()
        found = _first(scan, (*_PUSHED, *hours, _BY_MINUTES, _BY_DATES))
    shift = Shift() if found is None else _read(found, pulling=_PULLING.search(scan.whole) is not None)
    return _with_the_same(scan, shift)


def _first(scan: Scan, patterns: tuple[re.Pattern[str], ...]) -> re.Match[str] | None:
    return next((match for each in patterns for match in scan.take(each)), None)


def _with_the_same(scan: Scan, shift: Shift) -> Shift:
    same_time, same_day = _first(scan, (_SAME_TIME,)), _first(scan, (_SAME_DAY,))
    return Shift(
        0 if same_day and shift.days is None else shift.days, 0 if same_time and not shift.minutes else shift.minutes
    )


def _read(match: re.Match[str], *, pulling: bool) -> Shift:
    said = {name: text for name, text in match.groupdict().items() if text}
    way = said.get("way") or said.get("before")
    earlier = pulling if way is None else re.fullmatch(rf"{_EARLIER}|назад|forward|up|ahead", way) is not None
    sign = -1 if earlier else 1
    if said.keys() & {"day", "week", "many"}:
        return Shift(days=sign * _dates(said))
    return Shift(minutes=sign * _minutes(said))


def _dates(said: dict[str, str]) -> int:
    if "many" in said:
        return int(said["many"]) * (7 if re.fullmatch(_WEEKS, said["dates"]) else 1)
    return 7 if "week" in said else 1


def _minutes(said: dict[str, str]) -> int:
    if "count" in said:
        return int(said["count"]) * (60 if re.fullmatch(_HOURS, said["unit"]) else 1)
    return 30 if "half" in said else 15 if "quarter" in said else 90 if "more" in said else 60
