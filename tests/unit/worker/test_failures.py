"""How long the worker leaves alone what is away."""

from datetime import timedelta

import pytest

from wamesh.worker.failures import patience


def seconds(number: float) -> timedelta:
    """So many seconds."""
    return timedelta(seconds=number)


@pytest.mark.parametrize(
    ("wish", "waited", "delay"),
    (
        (1, -3, 1),  # the gateway's clock is ahead
        (1, 8, 1),
        (1, 30, 3),
        (5, 45, 5),
        (5, 200, 20),
        (5, 86_400, 60),
        (300, 86_400, 300),
        (86_400, 0, 3600),
    ),
)
def test_patience_grows_with_the_wait(wish: float, waited: float, delay: float) -> None:
    """Never sooner than was wished for, never much later than the customer would notice."""
    assert patience(seconds(wish), seconds(waited)) == seconds(delay)
