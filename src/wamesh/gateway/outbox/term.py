"""A term: the time for which this gateway holds one company's lease, and what the outbox does in it.

A flight belongs to its term and ends with it. Whatever a term leaves undone is in the rows, and the next one, on
whatever gateway, begins from them: so nothing that was remembered here can ever be sent behind the back of another
holder.

Owns: the company's flights, their order in each chat, taking up what the terms before left open. Refuses: to know when
terms begin and end, which is the outbox's. Invariants: at most one flight of a message; every open message of the
company has one, once the term has taken them up; after `end` nothing more is sent or written.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from wamesh.clock import Clock
from wamesh.errors import MeshError, Unavailable
from wamesh.gateway.errors import LeaseLost
from wamesh.gateway.health import SendLog
from wamesh.gateway.lanes import Lanes
from wamesh.gateway.message_errors import RequestIdReused
from wamesh.gateway.message_stores import OutboxStore
from wamesh.gateway.messages import SUCCESSES, DeliveryState, Draft, OutboxMessage
from wamesh.gateway.outbox.doubts import Doubts
from wamesh.gateway.outbox.flights import Flight
from wamesh.gateway.outbox.ledger import Ledger
from wamesh.gateway.outbox.pacer import Pacer
from wamesh.gateway.outbox.policy import OutboxPolicy, PatientSessions, is_connected, refusal_of
from wamesh.gateway.outbox.schedule import Schedule
from wamesh.gateway.outbox.sending import Courier
from wamesh.gateway.task_set import TaskSet

_log = structlog.get_logger("gateway.outbox")


@dataclass(frozen=True, slots=True)
class OutboxMeans:
    """What every term works with. `new_secret` makes the 32 bytes by which a send is found again."""

    store: OutboxStore
    sessions: PatientSessions
    clock: Clock
    send_log: SendLog
    policy: OutboxPolicy
    new_secret: Callable[[], bytes]


class Term:
    """One company's messages under one epoch. It begins when it is made."""

    def __init__(self, company_id: int, epoch: int, means: OutboxMeans) -> None:
        self.company_id = company_id
        self._means = means
        self._ledger = Ledger(means.store, company_id, epoch, means.clock)
        self._doubts = Doubts(self._ledger, means.sessions, means.clock, means.policy, means.new_secret)
        pace = means.policy.pace
        self._pacer = Pacer(company_id, pace, lambda chat: self._ledger.contact(chat, pace.first_contacts), means.clock)
        self._courier = Courier(self._ledger, self._doubts, self._pacer, means.sessions, means.clock, means.policy)
        self._schedule = Schedule(company_id, means.store, means.clock, self._relaunch)
        self._lanes = Lanes()
        self._flights: dict[str, Flight] = {}
        self._closing: MeshError | None = None
        self._ready = asyncio.Event()
        self._background = TaskSet(company_id=company_id)
        self._background.start(self._launch_what_is_left())

    async def send(self, draft: Draft) -> OutboxMessage:
        """Sends a message once; see `Outbox.send`. Raises LeaseLost once the term is over or about to be."""
        if not self._ready.is_set():
            await self._ready.wait()  # what is older goes first
        flight = self._flights.get(draft.request_id)
        if flight is None:
            if self._closing is not None:
                raise self._closing
            if draft.schedule_time is not None and draft.schedule_time > self._means.clock():
                return await self._defer(draft)
            flight = self._launch(draft)
        elif flight.content_hash != draft.content_hash:
            raise RequestIdReused(draft.company_id, draft.request_id)
        return await flight.answer()

    async def cancel(self, request_id: str) -> OutboxMessage | None:
        """Takes back a message that is QUEUED; returns it as it is then. Raises LeaseLost, DatabaseUnavailable."""
        message = await self._ledger.cancel(request_id)
        flight = self._flights.get(request_id)
        if message is not None and message.state is DeliveryState.CANCELLED and flight is not None:
            flight.conclude(message)
        return message

    def note_proof(self, message: OutboxMessage) -> None:
        """A receipt moved the message."""
        self._doubts.tell(message)

    async def drain(self, grace_seconds: float, reason: MeshError | None = None) -> None:
        """Takes on nothing more, ends what is not on the wire as `end` does, and waits for what is, no longer than the
        grace.
        """
        self._closing = reason or LeaseLost(self.company_id)
        self._ready.set()
        self._background.cancel()
        for flight in tuple(self._flights.values()):
            if not flight.is_aloft:
                flight.end(self._closing)
        aloft = [flight.task for flight in self._flights.values()]
        if aloft:
            await asyncio.wait(aloft, timeout=grace_seconds)

    def end(self, reason: MeshError | None = None) -> None:
        """Ends every flight, at once; their callers hear the reason: LeaseLost unless given. Harmless when repeated."""
        self._closing = reason or LeaseLost(self.company_id)
        self._ready.set()
        self._background.cancel()
        for flight in tuple(self._flights.values()):
            flight.end(self._closing)

    async def ended(self) -> None:
        """Waits until the tasks of a term that was ended are gone."""
        await asyncio.gather(*(flight.task for flight in self._flights.values()), return_exceptions=True)
        await self._background.close()

    async def _launch_what_is_left(self) -> None:
        """Launches what the terms before left open, as soon as the database tells; then what is due, for ever."""
        await self._take_up()
        self._ready.set()
        await self._schedule.run()

    async def _look_again(self, pause: timedelta) -> None:
        """A message may be stored although the database's answer was lost, and its caller may never ask again."""
        await asyncio.sleep(pause.total_seconds())
        await self._take_up()

    async def _take_up(self) -> None:
        """Launches every open message that is not under way. A flight that ended meanwhile has an outcome, or has sent
        nothing.
        """
        while True:
            try:
                messages = await self._means.store.open_messages(self.company_id)
            except Unavailable as error:
                _log.warning("open messages not taken up", company_id=self.company_id, error=error.message)
                await asyncio.sleep(error.retry_after.total_seconds())
                continue
            for message in messages:
                self._relaunch(message)
            return

    async def _defer(self, draft: Draft) -> OutboxMessage:
        """Stores a message for its time, or finds what its request id did before."""
        message, added = await self._ledger.add(draft, self._means.new_secret(), queued=True)
        if message.content_hash != draft.content_hash:
            raise RequestIdReused(draft.company_id, draft.request_id)
        if added:
            self._schedule.note(message)
        return message

    def _launch(self, draft: Draft) -> Flight:
        self._pacer.stir(draft.chat)
        flight = Flight(draft.content_hash, self._lanes.enter(draft.chat))
        flight.depart(self._fly_new(flight, draft), lambda: self._clear(draft.request_id, flight))
        self._flights[draft.request_id] = flight
        return flight

    def _relaunch(self, message: OutboxMessage, landed: Callable[[], None] | None = None) -> None:
        """Launches a stored message, unless it is under way already; `landed` is called at its end."""
        if message.request_id in self._flights:
            if landed is not None:
                landed()
            return
        flight = Flight(message.content_hash, self._lanes.enter(message.chat))

        def clear() -> None:
            self._clear(message.request_id, flight)
            if landed is not None:
                landed()

        flight.depart(self._fly(flight, message, fresh=False), clear)
        self._flights[message.request_id] = flight

    def _clear(self, request_id: str, flight: Flight) -> None:
        """Makes way for what comes after the flight; harmless when repeated."""
        flight.turn.leave()
        if self._flights.get(request_id) is flight:
            del self._flights[request_id]

    async def _fly_new(self, flight: Flight, draft: Draft) -> OutboxMessage:
        try:
            message, added = await self._accept(flight, draft)
        except LeaseLost:
            raise
        except Unavailable as error:
            self._background.start(self._look_again(error.retry_after))
            raise
        if message.content_hash != draft.content_hash:
            raise RequestIdReused(draft.company_id, draft.request_id)
        return await self._fly(flight, message, fresh=added)

    async def _fly(self, flight: Flight, message: OutboxMessage, *, fresh: bool) -> OutboxMessage:
        if not message.is_open:
            return message
        message = await self._courier.carry(message, flight.turn, fresh=fresh, on_wait=flight.wait)
        self._record(message)
        self._clear(message.request_id, flight)
        flight.tell(message)  # at once, rather than after the end of the task
        return message

    async def _accept(self, flight: Flight, draft: Draft) -> tuple[OutboxMessage, bool]:
        """Stores the message, or finds what its request id did before; refuses what cannot be sent now."""
        snapshot = self._means.sessions.snapshot(self.company_id)
        connected, limited = is_connected(snapshot), self._pacer.is_limited
        if not connected or limited:
            known = await self._means.store.get(self.company_id, draft.request_id)
            if known is not None:
                return known, False
        if not connected and not draft.may_queue:
            raise refusal_of(snapshot)
        if limited and not draft.may_queue:
            await self._pacer.admit(draft.chat)
        queued = not (connected and flight.turn.may_go.is_set()) or (limited and draft.may_queue)
        return await self._ledger.add(draft, self._means.new_secret(), queued=queued)

    def _record(self, message: OutboxMessage) -> None:
        if message.state is DeliveryState.CANCELLED:
            return
        succeeded = message.state in SUCCESSES
        self._means.send_log.record(message.company_id, succeeded, self._means.clock())
        if not succeeded:
            _log.warning(
                "message not sent",
                company_id=message.company_id,
                request_id=message.request_id,
                state=message.state.value,
                failure=message.failure,
            )
