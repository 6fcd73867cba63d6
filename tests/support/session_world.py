"""A gateway's sessions on the real client library against the protocol emulator, and what can be done to them from
outside: where the next process is led to, who holds the lease, whether the database answers.

Every (state, event) that the session machine is asked about is kept in `seen`.
"""

import asyncio
import os
import signal
import socket
import sqlite3
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from support.emulator import RunningEmulator, protocol_emulator
from support.gateway_sessions import PATIENCE_SECONDS, QUICK, Gateway, eventually, gateway, session_pids

from wamesh.emulator.v1 import emulator_pb2 as pb
from wamesh.gateway.fleet.lease import LeaseTimes
from wamesh.gateway.session.machine import advance
from wamesh.gateway.session.state import Event, Reason, Session, SessionState
from wamesh.gateway.sessions import PairingEvent, SessionSnapshot
from wamesh.storage.database import open_database
from wamesh.storage.gateway.sessions import SqlLeaseStore
from wamesh.storage.sqlite_file import sqlite_url
from wamesh.whatsapp.events import Paired, QrIssued

COMPANY: Final = 7
SALON: Final = "+12025550101"
CUSTOMER: Final = "+447700900123"
SHORT_LEASE: Final = LeaseTimes(timedelta(seconds=3), timedelta(milliseconds=300))
CLOSED: Final = "127.0.0.1:1"

Pair = tuple[SessionState, Event]


@dataclass
class World:
    """One company, its network, and the hands that reach both."""

    directory: Path
    emulator: RunningEmulator
    led: Mapping[str, str]
    silent: str
    """An address that takes connections and never says a word."""
    seen: Counter[Pair] = field(default_factory=Counter)
    options: Mapping[str, str] | None = None
    """What the next session process is told; None while nobody can tell."""

    def lead_to(self, wire_address: str = "") -> None:
        """Leads the next process to an address, or to the network again."""
        self.options = {**self.led, "wire_address": wire_address} if wire_address else self.led

    def gateway(self, **policy: Any) -> AbstractAsyncContextManager[Gateway]:
        """A gateway on the company's directory; a second one after it finds what the first left."""
        return gateway(
            self.directory,
            "",
            transport="emulator",
            transport_options=self._answer,
            policy=replace(QUICK, **policy),
            lease_times=SHORT_LEASE,
            send_timeout=timedelta(seconds=2),
        )

    async def _answer(self, _company_id: int) -> Mapping[str, str]:
        if self.options is None:
            raise ConnectionError("nobody tells where the network is")
        return self.options

    @asynccontextmanager
    async def stolen_lease(self, held: Gateway) -> AsyncIterator[None]:
        """Another gateway has the company's lease, as after ours had lapsed, for as long as the context lasts."""
        database = await open_database(sqlite_url(self.directory / "gateway.db"))
        leases = SqlLeaseStore(database)
        try:
            known = held.supervisor.snapshots()
            await leases.release(COMPANY, known[0].epoch if known else 0)
            lease = await leases.acquire(COMPANY, "another-gateway", "", timedelta(minutes=5))
            yield
            await leases.release(COMPANY, lease.epoch)  # type: ignore[union-attr]
        finally:
            await database.close()

    @contextmanager
    def lost_leases(self) -> Iterator[None]:
        """The database cannot tell who holds what while the context lasts."""
        self.execute("ALTER TABLE leases RENAME TO leases_away")
        try:
            yield
        finally:
            self.execute("ALTER TABLE leases_away RENAME TO leases")

    async def lose_network(self, held: Gateway) -> None:
        """Cuts the connection and lets no other through, until `clear_faults`."""
        self.emulator.inject(SALON, pb.FAULT_KIND_SERVICE_DOWN)
        self.emulator.inject(SALON, pb.FAULT_KIND_DROP_CONNECTION)
        await reach(held, SessionState.DISCONNECTED)

    async def find_network(self, held: Gateway) -> None:
        """The network is back, and an operator does not wait for the next try."""
        self.clear_faults()
        await held.supervisor.reconnect(COMPANY)
        await reach(held, SessionState.CONNECTED)

    async def cut_at_login(self, held: Gateway) -> None:
        """Starts the session while the network is cut at its login; again when the library has not noticed, which it
        may not in the moment before it listens (0.5.2): then the dial ends by our patience, later than a test waits.
        """
        for _ in range(5):
            self.emulator.inject(SALON, pb.FAULT_KIND_UNREACHABLE, count=1)
            await held.supervisor.start(COMPANY)
            with suppress(TimeoutError):
                async with asyncio.timeout(3):
                    return await self.saw(SessionState.CONNECTING, Event.NETWORK_LOST)
            await held.supervisor.stop(COMPANY)
        raise AssertionError("the library never noticed")

    def clear_faults(self) -> None:
        """Nothing goes wrong from here on."""
        self.emulator.stub.ClearFaults(pb.ClearFaultsRequest(account_phone_number=SALON))

    def execute(self, sql: str) -> None:
        """Changes the gateway's database behind its back."""
        with closing(sqlite3.connect(self.directory / "gateway.db")) as database:
            database.execute(sql)
            database.commit()

    async def saw(self, state: SessionState, event: Event, times: int = 1) -> None:
        """Waits until the machine was asked about the pair so often; fails the test after 15 s."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self.seen[state, event] < times:  # noqa: ASYNC110 - the machine tells nobody
                await asyncio.sleep(0.01)

    @asynccontextmanager
    async def again(self, state: SessionState, event: Event) -> AsyncIterator[None]:
        """What happens in the context, or after it, leads to the pair once more."""
        times = self.seen[state, event]
        yield
        await self.saw(state, event, times + 1)


@contextmanager
def fresh_world(directory: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A fresh network with the salon's account on it."""
    with socket.socket() as silent, protocol_emulator() as emulator:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        emulator.add_account(SALON, "Salon")
        led = emulator.trust().options(directory)
        world = World(directory / "data", emulator, led, "{}:{}".format(*silent.getsockname()), options=led)

        def recording(session: Session, event: Event, *arguments: Any, **named: Any) -> Any:
            world.seen[session.state, event] += 1
            return advance(session, event, *arguments, **named)

        monkeypatch.setattr("wamesh.gateway.session.keeper.advance", recording)
        yield world


