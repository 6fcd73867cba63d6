"""What goes wrong with sessions: real processes, real kills; the emulator, which sees every connection, judges."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from support.emulator import RunningEmulator, running_emulator
from support.freezing import freeze
from support.gateway_sessions import QUICK, eventually, gateway, is_running, session_pids, text_for

from wamesh.emulator.v1 import emulator_pb2 as pb
from wamesh.gateway.errors import SessionReplaced
from wamesh.gateway.fleet.lease import LeaseTimes
from wamesh.gateway.fleet.lock import open_directory
from wamesh.gateway.session.state import Reason, SessionState
from wamesh.storage.sqlite_file import sqlite_url
from wamesh.whatsapp.events import InboundMessage
from wamesh.whatsapp.transport import Sent, Uncertain

COMPANY = 7
SALON = "+12025550101"
CUSTOMER = "+447700900123"


@pytest.fixture
def emulator() -> Iterator[RunningEmulator]:
    with running_emulator() as running:
        yield running


async def test_a_killed_process_is_replaced(tmp_path: Path, emulator: RunningEmulator) -> None:
    """kill -9 of a session process: another one logs in after the backoff, without an operator."""
    async with gateway(tmp_path, emulator.target) as held:
        await held.pair(COMPANY, emulator, SALON)
        killed = held.pid_of(COMPANY)
        os.kill(killed, signal.SIGKILL)
        session = await held.until(COMPANY, SessionState.DISCONNECTED)
        assert session.reason is Reason.PROCESS_CRASHED
        assert session.retry_time is not None
        await held.until(COMPANY, SessionState.CONNECTED)
        assert held.pid_of(COMPANY) != killed
        assert isinstance(await held.supervisor.send(COMPANY, text_for(CUSTOMER, "back")), Sent)


async def test_a_crash_loop_stops_the_session(tmp_path: Path, emulator: RunningEmulator) -> None:
    """More crashes than the limit within the window: STOPPED, and no process is started any more."""
    async with gateway(tmp_path, emulator.target, policy=replace(QUICK, crash_limit=2)) as held:
        await held.pair(COMPANY, emulator, SALON)
        for _ in range(2):
            await held.until(COMPANY, SessionState.CONNECTED)
            os.kill(held.pid_of(COMPANY), signal.SIGKILL)
            await held.until(COMPANY, SessionState.DISCONNECTED)
        await held.until(COMPANY, SessionState.CONNECTED)
        os.kill(held.pid_of(COMPANY), signal.SIGKILL)
        session = await held.until(COMPANY, SessionState.STOPPED)
        assert session.reason is Reason.CRASH_LOOP
        assert session_pids(tmp_path / "sessions" / str(COMPANY)) == []


async def test_replaced_stays_down_until_reconnect(tmp_path: Path, emulator: RunningEmulator) -> None:
    """Another client takes the number: nothing connects, not a restart, not Start; only Reconnect."""
    async with gateway(tmp_path, emulator.target) as held:
        await held.pair(COMPANY, emulator, SALON)
        emulator.inject(SALON, pb.FAULT_KIND_REPLACED)
        await held.until(COMPANY, SessionState.REPLACED)
        assert session_pids(tmp_path / "sessions" / str(COMPANY)) == []
    opened = len(emulator.events(pb.EVENT_KIND_CONNECTION_OPENED))
    async with gateway(tmp_path, emulator.target) as held:
        assert held.supervisor.snapshot(COMPANY).state is SessionState.REPLACED
        with pytest.raises(SessionReplaced):
            await held.supervisor.start(COMPANY)
        with pytest.raises(SessionReplaced):
            await held.supervisor.send(COMPANY, text_for(CUSTOMER, "hello"))
        assert len(emulator.events(pb.EVENT_KIND_CONNECTION_OPENED)) == opened
        await held.supervisor.reconnect(COMPANY)
        await held.until(COMPANY, SessionState.CONNECTED)


async def test_an_unreachable_network_is_tried_again(tmp_path: Path, emulator: RunningEmulator) -> None:
    """A first dial that fails is final for the library; the session tries again by its own backoff."""
    async with gateway(tmp_path, emulator.target) as held:
        await held.pair(COMPANY, emulator, SALON)
        await held.supervisor.stop(COMPANY)
        emulator.inject(SALON, pb.FAULT_KIND_UNREACHABLE, count=2)
        await held.supervisor.start(COMPANY)
        session = await held.until(COMPANY, SessionState.DISCONNECTED)
        assert session.reason is Reason.DIAL_FAILED
        await held.until(COMPANY, SessionState.CONNECTED)


async def test_a_send_in_flight_at_a_crash_is_uncertain(tmp_path: Path, emulator: RunningEmulator) -> None:
    """A process that dies mid-send leaves the outcome in doubt; nobody guesses, and the device store knows more."""
    async with gateway(tmp_path, emulator.target) as held:
        await held.pair(COMPANY, emulator, SALON)
        emulator.inject(SALON, pb.FAULT_KIND_WITHHOLD_ACK)
        message = text_for(CUSTOMER, "hello")
        sending = asyncio.create_task(held.supervisor.send(COMPANY, message))
        await asyncio.to_thread(emulator.wait_for, pb.EVENT_KIND_MESSAGE_SENT)
        os.kill(held.pid_of(COMPANY), signal.SIGKILL)
        assert isinstance(await sending, Uncertain)
        await held.until(COMPANY, SessionState.DISCONNECTED)
        await held.until(COMPANY, SessionState.CONNECTED)
        assert await held.supervisor.find_sent(COMPANY, message.secret) is not None


async def test_a_hung_send_replaces_the_process(tmp_path: Path, emulator: RunningEmulator) -> None:
    """A process that gives no outcome in time is killed and replaced; the outcome stays uncertain."""
    async with gateway(tmp_path, emulator.target, send_timeout=timedelta(seconds=1)) as held:
        await held.pair(COMPANY, emulator, SALON)
        hung = held.pid_of(COMPANY)
        freeze(hung)
        assert isinstance(await held.supervisor.send(COMPANY, text_for(CUSTOMER, "hello")), Uncertain)
        await held.until(COMPANY, SessionState.CONNECTED)
        assert held.pid_of(COMPANY) != hung


async def test_messages_survive_a_sink_that_fails_and_a_kill(tmp_path: Path, emulator: RunningEmulator) -> None:
    """What reached the handler is stored in the end, in order: through a failing sink, kill -9 and a restart."""
    async with gateway(tmp_path, emulator.target) as held:
        await held.pair(COMPANY, emulator, SALON)
        held.sinks.accept = _refuse  # type: ignore[method-assign]
        for number in range(5):
            emulator.say(CUSTOMER, SALON, f"line {number}")
        await asyncio.to_thread(emulator.wait_for, pb.EVENT_KIND_DEVICE_RECEIVED, count=5)
        await _journal_holds(tmp_path / "sessions" / str(COMPANY) / "spool", "line 4")
        os.kill(held.pid_of(COMPANY), signal.SIGKILL)
        await held.until(COMPANY, SessionState.DISCONNECTED)
    async with gateway(tmp_path, emulator.target) as held:
        assert [(await held.received()).text for _ in range(5)] == [f"line {number}" for number in range(5)]


async def test_a_session_at_rest_leaves_no_message_behind(tmp_path: Path, emulator: RunningEmulator) -> None:
    """The journal of a session that was replaced is emptied into the inbox all the same, at the next start."""
    async with gateway(tmp_path, emulator.target) as held:
        await held.pair(COMPANY, emulator, SALON)
        held.sinks.accept = _refuse  # type: ignore[method-assign]
        emulator.say(CUSTOMER, SALON, "just before")
        await _journal_holds(tmp_path / "sessions" / str(COMPANY) / "spool", "just before")
        emulator.inject(SALON, pb.FAULT_KIND_REPLACED)
        await held.until(COMPANY, SessionState.REPLACED)
    async with gateway(tmp_path, emulator.target) as held:
        assert (await held.received()).text == "just before"
        assert held.supervisor.snapshot(COMPANY).state is SessionState.REPLACED


async def test_a_paused_process_does_not_outlive_its_lease(tmp_path: Path, emulator: RunningEmulator) -> None:
    """A process that was stopped through its lease's end is dead before it says another word."""
    times = LeaseTimes(timedelta(seconds=3), timedelta(seconds=1))
    async with gateway(tmp_path, emulator.target, lease_times=times) as held:
        await held.pair(COMPANY, emulator, SALON)
        pid = held.pid_of(COMPANY)
        freeze(pid)
        await _has_pending_alarm(pid)
        os.kill(pid, signal.SIGCONT)
        session = await held.until(COMPANY, SessionState.DISCONNECTED)
        assert session.reason is Reason.LEASE_LOST
        assert not is_running(pid)
        await held.until(COMPANY, SessionState.CONNECTED)


