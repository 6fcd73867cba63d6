"""Keeps a busy event loop from starving the threads that work for it.

A thread that comes back from a system call must take CPython's global interpreter lock. A saturated event loop lets
go of that lock in every `select`, but only for a microsecond, and has it again before the thread has woken up; since
the thread was woken, its claim never grows old enough to force a switch. An SQLite transaction comes back a dozen
times: measured beside a saturated loop on two cores, it took seconds, and a lease can expire in that time. So when no
answer has come for two milliseconds though some are awaited, the loop stands still for one, or until a worker says
that it needs the interpreter no more.

Owns the turns of one loop. Invariant: an idle or brisk database never blocks the loop, a starved one costs it at most
a third of its time.
"""

import threading
from collections.abc import Callable
from typing import Protocol

_PATIENCE_SECONDS = 0.002
_LOAN_SECONDS = 0.001


class Timers(Protocol):
    """The part of an event loop that is needed here."""

    def call_later(self, delay: float, callback: Callable[[], object], /) -> object:
        """Calls back after `delay` seconds, on the loop's thread."""


class Lender:
    """Counts what the loop awaits from its worker threads, and lends them the interpreter when nothing comes."""

    def __init__(self, loop: Timers, content: threading.Event | None = None) -> None:
        self._loop = loop
        self._content = content or threading.Event()
        self._awaited = 0
        self._answers = 0
        self._answers_seen = 0
        self._watching = False

    def asked(self) -> None:
        """Work was handed to a thread. On the loop's thread."""
        self._awaited += 1
        if not self._watching:
            self._watch()

    def answered(self, count: int) -> None:
        """So many answers have arrived. On the loop's thread."""
        self._awaited -= count
        self._answers += count

    def release(self) -> None:
        """A worker has handed over its answers, or is about to wait for the disk. On the worker's thread."""
        self._content.set()

    def _watch(self) -> None:
        self._watching = True
        self._answers_seen = self._answers
        self._loop.call_later(_PATIENCE_SECONDS, self._look)

    def _look(self) -> None:
        self._watching = False
        if not self._awaited:
            return
        if self._answers == self._answers_seen:
            self._content.clear()
            self._content.wait(_LOAN_SECONDS)
        self._watch()
