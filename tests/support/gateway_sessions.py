"""A gateway's sessions for tests: a supervisor over its own data directory, real session processes, recording sinks.

async with gateway(tmp_path, emulator.target) as held:
    await held.pair(7, emulator, "+12025550101")
    await held.until(7, SessionState.CONNECTED)
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

from support.emulator import RunningEmulator

from wamesh.gateway.fleet.lease import LeaseTimes
from wamesh.gateway.fleet.lock import open_directory
from wamesh.gateway.session.state import Policy, SessionState
from wamesh.gateway.session.supervisor import Supervisor
from wamesh.gateway.session.transport_options import always
from wamesh.gateway.sessions import SessionSnapshot
from wamesh.storage.database import migrate, open_database
from wamesh.storage.gateway.sessions import SqlLeaseStore, SqlSessionStore
from wamesh.storage.sqlite_file import sqlite_url
from wamesh.whatsapp.events import InboundMessage, Paired, QrIssued, ReceiptReceived
from wamesh.whatsapp.jid import Jid
from wamesh.whatsapp.transport import OutgoingMessage

T = TypeVar("T")

PATIENCE_SECONDS: Final = 15.0
QUICK: Final = Policy(first_retry=timedelta(milliseconds=50), standby_retry=timedelta(milliseconds=200))


@dataclass
class RecordingSinks:
    """All sinks; keeps what it was given, and gives it back in order. A term that ended has no epoch."""

    messages: asyncio.Queue[tuple[int, int, InboundMessage]] = field(default_factory=asyncio.Queue)
    receipts: asyncio.Queue[tuple[int, int, ReceiptReceived]] = field(default_factory=asyncio.Queue)
    terms: list[tuple[int, int | None]] = field(default_factory=list)

    async def accept(self, company_id: int, epoch: int, message: InboundMessage) -> None:
        self.messages.put_nowait((company_id, epoch, message))

    async def note_receipts(self, company_id: int, epoch: int, receipts: Sequence[ReceiptReceived]) -> None:
        for receipt in receipts:
            self.receipts.put_nowait((company_id, epoch, receipt))

    def begin(self, company_id: int, epoch: int) -> None:
        self.terms.append((company_id, epoch))

    def end(self, company_id: int) -> None:
        self.terms.append((company_id, None))


@dataclass
class Gateway:
    """A running supervisor and its sinks."""

    supervisor: Supervisor
    sinks: RecordingSinks
    directory: Path

    async def until(self, company_id: int, state: SessionState) -> SessionSnapshot:
        """Waits for a state; fails the test after 15 s."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.supervisor.until(company_id, lambda session: session.state is state)

    async def pair(self, company_id: int, emulator: RunningEmulator, phone_number: str) -> Paired:
        """Pairs by scanning the first QR code, and waits for the login."""
        emulator.add_account(phone_number)
        async with asyncio.timeout(PATIENCE_SECONDS), aclosing(self.supervisor.pair(company_id)) as events:
            async for event in events:
                if isinstance(event, QrIssued):
                    await asyncio.to_thread(emulator.scan, phone_number, event.code)
                elif isinstance(event, Paired):
                    await self.until(company_id, SessionState.CONNECTED)
                    return event
        raise AssertionError("the pairing ended without a device")

    async def received(self) -> InboundMessage:
        """Returns the next message that reached the sink; fails the test after 15 s."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            return (await self.sinks.messages.get())[2]

    def pid_of(self, company_id: int) -> int:
        """The session process of the company."""
        return session_pids(self.directory / "sessions" / str(company_id))[0]


@asynccontextmanager
async def gateway(directory: Path, target: str, *, url: str = "", **options: Any) -> AsyncIterator[Gateway]:
    """A supervisor over the directory (and a database of its own, or the one at `url`), on the emulator at `target`."""
    with open_directory(directory) as held:
        url = url or sqlite_url(directory / "gateway.db")
        await migrate(url, "gateway")
        database = await open_database(url)
        supervisor = Supervisor(
            directory=held,
            store=SqlSessionStore(database),
            leases=SqlLeaseStore(database),
            **{
                "transport": "memory",
                "transport_options": always({"target": target}),
                "policy": QUICK,
                "lease_times": LeaseTimes(),
                **options,
            },
        )
        sinks = RecordingSinks()
        await supervisor.open(sinks, sinks, sinks)
        try:
            yield Gateway(supervisor, sinks, directory)
        finally:
            await supervisor.close()
            await database.close()


def session_pids(directory: Path) -> list[int]:
    """The session processes that have the company's journal open, as the kernel sees them."""
    journal = str(directory / "spool")
    return [pid for pid in _pids() if journal in _open_files(pid)]


async def eventually(condition: Callable[[], T]) -> T:
    """Waits until something outside of this process is so, and returns it; fails the test after 15 s."""

    def poll() -> T:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (found := condition()):
            assert time.monotonic() < deadline, "it never came to that"
            time.sleep(0.01)
        return found

    return await asyncio.to_thread(poll)


def is_running(pid: int) -> bool:
    """True while the process exists."""
    return Path(f"/proc/{pid}").exists()


def text_for(customer: str, text: str) -> OutgoingMessage:
    """A message to a customer's phone number (E.164)."""
    return OutgoingMessage(Jid.of_phone_number(customer), text, os.urandom(32))


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _open_files(pid: int) -> set[str]:
    try:
        return {str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()}
    except OSError:
        return set()
