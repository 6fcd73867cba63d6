"""One message's way from its row to its outcome.

The row comes first, the wire second, the outcome third; so a crash leaves at worst a row in SENDING, and what
it means is asked of the transport, never guessed. It wrote the message id beside the message's secret before
it touched the wire:

    no id     it was never sent: send it (again)
    an id     it may have been sent: a receipt with this id proves it. Without one it is UNKNOWN in the end and
              never sent again; or sent again, under a new secret, when it is wanted at least once

Owns: those decisions, and the patience with a session that is not there. Refuses: idempotence and order,
which are the outbox's. Invariant: between two sends of one message lies a `find_sent` that knew of nothing,
or a transport that said that nothing left it; or it is wanted at least once, and nothing proved the first.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol, TypeVar

import structlog

from wamesh.clock import Clock
from wamesh.errors import Unavailable
from wamesh.gateway.errors import NOT_CONNECTED, LeaseLost, SessionNotConnected, SessionProcessUnavailable
from wamesh.gateway.lanes import Turn
from wamesh.gateway.message_stores import OutboxStore
from wamesh.gateway.messages import DeliveryState, OutboxMessage
from wamesh.gateway.session import SessionState
from wamesh.gateway.sessions import Sessions, SessionSnapshot
from wamesh.whatsapp.transport import (
    NotSent,
    OutgoingMessage,
    Rejected,
    SendOutcome,
    Sent,
    SentRecordLost,
    Uncertain,
)

_log = structlog.get_logger("gateway.outbox")
T = TypeVar("T")

_FORGOTTEN: Final = "It was being sent when something broke, and the device that would know was unlinked since."
_UNPROVEN: Final = "It was being sent when something broke, and no receipt proved in time that it arrived."


@dataclass(frozen=True, slots=True)
class OutboxPolicy:
    """Patience. `doubt_time`: how long a receipt may prove a send that is in doubt. `queue_time`: how long a
    message that may queue waits for a session; `recovery_time` the same for one that may not, but was accepted
    before a crash. `tries`: how often a send that surely did not happen is tried while the session is connected,
    with a `pause` in between.
    """

    doubt_time: timedelta = timedelta(minutes=1)
    queue_time: timedelta = timedelta(hours=24)
    recovery_time: timedelta = timedelta(minutes=5)
    tries: int = 3
    pause: timedelta = timedelta(seconds=1)


DEFAULT_POLICY: Final = OutboxPolicy()


class PatientSessions(Sessions, Protocol):
    """`Sessions` that can be waited for."""

    async def until(self, company_id: int, wanted: Callable[[SessionSnapshot], bool]) -> SessionSnapshot:
        """Waits until the company's session is as wanted and returns it. Raises SessionNotFound."""
        ...


class Proofs:
    """Hands what receipts prove to whoever waits for it, by the message's sequence."""

    def __init__(self) -> None:
        self._waiting: dict[int, asyncio.Future[OutboxMessage]] = {}

    def expect(self, message: OutboxMessage) -> asyncio.Future[OutboxMessage]:
        """The future of the message's next state."""
        return self._waiting.setdefault(message.sequence, asyncio.get_running_loop().create_future())

    def forget(self, message: OutboxMessage) -> None:
        """Nobody waits any more."""
        self._waiting.pop(message.sequence, None)

    def tell(self, message: OutboxMessage) -> None:
        """A receipt moved the message."""
        future = self._waiting.pop(message.sequence, None)
        if future is not None and not future.done():
            future.set_result(message)


