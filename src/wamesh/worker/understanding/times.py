"""Which times of day a customer means: a moment, ranges, or both.

Owns the words around a clock phrase (`после`, `before`, `between ... and`, `около`), named parts of the day, and
the choice among the readings of an ambiguous hour: the one inside the part of the day that was named, else inside
`DAY` - nobody books a haircut for 5 in the morning. Refuses dates. Invariants: ranges are [start, end) in minutes
since local midnight, ascending, disjoint, inside [0, 1440]; `exact` is one of `readings`.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from wamesh.worker.understanding.clauses import is_denied, last_said
from wamesh.worker.understanding.clock import PARTS, Readings, clock_pattern, read_clock
from wamesh.worker.understanding.words import Scan

DAY = (8 * 60, 22 * 60)
"""Where an hour without am or pm is expected."""
MIDNIGHT = 24 * 60

Range: TypeAlias = tuple[int, int]
_Kind: TypeAlias = Literal["at", "about", "from", "until", "between", "part"]


@dataclass(frozen=True, slots=True)
class Times:
    """What was said about times.

    `ranges` bound the start (empty: not said). `exact` is the minute asked for, `readings` everything the same
    words may mean, `about` whether nearby is as good. `unwanted` minutes are denied. `today`: said relative to now
    (`in an hour`).
    """

    ranges: tuple[Range, ...] = ()
    exact: int | None = None
    readings: Readings = ()
    about: bool = False
    unwanted: frozenset[int] = frozenset()
    today: bool = False

    def __bool__(self) -> bool:
        return bool(self.ranges) or self.exact is not None


@dataclass(frozen=True, slots=True)
class _Mention:
    start: int
    end: int
    kind: _Kind
    first: Readings
    last: Readings = ()


def _rule(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w·:.]){pattern}(?!\w)")


_ROUGHLY = r"(?:(?:около|примерно|ровно|где - то|где то|часов|часиков|about|around|roughly|like|say|the|exactly) )*"
_A = clock_pattern("a", bare=True)
_B = clock_pattern("b", bare=True)
_SURE = clock_pattern("a", bare=False)
_NOT_BEFORE = (
    r"(?:не раньше|не ранее|не до|not before|not earlier than|no earlier than|nothing before|starting(?: from|"
    r" at)?|начиная с)"
)
_NOT_AFTER = r"(?:не позже|не позднее|не после|not after|not later than|no later than|nothing after|at the latest)"
_AFTER = r"(?:(?:any ?time )?after|later than|since|from|после|позже|позднее|с|со|от)"
_BEFORE = r"(?:(?:any ?time )?before|earlier than|until|till|by|до|раньше|ранее)"
_NEAR = (
    r"(?:около|примерно (?:в|к|на)|где ?-? ?то (?:в|к|на)|ближе к|ориентировочно (?:в|к|на)|к|ко|час(?:ов|иков|а|"
    r"ам|икам) (?:в|к|на)|часов|"
    r"(?:at )?(?:around|(?<!how )(?<!what )about|roughly|approximately|approx|near|towards|close to)(?: at)?)"
)
_AT = r"(?:ровно в|ровно к|точно в|в|во|на|at|for|@|(?:what|how) about|you do|make it)"

_RULES: tuple[tuple[re.Pattern[str], _Kind], ...] = (
    (_rule(
        rf"(?:с|со|от|from|between|между|в промежутке(?: с| от| между)?|в интервале(?: с|"
        rf" от)?) {_ROUGHLY}{_A} (?:до|по|и|-|to|and|till|until) {_ROUGHLY}{_B}"), "between"),
    (_rule(rf"(?<!at )(?:(?:в|на) )?{_A} ?(?:-|до|to|till|until) ?{_B}"), "between"),
    (_rule(rf"{_NOT_BEFORE} {_ROUGHLY}{_A}"), "from"),
    (_rule(rf"{_NOT_AFTER} {_ROUGHLY}{_A}"), "until"),
    (_rule(rf"{_AFTER} {_ROUGHLY}{_A}(?: (?:и )?(?:позже|позднее|onwards?|on|or later))?"), "from"),
    (_rule(rf"{_SURE} (?:и позже|и позднее|или позже|onwards|or later|and later)"), "from"),
    (_rule(rf"{_BEFORE} {_ROUGHLY}{_A}"), "until"),
    (_rule(rf"{_NEAR} {_ROUGHLY}{_A}"), "about"),
    (_rule(rf"(?:{_AT} )?{_ROUGHLY}{_A}(?: -)? ish"), "about"),
    (_rule(rf"{_AT} {_ROUGHLY}{_A}"), "at"),
    (_rule(rf"{_SURE}(?: 1(?! ?\w))?"), "at"),
)  # fmt: skip
_AFTER_A_DAY = re.compile(rf"(?<=·)[ ,]*{_A}(?!\w)")
_ALSO = re.compile(rf"(?:(?<=·) (?:или|либо|or)(?: (?:в|at))?) {_A}(?!\w)")
_IN_HOURS = _rule(
    r"(?:через|in) (?:(?P<count>\d{1,2}) (?:час\w*|hours?)|(?P<half>полчаса|half an hour|30 (?:минут|minutes))|"
    r"(?:an? |1 )?(?:часик|час|hour)|(?P<more>полтора часа))"
)
_MOVED_FROM = _rule(rf"(?:(?:my|our) {_SURE}(?= to )|(?:с|со) {_B}(?= на ))")
"""The time that a visit is moved away from."""
_PARTS = tuple((_rule(pattern), first * 60, last * 60) for pattern, first, last in PARTS)


def find_times(scan: Scan, now: datetime) -> Times:
    """Reads what the text says about times and blanks it in `scan`. `now` is the company's local time; read days
    first.
    """
    if (relative := next(iter(scan.take(_IN_HOURS)), None)) is not None:
        return _from_now(relative, now)
    for _ in scan.take(_MOVED_FROM):
        pass
    clocks = _clocks(scan)
    return _combine(scan, clocks, _parts(scan))


def _from_now(match: re.Match[str], now: datetime) -> Times:
    minutes = 30 if match["half"] else 90 if match["more"] else 60 * int(match["count"] or 1)
    start = now.hour * 60 + now.minute + minutes
    return Times(((min(start, MIDNIGHT - 1), MIDNIGHT),), today=True)


def _clocks(scan: Scan) -> list[_Mention]:
    found = [each for pattern, kind in _RULES for each in _matches(scan, pattern, kind)]
    found += _matches(scan, _AFTER_A_DAY, "at")
    return found + (_matches(scan, _ALSO, "at") if found else [])


def _matches(scan: Scan, pattern: re.Pattern[str], kind: _Kind) -> list[_Mention]:
    mentions: list[_Mention] = []
    position = 0
    while (match := pattern.search(scan.rest, position)) is not None:
        first = read_clock(match, "a")
        last = read_clock(match, "b") if kind == "between" else ()
        if first is None or last is None:
            position = match.start() + 1
            continue
        scan.blank(*match.span())
        mentions.append(_Mention(*match.span(), kind, first, last))
        position = match.end()
    return mentions


def _parts(scan: Scan) -> list[_Mention]:
    """Parts of the day. One inside a clock phrase (`7 вечера`) has been read with it."""
    found: list[_Mention] = []
    for pattern, first, last in _PARTS:
        found += [_Mention(*match.span(), "part", (first,), (last,)) for match in scan.take(pattern)]
    return found


def _combine(scan: Scan, clocks: list[_Mention], parts: list[_Mention]) -> Times:
    denied = [each for each in (*clocks, *parts) if is_denied(scan, each.start, each.end)]
    standing = last_said(scan, [each for each in (*clocks, *parts) if each not in denied])
    inside = [(each.first[0], each.last[0]) for each in standing if each.kind == "part"]
    moments = [each for each in standing if each.kind in ("at", "about")]
    unwanted = frozenset(minute for each in denied if each.kind == "at" for minute in each.first)
    windows = [_window(each, inside) for each in standing if each.kind in ("from", "until", "between")]
    ranges = _subtract(
        _ranges(inside, windows), [(each.first[0], each.last[0]) for each in denied if each.kind == "part"]
    )
    if not moments:
        return Times(ranges, unwanted=unwanted)
    return _moments(moments, inside or list(ranges), unwanted)


def _moments(moments: Sequence[_Mention], inside: Sequence[Range], unwanted: frozenset[int]) -> Times:
    chosen = [_choose(each.first, inside) for each in moments]
    if len(set(chosen)) > 1:
        return Times(_union((minute, minute + 1) for minute in chosen), unwanted=unwanted)
    about = any(each.kind == "about" for each in moments)
    return Times((), chosen[0], moments[-1].first, about, unwanted)


def _choose(readings: Readings, inside: Sequence[Range]) -> int:
    """The likeliest reading: in a named part of the day (half an hour around it counts), else in DAY, else the
    literal one.
    """
    near = [each for each in readings if any(first - 30 <= each <= last + 30 for first, last in inside)]
    usual = [each for each in readings if DAY[0] <= each < DAY[1]]
    return (near or usual or list(readings))[0]


def _window(mention: _Mention, inside: Sequence[Range]) -> Range:
    if mention.kind == "from":
        return (_choose(mention.first, inside), MIDNIGHT)
    if mention.kind == "until":
        late = [each for each in mention.first if each > DAY[0] + 60] or list(mention.first)
        return (0, _choose(tuple(late), inside) or MIDNIGHT)
    return _between(mention.first, mention.last, inside)


def _between(first: Readings, last: Readings, inside: Sequence[Range]) -> Range:
    """Two hours that belong together: `2 to 5 pm`, `с 9 до 6`."""
    if len(last) == 1:
        start = max((each for each in first if each < last[0]), default=first[0])
        return (start, last[0]) if start < last[0] else (start, MIDNIGHT)
    start = _choose(first, inside)
    return (start, min((each for each in last if each > start), default=MIDNIGHT))


def _ranges(parts: Sequence[Range], windows: Sequence[Range]) -> tuple[Range, ...]:
    if not windows:
        return _union(parts)
    window = (max(first for first, _ in windows), min(last for _, last in windows))
    if window[0] >= window[1]:
        return _union(windows)
    both = ((max(first, window[0]), min(last, window[1])) for first, last in parts)
    return _union(each for each in both if each[0] < each[1]) or (window,)


def _union(ranges: Iterable[Range]) -> tuple[Range, ...]:
    merged: list[Range] = []
    for first, last in sorted(ranges):
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return tuple(merged)


def _subtract(ranges: tuple[Range, ...], denied: Sequence[Range]) -> tuple[Range, ...]:
    for first, last in denied:
        whole = ranges or ((0, MIDNIGHT),)
        pieces = ((each[0], min(each[1], first)) for each in whole), ((max(each[0], last), each[1]) for each in whole)
        ranges = tuple(sorted(each for side in pieces for each in side if each[0] < each[1]))
    return ranges
