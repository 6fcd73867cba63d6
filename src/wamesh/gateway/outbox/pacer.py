"""The pace of one company's number in one term: who may send now, who waits, and who is refused.

A message that may queue waits in a row for room *now*; one that may not takes room up to a few seconds ahead, or is
refused before anything is stored. So an answer to a customer overtakes a queue of reminders.

A chat that never wrote to the company, and that it never wrote to, is a first contact. Those are counted in the
database over the last 24 hours, so that neither a restart nor another gateway begins anew. A customer who wrote is
never one.

Owns: the queue of those who wait for a day's first contacts. Refuses: sending. Invariant: a message is let go only with
room of its own.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeAlias

from wamesh.clock import Clock
from wamesh.errors import Unavailable
from wamesh.gateway.errors import LeaseLost
from wamesh.gateway.lanes import Lanes, Turn
from wamesh.gateway.message_errors import PaceExceeded
from wamesh.gateway.outbox.pacing import Pace, PacePolicy
from wamesh.whatsapp.jid import Jid

Contact: TypeAlias = Callable[[Jid], Awaitable[datetime | None]]
"""Counts the chat as a first contact unless it is known; or tells when there is room for another one."""


class Pacer:
    """Lets messages go."""

    def __init__(self, company_id: int, policy: PacePolicy, contact: Contact, clock: Clock) -> None:
        self._company_id = company_id
        self._policy = policy
        self._pace = Pace(policy) if policy.gap else None
        self._contact = contact if policy.first_contacts else None
        self._clock = clock
        self._queue = Lanes()
        self._strangers: dict[Jid, asyncio.Event] = {}

    @property
    def is_limited(self) -> bool:
        """False when everything may go at once."""
        return self._pace is not None or self._contact is not None

    async def admit(self, chat: Jid) -> None:
        """Lets a message go that may not queue, after a short wait at most. Raises PaceExceeded, LeaseLost,
        DatabaseUnavailable.
        """
        self._refuse_burst()
        if self._contact is not None and (room := await self._contact(chat)) is not None:
            raise PaceExceeded(self._company_id, "FIRST_CONTACTS", room - self._clock())
        if self._pace is not None:
            now = self._clock()
            room = self._pace.take(now, self._policy.patience)
            if room is None:
                self._refuse_burst()
            else:
                await asyncio.sleep((room - now).total_seconds())

    def queue(self) -> Turn:
        """The last place in the queue of those who wait for room."""
        return self._queue.enter(self._company_id)

    def seconds_to_room(self) -> float:
        """Takes room for one message and returns 0; or, without room, the time until there is some."""
        if self._pace is None:
            return 0
        now = self._clock()
        if self._pace.take(now) is not None:
            return 0
        return (self._pace.room_at(now) - now).total_seconds()

    async def meet(self, chat: Jid, on_wait: Callable[[], None]) -> None:
        """Waits until the chat may be written to, those before it first; `on_wait` is called when that takes time."""
        room = await self._ask(chat)
        if room is None:
            return
        on_wait()
        stirred = self._strangers[chat] = asyncio.Event()
        try:
            while room is not None:
                await self._rest(chat, room)
                stirred.clear()
                room = await self._ask(chat)
        finally:
            del self._strangers[chat]
            if self._strangers:
                next(iter(self._strangers.values())).set()

    def stir(self, chat: Jid) -> None:
        """Something changed about the chat: whoever waits to meet it looks again."""
        if chat in self._strangers:
            self._strangers[chat].set()

    async def _ask(self, chat: Jid) -> datetime | None:
        """When the chat may be written to, None for now; a database that is away is asked again."""
        if self._contact is None:
            return None
        try:
            return await self._contact(chat)
        except LeaseLost:
            raise
        except Unavailable as error:
            return self._clock() + error.retry_after

    async def _rest(self, chat: Jid, room: datetime) -> None:
        """Until the time, for the first who waits, or until stirred."""
        is_first = next(iter(self._strangers)) == chat
        left = max((room - self._clock()).total_seconds(), 0) if is_first else None
        try:
            async with asyncio.timeout(left):
                await self._strangers[chat].wait()
        except TimeoutError:
            return

    def _refuse_burst(self) -> None:
        if self._pace is not None:
            wait = self._pace.room_at(self._clock()) - self._clock()
            if wait > self._policy.patience:
                raise PaceExceeded(self._company_id, "BURST", wait)
