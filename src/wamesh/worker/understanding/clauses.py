"""Which mentions a customer means: negation, correction, alternatives.

`не завтра, а в пятницу` denies tomorrow; `в пятницу, ой, лучше в субботу` takes Friday back; `в пятницу или субботу`
wants either. Owns the words that do this, for days, times, names and services alike. Refuses to know what a mention is.
Invariant: a polite negation (`не могли бы вы ...`, `can't you ...`) denies nothing.
"""

import re
from collections.abc import Sequence
from typing import Protocol, TypeVar

from wamesh.worker.understanding.words import Scan


class Spanned(Protocol):
    """Something found at [start, end) of the canonical text."""

    @property
    def start(self) -> int:
        """First character."""

    @property
    def end(self) -> int:
        """After the last character."""


S = TypeVar("S", bound=Spanned)

_LITTLE = (
    r"(?:на|в|во|к|ко|у|с|со|от|до|по|после|за|for|on|at|in|with|to|the|by|from|this|next|эт\w+|следующ\w+|мастер\w*)"
)
_DENIED_BEFORE = re.compile(
    rf"(?<!\w)(?:не|ни|not|кроме|except(?: for)?|but not|(?:anything|anyone|anybody|everyone|"
    rf"any \w+) but|apart from|other than|without|instead of|rather than|вместо)(?: {_LITTLE})*$"
)
_UNABLE = re.compile(
    r"(?<!\w)(?:(?:не|никак не|не очень) (?:могу|смогу|можем|получ\w+|хочу|хотим|подход\w+|подойд\w+|устраива\w+|"
    r"удобно|надо|нужн\w+|"
    r"успева\w+|успею|вариант|буду)|неудобно|никак|занят[аы]?|работаю|уезжаю|"
    r"(?:i|we|i'm|really|just|also) (?:can't|won't)|can't (?:make|do|come|on|at)|don't (?:want|like|need)|"
    r"(?:doesn't|does not|do not|don't|won't) (?:work|suit|fit)|"
    r"not (?:good|available|free|possible|suitable|convenient)|unavailable|busy|isn't (?:good|possible)|no good|"
    r"(?<!am )i'm away)(?!\w)"
)
_UNWANTED = re.compile(
    r"(?<!\w)(?:не (?:хочу|надо|нужн\w+|нравится|понравил\w+)|(?:don't|do not) (?:want|like|need))(?!\w)"
)
_CLAUSE_END = re.compile(
    r"[,;.!?]|(?<!\w)(?:а|но|зато|лучше|давайте|можно|but|instead|rather|so|поэтому|then|тогда|only|только|"
    r"(?<!не )хочу(?! бы)|запишите)(?!\w)"
)
_EITHER = re.compile(r"(?<!\w)(?:или|либо|or)(?!\w)")
_CORRECTION = re.compile(
    r";|(?<!\w)(?:(?<!если )нет|лучше|точнее|вернее|ой|хотя|извините|простите|передумал[аи]?|actually|no|rather|"
    r"instead|sorry|wait|i mean|scratch that|"
    r"make it|make that|changed my mind)(?!\w)"
)
_ADDITION = re.compile(r"(?<!\w)(?:и|плюс|and|plus)(?: (?:на|в|a|an|the))? *$")


def is_denied(scan: Scan, start: int, end: int) -> bool:
    """Whether the customer says that it is *not* this, or that this is impossible: `не завтра`, `завтра не могу`."""
    return is_refused(scan, start, end) or _UNABLE.search(_clause(scan.whole, start, end)) is not None


def is_refused(scan: Scan, start: int, end: int) -> bool:
    """Whether the customer does not want this; *I can't* is about the time and refuses nothing."""
    if _DENIED_BEFORE.search(scan.before(start)):
        return True
    return _UNWANTED.search(_clause(scan.whole, start, end)) is not None


def _clause(text: str, start: int, end: int) -> str:
    begin = max((match.end() for match in _CLAUSE_END.finditer(text, 0, start)), default=0)
    finish = _CLAUSE_END.search(text, end)
    return text[begin : finish.start() if finish else len(text)]


def last_said(scan: Scan, mentions: Sequence[S]) -> list[S]:
    """The mentions that still stand: everything before the last correction is taken back.

    `mentions` in any order; returns them by position.
    """
    standing: list[S] = []
    for mention in sorted(mentions, key=lambda each: each.start):
        if standing and _corrects(scan.whole[standing[-1].end : mention.start]):
            standing = []
        standing.append(mention)
    return standing


def _corrects(between: str) -> bool:
    """Whether what stands between two mentions takes the first back: `стрижку, нет, маникюр`, and not `стрижку, лучше к
    Анне, и маникюр`.
    """
    found = _CORRECTION.search(between)
    if found is None or _ADDITION.search(between):
        return False
    return found.group() != ";" or _EITHER.search(between) is None
