"""The outbox: every message that the company sends, exactly as often as it was asked for.

A message is stored with its secret before the wire is touched, so that whatever breaks afterwards can be resolved (see
`doubts`). While this gateway holds a company's lease a `Term` carries its messages, one *flight* a message; callers
come and go, the flight goes on until the term ends. Without a term a message that may queue is stored, and the next
term takes it up, wherever it begins.

Owns: idempotence by request id, and which companies have a term here. Refuses: connecting a session; deciding who holds
a company. Invariant: a company has at most one term in this gateway, and every term is that of its newest lease here.
"""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final

import structlog

from wamesh.clock import Clock
from wamesh.errors import Unavailable
from wamesh.gateway.errors import Draining, LeaseLost
from wamesh.gateway.health import SendLog
from wamesh.gateway.message_errors import ExpiryPassed, MessageNotFound, MessageNotQueued, RequestIdReused
from wamesh.gateway.message_stores import OutboxStore
from wamesh.gateway.messages import DeliveryState, Draft, OutboxMessage
from wamesh.gateway.outbox.policy import DEFAULT_POLICY, OutboxPolicy, PatientSessions, refusal_of
from wamesh.gateway.outbox.term import OutboxMeans, Term
from wamesh.whatsapp.events import ReceiptReceived
from wamesh.whatsapp.transport import SECRET_BYTES

_log = structlog.get_logger("gateway.outbox")
_KEEP_EARLY_RECEIPTS: Final = timedelta(days=1)
_SWEEP_SECONDS: Final = 60.0
_SWEPT_AT_ONCE: Final = 500
_TOO_LATE: Final = "It waited too long, and nobody could send it."


