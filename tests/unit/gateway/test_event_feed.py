"""The feed of the event log: one look for all streams, and nothing lost between memory and log."""

import asyncio
from collections.abc import AsyncIterator, Collection
from datetime import datetime, timedelta

import pytest
from support.gateway_messages import NOON

from wamesh.gateway.event_feed import EventFeed, Watch
from wamesh.gateway.event_log import CursorExpired, CursorUnknown, LoggedEvent, Page, Position
from wamesh.gateway.session.state import Reason, SessionState
from wamesh.gateway.sessions import SessionSnapshot
from wamesh.storage.database import DatabaseUnavailable

NEVER = timedelta(hours=1)
PATIENCE_SECONDS = 10


class ListLog:
    """An `EventLog` in a list."""

    def __init__(self) -> None:
        self.events: list[LoggedEvent] = []
        self.pruned = Position(0, 0)
        self.readable: int | None = None
        self.broken = 0
        self.looks = 0
        self.looked = asyncio.Event()

    def add(self, count: int = 1, company_id: int = 7) -> None:
        for _ in range(count):
            position = Position(0, len(self.events) + 1)
            change = SessionSnapshot(company_id, SessionState.CONNECTED, Reason.LOGGED_IN, NOON)
            self.events.append(LoggedEvent(position, NOON, change))

    async def latest(self) -> Position:
        return Position(0, self._readable())

    async def earliest(self) -> Position:
        return self.pruned

    async def check(self, position: Position) -> None:
        if position > await self.latest():
            raise CursorUnknown
        self._require(position)

    async def read(self, after: Position, limit: int, company_ids: Collection[int] = ()) -> Page:
        self.looks += 1
        self.looked.set()
        if self.broken:
            self.broken -= 1
            raise DatabaseUnavailable("Gone.")
        self._require(after)
        newer = self.events[after.sequence : self._readable()]
        page = [each for each in newer if not company_ids or each.company_id in company_ids][:limit]
        complete = len(page) < limit
        end = max(await self.latest(), after) if complete else page[-1].position
        return Page(tuple(page), end, complete, complete and self._readable() < len(self.events))

    async def prune(self, before: datetime, limit: int) -> int:
        raise NotImplementedError

    def _require(self, position: Position) -> None:
        if position < self.pruned:
            raise CursorExpired(position)

    def _readable(self) -> int:
        return len(self.events) if self.readable is None else self.readable


@pytest.fixture
def log() -> ListLog:
    return ListLog()


@pytest.fixture
async def feed(log: ListLog) -> AsyncIterator[EventFeed]:
    async with asyncio.timeout(PATIENCE_SECONDS):
        opened = EventFeed(log, NEVER)
        yield opened
        await opened.close()


async def take(watch: Watch, number: int) -> list[int]:
    """The sequences of the next events."""
    return [(await anext(watch.events)).position.sequence for _ in range(number)]


async def settle(log: ListLog) -> None:
    """Until the feed has looked at what there is."""
    log.looked.clear()
    await log.looked.wait()


async def test_a_wake_up_brings_what_is_new(feed: EventFeed, log: ListLog) -> None:
    """And nothing from before the stream was opened."""
    log.add(3)
    async with feed.open("latest") as watch:
        assert watch.opened == Position(0, 3)
        log.add(2)
        feed.note()
        assert await take(watch, 2) == [4, 5]


async def test_what_nobody_told_of_is_found_by_the_poll(log: ListLog) -> None:
    """A lost wake-up costs time, never an event."""
    feed = EventFeed(log, timedelta(milliseconds=1))
    async with asyncio.timeout(PATIENCE_SECONDS), feed.open("latest") as watch:
        await settle(log)
        log.add()
        assert await take(watch, 1) == [1]
    await feed.close()


async def test_a_stream_may_come_from_anywhere(feed: EventFeed, log: ListLog) -> None:
    """From the beginning, from a cursor or from now: each gets what is after it, once, through pages and memory."""
    log.add(600)
    async with feed.open("earliest") as first, feed.open(Position(0, 300)) as second, feed.open("latest") as third:
        await settle(log)
        log.add(5)
        feed.note()
        assert await take(first, 605) == list(range(1, 606))
        assert await take(second, 305) == list(range(301, 606))
        assert await take(third, 5) == list(range(601, 606))


async def test_a_slow_stream_goes_back_to_the_log(feed: EventFeed, log: ListLog) -> None:
    """What left the memory before it asked is read again; nothing is missed or doubled."""
    async with feed.open("latest") as slow, feed.open("latest") as quick:
        log.add(10)
        feed.note()
        assert await take(slow, 1) == [1]
        for _ in range(20):
            log.add(50)
            feed.note()
            await take(quick, 50)
        assert await take(slow, 1009) == list(range(2, 1011))


async def test_streams_share_a_look(feed: EventFeed, log: ListLog) -> None:
    """A hundred streams that are up to date cost the database what one costs."""
    watches = [feed.open("latest") for _ in range(100)]
    opened = [await each.__aenter__() for each in watches]
    await settle(log)
    await asyncio.gather(*(_first(log, feed, watch) for watch in opened))
    log.looks = 0
    log.add()
    feed.note()
    assert [await take(each, 1) for each in opened] == [[2]] * 100
    assert log.looks <= 2
    for each in watches:
        await each.__aexit__(None, None, None)


async def test_only_the_companies_that_were_asked_for(feed: EventFeed, log: ListLog) -> None:
    """From the log and from memory."""
    log.add(company_id=8)
    log.add(company_id=7)
    async with feed.open("earliest", [8]) as watch:
        assert await take(watch, 1) == [1]
        log.add(company_id=7)
        log.add(company_id=8)
        feed.note()
        assert await take(watch, 1) == [4]


async def test_what_is_held_back_is_looked_for_again_soon(feed: EventFeed, log: ListLog) -> None:
    """Long before the next poll, and without a wake-up."""
    async with feed.open("latest") as watch:
        log.readable = 0
        log.add()
        feed.note()
        for _ in range(3):
            await settle(log)
        log.readable = None
        assert await take(watch, 1) == [1]


async def test_a_database_that_is_away_for_a_moment_ends_no_stream(feed: EventFeed, log: ListLog) -> None:
    """Who is up to date waits until it is back."""
    async with feed.open("latest") as watch:
        log.add()
        feed.note()
        assert await take(watch, 1) == [1]
        log.broken = 1
        log.add()
        feed.note()
        await settle(log)
        feed.note()
        assert await take(watch, 1) == [2]


async def test_a_stream_that_is_too_slow_for_the_retention_is_told(feed: EventFeed, log: ListLog) -> None:
    """It ends with CURSOR_EXPIRED rather than with a gap."""
    log.add(600)
    async with feed.open("earliest") as watch:
        await take(watch, 256)
        log.pruned = Position(0, 400)
        with pytest.raises(CursorExpired):
            await take(watch, 1)


async def test_nobody_looks_when_nobody_watches(feed: EventFeed, log: ListLog) -> None:
    """The last stream to leave ends the looking; the next one begins it anew."""
    async with feed.open("latest"):
        await settle(log)
    task = feed._task
    assert task is not None
    await task
    log.add(3)
    async with feed.open("latest") as watch:
        log.add()
        feed.note()
        assert await take(watch, 1) == [4]


async def _first(log: ListLog, feed: EventFeed, watch: Watch) -> None:
    if not log.events:
        log.add()
        feed.note()
    assert await take(watch, 1) == [1]
