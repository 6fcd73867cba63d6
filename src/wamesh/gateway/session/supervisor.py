"""All sessions of this gateway: the `Sessions` port, over one keeper a company.

A gateway that is alone restores every stored session when it opens. One of several restores what its `Fleet` tells it
to `take`, and keeps no session that another gateway holds.

Owns: the keepers, the rhythm of lease renewals, start and stop of the whole. Refuses: what happens inside one session
(`keeper.py`), and which gateway should hold which company (`fleet/fleet.py`). Invariant: reading never waits and never
acts; after `close` no session process is left and no lease is held.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from datetime import timedelta
from typing import Final

import structlog

from wamesh.clock import Clock, utc_now
from wamesh.gateway.errors import Draining, LeaseLost, SessionNotFound, SessionProcessUnavailable
from wamesh.gateway.fleet.lease import DEFAULT_TIMES, LeaseTimes
from wamesh.gateway.fleet.lock import DataDirectory
from wamesh.gateway.process.child import ChildGone, NeverAsked
from wamesh.gateway.process.wire import SPOOL_NAME, decode_outcome, encode_send
from wamesh.gateway.session.held_lease import Claimant
from wamesh.gateway.session.journal import Sinks
from wamesh.gateway.session.keeper import Means, SessionKeeper
from wamesh.gateway.session.pairing import pair
from wamesh.gateway.session.state import DEFAULT_POLICY, Event, Policy, SessionState, registered
from wamesh.gateway.session.transport_options import TransportOptions
from wamesh.gateway.sessions import InboundSink, PairingEvent, ReceiptSink, SessionSnapshot, TermSink
from wamesh.gateway.stores import LeaseStore, SessionStore, StoredSession
from wamesh.gateway.task_set import TaskSet
from wamesh.session.v1 import session_pb2 as pb
from wamesh.whatsapp.transport import (
    NotSent,
    OutgoingMessage,
    SendOutcome,
    Sent,
    SentRecordLost,
    TransportName,
    Uncertain,
)

log = structlog.get_logger()

_START_PATIENCE: Final = timedelta(seconds=5)
_FIND_SECONDS: Final = 10.0
PAIRING: Final = SessionState.PAIRING


class Supervisor:
    """Every company's session on this gateway. `open` first, `close` last; see `Sessions` for the rest.

    `directory` is held locked by the caller. `transport_options` is asked for each start of a session process.
    `alone` tells that no other gateway uses the database. `send_timeout` is how long a send may hang before its process
    counts as hung: longer than the transport's own patience.
    """

    def __init__(
        self,
        *,
        directory: DataDirectory,
        store: SessionStore,
        leases: LeaseStore,
        transport: TransportName,
        transport_options: TransportOptions,
        alone: bool = True,
        lease_times: LeaseTimes = DEFAULT_TIMES,
        policy: Policy = DEFAULT_POLICY,
        send_timeout: timedelta = timedelta(seconds=90),
        stop_grace: timedelta = timedelta(seconds=3),
        clock: Clock = utc_now,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._store = store
        self._alone = alone
        self._directory = directory
        self._lease_times = lease_times
        self._send_timeout = send_timeout
        self._clock = clock
        self._keepers: dict[int, SessionKeeper] = {}
        self._gone: set[int] = set()
        self._renewals: dict[int, asyncio.Task[None]] = {}
        self._tasks = TaskSet()
        self._means_with: Callable[[Sinks, TermSink, str], Means] = lambda sinks, terms, address: Means(
            directory=directory,
            transport=transport,
            transport_options=transport_options,
            store=store,
            claimant=Claimant(leases, terms, directory.node, address, lease_times),
            sinks=sinks,
            policy=policy,
            clock=clock,
            jitter=jitter,
            stop_grace=stop_grace,
            alone=alone,
        )
        self._means: Means | None = None

    async def open(self, inbound: InboundSink, receipts: ReceiptSink, terms: TermSink, address: str = "") -> None:
        """Opens for calls; `address` is where other gateways forward them to. Alone, restores the stored sessions:
        those that ran run again, without a new QR code. Raises DatabaseUnavailable.
        """
        self._means = self._means_with(Sinks(inbound, receipts), terms, address)
        self._tasks.start(self._renew_forever())
        if self._alone:
            for stored in await self._store.load():
                self._keepers[stored.company_id] = SessionKeeper(stored, self._means)
            await asyncio.gather(*(_restored(keeper) for keeper in self._keepers.values()))

    async def close(self) -> None:
        """Ends every session process and gives every lease up, in about `stop_grace`; their states stay stored."""
        self._means = None
        await asyncio.gather(*(keeper.close() for keeper in self._keepers.values()))
        await self._tasks.close()

    def snapshot(self, company_id: int) -> SessionSnapshot:
        """Returns what is recorded about the company's session. Raises SessionNotFound."""
        return self._keeper(company_id).snapshot()

    def snapshots(self) -> list[SessionSnapshot]:
        """Returns all of them, by company id."""
        return [self._keepers[company_id].snapshot() for company_id in sorted(self._keepers)]

    async def start(self, company_id: int) -> SessionSnapshot:
        """Starts the session; returns once it is known whether a device is stored. See `Sessions`."""
        keeper = self._registered(company_id)
        await keeper.handle(Event.START)
        await keeper.runner.device_known(_START_PATIENCE)
        return keeper.snapshot()

    async def stop(self, company_id: int) -> SessionSnapshot:
        """Stops the session and keeps its device. See `Sessions`."""
        return await self._keeper(company_id).handle(Event.STOP)

    async def reconnect(self, company_id: int) -> SessionSnapshot:
        """Connects again because an operator says so. See `Sessions`."""
        return await self._keeper(company_id).handle(Event.RECONNECT)

    async def logout(self, company_id: int) -> SessionSnapshot:
        """Unlinks the device. See `Sessions`; raises SessionProcessUnavailable when WhatsApp could not be told."""
        return await self._keeper(company_id).handle(Event.LOGOUT)

    def pair(self, company_id: int, phone_number: str | None = None) -> AsyncGenerator[PairingEvent, None]:
        """Links a device. See `Sessions`."""
        return pair(self._registered(company_id), phone_number)

    async def send(self, company_id: int, message: OutgoingMessage) -> SendOutcome:
        """Sends through the session that is connected. See `Sessions`."""
        keeper = self._keeper(company_id)
        if not keeper.session.may_send:
            raise keeper.refusal()
        try:
            async with asyncio.timeout(self._send_timeout.total_seconds()):
                outcome = decode_outcome(await keeper.runner.ask(pb.Command(send=encode_send(message))))
        except NeverAsked:
            return NotSent("the session process is gone")
        except ChildGone:
            return Uncertain("the session process ended before WhatsApp answered")
        except TimeoutError:
            await keeper.handle(Event.PROCESS_HUNG)
            return Uncertain(f"the session process gave no answer for {self._send_timeout.total_seconds():.0f} s")
        if isinstance(outcome, Sent):
            keeper.last_ack_time = self._clock()
        return outcome

    async def find_sent(self, company_id: int, secret: bytes) -> str | None:
        """Looks a send up in the device store. See `Sessions`."""
        keeper = self._keeper(company_id)
        try:
            async with asyncio.timeout(_FIND_SECONDS):
                answer = await keeper.runner.ask(pb.Command(find_sent=pb.FindSent(secret=secret)))
        except (ChildGone, TimeoutError):
            raise SessionProcessUnavailable(company_id) from None
        if answer.HasField("forgotten"):
            raise SentRecordLost(f"the device of company {company_id} that sent is unlinked")
        if answer.WhichOneof("answer") != "found":
            raise SessionProcessUnavailable(company_id)
        return answer.found.message_id if answer.found.HasField("message_id") else None

    async def until(self, company_id: int, wanted: Callable[[SessionSnapshot], bool]) -> SessionSnapshot:
        """Waits until the company's session is as wanted, if only for a moment, effects included; returns it as it was
        then. The caller brings the deadline.

        Raises SessionNotFound.
        """
        keeper = self._keeper(company_id)
        passed: asyncio.Queue[SessionSnapshot] = asyncio.Queue()
        with keeper.listening(lambda _: passed.put_nowait(keeper.snapshot())):
            session = await keeper.settled()
            while not wanted(session):
                session = await passed.get()
            await keeper.settled()
        return session

    # What the fleet asks for.

    @property
    def node(self) -> str:
        """This gateway's name."""
        return self._directory.node

    def holds(self, company_id: int) -> bool:
        """Whether this gateway holds the company's lease."""
        return company_id in self._keepers and self._keepers[company_id].is_held

    def held(self) -> list[int]:
        """The companies that this gateway holds and could hand over: a pairing is not moved."""
        return [
            each.company_id for each in self._keepers.values() if each.is_held and each.session.state is not PAIRING
        ]

    def adrift(self) -> list[int]:
        """The companies whose session is active as far as it is known here, without a lease of ours."""
        return [each.company_id for each in self._keepers.values() if each.session.state.is_active and not each.is_held]

    async def refresh(self, stored: StoredSession) -> None:
        """Takes note of what is stored about a company that this gateway does not hold."""
        await self._registered(stored.company_id).refresh(stored)

    async def take(self, stored: StoredSession) -> None:
        """Restores a session that nobody holds, or that this gateway held before it restarted. Never raises."""
        keeper = self._registered(stored.company_id)
        if not keeper.is_held:
            await keeper.refresh(stored)
            await _restored(keeper)

    async def let_go(self, company_id: int) -> None:
        """Ends the company's session here, if there is one, and releases its lease; it stays stored as it was."""
        keeper = self._keepers.get(company_id)
        if keeper is not None:
            await keeper.close()  # a send that this breaks off still asks for the session: it must be there until then
            self._keepers.pop(company_id, None)
            self._gone.add(company_id)

    def leftovers(self) -> list[int]:
        """The companies that are not held here and of which a session process left something in its journal."""
        return [each for each in self._directory.companies_with(SPOOL_NAME) if not self.holds(each)]

    async def salvage(self, stored: StoredSession) -> None:
        """Stores what a session process of this gateway left in its journal, though another gateway may hold the
        company now. Raises LeaseLost when that changes meanwhile, DatabaseUnavailable.
        """
        await self._registered(stored.company_id).salvage(stored.epoch)

    def _keeper(self, company_id: int) -> SessionKeeper:
        if company_id in self._keepers:
            return self._keepers[company_id]
        if company_id in self._gone:  # while the call was under way
            raise LeaseLost(company_id)
        raise SessionNotFound(company_id)

    def _registered(self, company_id: int) -> SessionKeeper:
        """The company's keeper; a new one for a company that was never seen."""
        if self._means is None:
            raise Draining
        if company_id not in self._keepers:
            self._gone.discard(company_id)
            stored = StoredSession(company_id, 0, registered(self._clock()))
            self._keepers[company_id] = SessionKeeper(stored, self._means)
        return self._keepers[company_id]

    async def _renew_forever(self) -> None:
        """Renews every lease at a steady pace, each on its own: one company's trouble is not another's."""
        pause = self._lease_times.renew_every.total_seconds()
        while True:
            await asyncio.sleep(pause)
            for company_id, keeper in tuple(self._keepers.items()):
                last = self._renewals.get(company_id)
                if last is None or last.done():
                    self._renewals[company_id] = self._tasks.start(keeper.renew())


async def _restored(keeper: SessionKeeper) -> None:
    try:
        await keeper.restore()
    except Exception:  # the other companies' sessions must run all the same
        log.exception("session_not_restored", company_id=keeper.company_id)
