"""One message's way from its row to its outcome.

The row comes first, the wire second, the outcome third; so a crash, or a lost lease, leaves at worst a row in SENDING,
and what it means is for `doubts` to find out.

Owns: the turn in the chat, the patience with the pace and with a session that is not there, the send. Refuses:
idempotence, which is the outbox's, and deciding what a doubt means. Invariant: between two sends of one message lies a
`find_sent` that knew of nothing, or a transport that said that nothing left it; or it is wanted at least once, and
nothing proved the first.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TypeAlias

import structlog

from wamesh.clock import Clock
from wamesh.gateway.errors import SessionNotConnected, SessionProcessUnavailable
from wamesh.gateway.lanes import Turn
from wamesh.gateway.messages import DeliveryState, OutboxMessage
from wamesh.gateway.outbox.doubts import Doubts
from wamesh.gateway.outbox.ledger import Ledger
from wamesh.gateway.outbox.pacer import Pacer
from wamesh.gateway.outbox.policy import OutboxPolicy, PatientSessions, is_connected, refusal_of
from wamesh.gateway.sessions import SessionSnapshot
from wamesh.whatsapp.transport import NotSent, OutgoingMessage, Rejected, SendOutcome, Sent, Uncertain

_log = structlog.get_logger("gateway.outbox")

OnWait: TypeAlias = Callable[[OutboxMessage | None], None]
"""Is told the message when it begins to wait, and None when it goes on."""


class Courier:
    """Carries the messages of one term."""

    def __init__(
        self,
        ledger: Ledger,
        doubts: Doubts,
        pacer: Pacer,
        sessions: PatientSessions,
        clock: Clock,
        policy: OutboxPolicy,
    ) -> None:
        self._ledger = ledger
        self._doubts = doubts
        self._pacer = pacer
        self._sessions = sessions
        self._clock = clock
        self._policy = policy

    async def carry(self, message: OutboxMessage, turn: Turn, *, fresh: bool, on_wait: OnWait) -> OutboxMessage:
        """Brings an open message to its outcome and returns it.

        `fresh` tells that the caller stored it just now, so that nobody can have sent it; a fresh message
        that may not queue is withdrawn and refused when the session is not connected, and the pace has admitted it.

        Raises SessionNotConnected, LeaseLost, DatabaseUnavailable; after the last two the row tells where to
        go on.
        """
        message = await self._pursue(message, turn, fresh, on_wait)
        while message.is_open:
            _log.warning("message sent again", company_id=message.company_id, request_id=message.request_id)
            message = await self._try(message, turn, False, on_wait)
        return message

    async def _pursue(self, message: OutboxMessage, turn: Turn, fresh: bool, on_wait: OnWait) -> OutboxMessage:
        """Goes on from wherever the row says. A message that is still open is to be sent again."""
        if message.message_id and not message.at_least_once:  # else a later send may be in doubt, too
            turn.leave()
            return await self._doubts.prove(message)
        if not fresh and message.state is DeliveryState.SENDING:
            resolved = await self._doubts.resolve(message, turn)
            if resolved is not None:
                return resolved
        if not turn.may_go.is_set() and not is_connected(self._sessions.snapshot(message.company_id)):
            on_wait(message)
        await turn.may_go.wait()
        return await self._try(message, turn, fresh, on_wait)

    async def _try(self, message: OutboxMessage, turn: Turn, fresh: bool, on_wait: OnWait) -> OutboxMessage:
        tries = self._policy.tries
        while True:
            message = await self._start(message, fresh, on_wait)
            if not message.is_open:
                return message
            outcome = await self._hand_over(message)
            settled = await self._settle(message, turn, outcome)
            if settled is not None:
                return settled
            if not is_connected(self._sessions.snapshot(message.company_id)):
                continue  # the session's fault, not the message's
            tries -= 1
            if not tries:
                return await self._ledger.fail(message, f"It was not sent: {_reason(outcome)}")
            await asyncio.sleep(self._policy.pause.total_seconds())

    async def _settle(self, message: OutboxMessage, turn: Turn, outcome: SendOutcome) -> OutboxMessage | None:
        """Records what the transport said; None when nothing was sent, so that it can be tried again."""
        match outcome:
            case Sent(message_id=message_id):
                return await self._ledger.succeed(message, message_id)
            case Rejected(code=code, reason=reason):
                return await self._ledger.fail(message, f"WhatsApp refused it with error {code}: {reason}")
            case NotSent():
                return None
            case Uncertain():
                return await self._doubts.resolve(message, turn)

    async def _hand_over(self, message: OutboxMessage) -> SendOutcome:
        outgoing = OutgoingMessage(message.chat, message.text, message.secret, message.quoted_message_id)
        try:
            return await self._sessions.send(message.company_id, outgoing)
        except SessionNotConnected as refusal:
            return NotSent(refusal.message)
        except SessionProcessUnavailable as refusal:
            return Uncertain(refusal.message)

    async def _start(self, message: OutboxMessage, fresh: bool, on_wait: OnWait) -> OutboxMessage:
        """Waits for a connected session and the pace, and returns the message as SENDING; or FAILED, when its time is
        over.
        """
        snapshot = await self._await_session(message, fresh, on_wait)
        if self._pacer.is_limited and (message.may_queue or not fresh):
            snapshot = await self._await_room(message, fresh, on_wait)
        on_wait(None)
        if self._is_late(message):
            return await self._ledger.fail(message, f"It waited too long; the session is {snapshot.state.value}.")
        if message.state is not DeliveryState.QUEUED:
            return message
        return await self._ledger.start(message)

    async def _await_room(self, message: OutboxMessage, fresh: bool, on_wait: OnWait) -> SessionSnapshot:
        """Waits for the pace, and for the session should it be lost meanwhile: nobody takes room without one."""
        await self._pacer.meet(message.chat, lambda: on_wait(message))
        with self._pacer.queue() as turn:
            if not turn.may_go.is_set():
                on_wait(message)
                await turn.may_go.wait()
            while True:
                snapshot = await self._await_session(message, fresh, on_wait)
                pause = 0 if self._is_late(message) else self._pacer.seconds_to_room()
                if not pause:
                    return snapshot
                on_wait(message)
                await asyncio.sleep(pause)

    async def _await_session(self, message: OutboxMessage, fresh: bool, on_wait: OnWait) -> SessionSnapshot:
        """The session once it is connected, or as it is when the message's time is over."""
        snapshot = self._sessions.snapshot(message.company_id)
        if not is_connected(snapshot) and not self._is_late(message):
            if fresh and not message.may_queue:
                await self._ledger.withdraw(message)
                raise refusal_of(snapshot)
            on_wait(message)
            snapshot = await self._connection(message)
        return snapshot

    async def _connection(self, message: OutboxMessage) -> SessionSnapshot:
        left = None if message.expire_time is None else (message.expire_time - self._clock()).total_seconds()
        with suppress(TimeoutError):
            async with asyncio.timeout(left):
                return await self._sessions.until(message.company_id, is_connected)
        return self._sessions.snapshot(message.company_id)

    def _is_late(self, message: OutboxMessage) -> bool:
        return message.expire_time is not None and self._clock() >= message.expire_time


def _reason(outcome: SendOutcome) -> str:
    return "" if isinstance(outcome, Sent) else outcome.reason
