"""What group commit is worth: durable SQLite transactions a second, three ways side by side in one run.

    python benchmarks/storage.py [--seconds 2] [--directory .]

- *group commit*: wamesh's writer, all that waits in one fsync
- *one commit each*: the same writer, with batches of one
- *thread per call*: a lock, `asyncio.to_thread` and a commit for each transaction, as async wrappers of sqlite3 do

Each transaction inserts one row and returns its id, under WAL and synchronous=FULL. Ratios travel between machines;
absolutes do not. The directory decides which disk is measured.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from wamesh.storage import sqlite
from wamesh.storage.database import Steps, execute, open_database
from wamesh.storage.sqlite_file import connect_all, sqlite_url

CREATE = "CREATE TABLE IF NOT EXISTS message (id INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL, time BIGINT)"
INSERT = "INSERT INTO message (body, time) VALUES ($1, $2) RETURNING id"
BODY = "Хочу на стрижку завтра вечером"
CALLERS = (1, 4, 16, 64)

Insert = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Measured:
    """Transactions a second, and latencies in milliseconds."""

    rate: float
    median: float
    p99: float


def create() -> Steps[None]:
    yield execute(CREATE)


def insert() -> Steps[int]:
    rows = yield execute(INSERT, BODY, 1)
    return int(rows[0][0])


async def measure(call: Insert, callers: int, seconds: float) -> Measured:
    """Lets so many callers write one after the other, each for as long as given."""
    latencies: list[float] = []
    begin = time.perf_counter()

    async def keep_writing() -> None:
        while (start := time.perf_counter()) < begin + seconds:
            await call()
            latencies.append((time.perf_counter() - start) * 1_000)

    await asyncio.gather(*(keep_writing() for _ in range(callers)))
    elapsed = time.perf_counter() - begin
    latencies.sort()
    return Measured(len(latencies) / elapsed, latencies[len(latencies) // 2], latencies[len(latencies) * 99 // 100])


async def measure_writer(path: Path, most_per_commit: int, seconds: float) -> list[Measured]:
    """wamesh's own writer, with batches of up to so many transactions."""
    usual, sqlite._MOST_PER_COMMIT = sqlite._MOST_PER_COMMIT, most_per_commit
    database = await open_database(sqlite_url(path))
    sqlite._MOST_PER_COMMIT = usual
    await database.write(create)
    try:
        return [await measure(partial(database.write, insert), callers, seconds) for callers in CALLERS]
    finally:
        await database.close()


async def measure_thread_per_call(path: Path, seconds: float) -> list[Measured]:
    """A connection behind a lock, a pool thread and a commit for every transaction."""
    (connection,) = await asyncio.to_thread(connect_all, path, 0)
    connection.execute(CREATE)
    lock = asyncio.Lock()

    def insert_alone() -> int:
        connection.execute("BEGIN IMMEDIATE")
        rows = connection.execute(INSERT, {"1": BODY, "2": 1}).fetchall()
        connection.execute("COMMIT")
        return int(rows[0][0])

    async def call() -> int:
        async with lock:
            return await asyncio.to_thread(insert_alone)

    try:
        return [await measure(call, callers, seconds) for callers in CALLERS]
    finally:
        connection.close()


def show(ways: dict[str, list[Measured]]) -> None:
    """Prints the table; the ratio is to the last way, at the same number of callers."""
    table = Table("callers", "way", "transactions/s", "ratio", "p50 ms", "p99 ms", title="durable SQLite writes")
    *_, base = ways.values()
    for column, callers in enumerate(CALLERS):
        for name, measured in ways.items():
            one = measured[column]
            ratio = one.rate / base[column].rate
            table.add_row(f"{callers}", name, f"{one.rate:,.0f}", f"{ratio:.1f}", f"{one.median:.2f}", f"{one.p99:.2f}")
        table.add_section()
    Console().print(table)


async def main(directory: Path, seconds: float) -> None:
    """Runs the three ways one after the other, each on a file of its own."""
    with tempfile.TemporaryDirectory(dir=directory) as name:
        place = Path(name)
        show(
            {
                "group commit": await measure_writer(place / "group.db", sqlite._MOST_PER_COMMIT, seconds),
                "one commit each": await measure_writer(place / "each.db", 1, seconds),
                "thread per call": await measure_thread_per_call(place / "thread.db", seconds),
            }
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="durable SQLite writes, three ways side by side")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long to measure each cell")
    parser.add_argument("--directory", type=Path, default=Path.cwd(), help="where the database files go")
    options = parser.parse_args()
    asyncio.run(main(options.directory, options.seconds))
