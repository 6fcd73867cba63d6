"""Which of the offered options a customer picks: by number, by time, by day, by who does it.

Owns picking from a numbered list. Refuses to pick when the words fit several options: it returns all that fit, and
the dialogue asks. Invariant: indices are valid for the list that was given, ascending, unique.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

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
    r"please|пожалуйста))?(?!\w)"
)
_COUNT = re.compile(r"(?<![\w·:.])(\d{1,2}) (?:вариант\w*|option|слот|slot)(?!\w)")
_BARE = re.compile(
    r"^[^\w·]*(?:(?:давай(?:те)?|пусть|тогда|хочу|беру|выбираю|можно|да|ок|ну|хорошо|запишите|please|i'll take|"
    r"i'd like|let's|take|go with|the|ok|yes|pick|choose|book|me|for|меня|мне) ?,? ?)*(\d{1,2})(?: (?:пожалуйста|"
    r"please|спасибо|thanks|подходит|подойдет|is fine|works))*[^\w·]*$"
)
_LAST = re.compile(r"(?<!\w)(?:последн\w+|last(?: 1| one| option| slot)?)(?!\w)")
_EARLIEST = re.compile(r"(?<!\w)(?:сам\w+ (?:ранн\w+|перв\w+)|пораньше всех|earliest|the soonest|soonest)(?!\w)")
_LATEST = re.compile(r"(?<!\w)(?:сам\w+ поздн\w+|latest)(?!\w)")
_ANY = re.compile(
    r"(?<!\w)(?:люб(?:ое|ой|ая|ую|ые|ого)(?! (?:день|дни|дату|другой|мастер\w*|время))|без разницы|все равно|"
    r"не ?важно|на ваше усмотрение|на ваш выбор|как вам удобн\w+|"
    r"any(?! (?:\w+ )?(?:time|day|date|other))(?: of (?:them|these|those))?(?: (?:is|will|would|works|one|"
    r"are))*|whatever|whichever|don't (?:mind|care)|"
    r"doesn't matter|up to you|either(?: one)?|all (?:good|fine))(?!\w)"
)


def by_place(scan: Scan, options: Sequence[Option]) -> tuple[int, ...]:
    """The option that is picked by its place in the list; empty when none is. Call it before days and times are
    read.
    """
    for pattern in (_BY_NUMBER, _COUNT, _ORDINAL):
        for match in pattern.finditer(scan.rest):
            if 1 <= int(match[1]) <= len(options):
                scan.blank(*match.span())
                return (int(match[1]) - 1,)
    if (bare := _BARE.match(scan.whole)) and 1 <= int(bare[1]) <= len(options):
        scan.blank(*bare.span(1))
        return (int(bare[1]) - 1,)
    return _by_extreme(scan, options)


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
        if (match := pattern.search(scan.rest)) is not None:
            scan.blank(*match.span())
            return (index,)
    return ()
