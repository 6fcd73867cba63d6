"""The outbox's rows as one term writes them: under its epoch, and until the database takes them.

Owns: the fencing token of every write, and the patience with a database that is away: what is a fact already must not
become a doubt. Refuses: to decide what is written. Invariant: nothing is written after another term began; LeaseLost
says so.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TypeVar

import structlog

from wamesh.clock import Clock
from wamesh.errors import Unavailable
from wamesh.gateway.errors import LeaseLost
from wamesh.gateway.message_stores import OutboxStore
from wamesh.gateway.messages import Draft, OutboxMessage
from wamesh.whatsapp.jid import Jid

T = TypeVar("T")
_log = structlog.get_logger("gateway.outbox")


class Ledger:
    """The rows of one company in one term. What records a fact waits for a database that is away."""

    def __init__(self, store: OutboxStore, company_id: int, epoch: int, clock: Clock) -> None:
        self._store = store
        self._company_id = company_id
        self._epoch = epoch
        self._clock = clock

    async def add(self, draft: Draft, secret: bytes, *, queued: bool) -> tuple[OutboxMessage, bool]:
        """Stores a message, or finds the one of its request id; tells whether it stored. Raises LeaseLost,
        DatabaseUnavailable.
        """
        return await self._store.add(draft, secret, self._epoch, self._clock(), queued=queued)

    async def cancel(self, request_id: str) -> OutboxMessage | None:
        """QUEUED becomes CANCELLED; returns the row as it is then. Raises LeaseLost, DatabaseUnavailable."""
        return await self._store.cancel(self._company_id, request_id, self._epoch, self._clock())

    async def withdraw(self, message: OutboxMessage) -> None:
        """Removes an open message that surely was not sent. Raises LeaseLost."""
        await self._surely(lambda: self._store.withdraw(message, self._epoch))

    async def contact(self, chat: Jid, limit: int) -> datetime | None:
        """Counts a first contact; see the store. Raises LeaseLost, DatabaseUnavailable."""
        return await self._store.contact(self._company_id, chat, self._epoch, limit, self._clock())

    async def start(self, message: OutboxMessage) -> OutboxMessage:
        """QUEUED becomes SENDING. Raises LeaseLost."""
        return await self._surely(lambda: self._store.start(message, self._epoch, self._clock()))

    async def succeed(self, message: OutboxMessage, message_id: str) -> OutboxMessage:
        """SENT, or what receipts proved already. Raises LeaseLost."""
        return await self._surely(
            lambda: self._store.finish(message, self._epoch, self._clock(), message_id=message_id)
        )

    async def fail(self, message: OutboxMessage, failure: str) -> OutboxMessage:
        """FAILED; UNKNOWN when an earlier send of it may have arrived. Raises LeaseLost."""
        if message.message_id:
            return await self.give_up(message, failure)
        return await self._surely(lambda: self._store.finish(message, self._epoch, self._clock(), failure=failure))

    async def doubt(self, message: OutboxMessage, message_id: str) -> OutboxMessage:
        """SENDING with the id of a send that may have happened. Raises LeaseLost."""
        return await self._surely(lambda: self._store.doubt(message, message_id, self._epoch, self._clock()))

    async def give_up(self, message: OutboxMessage, failure: str) -> OutboxMessage:
        """UNKNOWN: reported, never sent again. Raises LeaseLost."""
        return await self._surely(lambda: self._store.give_up(message, self._epoch, self._clock(), failure))

    async def renew(self, message: OutboxMessage, secret: bytes) -> OutboxMessage:
        """SENDING under the secret of its next send. Raises LeaseLost."""
        return await self._surely(lambda: self._store.renew(message, secret, self._epoch, self._clock()))

    async def _surely(self, write: Callable[[], Awaitable[T]]) -> T:
        while True:
            try:
                return await write()
            except LeaseLost:
                raise
            except Unavailable as error:
                _log.warning("outcome not recorded yet", company_id=self._company_id, error=error.message)
                await asyncio.sleep(error.retry_after.total_seconds())