class Outbox:
    """Messages to customers. Satisfies `ReceiptSink` and `TermSink`."""

    def __init__(
        self,
        store: OutboxStore,
        sessions: PatientSessions,
        clock: Clock,
        send_log: SendLog,
        policy: OutboxPolicy = DEFAULT_POLICY,
        new_secret: Callable[[], bytes] = lambda: secrets.token_bytes(SECRET_BYTES),
    ) -> None:
        self._means = OutboxMeans(store, sessions, clock, send_log, policy, new_secret)
        self._terms: dict[int, Term] = {}
        self._sweeping: asyncio.Task[None] | None = None
        self._closed = False

    async def start(self) -> None:
        """Clears up what nobody will ask for, and from here on gives up what waits too long, whoever holds its
        company. Raises DatabaseUnavailable.
        """
        await self._means.store.prune_receipts(_KEEP_EARLY_RECEIPTS, self._means.clock())
        self._sweeping = asyncio.create_task(self._sweep_forever(), name="outbox sweep")

    def begin(self, company_id: int, epoch: int) -> None:
        """This gateway holds the company's lease anew: its open messages are taken up, before any new one is sent."""
        self.end(company_id)
        if not self._closed:
            self._terms[company_id] = Term(company_id, epoch, self._means)

    def end(self, company_id: int) -> None:
        """The lease is lost or about to be given up: nothing more is sent. Callers hear LeaseLost."""
        term = self._terms.pop(company_id, None)
        if term is not None:
            term.end()

    async def drain(self, company_id: int, grace_seconds: float) -> None:
        """Begins no new send of the company, and waits for those that are on the wire, no longer than the grace.

        For a graceful hand-over: `end` follows. Callers of what was not begun hear LeaseLost.
        """
        term = self._terms.get(company_id)
        if term is not None:
            await term.drain(grace_seconds)

    async def send(self, draft: Draft) -> OutboxMessage:
        """Sends a message once, and returns it as far as it came: with an outcome, or QUEUED when it may
        queue.

        A second call with the same request id joins the first. A cancelled caller leaves the message on its
        way. Raises ExpiryPassed, SessionNotFound, SessionNotConnected, RequestIdReused, PaceExceeded, LeaseLost
        (make the same request again), DatabaseUnavailable, Draining.
        """
        if self._closed:
            raise Draining
        await self._refuse_expired(draft)
        draft = replace(draft, expire_time=self._means.policy.expiry_of(draft, self._means.clock()))
        term = self._terms.get(draft.company_id)
        return await (self._leave(draft) if term is None else term.send(draft))

    async def cancel(self, company_id: int, request_id: str) -> OutboxMessage:
        """Takes back a message that is QUEUED: it is CANCELLED, and surely never sent. Harmless when repeated.

        Raises MessageNotFound, MessageNotQueued, SessionNotFound, LeaseLost, DatabaseUnavailable.
        """
        message = await self.get(company_id, request_id)
        if message.state is DeliveryState.QUEUED:
            message = await self._take_back(company_id, request_id)
        if message.state is not DeliveryState.CANCELLED:
            raise MessageNotQueued(company_id, request_id, message.state)
        return message

    async def get(self, company_id: int, request_id: str) -> OutboxMessage:
        """The message of this request id. Raises MessageNotFound."""
        message = await self._means.store.get(company_id, request_id)
        if message is None:
            raise MessageNotFound(company_id, request_id)
        return message

    async def note_receipts(self, company_id: int, epoch: int, receipts: Sequence[ReceiptReceived]) -> None:
        """Moves messages forward by WhatsApp's receipts. Raises LeaseLost."""
        moved = await self._means.store.note_receipts(company_id, epoch, receipts, self._means.clock())
        term = self._terms.get(company_id)
        if term is not None:
            for message in moved:
                term.note_proof(message)

    async def close(self, grace_seconds: float = 0.0) -> None:
        """Waits for the flights that are on the wire, no longer than the grace, and ends every term: the next ones take
        up what is left.
        """
        self._closed = True
        if self._sweeping is not None:
            self._sweeping.cancel()
        terms, self._terms = tuple(self._terms.values()), {}
        await asyncio.gather(*(term.drain(grace_seconds, Draining()) for term in terms))
        for term in terms:
            term.end(Draining())
        await asyncio.gather(*(term.ended() for term in terms))

    async def sweep(self) -> None:
        """Gives up what is QUEUED and too late, in rows that no flight here may know of. Raises DatabaseUnavailable."""
        while await self._means.store.expire(self._means.clock(), _TOO_LATE, _SWEPT_AT_ONCE) == _SWEPT_AT_ONCE:
            pass

    async def _sweep_forever(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            try:
                await self.sweep()
            except Unavailable as error:
                _log.warning("outbox not swept", error=error.message)

    async def _take_back(self, company_id: int, request_id: str) -> OutboxMessage:
        means, term = self._means, self._terms.get(company_id)
        if term is None:
            epoch = means.sessions.snapshot(company_id).epoch
            message = await means.store.cancel(company_id, request_id, epoch, means.clock())
        else:
            message = await term.cancel(request_id)
        if message is None:
            raise MessageNotFound(company_id, request_id)
        return message

    async def _refuse_expired(self, draft: Draft) -> None:
        """A new message must not be over before it begins; one that is known has an outcome to be told."""
        if draft.expire_time is None or self._means.clock() < draft.expire_time:
            return
        if await self._means.store.get(draft.company_id, draft.request_id) is None:
            raise ExpiryPassed

    async def _leave(self, draft: Draft) -> OutboxMessage:
        """Without a term: tells what became of the message, or leaves it for the next term when it may queue."""
        means = self._means
        snapshot = means.sessions.snapshot(draft.company_id)
        message = await means.store.get(draft.company_id, draft.request_id)
        if message is None:
            if not draft.may_queue:
                raise refusal_of(snapshot)
            secret = means.new_secret()
            message, _ = await means.store.add(draft, secret, snapshot.epoch, means.clock(), queued=True)
        if message.content_hash != draft.content_hash:
            raise RequestIdReused(draft.company_id, draft.request_id)
        if message.is_open and not (message.state is DeliveryState.QUEUED and message.may_queue):
            raise LeaseLost(draft.company_id, snapshot.holder)
        return message
