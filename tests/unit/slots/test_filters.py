"""Filters on the local start, one plain case each."""

from wamesh.slots.filters import at_times
from wamesh.slots.zones import Offset

UTC = (Offset(0, 2880, 0),)


def test_a_range_that_ends_where_it_begins_keeps_nothing() -> None:
    """Only one that ends before it begins wraps midnight."""
    assert at_times([(0, 2880)], [(600, 600)], UTC) == []
    assert at_times([(0, 2880)], [(1400, 20)], UTC) == [(0, 20), (1400, 1460), (2840, 2880)]
