"""Every row of the session machine that the outside can reach, reached: real processes, the real client library, the
emulator's faults, signals and an operator's verbs.

`PROVOKED` says which test provokes which (state, event); each test is held to it by what the machine was really asked.
`OUT_OF_REACH` has the rest, with the reason. Together they are the machine's table.
"""

import asyncio
import shutil
from collections.abc import Iterator, Mapping
from contextlib import aclosing, suppress
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from support.freezing import freeze
from support.gateway_sessions import text_for
from support.session_world import (
    CLOSED,
    COMPANY,
    CUSTOMER,
    SALON,
    World,
    fresh_world,
    linked,
    offering,
    pair_refused,
    reach,
    refused,
    scanned,
    strike,
)

from wamesh.emulator.v1 import emulator_pb2 as pb
from wamesh.gateway.errors import (
    AlreadyPaired,
    PairingInProgress,
    SessionBanned,
    SessionConnecting,
    SessionDisconnected,
    SessionLoggedOut,
    SessionOutdated,
    SessionPairing,
    SessionReplaced,
    SessionStopped,
    SessionUnpaired,
)
from wamesh.gateway.session.state import Event, Reason, SessionState
from wamesh.gateway.session.table import LATE, TABLE
from wamesh.whatsapp.events import PairingFailed, PairingFailure
from wamesh.whatsapp.transport import Uncertain

E, S, R = Event, SessionState, Reason

PROVOKED: Final[Mapping[str, Mapping[SessionState, str]]] = {
    "test_nothing_but_pair_links_a_company": {
        S.UNPAIRED: "START STOP RECONNECT LOGOUT RESTORE",
        S.CONNECTING: "DEVICE_ABSENT",
    },
    "test_a_pairing_is_left_in_four_ways": {
        S.UNPAIRED: "PAIR CANCEL_PAIRING",
        S.PAIRING: "START STOP RECONNECT LOGOUT PAIR CANCEL_PAIRING DEVICE_ABSENT PROCESS_EXITED",
    },
    "test_a_pairing_fails": {
        S.PAIRING: "RESTORE WAKE LEASE_REFUSED LEASE_LOST STORE_LOST NETWORK_NOT_FOUND PAIRING_FAILED",
    },
    "test_a_dial_that_hangs": {
        S.PAIRING: "PAIRED",
        S.STOPPED: "START STOP RECONNECT LOGOUT CANCEL_PAIRING RESTORE",
        S.CONNECTING: (
            "START STOP RECONNECT LOGOUT RESTORE WAKE LEASE_REFUSED LEASE_LOST STORE_LOST NETWORK_NOT_FOUND "
            "DEVICE_FOUND PROCESS_EXITED CONNECTED"
        ),
    },
    "test_a_login_that_fails": {
        S.CONNECTING: "CANCEL_PAIRING NETWORK_LOST DIAL_ENDED LOGIN_REFUSED BANNED OUTDATED",
        S.DISCONNECTED: "WAKE",
    },
    "test_a_connection_is_lost_and_comes_back": {
        S.CONNECTED: (
            "START STOP RECONNECT LOGOUT CANCEL_PAIRING RESTORE LEASE_LOST UNLINKED PROCESS_EXITED "
            "PROCESS_HUNG CONNECTED NETWORK_LOST"
        ),
        S.DISCONNECTED: "CONNECTED",
    },
    "test_a_redial_that_nobody_told_of_is_refused": {
        S.CONNECTED: "LOGIN_REFUSED BANNED OUTDATED",
    },
    "test_disconnected_waits_and_listens": {
        S.DISCONNECTED: (
            "START STOP RECONNECT LOGOUT CANCEL_PAIRING RESTORE LEASE_LOST PROCESS_EXITED PROCESS_HUNG "
            "NETWORK_LOST LOGIN_REFUSED BANNED OUTDATED"
        ),
    },
    "test_replaced_is_left_by_reconnect_only": {
        S.CONNECTED: "REPLACED",
        S.REPLACED: "START STOP RECONNECT LOGOUT CANCEL_PAIRING RESTORE",
    },
    "test_a_removed_device_is_linked_again": {
        S.CONNECTED: "LOGGED_OUT",
        S.LOGGED_OUT: "START STOP RECONNECT LOGOUT PAIR CANCEL_PAIRING RESTORE",
    },
    "test_a_ban_is_sat_out": {
        S.BANNED: "START STOP RECONNECT LOGOUT CANCEL_PAIRING RESTORE",
    },
    "test_an_outdated_client_tries_once_a_start": {
        S.OUTDATED: "START STOP RECONNECT LOGOUT CANCEL_PAIRING RESTORE",
    },
    "test_a_device_that_the_database_forgot_is_not_paired_twice": {
        S.PAIRING: "DEVICE_FOUND",
        S.CONNECTING: "PAIR",
        S.CONNECTED: "PAIR",
        S.DISCONNECTED: "PAIR",
        S.REPLACED: "PAIR",
        S.BANNED: "PAIR",
        S.OUTDATED: "PAIR",
        S.STOPPED: "PAIR",
    },
    "test_a_device_store_that_is_not_the_right_one": {
        S.CONNECTING: "DEVICE_MISSING",
        S.PAIRING: "DEVICE_MISSING",
    },
}
"""Which test provokes which rows: its states, and the events in each."""

