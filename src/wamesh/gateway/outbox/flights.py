"""A flight: one open message under way, and the answer that its callers wait for.

Owns: the callers, each in a future of its own, so that one who goes away ends nobody else's wait. Refuses: to know what
a message needs. Invariant: a flight that has ended does nothing more; whoever waited for it was told why.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from wamesh.errors import MeshError
from wamesh.gateway.lanes import Turn
from wamesh.gateway.messages import OutboxMessage


class Flight:
    """Carries a message in a task. The answer is its outcome; or, while a message that may queue `waits`, the message
    as it is.
    """

    task: asyncio.Task[OutboxMessage]

    def __init__(self, content_hash: bytes, turn: Turn) -> None:
        self.content_hash = content_hash
        self.turn = turn
        self.waits = False
        self._known: OutboxMessage | MeshError | None = None
        self._callers: list[asyncio.Future[OutboxMessage]] = []

    @property
    def is_aloft(self) -> bool:
        """True while the message may be on its way to WhatsApp: it has its turn, and waits for nothing."""
        return self.turn.is_held and not self.waits

    def depart(self, way: Coroutine[Any, Any, OutboxMessage], landed: Callable[[], None]) -> None:
        """Begins; `landed` is called at the end, before callers hear of it."""

        def land(task: asyncio.Task[OutboxMessage]) -> None:
            landed()
            self._land(task)

        self.task = asyncio.create_task(way)
        self.task.add_done_callback(land)

    def end(self, reason: MeshError) -> None:
        """Ends before its outcome: from here on it does nothing. Its callers hear the reason, also those who come
        before it has landed.
        """
        self._known = reason
        for caller in self._take_callers():
            caller.set_exception(reason)
        self.task.cancel()

    def conclude(self, message: OutboxMessage) -> None:
        """Ends with an outcome that came from elsewhere."""
        self._known = message
        self.tell(message)
        self.task.cancel()

    async def answer(self) -> OutboxMessage:
        """Waits for the answer. Raises what ended the flight."""
        if isinstance(self._known, MeshError):
            raise self._known
        if self._known is not None:
            return self._known
        caller: asyncio.Future[OutboxMessage] = asyncio.get_running_loop().create_future()
        self._callers.append(caller)
        return await caller

    def wait(self, message: OutboxMessage | None) -> None:
        """The flight waits with this message, or goes on (None)."""
        self.waits = message is not None
        self._known = message if message is not None and message.may_queue else None
        if self._known is not None:
            self.tell(self._known)

    def tell(self, message: OutboxMessage) -> None:
        """Answers the callers that are still there."""
        for caller in self._take_callers():
            caller.set_result(message)

    def _land(self, task: asyncio.Task[OutboxMessage]) -> None:
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            self.tell(task.result())
            return
        for caller in self._take_callers():
            caller.set_exception(error)

    def _take_callers(self) -> list[asyncio.Future[OutboxMessage]]:
        callers, self._callers = self._callers, []
        return [caller for caller in callers if not caller.done()]
