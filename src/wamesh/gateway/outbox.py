"""The outbox: every message that the company sends, exactly as often as it was asked for.

A message is stored with its secret before the wire is touched, so that whatever breaks afterwards can be
resolved (see `sending`). One *flight*, a task, carries one open message; callers come and go, the flight goes
on.

Owns: idempotence by request id, order in a chat, taking up again what a crash or a lost lease left open.
Refuses: connecting a session. Invariant: at any time there is at most one flight of a message in this
gateway, and every open message of a company that this gateway holds has one, or gets one with the next change
of its session.
"""

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from typing import Any, Final

import structlog

from wamesh.clock import Clock
from wamesh.errors import Unavailable
from wamesh.gateway.errors import Draining
from wamesh.gateway.health import SendLog
from wamesh.gateway.lanes import Lanes, Turn
from wamesh.gateway.message_errors import MessageNotFound, RequestIdReused
from wamesh.gateway.message_stores import OutboxStore
from wamesh.gateway.messages import SUCCESSES, Draft, OutboxMessage
from wamesh.gateway.sending import (
    DEFAULT_POLICY,
    Courier,
    OutboxPolicy,
    PatientSessions,
    Proofs,
    is_connected,
    refusal_of,
)
from wamesh.whatsapp.events import ReceiptReceived
from wamesh.whatsapp.transport import SECRET_BYTES

_log = structlog.get_logger("gateway.outbox")
_KEEP_EARLY_RECEIPTS: Final = timedelta(days=1)

_Key = tuple[int, str]


class Outbox:
    """Messages to customers. Satisfies `ReceiptSink`."""

    def __init__(
        self,
        store: OutboxStore,
        sessions: PatientSessions,
        clock: Clock,
        send_log: SendLog,
        policy: OutboxPolicy = DEFAULT_POLICY,
        new_secret: Callable[[], bytes] = lambda: secrets.token_bytes(SECRET_BYTES),
    ) -> None:
        self._store = store
        self._sessions = sessions
        self._clock = clock
        self._send_log = send_log
        self._new_secret = new_secret
        self._proofs = Proofs()
        self._courier = Courier(store, sessions, clock, policy, self._proofs, new_secret)
        self._lanes = Lanes()
        self._flights: dict[_Key, _Flight] = {}
        self._watches: dict[int, asyncio.Task[None]] = {}
        self._closed = False

    async def start(self) -> None:
        """Takes up the open messages of every company that the sessions know."""
        await self._store.prune_receipts(_KEEP_EARLY_RECEIPTS, self._clock())
        for snapshot in self._sessions.snapshots():
            await self._adopt(snapshot.company_id)
            self._watch(snapshot.company_id)

    async def send(self, draft: Draft) -> OutboxMessage:
        """Sends a message once, and returns it as far as it came: with an outcome, or QUEUED when it may
        queue.

        A second call with the same request id joins the first. A cancelled caller leaves the message on its
        way. Raises SessionNotFound, SessionNotConnected, RequestIdReused, LeaseLost, DatabaseUnavailable.
        """
        flight = self._flights.get((draft.company_id, draft.request_id))
        if flight is None:
            flight = self._launch(draft)
        elif flight.content_hash != draft.content_hash:
            raise RequestIdReused(draft.company_id, draft.request_id)
        return await flight.answer()

    async def get(self, company_id: int, request_id: str) -> OutboxMessage:
        """The message of this request id. Raises MessageNotFound."""
        message = await self._store.get(company_id, request_id)
        if message is None:
            raise MessageNotFound(company_id, request_id)
        return message

    async def note_receipts(self, company_id: int, epoch: int, receipts: Sequence[ReceiptReceived]) -> None:
        """Moves messages forward by WhatsApp's receipts. Raises LeaseLost."""
        for message in await self._store.note_receipts(company_id, epoch, receipts, self._clock()):
            self._proofs.tell(message)

    async def close(self, grace_seconds: float = 0.0) -> None:
        """Waits for the flights that are under way, no longer than the grace, and ends the rest: the next
        start takes them up.
        """
        self._closed = True
        for watch in self._watches.values():
            watch.cancel()
        flying = [flight.task for flight in self._flights.values() if not flight.waits]
        if flying:
            await asyncio.wait(flying, timeout=grace_seconds)
        rest = [flight.task for flight in self._flights.values()]
        for task in rest:
            task.cancel()
        if rest:
            await asyncio.wait(rest)

    def _launch(self, draft: Draft) -> "_Flight":
        key = (draft.company_id, draft.request_id)
        turn = self._lanes.enter((draft.company_id, draft.chat))
        flight = _Flight(draft.content_hash)
        return self._depart(key, flight, turn, self._fly_new(flight, turn, draft))

    def _relaunch(self, message: OutboxMessage) -> None:
        key = (message.company_id, message.request_id)
        if key not in self._flights:
            turn = self._lanes.enter((message.company_id, message.chat))
            flight = _Flight(message.content_hash)
            self._depart(key, flight, turn, self._fly(flight, turn, message, fresh=False))

    def _depart(self, key: _Key, flight: "_Flight", turn: Turn, way: Coroutine[Any, Any, OutboxMessage]) -> "_Flight":
        """Starts the flight's task and clears up after it."""

        def land(task: asyncio.Task[OutboxMessage]) -> None:
            self._clear(key, flight, turn)
            flight.land(task)

        self._flights[key] = flight
        flight.task = asyncio.create_task(way, name=f"send {key}")
        flight.task.add_done_callback(land)
        return flight

    def _clear(self, key: _Key, flight: "_Flight", turn: Turn) -> None:
        """Makes way for what comes after the flight; harmless when repeated."""
        turn.leave()
        if self._flights.get(key) is flight:
            del self._flights[key]

    async def _fly_new(self, flight: "_Flight", turn: Turn, draft: Draft) -> OutboxMessage:
        message, added = await self._accept(turn, draft)
        if message.content_hash != draft.content_hash:
            raise RequestIdReused(draft.company_id, draft.request_id)
        return await self._fly(flight, turn, message, fresh=added)

    async def _fly(self, flight: "_Flight", turn: Turn, message: OutboxMessage, *, fresh: bool) -> OutboxMessage:
        if not message.is_open:
            return message
        message = await self._courier.carry(message, turn, fresh=fresh, on_wait=flight.wait)
        succeeded = message.state in SUCCESSES
        self._send_log.record(message.company_id, succeeded, self._clock())
        if not succeeded:
            _log.warning(
                "message not sent",
                company_id=message.company_id,
                request_id=message.request_id,
                state=message.state.value,
                failure=message.failure,
            )
        self._clear((message.company_id, message.request_id), flight, turn)
        flight.tell(message)  # at once, rather than after the end of the task
        return message

    async def _accept(self, turn: Turn, draft: Draft) -> tuple[OutboxMessage, bool]:
        """Stores the message, or finds what its request id did before; refuses what cannot be sent now."""
        snapshot = self._sessions.snapshot(draft.company_id)
        self._watch(draft.company_id)
        connected = is_connected(snapshot)
        if not connected:
            known = await self._store.get(draft.company_id, draft.request_id)
            if known is not None:
                return known, False
            if not draft.queueable:
                raise refusal_of(snapshot)
        queued = not (connected and turn.may_go.is_set())
        secret = self._new_secret()
        return await self._courier.fenced(
            draft.company_id,
            lambda epoch: self._store.add(draft, secret, epoch, self._clock(), queued=queued),
        )

    def _watch(self, company_id: int) -> None:
        """From here on, takes up what is open whenever this gateway gets the company's lease anew."""
        if company_id not in self._watches:
            epoch = self._sessions.snapshot(company_id).epoch
            name = f"watch the lease of {company_id}"
            self._watches[company_id] = asyncio.create_task(self._adopt_after(company_id, epoch), name=name)

    async def _adopt_after(self, company_id: int, epoch: int) -> None:
        while True:
            epoch = await self._other_epoch(company_id, epoch)
            await self._adopt(company_id)

    async def _other_epoch(self, company_id: int, epoch: int) -> int:
        return (await self._sessions.until(company_id, lambda snapshot: snapshot.epoch != epoch)).epoch

    async def _adopt(self, company_id: int) -> None:
        """Takes up the company's open messages, until the database lets it."""
        while True:
            try:
                for message in await self._store.open_messages(company_id):
                    self._relaunch(message)
                return
            except Unavailable as error:
                _log.warning("open messages not taken up", company_id=company_id, error=error.message)
                await asyncio.sleep(error.retry_after.total_seconds())