@asynccontextmanager
async def offering(held: Gateway) -> AsyncIterator[AsyncGenerator[PairingEvent, None]]:
    """A pairing with its first code on offer; who leaves the context leaves the pairing."""
    steps = held.supervisor.pair(COMPANY)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert isinstance(await anext(steps), QrIssued)
        yield steps
    finally:
        await steps.aclose()


async def scanned(steps: AsyncGenerator[PairingEvent, None], world: World) -> None:
    """The salon's phone scans what is on offer; returns as soon as the device is linked."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for step in steps:
            if isinstance(step, QrIssued):
                await asyncio.to_thread(world.emulator.scan, SALON, step.code)
            if isinstance(step, Paired):
                return
    raise AssertionError("the pairing ended without a device")


async def linked(held: Gateway, world: World) -> AsyncGenerator[PairingEvent, None]:
    """Links the salon's number and waits for the login; the pairing stays open until its iterator is closed."""
    steps = held.supervisor.pair(COMPANY)
    await scanned(steps, world)
    await reach(held, SessionState.CONNECTED)
    return steps


async def reach(held: Gateway, state: SessionState, *reasons: Reason) -> SessionSnapshot:
    """Waits for a state, for one of the reasons if any are named; fails the test after 15 s."""

    def wanted(session: SessionSnapshot) -> bool:
        return session.state is state and (not reasons or session.reason in reasons)

    async with asyncio.timeout(PATIENCE_SECONDS):
        return await held.supervisor.until(COMPANY, wanted)


async def refused(error: type[Exception], *verbs: Callable[[int], Any]) -> None:
    """Each verb is refused with the error."""
    for verb in verbs:
        with pytest.raises(error):
            await verb(COMPANY)


async def pair_refused(error: type[Exception], held: Gateway) -> None:
    """Pair is refused with the error."""
    with pytest.raises(error):
        await anext(held.supervisor.pair(COMPANY))


async def strike(held: Gateway, blow: Callable[[int], None] = lambda pid: os.kill(pid, signal.SIGKILL)) -> None:
    """Strikes the session process, given its pid, as soon as it has opened its journal."""
    pids = await eventually(lambda: session_pids(held.directory / "sessions" / str(COMPANY)))
    blow(pids[0])