_SLOW: Final = "a minute, since the library asks every 20-30 s: the transports' kit spends it"
_LINKED_ONLY: Final = "WhatsApp says it to a linked device only, and while codes are on offer there is none"
_ADAPTER: Final = "the transport calls the end of a dial without a device PairingFailed"
_PAIRED_FIRST: Final = "the library tells Paired before it logs in"
_ON_THE_WAY: Final = "the lease is asked for on the way into PAIRING and CONNECTING, which are the state by then"
_BY_SEND: Final = "a send tells it, and sends are made while CONNECTED; DISCONNECTED is the only state that may follow"
_OWN_STEP: Final = "the very step of CONNECTED that asks tells it, and nothing can come in between"
_RACE: Final = "WhatsApp says it after a login, and the login is told first"
_NEVER_GIVES_UP: Final = "once logged in the library redials for ever; codes that end it are rarer than the emulator's"

OUT_OF_REACH: Final[Mapping[tuple[SessionState, Event], str]] = {
    (S.PAIRING, E.PROCESS_HUNG): _BY_SEND,
    (S.PAIRING, E.DIAL_ENDED): _ADAPTER,
    (S.PAIRING, E.CONNECTED): _PAIRED_FIRST,
    (S.PAIRING, E.NETWORK_LOST): "the library says nothing when it loses the connection that offers codes (0.5.2)",
    (S.PAIRING, E.REPLACED): _LINKED_ONLY,
    (S.PAIRING, E.LOGGED_OUT): _LINKED_ONLY,
    (S.PAIRING, E.LOGIN_REFUSED): _LINKED_ONLY,
    (S.PAIRING, E.BANNED): _LINKED_ONLY,
    (S.PAIRING, E.OUTDATED): "the emulator refuses logins by account, and while codes are on offer nobody has told one",
    (S.PAIRING, E.UNLINKED): _OWN_STEP,
    (S.CONNECTING, E.PROCESS_HUNG): _BY_SEND,
    (S.CONNECTING, E.REPLACED): _RACE,
    (S.CONNECTING, E.LOGGED_OUT): _RACE,
    (S.CONNECTING, E.UNLINKED): _OWN_STEP,
    (S.CONNECTED, E.KEEP_ALIVE_LOST): _SLOW,
    (S.CONNECTED, E.KEEP_ALIVE_RESTORED): _SLOW,
    (S.CONNECTED, E.LEASE_REFUSED): _ON_THE_WAY,
    (S.CONNECTED, E.STORE_LOST): _ON_THE_WAY,
    (S.CONNECTED, E.DIAL_ENDED): _NEVER_GIVES_UP,
    (S.DISCONNECTED, E.LEASE_REFUSED): _ON_THE_WAY,
    (S.DISCONNECTED, E.STORE_LOST): _ON_THE_WAY,
    (S.DISCONNECTED, E.DIAL_ENDED): _NEVER_GIVES_UP,
    (S.DISCONNECTED, E.REPLACED): _RACE,
    (S.DISCONNECTED, E.LOGGED_OUT): _RACE,
    (S.DISCONNECTED, E.UNLINKED): _OWN_STEP,
    (S.LOGGED_OUT, E.UNLINKED): _OWN_STEP,
}
"""Rows that nothing outside of the gateway can provoke, and why. The machine's unit tests have them."""


