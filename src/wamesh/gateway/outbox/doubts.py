"""What became of a send that was interrupted: asked of the transport and of receipts, never guessed.

The transport wrote the message id beside the message's secret before it touched the wire:

    no id     it was never sent: send it (again)
    an id     it may have been sent: a receipt with this id proves it. Without one it is UNKNOWN in the end and
              never sent again; or sent again, under a new secret, when it is wanted at least once

Owns: those decisions, for one term. Refuses: sending. Invariant: a message is said to be unsent only when its secret is
known to have no id.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from wamesh.clock import Clock
from wamesh.gateway.errors import SessionProcessUnavailable
from wamesh.gateway.lanes import Turn
from wamesh.gateway.messages import OutboxMessage
from wamesh.gateway.outbox.ledger import Ledger
from wamesh.gateway.outbox.policy import OutboxPolicy
from wamesh.gateway.sessions import Sessions
from wamesh.whatsapp.transport import SentRecordLost

_FORGOTTEN: Final = "It was being sent when something broke, and the device that would know was unlinked since."
_UNPROVEN: Final = "It was being sent when something broke, and no receipt proved in time that it arrived."


class Doubts:
    """The sends of one term that something interrupted."""

    def __init__(
        self, ledger: Ledger, sessions: Sessions, clock: Clock, policy: OutboxPolicy, new_secret: Callable[[], bytes]
    ) -> None:
        self._ledger = ledger
        self._sessions = sessions
        self._clock = clock
        self._policy = policy
        self._new_secret = new_secret
        self._waiting: dict[int, asyncio.Future[OutboxMessage]] = {}

    def tell(self, message: OutboxMessage) -> None:
        """A receipt moved the message."""
        proof = self._waiting.pop(message.sequence, None)
        if proof is not None and not proof.done():
            proof.set_result(message)

    async def resolve(self, message: OutboxMessage, turn: Turn) -> OutboxMessage | None:
        """Returns the message with its outcome, or open still when it is to be sent again; None when it surely was not
        sent. While a receipt is waited for the next of the chat may go. Raises LeaseLost.
        """
        try:
            message_id = await self._find(message)
        except SentRecordLost:
            return await self._ledger.give_up(message, _FORGOTTEN)
        if message_id is None:
            return None
        turn.leave()
        proof = self._expect(message)
        return await self._prove(await self._ledger.doubt(message, message_id), proof)

    async def prove(self, message: OutboxMessage) -> OutboxMessage:
        """Returns a message whose id is known as `resolve` does, once a receipt came or its time is over."""
        return await self._prove(message, self._expect(message))

    def _expect(self, message: OutboxMessage) -> asyncio.Future[OutboxMessage]:
        return self._waiting.setdefault(message.sequence, asyncio.get_running_loop().create_future())

    async def _find(self, message: OutboxMessage) -> str | None:
        """Asks until somebody can answer: the transport's store is reachable whenever the session has a process."""
        while True:
            try:
                return await self._sessions.find_sent(message.company_id, message.secret)
            except SessionProcessUnavailable:
                await asyncio.sleep(self._policy.pause.total_seconds())

    async def _prove(self, message: OutboxMessage, proof: asyncio.Future[OutboxMessage]) -> OutboxMessage:
        left = message.update_time + self._policy.doubt_time - self._clock()
        try:
            if not message.is_open:  # a receipt was faster
                return message
            async with asyncio.timeout(max(left.total_seconds(), 0)):
                return await proof
        except TimeoutError:
            if not message.at_least_once:
                return await self._ledger.give_up(message, _UNPROVEN)
            return await self._ledger.renew(message, self._new_secret())  # or the next doubt would find this send
        finally:
            self._waiting.pop(message.sequence, None)
