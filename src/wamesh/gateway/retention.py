"""Forgets what is too old, a little at a time, so that the tables do not grow for ever.

Every gateway sweeps once an hour, from its start on. Several that sweep at once do the work twice and nothing worse.
What a sweep could not do for want of a database, the next one does.

Owns: when and how fast. Refuses: SQL, and identities, which name a customer for good. Invariant: a sweep holds no
transaction longer than `_LIMIT` rows take, and rests after each.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from wamesh.clock import Clock
from wamesh.errors import Unavailable
from wamesh.gateway.event_log import EventLog

_log = structlog.get_logger("gateway.retention")
_LIMIT: Final = 250
_PAUSE: Final = timedelta(milliseconds=25)
_INTERVAL: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Keep:
    """How long what is kept; None means for ever."""

    messages: timedelta | None
    events: timedelta | None


@dataclass(frozen=True, slots=True)
class Swept:
    """What one step removed, and the sequence after which the next one goes on; None when the walk is at its end."""

    removed: int
    next_after: int | None


class RetentionStore(Protocol):
    """Removal of what nobody needs any more, in steps of at most `limit` rows. Each raises DatabaseUnavailable."""

    async def sweep_inbox(self, before: datetime, after: int, limit: int) -> Swept:
        """Looks through the next messages from customers; removes those that were stored before that moment and that no
        subscription has to deliver or gave up on.
        """
        ...

    async def sweep_outbox(self, before: datetime, after: int, limit: int) -> Swept:
        """Looks through the next messages to customers; removes those that have an outcome since before that moment."""
        ...

    async def sweep_receipts(self, now: datetime, limit: int) -> int:
        """Forgets receipts that waited for their message for a day; returns how many."""
        ...


class Retention:
    """The sweeping of one gateway."""

    def __init__(
        self, store: RetentionStore, events: EventLog, keep: Keep, clock: Clock, pause: timedelta = _PAUSE
    ) -> None:
        self._store = store
        self._events = events
        self._keep = keep
        self._clock = clock
        self._pause = pause
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Sweeps from now on."""
        self._task = asyncio.create_task(self._run(), name="retention")

    async def close(self) -> None:
        """Ends the task between two steps or in one, which then happens whole or not at all."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def sweep(self) -> dict[str, int]:
        """Removes all that is too old now; returns how many rows of which kind. Raises DatabaseUnavailable."""
        now, removed = self._clock(), {}
        if self._keep.messages is not None:
            before = now - self._keep.messages
            removed["inbox"] = await self._walk(self._store.sweep_inbox, before)
            removed["outbox"] = await self._walk(self._store.sweep_outbox, before)
        removed["receipts"] = await self._drain(lambda: self._store.sweep_receipts(now, _LIMIT))
        if self._keep.events is not None:
            oldest = now - self._keep.events
            removed["events"] = await self._drain(lambda: self._events.prune(oldest, _LIMIT))
        return removed

    async def _walk(self, step: Callable[[datetime, int, int], Awaitable[Swept]], before: datetime) -> int:
        removed, after = 0, 0
        while True:
            swept = await step(before, after, _LIMIT)
            removed += swept.removed
            if swept.next_after is None:
                return removed
            after = swept.next_after
            await self._rest()

    async def _drain(self, step: Callable[[], Awaitable[int]]) -> int:
        removed = 0
        while count := await step():
            removed += count
            await self._rest()
        return removed

    async def _rest(self) -> None:
        """Lets live traffic go first."""
        await asyncio.sleep(self._pause.total_seconds())

    async def _run(self) -> None:
        while True:
            try:
                removed = await self.sweep()
                if any(removed.values()):
                    _log.info("removed what is too old", **removed)
            except Unavailable as error:
                _log.warning("sweep put off", error=error.message)
            except Exception:  # noqa: BLE001 (logged; a bug in one sweep must not end the sweeping)
                _log.exception("sweep failed")
            await asyncio.sleep(_INTERVAL.total_seconds())
