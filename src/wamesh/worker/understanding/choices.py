"""Which of the offered options a customer picks: by number, by time, by day, by who does it.

Owns picking from a numbered list. Refuses to pick when the words fit several options: it returns all that fit, and
the dialogue asks. Invariant: indices are valid for the list that was given, ascending, unique.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from wamesh.worker.understanding.clauses import is_denied
from wamesh.worker.understanding.words import Scan


@dataclass(frozen=True, slots=True)
class Option:
    """One offered slot as the customer saw it: local start, and who does it."""

    start: datetime
    staff_ids: tuple[int, ...] = ()


_BY_NUMBER = re.compile(
    r"(?<![\w·:.])(?:(?:под )?(?:номер(?:ом)?|вариант\w*|пункт\w*|option|number|no|nr|slot|choice)[ .:]*(?:№ ?|"
    r"# ?)?|№ ?|# ?)(\d{1,2})(?:th|gen)?(?!\w|[:.]\d)"
)
_ORDINAL = re.compile(
    r"(?<![\w·:.])(?<!\ba )(?<!1 )(\d{1,2})(?:th|gen)(?: (?:вариант\w*|окно|окошко|слот|строчк\w+|1|option|slot|"
    r"please|пожалуйста))?"
    r"(?= ?(?:[^\w ]|$| (?:запиш\w*|давай\w*|меня|мне|подойдет|подходит|устраивает|спасибо|пожалуйста|please|thanks|"
    r"works|is|at|with|on|for|на|в|к|у|с)(?!\w)))"
)
_NO_PLACE = re.compile(r"(?<!\w)(?:половин\w*|четверть|минут\w*|пол|до|по|после|с|half|quarter)$")
"""What stands before an ordinal that is an hour or a date."""
_COURTESY = re.compile(
    r"(?<!\w)(?:да+|ага|ок|окей|ну|хорошо|ладно|отлично|супер|тогда|давай(?:те)?|пусть|можно|мне|меня|нас|беру|возьму|"
    r"выбираю|хочу|хотел[аи]?|бы|запиш\w+|записать(?:ся)?|бронируй(?:те)?|подойдет|подходит|устраивает|удобно|пожалуйста|"
    r"спасибо|будет|лучше|нет|вариант\w*|время|на|в|во|к|ко|у|с|со|и|а|это|то|час(?:ов|а|ам)?|лучше|всего|"
    r"ok|okay|yes|yeah|sure|great|perfect|fine|good|sounds|is|works?|will|would|do|be|please|thanks|thank|you|i|i'll|i'd|"
    r"like|take|have|let's|go|with|the|1|one|option|slot|time|book|me|in|for|at|on|it|that|this|and|then|us|can|could|"
    r"we|make|a|an|no|instead|free)(?!\w)"
)


def stands_alone(scan: Scan) -> bool:
    """Whether the text says nothing beyond what was read and courtesies, and asks nothing. Call it last."""
    return "?" not in scan.whole and re.search(r"\w", _COURTESY.sub("", scan.rest)) is None


_COUNT = re.compile(r"(?<![\w·:.])(\d{1,2}) (?:вариант\w*|option|слот|slot)(?!\w)")
BARE_NUMBER = re.compile(
    r"^[^\w·]*(?:(?:давай(?:те)?|ладно|лучше|нет|пусть|тогда|хочу|беру|выбираю|можно|да|ок|ну|хорошо|запишите|"
    r"please|i'll take|i'd like|let's|take|go with|the|ok|yes|pick|choose|book|me|for|меня|мне) ?,? ?)*"
    r"(\d{1,2})(?: (?:пожалуйста|please|спасибо|thanks|подходит|подойдет|is fine|works))*[^\w·]*$"
)
"""A number with nothing but courtesies around it."""
_LAST = re.compile(r"(?<!\w)(?:последн\w+|last(?: 1| one| option| slot)?)(?!\w)")
_EARLIEST = re.compile(r"(?<!\w)(?:сам\w+ (?:ранн\w+|перв\w+)|пораньше всех|earliest|the soonest|soonest)(?!\w)")
_LATEST = re.compile(r"(?<!\w)(?:сам\w+ поздн\w+|latest)(?!\w)")
_ANY = re.compile(
    r"(?<!\w)(?:люб(?:ое|ой|ая|ую|ые|ого)(?= ?(?:[^\w ]|$| (?:вариант|окно|слот|из|пойдет|подойд|подход|устр|"
    r"пожалуйста|можно|запиш|давай)))|без разницы|все равно|"
    r"не ?важно|на ваше усмотрение|на ваш выбор|как вам удобн\w+|"
    r"any(?: one)?(?: of (?:them|these|those))?(?: (?:is|will|would|works|are|please)(?!\w)|(?= ?(?:[^\w ?]|$)))|"
    r"whatever|whichever|don't (?:mind|care)|"
    r"doesn't matter|up to you|either(?: one)?|all (?:good|fine))(?!\w)"
)


def by_place(scan: Scan, options: Sequence[Option]) -> tuple[int, ...]:
    """The option that is picked by its place in the list; empty when none is. Call it before days and times are
    read.
    """
    for pattern in (_BY_NUMBER, _COUNT, _ORDINAL):
        for match in pattern.finditer(scan.rest):
            if 1 <= int(match[1]) <= len(options) and _is_a_place(scan, match):
                scan.blank(*match.span())
                return (int(match[1]) - 1,)
    if (bare := BARE_NUMBER.match(scan.whole)) and 1 <= int(bare[1]) <= len(options):
        scan.blank(*bare.span(1))
        return (int(bare[1]) - 1,)
    return _by_extreme(scan, options)


def _is_a_place(scan: Scan, match: re.Match[str]) -> bool:
    """Not denied, and no part of an hour or a date."""
    return _NO_PLACE.search(scan.before(match.start())) is None and not is_denied(scan, *match.span())


def _by_extreme(scan: Scan, options: Sequence[Option]) -> tuple[int, ...]:
    if not options:
        return ()
    by_start: Callable[[int], datetime] = lambda index: options[index].start  # noqa: E731
    for pattern, index in (
        (_EARLIEST, min(range(len(options)), key=by_start)),
        (_LATEST, max(range(len(options)), key=by_start)),
        (_LAST, len(options) - 1),
        (_ANY, 0),
    ):
        if (match := pattern.search(scan.rest)) is not None and not is_denied(scan, *match.span()):
            scan.blank(*match.span())
            return (index,)
    return ()
