"""When the loop stands still for its worker threads, and when it does not."""

from collections.abc import Callable

import pytest
from support.threads import Loans

from wamesh.storage.lending import Lender


class Timers:
    """A loop whose time passes when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], object]] = []

    def call_later(self, delay: float, callback: Callable[[], object], /) -> None:
        self.waiting.append(callback)

    def pass_time(self) -> None:
        due, self.waiting = self.waiting, []
        for callback in due:
            callback()


@pytest.fixture
def loop() -> Timers:
    return Timers()


@pytest.fixture
def loans() -> Loans:
    return Loans()


@pytest.fixture
def lender(loop: Timers, loans: Loans) -> Lender:
    return Lender(loop, loans)


def test_an_idle_loop_is_left_alone(lender: Lender, loop: Timers, loans: Loans) -> None:
    """Once everything is answered no timer is left behind."""
    lender.asked()
    lender.answered(1)
    loop.pass_time()
    assert (loop.waiting, loans.count) == ([], 0)


def test_a_brisk_database_never_stops_the_loop(lender: Lender, loop: Timers, loans: Loans) -> None:
    """While answers keep coming, nothing is lent, however much is awaited."""
    lender.asked()
    for _ in range(10):
        lender.asked()
        lender.answered(1)
        loop.pass_time()
    assert loans.count == 0


def test_a_starved_worker_gets_a_turn(lender: Lender, loop: Timers, loans: Loans) -> None:
    """Each time that no answer came in the patience time, the loop stands still once."""
    lender.asked()
    for _ in range(3):
        loop.pass_time()
    assert (len(loop.waiting), loans.count) == (1, 3)


def test_many_questions_share_one_timer(lender: Lender, loop: Timers) -> None:
    """Asking costs no timer while one is running."""
    for _ in range(5):
        lender.asked()
    assert len(loop.waiting) == 1
