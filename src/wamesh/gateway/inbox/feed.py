"""Hands the due conversations of one subscription to the streams that have room for them.

One task a subscription sleeps until something is due: a message made a conversation due, a quiet period or a
deadline ends, a stream got room again. Then it claims as much as the streams have room for, and deals it out.
Nothing is polled, unless other gateways write to the same database: what they store makes no sound here, hence
`poll`.

Owns: the streams of a subscription and their windows. Refuses: SQL, gRPC. Invariant: what is in no window is
not claimed by this gateway, or was lost sight of and comes back at its deadline.
"""

import asyncio
from collections import defaultdict
from collections.abc import Coroutine, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import structlog

from wamesh.clock import Clock
from wamesh.errors import MeshError, Unavailable
from wamesh.gateway.inbox.delivery import Agenda, Window, retry_delay
from wamesh.gateway.message_errors import SubscriptionNotFound
from wamesh.gateway.message_stores import InboxStore
from wamesh.gateway.messages import Claim, Terms

_log = structlog.get_logger("gateway.feed")
_SHORTEST_SLEEP_SECONDS: Final = 0.001
_AFTER_A_BUG: Final = timedelta(seconds=5)


class Consumer:
    """One stream's end of a feed: deliveries come out in order, answers go in in any order."""

    def __init__(self, feed: "Feed", terms: Terms) -> None:
        self.terms = terms
        self.window = Window(terms.max_conversations)
        self._feed = feed
        self._claims: asyncio.Queue[Claim | MeshError | None] = asyncio.Queue()

    async def next(self) -> Claim | None:
        """Waits for the next delivery; None after `finish`. Raises what `fail` was given."""
        claim = await self._claims.get()
        if isinstance(claim, MeshError):
            raise claim
        return claim

    def finish(self) -> None:
        """The client says no more: `next` ends."""
        self._claims.put_nowait(None)

    def fail(self, error: MeshError) -> None:
        """The stream cannot go on: `next` raises, after what it was given before."""
        self._claims.put_nowait(error)

    def deliver(self, claim: Claim) -> None:
        """Puts a claim into the window, for `next` to take."""
        self.window.admit(claim)
        self._claims.put_nowait(claim)

    async def ack(self, delivery_id: str) -> None:
        """Ends a delivery as done; durable when it returns. Ignored when it is not open any more."""
        claim = self.window.close(delivery_id)
        if claim is not None:
            await self._feed.surely(self._feed.acked(claim))

    async def nack(self, delivery_id: str, delay: timedelta | None, *, counted: bool = True) -> None:
        """Gives a delivery back for `delay` (None: growing with its attempts); `counted` says whether this was one.

        Ignored when it is not open.
        """
        claim = self.window.close(delivery_id)
        if claim is not None:
            delay = retry_delay(claim.attempt) if delay is None else delay
            await self._feed.surely(self._feed.nacked(claim, delay, counted))

    async def extend(self, delivery_id: str, duration: timedelta) -> None:
        """Gives a delivery `duration` from now. Ignored when it is not open any more."""
        await self._feed.extended(self.window, delivery_id, duration)

    def abandon(self) -> tuple[list[Claim], list[Claim]]:
        """Ends every delivery; returns those that were taken out, and those that still waited here."""
        unseen = [self._claims.get_nowait() for _ in range(self._claims.qsize())]
        waiting = {claim.delivery_id for claim in unseen if isinstance(claim, Claim)}
        claims = self.window.close_all()
        taken = [claim for claim in claims if claim.delivery_id not in waiting]
        return taken, [claim for claim in claims if claim.delivery_id in waiting]


