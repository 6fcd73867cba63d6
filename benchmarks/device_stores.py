"""What a session pays for a device store in PostgreSQL instead of a file: sends a second, memory, connections.

    PYTHONPATH=tests .venv/bin/python benchmarks/device_stores.py [--count 300] [--rounds 7]

One emulator, one session for each store, each in a process of its own as the gateway would run it. All send to the same
sixteen customers, who are warm, one message at a time. Each round measures every store once, in turn, so that a slow
moment of the machine hits all alike; a row shows the median over the rounds. The server is as durable as one is by
default, and the same server again with `synchronous_commit=off` in the URL. Memory is the proportional set size after
traffic; connections are what the server counted at most while all this ran, and half a second after it.
"""

import argparse
import asyncio
import itertools
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from measuring import Measure, machine, measure_of, median

# grpc after measuring, which sets the environment that it loads in
# isort: split
import asyncpg
import psutil
from support.device_databases import company_database
from support.emulator import RunningEmulator, protocol_emulator
from support.postgresql import DURABLE, running_postgresql
from support.transport_client import Client, message_to
from support.transport_process import ChildTransport

from wamesh.whatsapp.events import Connected, QrIssued
from wamesh.whatsapp.transport import OnEvent, Sent, Transport

CUSTOMERS: Final = tuple(f"+120255501{number}" for number in range(60, 76))
STORES: Final = ("SQLite, WAL", "PostgreSQL", "PostgreSQL, synchronous_commit=off")
ACCOUNTS: Final = ("+12025550180", "+12025550181", "+12025550182")
_CONNECTIONS: Final = """
SELECT application_name, count(*) FROM pg_stat_activity WHERE application_name LIKE 'wamesh_device_%' GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class Session:
    """A session at work."""

    client: Client
    child: ChildTransport
    secrets: Iterator[int]

    def measure(self, count: int) -> Measure:
        """Sends so many texts, one after the other."""
        latencies: list[float] = []
        began = time.perf_counter()
        for number in itertools.islice(self.secrets, count):
            message = message_to(CUSTOMERS[number % len(CUSTOMERS)], secret=number.to_bytes(32, "big"))
            started = time.perf_counter()
            if not isinstance(self.child.send(message), Sent):
                raise RuntimeError("a message was not sent")
            latencies.append(time.perf_counter() - started)
        return measure_of(latencies, time.perf_counter() - began)

    def pss_megabytes(self) -> float:
        """Its memory, shared pages divided among those who share them."""
        return float(psutil.Process(self.child.pid).memory_full_info().pss / 1e6)


def start(emulator: RunningEmulator, account: str, own: Path, options: Mapping[str, str]) -> Session:
    """A session that is paired and logged in."""
    own.mkdir()
    children: list[ChildTransport] = []

    def make(directory: Path, on_event: OnEvent) -> Transport:
        children.append(ChildTransport("emulator", directory, on_event, options))
        return children[-1]

    emulator.add_account(account)
    client = Client(make, own).start()
    emulator.scan(account, client.wait(QrIssued).code)
    client.wait(Connected)
    return Session(client, children[0], itertools.count())


def sessions(emulator: RunningEmulator, url: str, directory: Path) -> dict[str, Session]:
    """One for each store."""
    led = emulator.trust().options(directory)
    shared = [company_database(directory, url, company_id).options for company_id in (1, 2)]
    hasty = {"device_database": shared[1]["device_database"].replace("synchronous_commit=on", "synchronous_commit=off")}
    stores = zip(STORES, ACCOUNTS, ({}, shared[0], hasty), strict=True)
    return {
        name: start(emulator, account, directory / account, {**led, **options}) for name, account, options in stores
    }


@dataclass(slots=True)
class Connections:
    """What a server counts, session by session."""

    most: dict[str, int]
    now: dict[str, int]


@contextmanager
def counted(url: str) -> Iterator[Connections]:
    """Counts the sessions' connections every few milliseconds while the context lasts."""
    found, over = Connections({}, {}), threading.Event()

    async def count() -> None:
        connection = await asyncpg.connect(url)
        while not over.is_set():
            found.now = {str(name): int(number) for name, number in await connection.fetch(_CONNECTIONS)}
            found.most = {name: max(number, found.most.get(name, 0)) for name, number in found.now.items()}
            await asyncio.sleep(0.005)
        await connection.close()

    thread = threading.Thread(target=lambda: asyncio.run(count()))
    thread.start()
    try:
        yield found
    finally:
        over.set()
        thread.join()


def run(count: int, rounds: int) -> None:
    """Measures, and prints two Markdown tables."""
    found: dict[str, list[Measure]] = {name: [] for name in STORES}
    with (
        running_postgresql(DURABLE) as server,
        server.fresh_database() as url,
        protocol_emulator() as emulator,
        tempfile.TemporaryDirectory() as directory,
    ):
        running = sessions(emulator, url, Path(directory))
        for session in running.values():
            session.measure(2 * len(CUSTOMERS))
        with counted(url) as connections:
            for _, (name, session) in itertools.product(range(rounds), running.items()):
                found[name].append(session.measure(count))
            time.sleep(0.5)
        print("| store | sends/s | p50 ms | p99 ms | memory MB |\n|---|---:|---:|---:|---:|")
        for name, session in running.items():
            row = median(found[name])
            print(
                f"| {name} | {row.calls_per_second:.0f} | {row.p50_ms:.1f} | {row.p99_ms:.1f} "
                f"| {session.pss_megabytes():.1f} |"
            )
        print(f"\nConnections of a session: at most {connections.most}, after it {connections.now}. {machine()}")
        for session in running.values():
            session.child.kill()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    run(given.count, given.rounds)
