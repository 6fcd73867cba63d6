"""The hash of a set."""

from hypothesis import given, settings
from hypothesis import strategies as st

from wamesh.emulator.app_state import lthash

elements = st.lists(st.binary(min_size=32, max_size=32), max_size=6)


@settings(max_examples=100)
@given(elements, st.randoms(use_true_random=False))
def test_order_does_not_matter(added: list[bytes], random: object) -> None:
    """Elements added in any order give the same hash."""
    shuffled = list(added)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert lthash.subtract_then_add(lthash.EMPTY, [], shuffled) == lthash.subtract_then_add(lthash.EMPTY, [], added)


@settings(max_examples=100)
@given(elements, elements)
def test_what_is_subtracted_was_never_there(kept: list[bytes], removed: list[bytes]) -> None:
    """Adding and subtracting again leaves the hash of the rest."""
    both = lthash.subtract_then_add(lthash.EMPTY, [], kept + removed)
    assert lthash.subtract_then_add(both, removed, []) == lthash.subtract_then_add(lthash.EMPTY, [], kept)


def test_hash_has_a_fixed_size() -> None:
    """128 bytes, whatever is in the set."""
    assert len(lthash.subtract_then_add(lthash.EMPTY, [], [b"a", b"b" * 1000])) == lthash.BYTES