async def test_a_killed_gateway_takes_its_processes_with_it(tmp_path: Path, emulator: RunningEmulator) -> None:
    """kill -9 of the gateway: its session process ends long before the lease, and the next gateway starts at once."""
    async with gateway(tmp_path, emulator.target) as held:
        await held.pair(COMPANY, emulator, SALON)
    process = await _gateway_process(tmp_path, emulator)
    company = tmp_path / "sessions" / str(COMPANY)
    assert len(session_pids(company)) == 1
    process.kill()
    await process.wait()
    async with asyncio.timeout(LeaseTimes().ttl.total_seconds() / 2):
        await eventually(lambda: not session_pids(company))
    async with gateway(tmp_path, emulator.target) as held:
        await held.until(COMPANY, SessionState.CONNECTED)


async def test_a_stopped_process_goes_with_its_gateway(tmp_path: Path, emulator: RunningEmulator) -> None:
    """It cannot end by itself, so the kernel ends it: it keeps neither its connection nor the data directory."""
    async with gateway(tmp_path, emulator.target) as held:
        await held.pair(COMPANY, emulator, SALON)
    process = await _gateway_process(tmp_path, emulator)
    company = tmp_path / "sessions" / str(COMPANY)
    freeze(session_pids(company)[0])
    process.kill()
    await process.wait()
    async with asyncio.timeout(LeaseTimes().ttl.total_seconds() / 2):
        await eventually(lambda: not session_pids(company))
    open_directory(tmp_path, timedelta(seconds=5)).close()


