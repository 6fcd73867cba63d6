"""The scheduled messages of one term, each launched when it is due.

A message that is not due lives in its row alone: a hundred thousand reminders cost one timer. They are launched in
order of (schedule_time, sequence), some at a time, so that an hour at which thousands are due fills no memory either.

Owns: the place up to which it has looked, and the timer. Refuses: to send. Invariant: each message is launched once,
also one that is stored for a moment that was looked at already.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, TypeAlias

import structlog

from wamesh.clock import EPOCH, Clock
from wamesh.errors import Unavailable
from wamesh.gateway.message_stores import OutboxStore
from wamesh.gateway.messages import OutboxMessage

_log = structlog.get_logger("gateway.outbox")
_AT_ONCE: Final = 200
_LONGEST_SLEEP: Final = timedelta(hours=1)  # the wall clock may be set

Launch: TypeAlias = Callable[[OutboxMessage, Callable[[], None]], None]
"""Launches a message; the second argument is called when its flight has landed."""


class Schedule:
    """Launches scheduled messages while `run` runs."""

    def __init__(self, company_id: int, store: OutboxStore, clock: Clock, launch: Launch) -> None:
        self._company_id = company_id
        self._store = store
        self._clock = clock
        self._launch = launch
        self._seen = (EPOCH, 0)
        self._next: datetime | None = None
        self._changed = asyncio.Event()
        self._room = asyncio.Semaphore(_AT_ONCE)

    def note(self, message: OutboxMessage) -> None:
        """A message was stored that is to be sent at its schedule_time."""
        place = _place(message)
        if place <= self._seen:
            self._launch(message, lambda: None)
        elif self._next is None or place[0] < self._next:
            self._next = place[0]
            self._changed.set()

    async def run(self) -> None:
        """Looks, launches and sleeps, until it is cancelled."""
        while True:
            self._changed.clear()
            self._next = None
            try:
                self._next = await self._look()
            except Unavailable as error:
                _log.warning("schedule not known", company_id=self._company_id, error=error.message)
                self._next = self._clock() + error.retry_after
            await self._sleep()

    async def _look(self) -> datetime | None:
        """Launches what is due and returns when the next message is; None when there is none."""
        while True:
            found = await self._store.scheduled(self._company_id, self._seen, _AT_ONCE)
            for message in found:
                place = _place(message)
                if place[0] > self._clock():
                    return place[0]
                await self._room.acquire()
                self._seen = place
                self._launch(message, self._room.release)
            if len(found) < _AT_ONCE:
                return None

    async def _sleep(self) -> None:
        left = _LONGEST_SLEEP if self._next is None else min(self._next - self._clock(), _LONGEST_SLEEP)
        try:
            async with asyncio.timeout(max(left.total_seconds(), 0)):
                await self._changed.wait()
        except TimeoutError:
            return


def _place(message: OutboxMessage) -> tuple[datetime, int]:
    assert message.schedule_time is not None
    return message.schedule_time, message.sequence
