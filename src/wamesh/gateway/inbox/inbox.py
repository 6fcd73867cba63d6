"""The inbox: what customers write, stored before anybody is told, delivered until somebody acks.

`accept` is the door for the supervisor, `open` the one for `Receive`. Between them stands the store; a
message that arrives only *wakes* a feed, so that a lost wake-up costs time and never a message.

Owns: which subscriptions are served here. Refuses: messages of groups and those that the owner wrote on
another device (nobody is to answer them); connecting, sending. Invariant: `accept` returns after the commit.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Any

import structlog

from wamesh.clock import Clock
from wamesh.errors import Unavailable
from wamesh.gateway.inbox.feed import Consumer, Feed
from wamesh.gateway.message_errors import SubscriptionNotFound
from wamesh.gateway.message_stores import InboxStore
from wamesh.gateway.messages import DeadLetter, SubscriptionProgress, Terms
from wamesh.whatsapp.events import InboundMessage

_log = structlog.get_logger("gateway.inbox")


class Inbox:
    """Customers' messages on their way to subscriptions. Satisfies `InboundSink`.

    `claimant` names this gateway in claims; `poll` is how often to look for what other gateways stored, None
    when there are none.
    """

    def __init__(self, store: InboxStore, clock: Clock, claimant: str, poll: timedelta | None = None) -> None:
        self._store = store
        self._clock = clock
        self._claimant = claimant
        self._poll = poll
        self._feeds: dict[str, Feed] = {}
        self._draining = False
        self._leaving: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Gives back what this gateway had claimed when it died."""
        await self._store.release(self._claimant, self._clock())

    async def accept(self, company_id: int, epoch: int, message: InboundMessage) -> None:
        """Stores a customer's message once, and wakes who waits for it. Raises LeaseLost.

        Ends only then, also when it is cancelled: a commit without its wake-up would leave the message asleep, since it
        is known when it comes again.
        """
        if message.from_me or not message.chat.is_person:
            return
        taking = asyncio.create_task(self._take(company_id, epoch, message))
        try:
            await asyncio.shield(taking)
        except asyncio.CancelledError:
            await asyncio.gather(taking, return_exceptions=True)
            raise

    def open(self, terms: Terms) -> AbstractAsyncContextManager[Consumer]:
        """Opens the subscription for one stream, for as long as the context lasts; a new one begins at the
        earliest stored message.

        What the stream holds when the context ends is due again at once.
        """
        return self._open(terms)

    async def subscriptions(self) -> list[SubscriptionProgress]:
        """Every subscription and how far behind it is, by name."""
        return await self._store.subscriptions()

    async def delete(self, subscription: str) -> None:
        """Forgets a subscription; its streams end here at once, on other gateways at their next look.

        Raises SubscriptionNotFound, in the streams too.
        """
        await self._store.delete(subscription)
        if subscription in self._feeds:
            self._feeds[subscription].end(SubscriptionNotFound(subscription))

    async def dead_letters(
        self, subscription: str, limit: int, *, after: int, company_id: int | None
    ) -> Sequence[DeadLetter]:
        """What the subscription gave up on, in order of sequence. Raises SubscriptionNotFound."""
        return await self._store.dead_letters(subscription, limit, after=after, company_id=company_id)

    async def replay(self, subscription: str, company_id: int | None, chat: str) -> int:
        """Delivers dead letters again; returns how many wait for it because of this call.

        Raises SubscriptionNotFound.
        """
        now = self._clock()
        replayed = await self._store.replay(subscription, now, company_id=company_id, chat=chat)
        if replayed and subscription in self._feeds:
            self._feeds[subscription].note(now)
        return replayed

    def drain(self) -> None:
        """From here on, deliveries that a stream leaves behind do not count as attempts: the gateway's stop
        is not the client's failure.
        """
        self._draining = True

    async def close(self) -> None:
        """Gives back what is left, and ends every feed."""
        if self._leaving:
            await asyncio.wait(self._leaving)
        for feed in self._feeds.values():
            await feed.close()

    @asynccontextmanager
    async def _open(self, terms: Terms) -> AsyncIterator[Consumer]:
        await self._store.open(terms, self._clock())
        feed = self._feed(terms.subscription)
        consumer = feed.join(terms)
        try:
            yield consumer
        finally:  # in a task of its own: a cancelled stream must not leave its claims to their deadlines
            self._in_background(feed.leave(consumer, counted=not self._draining))

    async def _take(self, company_id: int, epoch: int, message: InboundMessage) -> None:
        due = await self._store.append(company_id, epoch, message, self._clock())
        for subscription, time in due.items():
            if subscription in self._feeds:
                self._feeds[subscription].note(time)

    def _feed(self, subscription: str) -> Feed:
        if subscription not in self._feeds:
            self._feeds[subscription] = Feed(subscription, self._store, self._clock, self._claimant, self._poll)
        return self._feeds[subscription]

    def _in_background(self, leave: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(_forgiving(leave))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)


async def _forgiving(leave: Coroutine[Any, Any, None]) -> None:
    """Without a database the claims stay until their deadlines; nothing is lost."""
    try:
        await leave
    except Unavailable as error:
        _log.warning("claims not given back", error=error.message)
