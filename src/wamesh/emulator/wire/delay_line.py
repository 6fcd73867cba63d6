"""A slow link: what goes in comes out later, in the same order.

Owns: the order and the waiting. Refuses: knowing what it carries. Invariant: nothing overtakes, also when the delay
changes; without a delay or a hold and with nothing waiting, things come out at once.
"""

from asyncio import TimerHandle
from collections import deque
from collections.abc import Callable
from datetime import timedelta
from typing import Protocol


class Timer(Protocol):
    """As much of an event loop as is needed here; seconds."""

    def time(self) -> float: ...

    def call_at(self, when: float, callback: Callable[[], object], /) -> TimerHandle: ...


class DelayLine:
    """Runs steps, each after the delay that held when it was put in, and never before an earlier one."""

    def __init__(self, timer: Timer) -> None:
        self._timer = timer
        self._delay = 0.0
        self._held_until = 0.0
        self._waiting: deque[tuple[float, Callable[[], None]]] = deque()
        self._handle: TimerHandle | None = None

    def slow_down(self, delay: timedelta) -> None:
        """Holds for whatever is put in from now on."""
        self._delay = delay.total_seconds()

    def hold(self, duration: timedelta) -> None:
        """Lets nothing that is put in from now on come out before `duration` is over."""
        self._held_until = self._timer.time() + duration.total_seconds()

    def put(self, step: Callable[[], None]) -> None:
        """Runs `step` at once, or when its time has come."""
        now = self._timer.time()
        due = max(now + self._delay, self._held_until)
        if due <= now and not self._waiting:
            step()
            return
        self._waiting.append((max(due, self._waiting[-1][0]) if self._waiting else due, step))
        self._arm()

    def clear(self) -> None:
        """Forgets whatever waits."""
        self._waiting.clear()
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _arm(self) -> None:
        if self._handle is None and self._waiting:
            self._handle = self._timer.call_at(self._waiting[0][0], self._release)

    def _release(self) -> None:
        self._handle = None
        now = self._timer.time()
        while self._waiting and self._waiting[0][0] <= now:
            _, step = self._waiting.popleft()
            step()
        self._arm()
