"""Sets of minutes behave as Python's sets of numbers do."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from wamesh.slots import spans
from wamesh.slots.spans import Span

List = list[Span]
some_spans = st.lists(st.tuples(st.integers(-20, 60), st.integers(-20, 60)), max_size=6)
some_sets = some_spans.map(spans.canonical)


def minutes(of: List) -> set[int]:
    return {minute for start, end in of for minute in range(start, end)}


def back(numbers: set[int]) -> List:
    """The canonical spans of a set of numbers, the slow way."""
    return spans.canonical((each, each + 1) for each in numbers)


@given(some_spans)
def test_canonical_keeps_the_minutes_and_has_one_form(made: List) -> None:
    """Sorted, apart by at least a minute, never empty; the same minutes give the same list."""
    result = spans.canonical(made)
    assert minutes(result) == minutes(made)
    assert all(start < end for start, end in result)
    assert all(before[1] < after[0] for before, after in itertools.pairwise(result))
    assert result == back(minutes(made))


@given(some_sets, some_sets)
def test_union_intersection_and_difference_are_those_of_sets(left: List, right: List) -> None:
    """Each result is canonical too."""
    assert spans.union([left, right]) == back(minutes(left) | minutes(right))
    assert spans.intersect(left, right) == back(minutes(left) & minutes(right))
    assert spans.subtract(left, right) == back(minutes(left) - minutes(right))


@given(some_sets, st.integers(-100, 100))
def test_shift_moves_every_minute(made: List, by: int) -> None:
    """And nothing else."""
    assert spans.shift(made, by) == back({each + by for each in minutes(made)})


@given(some_sets, st.integers(1, 15))
def test_starts_inside_are_where_a_length_fits(made: List, length: int) -> None:
    """All of `[u, u + length)` lies in the set."""
    inside = minutes(made)
    expected = {at for at in range(-30, 70) if set(range(at, at + length)) <= inside}
    assert spans.starts_inside(made, length) == back(expected)


@given(some_sets, st.integers(-5, 9), st.integers(6, 14))
def test_starts_touching_are_where_something_is_met(made: List, before: int, after: int) -> None:
    """Some minute of `[u - before, u + after)` is in the set."""
    busy = minutes(made)
    expected = {at for at in range(-50, 90) if set(range(at - before, at + after)) & busy}
    assert spans.starts_touching(made, before, after) == back(expected)


@given(some_sets)
def test_contains_and_measure_count_minutes(made: List) -> None:
    """As membership and size of the set."""
    assert {minute for minute in range(-30, 70) if spans.contains(made, minute)} == minutes(made)
    assert spans.measure(made) == len(minutes(made))


@given(some_sets, st.lists(st.integers(-30, 70)).map(sorted))
def test_members_are_the_numbers_in_the_set(made: List, numbers: list[int]) -> None:
    """In their order, repeated as they are."""
    assert list(spans.members(numbers, made)) == [each for each in numbers if each in minutes(made)]


@given(some_sets, st.tuples(st.integers(-30, 70), st.integers(-30, 70)))
def test_clip_keeps_one_span(made: List, within: Span) -> None:
    """A span that ends before it begins keeps nothing."""
    assert spans.clip(made, within) == back(minutes(made) & set(range(*within)))
