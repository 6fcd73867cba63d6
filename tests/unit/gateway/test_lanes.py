"""Turns of a key go in the order in which they were asked for."""

from wamesh.gateway.lanes import Lanes


def test_the_oldest_turn_of_a_key_may_go() -> None:
    """The next one follows when it leaves; other keys do not wait."""
    lanes = Lanes()
    first, second, other = lanes.enter("a"), lanes.enter("a"), lanes.enter("b")
    assert [turn.may_go.is_set() for turn in (first, second, other)] == [True, False, True]
    first.leave()
    assert second.may_go.is_set()


def test_a_turn_that_leaves_early_lets_nobody_pass() -> None:
    """Giving up a place in the middle changes nothing for those before it."""
    lanes = Lanes()
    first, second, third = (lanes.enter("a") for _ in range(3))
    second.leave()
    second.leave()
    assert not third.may_go.is_set()
    first.leave()
    assert third.may_go.is_set()


def test_a_key_without_turns_costs_nothing() -> None:
    """The queue is gone with its last turn."""
    lanes = Lanes()
    with lanes.enter("a"):
        assert lanes._turns
    assert not lanes._turns
