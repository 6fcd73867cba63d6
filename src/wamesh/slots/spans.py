"""Sets of minutes, written as spans.

Owns the arithmetic of sets of integers. A set is a list of half-open spans `[start, end)` in *canonical*
form: sorted, disjoint, non-empty and never adjacent. Two sets are equal exactly when their lists are. The
numbers are minutes, either instants (minutes since 1970-01-01T00:00Z) or local minutes (minutes since local
1970-01-01T00:00); the functions here do not care which, and refuse to know.

Invariant: every function takes canonical sets (unless it says otherwise), leaves them alone, and returns a
canonical set. Each runs in time linear in the number of spans, not of minutes.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import chain

Span = tuple[int, int]
Spans = Sequence[Span]


def canonical(spans: Iterable[Span]) -> list[Span]:
    """Makes a canonical set of any spans: unsorted, overlapping, adjacent and empty ones are fine."""
    result: list[Span] = []
    for start, end in sorted(spans):
        if start >= end:
            continue
        if result and start <= result[-1][1]:
            if end > result[-1][1]:
                result[-1] = (result[-1][0], end)
        else:
            result.append((start, end))
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
    j = 0
    for start, end in left:
        while j < len(right) and right[j][1] <= start:
            j += 1
        k = j
        while k < len(right) and right[k][0] < end:
            if start < right[k][0]:
                result.append((start, right[k][0]))
            start = right[k][1]
            k += 1
        if start < end:
            result.append((start, end))
    return result


def shift(spans: Spans, minutes: int) -> list[Span]:
    """Moves every minute of the set by `minutes` (negative: earlier)."""
    return [(start + minutes, end + minutes) for start, end in spans]


def clip(spans: Spans, within: Span) -> list[Span]:
    """Returns the minutes of the set that lie in one span."""
    return intersect(spans, canonical([within]))


def starts_inside(spans: Spans, length: int) -> list[Span]:
    """Returns the minutes `u` for which the whole of `[u, u + length)` is in the set; `length` >= 1."""
    return [(start, end - length + 1) for start, end in spans if end - start >= length]


def starts_touching(spans: Spans, before: int, after: int) -> list[Span]:
    """Returns the minutes `u` for which `[u - before, u + after)` has a minute in the set; `before + after`
    >= 1.
    """
    return canonical((start - after + 1, end + before) for start, end in spans)


def contains(spans: Spans, minute: int) -> bool:
    """Tells whether the minute is in the set."""
    index = bisect_right(spans, minute, key=lambda span: span[0])
    return index > 0 and minute < spans[index - 1][1]


def measure(spans: Spans) -> int:
    """Counts the minutes of the set."""
    return sum(end - start for start, end in spans)
