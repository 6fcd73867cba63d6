"""The rules of a delivery's hold."""

from dataclasses import dataclass
from datetime import timedelta

import pytest

from wamesh.rpc import deadline
from wamesh.worker.hold import DeliveryLost, Hold


@dataclass
class Seconds:
    """A clock that the test moves."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def test_an_extension_begins_the_duration_anew() -> None:
    """Counted from the moment at which it is asked for."""
    seconds = Seconds()
    hold = Hold(timedelta(seconds=60), seconds)
    seconds.now += 59
    assert hold.extend()
    seconds.now += 59
    hold.require()


def test_a_hold_that_is_over_stays_over() -> None:
    """A worker that woke too late cannot bring its delivery back by asking for more time."""
    seconds = Seconds()
    hold = Hold(timedelta(seconds=60), seconds)
    seconds.now += 60
    assert not hold.extend()
    for _ in range(2):
        with pytest.raises(DeliveryLost):
            hold.require()


def test_no_call_outlasts_the_hold() -> None:
    """What is left of it is the deadline of the calls that follow."""
    seconds = Seconds()
    hold = Hold(timedelta(seconds=60), seconds)
    seconds.now += 55
    hold.require()
    left = deadline.remaining_seconds(10.0)
    assert left == pytest.approx(5.0, abs=1.0)
    deadline.note(None)