async def test_a_paused_gateway_leaves_no_session_behind(tmp_path: Path, emulator: RunningEmulator) -> None:
    """A gateway that stands still loses its session process at the lease's end, and recovers when it goes on."""
    async with gateway(tmp_path, emulator.target) as held:
        await held.pair(COMPANY, emulator, SALON)
    process = await _gateway_process(tmp_path, emulator)
    logins = len(emulator.events(pb.EVENT_KIND_LOGGED_IN))
    freeze(process.pid)
    await eventually(lambda: not session_pids(tmp_path / "sessions" / str(COMPANY)))
    process.send_signal(signal.SIGCONT)
    await asyncio.to_thread(emulator.wait_for, pb.EVENT_KIND_LOGGED_IN, count=logins + 1)
    process.kill()
    await process.wait()


async def test_a_second_machine_opens_no_second_session(tmp_path: Path, emulator: RunningEmulator) -> None:
    """Two gateways over one database: the one without the lease waits, and dials nothing."""
    url = sqlite_url(tmp_path / "shared.db")
    async with gateway(tmp_path / "a", emulator.target, url=url) as first:
        await first.pair(COMPANY, emulator, SALON)
        opened = len(emulator.events(pb.EVENT_KIND_CONNECTION_OPENED))
        async with gateway(tmp_path / "b", emulator.target, url=url) as second:
            session = await second.until(COMPANY, SessionState.DISCONNECTED)
            assert session.reason is Reason.HELD_ELSEWHERE
            assert session.holder == first.supervisor.snapshot(COMPANY).holder
            assert session_pids(tmp_path / "b" / "sessions" / str(COMPANY)) == []
        assert first.supervisor.snapshot(COMPANY).state is SessionState.CONNECTED
        assert len(emulator.events(pb.EVENT_KIND_CONNECTION_OPENED)) == opened


async def test_a_stop_of_the_gateway_waits_for_no_lease(tmp_path: Path, emulator: RunningEmulator) -> None:
    """Closing ends the processes in order and gives the leases up, fast enough for a rolling restart."""
    async with gateway(tmp_path, emulator.target) as held:
        await held.pair(COMPANY, emulator, SALON)
        async with asyncio.timeout(LeaseTimes().ttl.total_seconds() / 2):
            await held.supervisor.close()
        assert session_pids(tmp_path / "sessions" / str(COMPANY)) == []
        assert held.supervisor.snapshot(COMPANY).holder == ""


async def _gateway_process(directory: Path, emulator: RunningEmulator) -> asyncio.subprocess.Process:
    """A gateway in a process of its own; returns when its session is connected."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _GATEWAY, str(directory), emulator.target, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(20):
        while b"CONNECTED-NOW" not in await process.stdout.readline():
            pass
    return process


async def _refuse(company_id: int, epoch: int, message: InboundMessage) -> None:
    raise OSError("the sink is out of order")


async def _journal_holds(journal: Path, text: str) -> None:
    await eventually(lambda: text.encode() in journal.read_bytes())


async def _has_pending_alarm(pid: int) -> None:
    """Waits until the kernel has sent SIGALRM to the process, which is stopped and cannot take it."""
    mask = 1 << (signal.SIGALRM - 1)
    await eventually(lambda: int(_status(pid, "ShdPnd"), 16) & mask)


def _status(pid: int, field: str) -> str:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line.partition(":")[2].strip() for line in lines if line.startswith(f"{field}:"))


_GATEWAY = f"""
import asyncio, sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parents[2])!r})
from support.gateway_sessions import gateway
from datetime import timedelta
from wamesh.gateway.fleet.lease import LeaseTimes
from wamesh.gateway.session.state import SessionState

async def main():
    times = LeaseTimes(timedelta(seconds=3), timedelta(seconds=1))
    async with gateway(Path(sys.argv[1]), sys.argv[2], lease_times=times) as held:
        await held.until({COMPANY}, SessionState.CONNECTED)
        print("CONNECTED-NOW", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""