class Feed:
    """One subscription in this gateway."""

    def __init__(
        self, subscription: str, store: InboxStore, clock: Clock, claimant: str, poll: timedelta | None
    ) -> None:
        self.subscription = subscription
        self._store = store
        self._clock = clock
        self._claimant = claimant
        self._poll = poll
        self._agenda = Agenda()
        self._wake = asyncio.Event()
        self._consumers: list[Consumer] = []
        self._answers: set[asyncio.Task[None]] = set()
        self._task = asyncio.create_task(self._run(), name=f"feed {subscription}")

    def note(self, time: datetime | None) -> None:
        """A conversation becomes due at `time`."""
        if self._agenda.note(time):
            self._wake.set()

    def join(self, terms: Terms) -> Consumer:
        """Adds a stream."""
        consumer = Consumer(self, terms)
        self._consumers.append(consumer)
        self._look_now()
        return consumer

    async def leave(self, consumer: Consumer, *, counted: bool) -> None:
        """Takes a stream out; what it held is due at once. Deliveries that it never saw are no attempts."""
        if consumer in self._consumers:
            self._consumers.remove(consumer)
        taken, unseen = consumer.abandon()
        now = self._clock()
        if taken:
            await self._store.give_back(taken, now, counted=counted)
        if unseen:
            await self._store.give_back(unseen, now, counted=False)
        self._look_now()

    def end(self, error: MeshError) -> None:
        """Ends every stream with the error."""
        for consumer in self._consumers:
            consumer.fail(error)
        self._consumers.clear()

    async def surely(self, answer: Coroutine[Any, Any, None]) -> None:
        """Records an answer to its end, also when the stream that gave it breaks meanwhile: its claim is in no
        window any more, so nobody else would give it back.
        """
        task = asyncio.create_task(answer)
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)
        await asyncio.shield(task)

    async def acked(self, claim: Claim) -> None:
        """Records an ack; the room it made is used at once."""
        self._look_now()
        self.note(await self._store.ack(claim))

    async def nacked(self, claim: Claim, delay: timedelta, counted: bool) -> None:
        """Records a nack."""
        self._look_now()
        due = self._clock() + delay
        await self._store.give_back([claim], due, counted=counted)
        self.note(due)

    async def extended(self, window: Window, delivery_id: str, duration: timedelta) -> None:
        """Moves a deadline; a delivery that somebody else has by now leaves the window."""
        deadline = self._clock() + duration
        claim = window.extend(delivery_id, deadline)
        if claim is not None and not await self._store.extend(claim, deadline):
            window.close(delivery_id)

    async def close(self) -> None:
        """Ends the task once every answer is recorded; the streams leave by themselves."""
        if self._answers:
            await asyncio.wait(self._answers)
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    def _look_now(self) -> None:
        """There is room, or a stream, that was not there before: wakes also when something was due all along."""
        self._agenda.note(self._clock())
        self._wake.set()

    async def _run(self) -> None:
        while True:
            self._wake.clear()
            now = self._clock()
            for consumer in self._consumers:
                if consumer.window.expire(now):
                    self._agenda.note(now)
            free = [consumer for consumer in self._consumers if consumer.window.free]
            if free and self._agenda.take(now):
                await self._look(free, now)
            else:
                await self._sleep(bool(free), now)

    async def _look(self, free: list[Consumer], now: datetime) -> None:
        try:
            for alike in _alike(free):
                await self._fill(alike, now)
            for companies in {consumer.terms.company_ids for consumer in free if consumer.window.free}:
                self._agenda.note(await self._store.next_time(self.subscription, companies))
        except SubscriptionNotFound as error:  # deleted, here or on another gateway
            self.end(error)
        except Unavailable as error:
            _log.warning("inbox unavailable", subscription=self.subscription, error=error.message)
            self._agenda.note(now + error.retry_after)
        except Exception:  # noqa: BLE001 (logged; a bug in one look must not silence the subscription)
            _log.exception("look at the inbox failed", subscription=self.subscription)
            self._agenda.note(now + _AFTER_A_BUG)
        self._consumers.sort(key=lambda each: -each.window.free)  # the emptiest is served first

    async def _fill(self, alike: list[Consumer], now: datetime) -> None:
        """Claims at once what these streams have room for, and deals it out, each time to the emptiest."""
        room = sum(consumer.window.free for consumer in alike)
        claims = await self._store.claim(alike[0].terms, room, self._claimant, now)
        here = [consumer for consumer in alike if consumer in self._consumers]  # some left while the store was asked
        room = sum(consumer.window.free for consumer in here)
        for claim in claims[:room]:
            max(here, key=lambda each: each.window.free).deliver(claim)
        if claims[room:]:
            await self._store.give_back(claims[room:], now, counted=False)
            self._agenda.note(now)

    async def _sleep(self, room: bool, now: datetime) -> None:
        """Until something is due, a window frees itself, or somebody calls."""
        times = [self._agenda.next] if room else []
        times += [consumer.window.next_deadline for consumer in self._consumers]
        if self._poll is not None and room:
            times.append(now + self._poll)
        try:
            async with asyncio.timeout(_seconds_until(times, now)):
                await self._wake.wait()
        except TimeoutError:
            if self._poll is not None:
                self._agenda.note(now)


def _alike(consumers: Iterable[Consumer]) -> Iterable[list[Consumer]]:
    """The streams by what they want, apart from how much of it."""
    groups: defaultdict[Terms, list[Consumer]] = defaultdict(list)
    for consumer in consumers:
        groups[replace(consumer.terms, max_conversations=0)].append(consumer)
    return groups.values()


def _seconds_until(times: Iterable[datetime | None], now: datetime) -> float | None:
    """To the earliest of the times; None when there is none."""
    earliest = min((time for time in times if time is not None), default=None)
    return None if earliest is None else max((earliest - now).total_seconds(), _SHORTEST_SLEEP_SECONDS)