class Courier:
    """Carries messages."""

    def __init__(
        self,
        store: OutboxStore,
        sessions: PatientSessions,
        clock: Clock,
        policy: OutboxPolicy,
        proofs: Proofs,
        new_secret: Callable[[], bytes],
    ) -> None:
        self._store = store
        self._sessions = sessions
        self._clock = clock
        self._policy = policy
        self._proofs = proofs
        self._new_secret = new_secret

    async def carry(
        self,
        message: OutboxMessage,
        turn: Turn,
        *,
        fresh: bool,
        on_wait: Callable[[OutboxMessage | None], None],
    ) -> OutboxMessage:
        """Brings an open message to its outcome and returns it.

        `fresh` tells that the caller stored it just now, so that nobody can have sent it; a fresh message
        that may not queue is withdrawn and refused when the session is not connected. `on_wait` is told the
        message when it begins to wait for a session, and None when it goes on.

        Raises SessionNotConnected, LeaseLost, DatabaseUnavailable; after the last two the row tells where to
        go on.
        """
        message = await self._pursue(message, turn, fresh, on_wait)
        while message.is_open:
            _log.warning("message sent again", company_id=message.company_id, request_id=message.request_id)
            message = await self._try(message, turn, False, on_wait)
        return message

    async def _pursue(
        self, message: OutboxMessage, turn: Turn, fresh: bool, on_wait: Callable[[OutboxMessage | None], None]
    ) -> OutboxMessage:
        """Goes on from wherever the row says. A message that is still open is to be sent again."""
        if message.message_id and not message.at_least_once:  # else a later send may be in doubt, too
            return await self._prove(message, self._proofs.expect(message))
        if not fresh and message.state is DeliveryState.SENDING:
            resolved = await self._resolve(message, turn)
            if resolved is not None:
                return resolved
        if not turn.may_go.is_set() and not is_connected(self._sessions.snapshot(message.company_id)):
            on_wait(message)
        await turn.may_go.wait()
        return await self._try(message, turn, fresh, on_wait)

    async def fenced(self, company_id: int, write: Callable[[int], Awaitable[T]]) -> T:
        """Writes with the lease's epoch, once more when this gateway has taken the lease anew meanwhile."""
        epoch = self._sessions.snapshot(company_id).epoch
        try:
            return await write(epoch)
        except LeaseLost:
            newer = self._sessions.snapshot(company_id).epoch
            if newer == epoch:
                raise
            return await write(newer)

    async def _record(self, company_id: int, write: Callable[[int], Awaitable[OutboxMessage]]) -> OutboxMessage:
        """Writes what is a fact already, as soon as the database is back: a known outcome must not become a doubt."""
        while True:
            try:
                return await self.fenced(company_id, write)
            except LeaseLost:
                raise
            except Unavailable as error:
                _log.warning("outcome not recorded yet", company_id=company_id, error=error.message)
                await asyncio.sleep(error.retry_after.total_seconds())

    async def _try(
        self,
        message: OutboxMessage,
        turn: Turn,
        fresh: bool,
        on_wait: Callable[[OutboxMessage | None], None],
    ) -> OutboxMessage:
        tries = self._policy.tries
        while True:
            message = await self._await_session(message, fresh, on_wait)
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
                return await self._fail(message, f"It was not sent: {_reason(outcome)}")
            await asyncio.sleep(self._policy.pause.total_seconds())

    async def _settle(self, message: OutboxMessage, turn: Turn, outcome: SendOutcome) -> OutboxMessage | None:
        """Records what the transport said; None when nothing was sent, so that it can be tried again."""
        match outcome:
            case Sent(message_id=message_id):
                return await self._finish(message, message_id=message_id)
            case Rejected(code=code, reason=reason):
                return await self._fail(message, f"WhatsApp refused it with error {code}: {reason}")
            case NotSent():
                return None
            case Uncertain():
                return await self._resolve(message, turn)

    async def _hand_over(self, message: OutboxMessage) -> SendOutcome:
        outgoing = OutgoingMessage(message.chat, message.text, message.secret, message.quoted_message_id)
        try:
            return await self._sessions.send(message.company_id, outgoing)
        except SessionNotConnected as refusal:
            return NotSent(refusal.message)
        except SessionProcessUnavailable as refusal:
            return Uncertain(refusal.message)

    async def _await_session(
        self, message: OutboxMessage, fresh: bool, on_wait: Callable[[OutboxMessage | None], None]
    ) -> OutboxMessage:
        """Waits for a connected session and returns the message as SENDING; or FAILED, when patience ends."""
        expiry = message.create_time + self._patience(message)
        snapshot = self._sessions.snapshot(message.company_id)
        if not is_connected(snapshot) and self._clock() < expiry:
            if fresh and not message.queueable:
                await self.fenced(message.company_id, lambda epoch: self._store.withdraw(message, epoch))
                raise refusal_of(snapshot)
            on_wait(message)
            snapshot = await self._connection(message.company_id, expiry)
        on_wait(None)
        if self._clock() >= expiry:
            return await self._fail(message, f"It waited too long; the session is {snapshot.state.value}.")
        return await self._start(message)

    async def _connection(self, company_id: int, expiry: datetime) -> SessionSnapshot:
        """The session once it is connected, or as it is when the time is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout((expiry - self._clock()).total_seconds()):
                return await self._sessions.until(company_id, is_connected)
        return self._sessions.snapshot(company_id)

    def _patience(self, message: OutboxMessage) -> timedelta:
        return self._policy.queue_time if message.queueable else self._policy.recovery_time

    async def _start(self, message: OutboxMessage) -> OutboxMessage:
        if message.state is not DeliveryState.QUEUED:
            return message
        return await self._record(message.company_id, lambda epoch: self._store.start(message, epoch, self._clock()))

    async def _resolve(self, message: OutboxMessage, turn: Turn) -> OutboxMessage | None:
        """What became of a send that was interrupted: its outcome, or None when it surely never began."""
        try:
            message_id = await self._find(message)
        except SentRecordLost:
            return await self._report(message, _FORGOTTEN)
        if message_id is None:
            return None
        turn.leave()
        return await self._doubt(message, message_id)

    async def _find(self, message: OutboxMessage) -> str | None:
        """Asks until somebody can answer: the transport's store is reachable whenever the session has a process."""
        while True:
            try:
                return await self._sessions.find_sent(message.company_id, message.secret)
            except SessionProcessUnavailable:
                await asyncio.sleep(self._policy.pause.total_seconds())

    async def _doubt(self, message: OutboxMessage, message_id: str) -> OutboxMessage:
        """Records the id of a send that may have happened, and waits for the proof."""
        proof = self._proofs.expect(message)
        message = await self._record(
            message.company_id, lambda epoch: self._store.doubt(message, message_id, epoch, self._clock())
        )
        return await self._prove(message, proof)

    async def _prove(self, message: OutboxMessage, proof: asyncio.Future[OutboxMessage]) -> OutboxMessage:
        """Waits for a receipt; when none comes in time it is UNKNOWN, or open still and to be sent again."""
        left = message.update_time + self._policy.doubt_time - self._clock()
        try:
            if not message.is_open:  # a receipt was faster
                return message
            async with asyncio.timeout(max(left.total_seconds(), 0)):
                return await proof
        except TimeoutError:
            return await (self._renew(message) if message.at_least_once else self._report(message, _UNPROVEN))
        finally:
            self._proofs.forget(message)

    async def _renew(self, message: OutboxMessage) -> OutboxMessage:
        """The message as it is sent again: under a secret of its own, or the next doubt would find this send."""
        secret = self._new_secret()
        return await self._record(
            message.company_id, lambda epoch: self._store.renew(message, secret, epoch, self._clock())
        )

    async def _fail(self, message: OutboxMessage, failure: str) -> OutboxMessage:
        """FAILED; UNKNOWN when an earlier send of it may have arrived."""
        if message.message_id:
            return await self._report(message, failure)
        return await self._finish(message, failure=failure)

    async def _report(self, message: OutboxMessage, failure: str) -> OutboxMessage:
        """UNKNOWN: reported, never sent again."""
        return await self._record(
            message.company_id, lambda epoch: self._store.give_up(message, epoch, self._clock(), failure)
        )

    async def _finish(self, message: OutboxMessage, *, message_id: str = "", failure: str = "") -> OutboxMessage:
        return await self._record(
            message.company_id,
            lambda epoch: self._store.finish(message, epoch, self._clock(), message_id=message_id, failure=failure),
        )


def is_connected(snapshot: SessionSnapshot) -> bool:
    """True in the one state in which Send works."""
    return snapshot.state is SessionState.CONNECTED


def refusal_of(snapshot: SessionSnapshot) -> SessionNotConnected:
    """What Send answers in this state."""
    kind = NOT_CONNECTED[snapshot.state]
    return kind(snapshot.company_id, snapshot.state, snapshot.since, snapshot.action, snapshot.retry_time)


def _reason(outcome: SendOutcome) -> str:
    return "" if isinstance(outcome, Sent) else outcome.reason