def provoked_by(test: str) -> set[tuple[SessionState, Event]]:
    """The rows that PROVOKED claims of a test."""
    return {(state, Event(event)) for state, events in PROVOKED[test].items() for event in events.split()}


def test_every_row_is_provoked_or_out_of_reach() -> None:
    """The two tables are the machine's: all rows but LATE, which are of processes that were ended and are not heard."""
    provoked = set[tuple[SessionState, Event]]().union(*map(provoked_by, PROVOKED))
    rows = {(state, event) for state, row in TABLE.items() for event, cell in row.items() if cell is not LATE}
    assert provoked | OUT_OF_REACH.keys() == rows
    assert provoked & OUT_OF_REACH.keys() == set()
    assert [name for name in PROVOKED if name not in globals()] == []


@pytest.fixture
def world(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A world of the test's own. What PROVOKED claims of a test is what the machine was asked in it."""
    with fresh_world(tmp_path, monkeypatch) as world:
        yield world
    assert provoked_by(request.function.__name__) - world.seen.keys() == set()


async def test_nothing_but_pair_links_a_company(world: World) -> None:
    """Without a device Start looks for one and rests, and the other verbs change nothing."""
    async with world.gateway() as held:
        await held.supervisor.start(COMPANY)
        await reach(held, S.UNPAIRED, R.NO_DEVICE)
        await held.supervisor.stop(COMPANY)
        await held.supervisor.logout(COMPANY)
        await refused(SessionUnpaired, held.supervisor.reconnect)
    async with world.gateway() as held:
        await reach(held, S.UNPAIRED, R.NO_DEVICE)
    assert world.emulator.events(pb.EVENT_KIND_CONNECTION_OPENED) == []


async def test_a_pairing_is_left_in_four_ways(world: World) -> None:
    """Stop, Logout, leaving the stream and a crash end a pairing; nothing else disturbs it."""
    async with world.gateway() as held:
        async with offering(held) as steps:
            await refused(SessionPairing, held.supervisor.start, held.supervisor.reconnect)
            await pair_refused(PairingInProgress, held)
            await held.supervisor.stop(COMPANY)
            assert await anext(steps) == PairingFailed(PairingFailure.CANCELLED)
        async with offering(held):
            await held.supervisor.logout(COMPANY)
        async with offering(held):
            pass
        await reach(held, S.UNPAIRED, R.PAIRING_CANCELLED)
        async with offering(held):
            await strike(held)
            await reach(held, S.UNPAIRED, R.PROCESS_CRASHED)


async def test_a_pairing_fails(world: World) -> None:
    """Whatever fails while codes are on offer, the company is unpaired again, and nothing is tried again by itself."""
    async with world.gateway() as held:
        async with world.stolen_lease(held):
            assert [step async for step in held.supervisor.pair(COMPANY)] == [PairingFailed(PairingFailure.UNAVAILABLE)]
            await reach(held, S.UNPAIRED, R.HELD_ELSEWHERE)
        with world.lost_leases():
            assert [step async for step in held.supervisor.pair(COMPANY)] == [PairingFailed(PairingFailure.UNAVAILABLE)]
            await reach(held, S.UNPAIRED, R.STORE_LOST)
        world.options = None
        assert [step async for step in held.supervisor.pair(COMPANY)] == [PairingFailed(PairingFailure.UNAVAILABLE)]
        await reach(held, S.UNPAIRED, R.NETWORK_NOT_FOUND)
        world.lead_to()
        async with offering(held), world.stolen_lease(held):
            await reach(held, S.UNPAIRED, R.LEASE_LOST)
        world.lead_to(CLOSED)
        assert [step async for step in held.supervisor.pair(COMPANY)] == [PairingFailed(PairingFailure.UNAVAILABLE)]
        await reach(held, S.UNPAIRED, R.PAIRING_FAILED)
        world.lead_to()
        left_open = held.supervisor.pair(COMPANY)
        await anext(left_open)
    await left_open.aclose()
    async with world.gateway(pairing_timeout=timedelta(seconds=2)) as held:
        await reach(held, S.UNPAIRED, R.NO_DEVICE)
        steps = [step async for step in held.supervisor.pair(COMPANY)]
        assert steps[-1] == PairingFailed(PairingFailure.TIMED_OUT)


async def test_a_dial_that_hangs(world: World) -> None:
    """A network that takes the connection and says nothing: patience, an operator, a kill or the lease ends it."""
    async with world.gateway() as held:
        steps = await linked(held, world)
        await held.supervisor.stop(COMPANY)
        await steps.aclose()
        await held.supervisor.stop(COMPANY)
        await refused(SessionStopped, held.supervisor.reconnect, held.supervisor.logout)
    world.lead_to(world.silent)
    async with world.gateway() as held:
        await reach(held, S.STOPPED, R.OPERATOR)
        async with world.again(S.CONNECTING, E.DEVICE_FOUND):
            with world.lost_leases():
                await held.supervisor.start(COMPANY)
                await reach(held, S.DISCONNECTED, R.STORE_LOST)
            await reach(held, S.CONNECTING)
            await held.supervisor.start(COMPANY)
            await held.supervisor.reconnect(COMPANY)
            await refused(SessionConnecting, held.supervisor.logout)
        async with world.again(S.CONNECTING, E.DEVICE_FOUND), world.stolen_lease(held):
            await reach(held, S.DISCONNECTED, R.LEASE_LOST)
            await reach(held, S.DISCONNECTED, R.HELD_ELSEWHERE)
        await strike(held)
        await reach(held, S.DISCONNECTED, R.PROCESS_CRASHED)
        world.options = None
        await reach(held, S.DISCONNECTED, R.NETWORK_NOT_FOUND)
        world.lead_to(world.silent)
        await reach(held, S.CONNECTING)
    async with world.gateway(dial_timeout=timedelta(seconds=4)) as held:
        await reach(held, S.DISCONNECTED, R.DIAL_TIMED_OUT)
        world.lead_to()
        await reach(held, S.CONNECTED)
        world.lead_to(world.silent)
        await strike(held)
        await reach(held, S.CONNECTING)
        await held.supervisor.stop(COMPANY)
        await reach(held, S.STOPPED)


async def test_a_login_that_fails(world: World) -> None:
    """A dial or login that fails is tried again with a delay, unless WhatsApp said that it is no use."""
    async with world.gateway() as held:
        async with aclosing(held.supervisor.pair(COMPANY)) as steps:
            await scanned(steps, world)
        await reach(held, S.CONNECTED)
        await held.supervisor.stop(COMPANY)
        world.lead_to(CLOSED)
        await held.supervisor.start(COMPANY)
        await reach(held, S.DISCONNECTED, R.DIAL_FAILED)
        world.lead_to()
        await reach(held, S.CONNECTED)
        for code, state in ((402, S.BANNED), (405, S.OUTDATED), (401, S.LOGGED_OUT)):
            await held.supervisor.stop(COMPANY)
            if state is S.BANNED:
                await world.cut_at_login(held)
                await reach(held, S.CONNECTED)
                await held.supervisor.stop(COMPANY)
            world.emulator.inject(SALON, pb.FAULT_KIND_REFUSE_LOGIN, code=code, count=1)
            await held.supervisor.start(COMPANY)
            await reach(held, state)
            if state is not S.LOGGED_OUT:
                await held.supervisor.start(COMPANY)
                await reach(held, S.CONNECTED)


async def test_a_connection_is_lost_and_comes_back(world: World) -> None:
    """Network, process and lease may go; the session is connected again, until it is logged out."""
    async with world.gateway() as held:
        steps = await linked(held, world)
        await steps.aclose()
        await held.supervisor.start(COMPANY)
        await held.supervisor.reconnect(COMPANY)
        world.emulator.inject(SALON, pb.FAULT_KIND_STREAM_ERROR, code=515)
        await world.saw(S.CONNECTED, E.CONNECTED)
        world.emulator.inject(SALON, pb.FAULT_KIND_DROP_CONNECTION)
        await world.saw(S.DISCONNECTED, E.CONNECTED)
        await reach(held, S.CONNECTED)
        await strike(held)
        await reach(held, S.DISCONNECTED, R.PROCESS_CRASHED)
        await reach(held, S.CONNECTED)
        await strike(held, freeze)
        assert isinstance(await held.supervisor.send(COMPANY, text_for(CUSTOMER, "hello")), Uncertain)
        await world.saw(S.CONNECTED, E.PROCESS_HUNG)
        await reach(held, S.CONNECTED)
        async with world.stolen_lease(held):
            await reach(held, S.DISCONNECTED, R.LEASE_LOST)
        await reach(held, S.CONNECTED)
    async with world.gateway() as held:
        await reach(held, S.CONNECTED)
        await held.supervisor.stop(COMPANY)
        await held.supervisor.start(COMPANY)
        await reach(held, S.CONNECTED)
        await held.supervisor.logout(COMPANY)
        await reach(held, S.LOGGED_OUT, R.OPERATOR)


async def test_a_redial_that_nobody_told_of_is_refused(world: World) -> None:
    """The library redials by itself after some stream errors; a login that is refused then ends a CONNECTED session."""
    async with world.gateway() as held:
        await held.pair(COMPANY, world.emulator, SALON)
        for code, state in ((402, S.BANNED), (405, S.OUTDATED), (401, S.LOGGED_OUT)):
            world.emulator.inject(SALON, pb.FAULT_KIND_REFUSE_LOGIN, code=code, count=1)
            world.emulator.inject(SALON, pb.FAULT_KIND_STREAM_ERROR, code=515)
            await reach(held, state)
            if state is not S.LOGGED_OUT:
                await held.supervisor.reconnect(COMPANY)
                await reach(held, S.CONNECTED)


async def test_disconnected_waits_and_listens(world: World) -> None:
    """While the library redials its process is heard, watched and ended like any other."""
    async with world.gateway() as held:
        steps = await linked(held, world)
        await world.lose_network(held)
        await steps.aclose()
        await refused(SessionDisconnected, held.supervisor.logout)
        await strike(held)
        await reach(held, S.DISCONNECTED, R.PROCESS_CRASHED)
        await world.find_network(held)
        world.emulator.inject(SALON, pb.FAULT_KIND_UNREACHABLE, count=1)
        world.emulator.inject(SALON, pb.FAULT_KIND_DROP_CONNECTION)
        await world.saw(S.DISCONNECTED, E.NETWORK_LOST)
        await reach(held, S.CONNECTED)
        world.emulator.inject(SALON, pb.FAULT_KIND_WITHHOLD_ACK, count=1)
        sending = asyncio.create_task(held.supervisor.send(COMPANY, text_for(CUSTOMER, "hello")))
        await asyncio.to_thread(world.emulator.wait_for, pb.EVENT_KIND_MESSAGE_SENT)
        await world.lose_network(held)
        assert isinstance(await sending, Uncertain)
        await reach(held, S.DISCONNECTED, R.PROCESS_HUNG)
        await world.find_network(held)
        await world.lose_network(held)
        async with world.stolen_lease(held):
            await reach(held, S.DISCONNECTED, R.LEASE_LOST)
        await world.find_network(held)
        await world.lose_network(held)
    world.clear_faults()
    async with world.gateway() as held:
        await reach(held, S.CONNECTED)
        for verb in (held.supervisor.start, held.supervisor.reconnect):
            await world.lose_network(held)
            world.clear_faults()
            await verb(COMPANY)
            await reach(held, S.CONNECTED)
        await world.lose_network(held)
        await held.supervisor.stop(COMPANY)
        world.clear_faults()
        for code, state in ((402, S.BANNED), (405, S.OUTDATED), (401, S.LOGGED_OUT)):
            await held.supervisor.start(COMPANY)
            await reach(held, S.CONNECTED)
            world.emulator.inject(SALON, pb.FAULT_KIND_REFUSE_LOGIN, code=code, count=1)
            world.emulator.inject(SALON, pb.FAULT_KIND_DROP_CONNECTION)
            await reach(held, state)


async def test_replaced_is_left_by_reconnect_only(world: World) -> None:
    """After another client took the number no verb and no restart connects, but Reconnect."""
    async with world.gateway() as held:
        steps = await linked(held, world)
        world.emulator.inject(SALON, pb.FAULT_KIND_REPLACED)
        await reach(held, S.REPLACED)
        await steps.aclose()
        await refused(SessionReplaced, held.supervisor.start, held.supervisor.logout)
        await held.supervisor.stop(COMPANY)
    logins = len(world.emulator.events(pb.EVENT_KIND_LOGGED_IN))
    async with world.gateway() as held:
        await reach(held, S.REPLACED)
        assert len(world.emulator.events(pb.EVENT_KIND_LOGGED_IN)) == logins
        await held.supervisor.reconnect(COMPANY)
        await reach(held, S.CONNECTED)


async def test_a_removed_device_is_linked_again(world: World) -> None:
    """The owner removes the device on the phone; only Pair leads on."""
    async with world.gateway() as held:
        steps = await linked(held, world)
        world.emulator.inject(SALON, pb.FAULT_KIND_DEVICE_REMOVED)
        await reach(held, S.LOGGED_OUT, R.DEVICE_REMOVED)
        await steps.aclose()
        await refused(SessionLoggedOut, held.supervisor.start, held.supervisor.reconnect)
        await held.supervisor.stop(COMPANY)
        await held.supervisor.logout(COMPANY)
    async with world.gateway() as held:
        await reach(held, S.LOGGED_OUT, R.DEVICE_REMOVED)
        await held.pair(COMPANY, world.emulator, SALON)


async def test_a_ban_is_sat_out(world: World) -> None:
    """A banned number is not dialed before the ban's end, whatever is asked; then by an operator only."""
    async with world.gateway() as held:
        steps = await linked(held, world)
        ban = pb.InjectFaultRequest(account_phone_number=SALON, kind=pb.FAULT_KIND_REFUSE_LOGIN, code=402, count=1)
        ban.ban_code = 101
        ban.ban_duration.FromTimedelta(timedelta(seconds=4))
        world.emulator.stub.InjectFault(ban)
        world.emulator.inject(SALON, pb.FAULT_KIND_DROP_CONNECTION)
        await reach(held, S.BANNED)
        await steps.aclose()
        await refused(SessionBanned, held.supervisor.start, held.supervisor.reconnect, held.supervisor.logout)
        await held.supervisor.stop(COMPANY)
    async with world.gateway() as held:
        session = await reach(held, S.BANNED)
        assert session.retry_time is not None
        async with asyncio.timeout(10):
            while held.supervisor.snapshot(COMPANY).state is S.BANNED:
                with suppress(SessionBanned):
                    await held.supervisor.reconnect(COMPANY)
                await asyncio.sleep(0.1)
        await reach(held, S.CONNECTED)


async def test_an_outdated_client_tries_once_a_start(world: World) -> None:
    """WhatsApp refuses this version: a start of the gateway or an operator tries again, nothing else."""
    async with world.gateway() as held:
        steps = await linked(held, world)
        world.emulator.inject(SALON, pb.FAULT_KIND_REFUSE_LOGIN, code=405, count=4)
        world.emulator.inject(SALON, pb.FAULT_KIND_DROP_CONNECTION)
        await reach(held, S.OUTDATED)
        await steps.aclose()
        await held.supervisor.stop(COMPANY)
        await refused(SessionOutdated, held.supervisor.logout)
        for verb in (held.supervisor.start, held.supervisor.reconnect):
            await verb(COMPANY)
            await reach(held, S.OUTDATED)
    async with world.gateway() as held:
        await reach(held, S.OUTDATED)
        await held.supervisor.start(COMPANY)
        await reach(held, S.CONNECTED)


async def test_a_device_that_the_database_forgot_is_not_paired_twice(world: World) -> None:
    """A gateway whose database lost its row finds the device in every state, and never offers codes for it."""
    async with world.gateway() as held:
        await held.pair(COMPANY, world.emulator, SALON)
    world.execute("DELETE FROM sessions")
    async with world.gateway() as held:
        for _ in ("UNPAIRED", "STOPPED"):
            await pair_refused(AlreadyPaired, held)
            await reach(held, S.STOPPED, R.ALREADY_PAIRED)
        world.lead_to(world.silent)
        await held.supervisor.start(COMPANY)
        await pair_refused(AlreadyPaired, held)
        world.lead_to()
        await strike(held)
        await reach(held, S.CONNECTED)
        await pair_refused(AlreadyPaired, held)
        await world.lose_network(held)
        await pair_refused(AlreadyPaired, held)
        await world.find_network(held)
        world.emulator.inject(SALON, pb.FAULT_KIND_REPLACED)
        await reach(held, S.REPLACED)
        await pair_refused(AlreadyPaired, held)
        for code, state in ((402, S.BANNED), (405, S.OUTDATED)):
            world.emulator.inject(SALON, pb.FAULT_KIND_REFUSE_LOGIN, code=code, count=1)
            await held.supervisor.reconnect(COMPANY)
            await reach(held, state)
            await pair_refused(AlreadyPaired, held)
    assert world.emulator.events(pb.EVENT_KIND_PAIRING_OFFERED, account=SALON) == []


async def test_a_device_store_that_is_not_the_right_one(world: World) -> None:
    """A session that was linked is not called unpaired because its device is elsewhere: it stops, and connects again as
    soon as the store is back. Linking anew is possible.
    """
    async with world.gateway() as held:
        async with aclosing(held.supervisor.pair(COMPANY)) as steps:
            await scanned(steps, world)
        await reach(held, S.CONNECTED)
    company = world.directory / "sessions" / str(COMPANY)
    company.rename(world.directory / "elsewhere")
    async with world.gateway() as held:
        await reach(held, S.STOPPED, R.DEVICE_MISSING)
        assert held.supervisor.snapshot(COMPANY).phone_number == SALON
        async with offering(held):
            pass
        await reach(held, S.UNPAIRED, R.PAIRING_CANCELLED)
    shutil.rmtree(company)
    (world.directory / "elsewhere").rename(company)
    async with world.gateway() as held:
        await held.supervisor.start(COMPANY)
        await reach(held, S.CONNECTED)
