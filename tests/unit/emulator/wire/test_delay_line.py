"""A slow link delays, and never reorders."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import cast

from hypothesis import given, settings
from hypothesis import strategies as st

from wamesh.emulator.wire.delay_line import DelayLine


class _Timer:
    """A loop's clock that moves when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0
        self.due: list[tuple[float, Callable[[], object]]] = []

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, callback: Callable[[], object], /) -> asyncio.TimerHandle:
        entry = (when, callback)
        self.due.append(entry)
        return cast(asyncio.TimerHandle, _Handle(lambda: self.due.remove(entry)))

    def run_until(self, moment: float) -> None:
        while soon := [entry for entry in self.due if entry[0] <= moment]:
            entry = min(soon, key=lambda entry: entry[0])
            self.due.remove(entry)
            self.now = entry[0]
            entry[1]()
        self.now = moment


class _Handle:
    def __init__(self, cancel: Callable[[], None]) -> None:
        self.cancel = cancel


_ACTIONS = st.one_of(
    st.tuples(st.just("delay"), st.integers(0, 5)),
    st.tuples(st.just("hold"), st.integers(0, 5)),
    st.tuples(st.just("put"), st.just(0)),
    st.tuples(st.just("wait"), st.integers(0, 4)),
)


@given(st.lists(_ACTIONS, max_size=40))
@settings(max_examples=200)
def test_order_is_kept_and_nothing_comes_too_early(actions: list[tuple[str, int]]) -> None:
    """Whatever delays and holds: first in, first out, each after its own time at least, and in the end all."""
    timer = _Timer()
    line, out, earliest, delay, held = DelayLine(timer), list[tuple[int, float]](), list[float](), 0, 0.0
    for action, amount in actions:
        if action == "delay":
            delay = amount
            line.slow_down(timedelta(seconds=amount))
        elif action == "hold":
            held = timer.now + amount
            line.hold(timedelta(seconds=amount))
        elif action == "wait":
            timer.run_until(timer.now + amount)
        else:
            number = len(earliest)
            earliest.append(max(timer.now + delay, held))
            line.put(lambda number=number: out.append((number, timer.now)))  # type: ignore[misc]
    timer.run_until(timer.now + 100)
    assert [number for number, _ in out] == list(range(len(earliest)))
    assert all(moment >= earliest[number] for number, moment in out)


def test_without_delay_it_is_not_there() -> None:
    """What is put in comes out within the call."""
    out: list[str] = []
    DelayLine(_Timer()).put(lambda: out.append("now"))
    assert out == ["now"]


def test_delay_is_exact() -> None:
    """A step runs when its time has come, not before."""
    timer, out = _Timer(), list[str]()
    line = DelayLine(timer)
    line.slow_down(timedelta(seconds=2))
    line.put(lambda: out.append("x"))
    timer.run_until(1.9)
    assert out == []
    timer.run_until(2)
    assert out == ["x"]


def test_a_hold_passes() -> None:
    """What is put in during a hold comes out at its end, what is put in afterwards at once."""
    timer, out = _Timer(), list[tuple[str, float]]()
    line = DelayLine(timer)
    line.hold(timedelta(seconds=2))
    line.put(lambda: out.append(("held", timer.now)))
    timer.run_until(3)
    line.put(lambda: out.append(("free", timer.now)))
    assert out == [("held", 2), ("free", 3)]


def test_clear_forgets() -> None:
    """What waited never runs, and what comes later does."""
    timer, out = _Timer(), list[str]()
    line = DelayLine(timer)
    line.slow_down(timedelta(seconds=1))
    line.put(lambda: out.append("forgotten"))
    line.clear()
    line.put(lambda: out.append("later"))
    timer.run_until(5)
    assert out == ["later"]