class _Flight:
    """One open message under way, and the answer that its callers wait for.

    The answer is the outcome; or, while a message that may queue `waits` for its session, the message as it
    is. Each caller waits in a future of its own, so that one who goes away ends nobody else's.
    """

    task: asyncio.Task[OutboxMessage]

    def __init__(self, content_hash: bytes) -> None:
        self.content_hash = content_hash
        self.waits = False
        self._queued: OutboxMessage | None = None
        self._callers: list[asyncio.Future[OutboxMessage]] = []

    async def answer(self) -> OutboxMessage:
        """Waits for the answer. Raises what ended the flight."""
        if self._queued is not None:
            return self._queued
        caller: asyncio.Future[OutboxMessage] = asyncio.get_running_loop().create_future()
        self._callers.append(caller)
        return await caller

    def wait(self, message: OutboxMessage | None) -> None:
        """The flight waits for a session with this message, or goes on (None)."""
        self.waits = message is not None
        self._queued = message if message is not None and message.queueable else None
        if self._queued is not None:
            self.tell(self._queued)

    def tell(self, message: OutboxMessage) -> None:
        """Answers the callers that are still there."""
        for caller in self._take_callers():
            caller.set_result(message)

    def land(self, task: asyncio.Task[OutboxMessage]) -> None:
        """The flight is over: tells its callers, if there are any left."""
        error = Draining() if task.cancelled() else task.exception()
        if error is None:
            self.tell(task.result())
            return
        for caller in self._take_callers():
            caller.set_exception(error)

    def _take_callers(self) -> list[asyncio.Future[OutboxMessage]]:
        callers, self._callers = self._callers, []
        return [caller for caller in callers if not caller.done()]
