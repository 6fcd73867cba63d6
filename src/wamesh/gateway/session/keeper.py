"""One company's session, kept: the machine's effects carried out on a real process, lease and store.

Everything that happens comes in through `handle`, one thing at a time; `session_machine.advance` says what follows, and
this module does it without an opinion of its own. What an operator began is finished even when the operator hangs up: a
change is never left half done.

Owns: one `SessionRunner`, one `SessionLease`, one timer, one journal. Refuses: decisions. Invariant: at most one
process at a time, and only under a lease; what a process that was ended still says is not heard.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, TypeAlias, assert_never

import structlog

from wamesh.clock import Clock
from wamesh.errors import MeshError, Unavailable
from wamesh.gateway.errors import (
    AlreadyPaired,
    Draining,
    LeaseLost,
    PairingInProgress,
    SessionProcessUnavailable,
    not_connected,
)
from wamesh.gateway.fleet.lock import DataDirectory
from wamesh.gateway.process.child import ChildGone
from wamesh.gateway.process.wire import SPOOL_NAME
from wamesh.gateway.session.held_lease import Claimant, SessionLease
from wamesh.gateway.session.journal import Journal, Sinks
from wamesh.gateway.session.machine import advance
from wamesh.gateway.session.record import record_of
from wamesh.gateway.session.runner import Condition, SessionRunner
from wamesh.gateway.session.state import (
    Do,
    Effect,
    Event,
    Policy,
    Reason,
    Refusal,
    Refuse,
    Session,
    SessionState,
    WakeAt,
    unheld,
)
from wamesh.gateway.session.transport_options import TransportOptions
from wamesh.gateway.sessions import PairingEvent, SessionSnapshot
from wamesh.gateway.stores import Device, SessionStore, StoredSession
from wamesh.gateway.task_set import TaskSet
from wamesh.session.v1 import session_pb2 as pb
from wamesh.whatsapp import events

log = structlog.get_logger()

News: TypeAlias = PairingEvent | Session
"""What a listener hears: codes and their end, and the session after each change."""

_NO_DEVICE: Final = frozenset({SessionState.UNPAIRED, SessionState.LOGGED_OUT})
_ALARMING: Final = frozenset({SessionState.REPLACED, SessionState.BANNED, SessionState.OUTDATED})
_LOGOUT_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True)
class Means:
    """What every keeper works with. `alone`: without a lease it asks for it again, since nobody would hand it one."""

    directory: DataDirectory
    transport: str
    transport_options: TransportOptions
    store: SessionStore
    claimant: Claimant
    sinks: Sinks
    policy: Policy
    clock: Clock
    jitter: Callable[[], float]
    stop_grace: timedelta
    alone: bool


class SessionKeeper:
    """Keeps one company's session."""

    def __init__(self, stored: StoredSession, means: Means) -> None:
        self.company_id: Final = stored.company_id
        self.session = stored.session
        self.device = stored.device
        self.last_ack_time: datetime | None = None
        self._means = means
        self._lease = SessionLease(stored.company_id, means.claimant, stored.epoch)
        self._journal = Journal(stored.company_id, means.sinks, means.clock)
        self._spool = means.directory.of_company(stored.company_id) / SPOOL_NAME
        self.runner: Final = SessionRunner(stored.company_id, self, self._journal, means.stop_grace)
        self._turn = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self._unsaved = False
        self._closing = False
        self._tasks = TaskSet(company_id=stored.company_id)
        self._listeners: set[Callable[[News], None]] = set()
        self._do: Final[dict[Do, Callable[[], Awaitable[Event | None]]]] = {
            Do.ACQUIRE: self._acquire,
            Do.PERSIST: self._persist,
            Do.SPAWN: self._spawn,
            Do.DIAL: self._dial,
            Do.UNLINK: self._unlink,
            Do.KILL: self._kill,
            Do.RELEASE: self._release,
        }

    # What is known.

    @property
    def is_held(self) -> bool:
        """True while this gateway holds the company's lease, as far as it can know without asking."""
        return self._lease.is_held

    @property
    def expects_device(self) -> bool:
        """True when the session was linked to a device."""
        return bool(self.device.address)

    def snapshot(self) -> SessionSnapshot:
        """Returns what is recorded, from memory."""
        return record_of(self._stored, self._lease.holder, self._journal.last_inbound_time, self.last_ack_time)

    def refusal(self, why: Refusal = Refusal.STATE) -> MeshError:
        """Returns the error that says why the session's state forbids a verb."""
        match why:
            case Refusal.ALREADY_PAIRED:
                return AlreadyPaired(self.company_id)
            case Refusal.PAIRING_IN_PROGRESS:
                return PairingInProgress(self.company_id)
            case Refusal.STATE:
                return not_connected(self.snapshot())
            case _:
                assert_never(why)

    @contextlib.contextmanager
    def listening(self, listener: Callable[[News], None]) -> Iterator[None]:
        """Tells `listener` all news while the context lasts."""
        self._listeners.add(listener)
        try:
            yield
        finally:
            self._listeners.discard(listener)

    async def settled(self) -> SessionSnapshot:
        """Waits until what is happening has happened, effects included, and returns the session then."""
        async with self._turn:
            return self.snapshot()

    # What happens.

    async def handle(
        self, event: Event, *, expires_in: timedelta | None = None, if_still: Condition | None = None
    ) -> SessionSnapshot:
        """Lets an event happen and returns the session after it; nothing happens unless `if_still`.

        Raises what a refused verb raises, Draining. Goes on to its end when the caller is cancelled.
        """
        return await asyncio.shield(self._tasks.start(self._handle(event, expires_in, if_still)))

    async def renew(self) -> None:
        """Renews the lease, tells the process its new deadline, and writes what could not be written before."""
        if self._lease.holder == self._means.claimant.node:
            await self._renew_lease(self._lease.epoch)
        if self._unsaved:
            async with self._turn:
                await self._persist()

    async def restore(self) -> None:
        """Takes up what the last gateway left: a session that ran runs again, a journal is emptied."""
        await self.handle(Event.RESTORE)
        if not self.session.state.is_active and self._spool.exists():
            async with self._turn:
                if await self._acquire() is None:
                    await self._release()

    async def refresh(self, stored: StoredSession) -> None:
        """Becomes what others wrote meanwhile about a session that is not held here."""
        async with self._turn:
            if not self._lease.is_held:
                self._set_timer(None)
                self.session, self.device = unheld(stored.session), stored.device
                self._lease.epoch = stored.epoch

    async def salvage(self, epoch: int) -> None:
        """Stores what a process of this gateway left in its journal, under the epoch of whoever holds the company now.

        Raises LeaseLost when that changes meanwhile, DatabaseUnavailable.
        """
        async with self._turn:
            if not self.runner.is_running:
                await self._journal.drain(self._spool, epoch)

    async def close(self) -> None:
        """Ends the process and gives the lease up; the stored state stays, for the next gateway to restore."""
        async with self._turn:
            self._closing = True
            self._set_timer(None)
            self.publish(events.PairingFailed(events.PairingFailure.UNAVAILABLE))
            await self._kill()
            await self._release()
        await self.runner.close()
        await self._tasks.close()

    # One thing at a time.

    async def _handle(self, event: Event, expires_in: timedelta | None, if_still: Condition | None) -> SessionSnapshot:
        async with self._turn:
            if self._closing:
                raise Draining
            following: Event | None = event if if_still is None or if_still() else None
            while following is not None:
                following = await self._step(following, expires_in)
            return self.snapshot()

    async def _step(self, event: Event, expires_in: timedelta | None) -> Event | None:
        """Advances by one event and carries its effects out; returns the event that an effect gave rise to."""
        means = self._means
        now, jitter = means.clock(), means.jitter()
        session, effects = advance(self.session, event, now, jitter=jitter, expires_in=expires_in, policy=means.policy)
        moved = session != self.session
        self._become(session, event)
        try:
            return await self._perform_all(effects)
        finally:
            if moved:
                self.publish(session)

    def _become(self, session: Session, event: Event) -> None:
        if session == self.session:
            return
        before, self.session = self.session, session
        if session.state in _NO_DEVICE:
            self.device = Device()
        retry = session.retry_time and session.retry_time.isoformat(timespec="milliseconds")
        tell = log.error if session.state in _ALARMING or session.reason is Reason.CRASH_LOOP else log.info
        tell(
            "session_moved",
            company_id=self.company_id,
            cause=event.value,
            left=before.state.value,
            state=session.state.value,
            reason=session.reason.value,
            retry_time=retry,
        )

    async def _perform_all(self, effects: tuple[Effect, ...]) -> Event | None:
        for effect in effects:
            following = await self._perform(effect)
            if following is not None:
                return following
        return None

    async def _perform(self, effect: Effect) -> Event | None:
        match effect:
            case Refuse(why):
                raise self.refusal(why)
            case WakeAt(moment):
                self._set_timer(moment)
                return None
            case Do():
                return await self._do[effect]()

    # The effects. Each returns the event it gave rise to, if any; the effects after it are then skipped.

    async def _acquire(self) -> Event | None:
        if not self._lease.is_held:  # it may have run out just now: no process of the last term goes on in the next
            await self.runner.end()
        try:
            return None if await self._lease.acquire() else Event.LEASE_REFUSED
        except Exception as error:  # noqa: BLE001 - whatever it is, nothing may run without a lease
            log.warning("lease_not_acquired", company_id=self.company_id, error=str(error))
            return Event.STORE_LOST

    async def _persist(self) -> Event | None:
        """Writes the session. A database that is down must not keep a process alive: it is written later."""
        if self.session.state.is_active and not self._lease.is_held:
            return None
        self._unsaved = True
        try:
            await self._means.store.save(self._stored)
        except LeaseLost:
            self._unsaved = False
            return self._lost_by_saving()
        except Exception as error:  # noqa: BLE001 - whatever it is, the effects that follow must happen
            log.warning("session_not_saved_yet", company_id=self.company_id, error=str(error))
            return None
        self._unsaved = False
        return None

    async def _spawn(self) -> Event | None:
        try:
            options = await self._means.transport_options(self.company_id)
        except ConnectionError as error:
            log.warning("network_not_found", company_id=self.company_id, error=str(error))
            return Event.NETWORK_NOT_FOUND
        begin = pb.Begin(
            company_id=self.company_id,
            directory=str(self._spool.parent),
            transport=self._means.transport,
            options=options,
            lease_deadline_ns=self._lease.deadline_ns,
        )
        try:
            await self.runner.start(begin, (self._means.directory.lock_fd,), self._lease.epoch)
        except OSError as error:
            log.error("session_process_not_started", company_id=self.company_id, error=str(error))
            return Event.PROCESS_EXITED
        return None

    async def _dial(self) -> Event | None:
        self.runner.tell(pb.Command(connect=pb.Connect()))
        return None

    async def _unlink(self) -> Event | None:
        try:
            async with asyncio.timeout(_LOGOUT_SECONDS):
                answer = await self.runner.ask(pb.Command(logout=pb.Logout()))
        except (ChildGone, TimeoutError):
            raise SessionProcessUnavailable(self.company_id) from None
        if answer.WhichOneof("answer") == "done":
            return Event.UNLINKED
        log.warning("logout_failed", company_id=self.company_id, error=answer.failed.reason)
        raise SessionProcessUnavailable(self.company_id)

    async def _kill(self) -> Event | None:
        await self.runner.end()
        return None

    async def _release(self) -> Event | None:
        """Empties the journal while the epoch is still ours, then lets go."""
        try:
            if self._lease.is_held:
                await self._journal.drain(self._spool, self._lease.epoch)
        except Exception:  # whatever a sink raises, the records stay and the lease must go
            log.exception("journal_not_drained", company_id=self.company_id)
        try:
            await self._lease.release()
        except Unavailable as error:
            log.warning("lease_left_to_expire", company_id=self.company_id, error=error.message)
        return None

    # Small things.

    @property
    def _stored(self) -> StoredSession:
        return StoredSession(self.company_id, self._lease.epoch, self.session, self.device)

    def _lost_by_saving(self) -> Event | None:
        """A newer epoch has written: the lease is gone, if it was held at all."""
        if not self._lease.is_held:
            return None
        self._lease.forget()
        return Event.LEASE_LOST

    def link(self, device: Device) -> None:
        """Notes the device that was just linked; it is written with the state that follows."""
        self.device = device

    async def lose_lease(self, epoch: int) -> None:
        """Lets LEASE_LOST happen, once, for the lease of this epoch."""
        if self._lease.epoch == epoch and self._lease.holder:
            log.error("lease_lost", company_id=self.company_id, epoch=epoch)
            self._lease.forget()
            await self.handle(Event.LEASE_LOST, if_still=lambda: self._lease.epoch == epoch)

    async def _renew_lease(self, epoch: int) -> None:
        try:
            kept = await self._lease.renew()
        except Unavailable:
            kept = self._lease.is_held
        if not kept:
            await self.lose_lease(epoch)
        elif self._lease.epoch == epoch:
            self.runner.tell(pb.Command(extend_lease=pb.ExtendLease(lease_deadline_ns=self._lease.deadline_ns)))

    def publish(self, news: News) -> None:
        """Tells the listeners."""
        for listener in tuple(self._listeners):
            listener(news)

    def _set_timer(self, moment: datetime | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if moment is not None:
            delay = max((moment - self._means.clock()).total_seconds(), 0.0)
            self._timer = asyncio.get_running_loop().call_later(delay, self._wake, moment)

    def _wake(self, moment: datetime) -> None:
        if self._lease.is_held or self._means.alone:
            self._tasks.start(self.handle(Event.WAKE, if_still=lambda: self.session.wake_time == moment))
