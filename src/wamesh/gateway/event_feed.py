"""Hands the event log to the streams that watch it.

One task looks at the end of the log, for all streams together, whenever something was written here, and every
second for what other gateways wrote. It keeps the newest events in memory: a stream that is up to date is served from
them, one that lies further back reads the log in pages until it is. A wake-up only says *look*, so that a lost one
costs time and never an event.

Owns: the end of the log in this gateway. Refuses: SQL, gRPC. Invariant: a stream holds nothing but its position and the
batch that it is sending, however slowly its client reads.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import takewhile
from typing import Final, Literal, TypeAlias

import structlog

from wamesh.errors import Unavailable
from wamesh.gateway.event_log import CursorExpired, EventLog, LoggedEvent, Page, Position

_log = structlog.get_logger("gateway.events")
_BATCH: Final = 256
_POLL: Final = timedelta(seconds=1)
_FIRST_PAUSE: Final = timedelta(milliseconds=5)
_BREATH_SECONDS: Final = 0.01
_AFTER_A_BUG: Final = timedelta(seconds=5)

Start: TypeAlias = Position | Literal["earliest", "latest"]


@dataclass(frozen=True, slots=True)
class Watch:
    """An open stream: where it begins, and what comes after that, without an end."""

    opened: Position
    events: AsyncGenerator[LoggedEvent, None]


class EventFeed:
    """The watchers of one gateway. `poll` is how often to look without a wake-up."""

    def __init__(self, log: EventLog, poll: timedelta = _POLL) -> None:
        self._log = log
        self._poll = poll
        self._pause = _FIRST_PAUSE
        self._wake = asyncio.Event()
        self._news = asyncio.Event()
        self._newest: deque[LoggedEvent] = deque(maxlen=_BATCH)
        self._floor: Position | None = None
        self._end = Position(0, 0)
        self._watchers = 0
        self._task: asyncio.Task[None] | None = None

    def note(self) -> None:
        """Something was written."""
        self._wake.set()

    @asynccontextmanager
    async def open(self, start: Start, company_ids: Collection[int] = ()) -> AsyncIterator[Watch]:
        """Watches these companies (empty: all) for as long as the context lasts.

        Raises CursorExpired, CursorUnknown, DatabaseUnavailable; so do `events`, when the stream is too slow for the
        retention, or the database is gone while it reads pages.
        """
        position = await self._position(start)
        self._join()
        events = self._follow(position, frozenset(company_ids))
        try:
            yield Watch(position, events)
        finally:
            await events.aclose()
            self._leave()

    async def close(self) -> None:
        """Ends the task; the streams end by themselves."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _position(self, start: Start) -> Position:
        if start == "latest":
            return await self._log.latest()
        if start == "earliest":
            return await self._log.earliest()
        await self._log.check(start)
        return start

    async def _follow(self, position: Position, company_ids: frozenset[int]) -> AsyncGenerator[LoggedEvent, None]:
        while True:
            news = self._news
            if self._floor is not None and position >= self._floor:
                page = self._after(position, company_ids)
            else:
                page = await self._log.read(position, _BATCH, company_ids)
            for event in page.events:
                yield event
            position = page.end
            if page.complete and not page.events:
                await news.wait()

    def _after(self, position: Position, company_ids: frozenset[int]) -> Page:
        """What is in memory after a position that is not below the floor."""
        newer = list(takewhile(lambda event: event.position > position, reversed(self._newest)))
        wanted = tuple(each for each in reversed(newer) if not company_ids or each.company_id in company_ids)
        return Page(wanted, max(self._end, position), complete=True, held_back=False)

    def _join(self) -> None:
        self._watchers += 1
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="event feed")

    def _leave(self) -> None:
        self._watchers -= 1
        self._wake.set()

    async def _run(self) -> None:
        """Looks for as long as somebody watches."""
        while self._watchers:
            self._wake.clear()
            await self._sleep(await self._look())
        self._newest.clear()
        self._floor = None

    async def _look(self) -> timedelta:
        """Takes in what is new; returns how long to sleep unless woken."""
        try:
            return await self._advance()
        except Unavailable as error:
            _log.warning("event log unavailable", error=error.message)
            return error.retry_after
        except Exception:  # noqa: BLE001 (logged; a bug in one look must not end the watching)
            _log.exception("look at the event log failed")
            return _AFTER_A_BUG

    async def _advance(self) -> timedelta:
        if self._floor is None:
            self._begin(await self._log.latest())
        try:
            page = await self._log.read(self._end, _BATCH)
        except CursorExpired:  # this gateway stood still for longer than events are kept
            self._floor = None
            return timedelta(0)
        self._take(page)
        if not page.complete:
            return timedelta(0)
        self._pause = min(self._pause * 2, self._poll) if page.held_back else _FIRST_PAUSE
        return self._pause if page.held_back else self._poll

    def _begin(self, position: Position) -> None:
        self._newest.clear()
        self._floor = self._end = position
        self._tell()

    def _take(self, page: Page) -> None:
        for event in page.events:
            if len(self._newest) == _BATCH:
                self._floor = self._newest[0].position
            self._newest.append(event)
        self._end = max(self._end, page.end)
        if page.events:
            self._tell()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def _sleep(self, span: timedelta) -> None:
        """Until something is written, no longer than `span`; a busy gateway is looked at 100 times a second at most."""
        if not span:
            return
        await asyncio.sleep(_BREATH_SECONDS)
        with suppress(TimeoutError):
            async with asyncio.timeout(span.total_seconds()):
                await self._wake.wait()
