"""Sets of minutes, written as spans.

Owns the arithmetic of sets of integers. A set is a list of half-open spans `[start, end)` in *canonical*
form: sorted, disjoint, non-empty and never adjacent. Two sets are equal exactly when their lists are. The
numbers are minutes, either instants (minutes since 1970-01-01T00:00Z) or local minutes (minutes since local
1970-01-01T00:00); the functions here do not care which, and refuse to know.

Invariant: every function takes canonical sets (unless it says otherwise), leaves them alone, and returns a
canonical set. Each runs in time linear in the number of spans, not of minutes.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, repeat
from typing import Final

Span = tuple[int, int]
Spans = Sequence[Span]

_NEVER: Final = (1 << 62, 1 << 62)
"""A span after every minute that a set can hold."""


def canonical(spans: Iterable[Span]) -> list[Span]:
    """Makes a canonical set of any spans: unsorted, overlapping, adjacent and empty ones are fine."""
    return _merged(sorted(spans))


def _merged(spans: Iterable[Span]) -> list[Span]:
    """Makes a canonical set of spans that are sorted already."""
    result: list[Span] = []
    reached = None
    for span in spans:
        start, end = span
        if start >= end:
            continue
        if reached is None or start > reached:
            result.append(span)
            reached = end
        elif end > reached:
            result[-1] = (result[-1][0], end)
            reached = end
    return result


def union(sets: Iterable[Spans]) -> list[Span]:
    """Returns the minutes that are in at least one of the sets."""
    return canonical(chain.from_iterable(sets))


def intersect(left: Spans, right: Spans) -> list[Span]:
    """Returns the minutes that are in both sets."""
    result: list[Span] = []
    i = j = 0
    while i < len(left) and j < len(right):
        start, end = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if start < end:
            result.append((start, end))
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1
    return result


def subtract(left: Spans, right: Spans) -> list[Span]:
    """Returns the minutes of `left` that are not in `right`."""
    result: list[Span] = []
    taken = chain(right, repeat(_NEVER))
    taken_from, taken_until = next(taken)
    for start, end in left:
        while taken_until <= start:
            taken_from, taken_until = next(taken)
        while taken_from < end:
            if start < taken_from:
                result.append((start, taken_from))
            start = taken_until
            if start >= end:
                break  # what is taken may reach into the next span too
            taken_from, taken_until = next(taken)
        if start < end:
            result.append((start, end))
    return result


def shift(spans: Spans, minutes: int) -> list[Span]:
    """Moves every minute of the set by `minutes` (negative: earlier)."""
    return [(start + minutes, end + minutes) for start, end in spans]


def clip(spans: Spans, within: Span) -> list[Span]:
    """Returns the minutes of the set that lie in one span; looks at no others."""
    start, end = within
    first, last = bisect_left(spans, (start,)), bisect_left(spans, (end,))
    if first and spans[first - 1][1] > start:
        first -= 1
    kept = list(spans[first:last]) if start < end else []
    if kept and kept[0][0] < start:
        kept[0] = (start, kept[0][1])
    if kept and kept[-1][1] > end:
        kept[-1] = (kept[-1][0], end)
    return kept


def starts_inside(spans: Spans, length: int) -> list[Span]:
    """Returns the minutes `u` for which the whole of `[u, u + length)` is in the set; `length` >= 1."""
    return [(start, end - length + 1) for start, end in spans if end - start >= length]


def starts_touching(spans: Spans, before: int, after: int) -> list[Span]:
    """Returns the minutes `u` for which `[u - before, u + after)` has a minute in the set; `before + after`
    >= 1, and either may be negative.
    """
    return _merged([(start - after + 1, end + before) for start, end in spans])


def contains(spans: Spans, minute: int) -> bool:
    """Tells whether the minute is in the set."""
    index = bisect_left(spans, (minute + 1,))
    return index > 0 and minute < spans[index - 1][1]


def members(numbers: Sequence[int], spans: Spans) -> Iterator[int]:
    """Yields the numbers that are in the set; they ascend."""
    first = 0
    for start, end in spans:
        first = bisect_left(numbers, start, first)
        last = bisect_left(numbers, end, first)
        yield from numbers[first:last]
        first = last


def measure(spans: Spans) -> int:
    """Counts the minutes of the set."""
    return sum([end - start for start, end in spans])
