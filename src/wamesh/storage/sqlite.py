"""SQLite behind the `Database` port: one writer thread with group commit, and reader threads beside it.

The writer takes every transaction that is waiting, runs each inside a SAVEPOINT of its own, and commits them
with one fsync: sixteen callers cost hardly more than one. Readers each see a snapshot of the write-ahead log
and never wait for the writer, nor it for them.

Owns the threads. Refuses a second writer. Invariant: a transaction's caller is answered after the COMMIT that
holds it, and one transaction's failure is never another one's.
"""

import asyncio
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from wamesh.storage.database import Engine, Rows, Statement, Steps, end_with, only
from wamesh.storage.lending import Lender
from wamesh.storage.sqlite_file import connect_all, explain, sqlite_path

T = TypeVar("T")

_READERS = 2
_MOST_PER_COMMIT = 512
_MOST_PER_SNAPSHOT = 8
_NAMES = tuple(str(number) for number in range(1, 1_000))


async def open_sqlite(url: str) -> "SqliteDatabase":
    """Opens the file, creating it readable by its owner alone. Raises DatabaseUnavailable."""
    path = sqlite_path(url)
    writer, *readers = await asyncio.to_thread(connect_all, path, _READERS)
    return SqliteDatabase(path, writer, readers)


class SqliteDatabase:
    """An SQLite file with its one writer and its readers."""

    engine: Engine = "sqlite"
    row_lock = ""
    skip_locked = ""

    def __init__(self, path: Path, writer: sqlite3.Connection, readers: list[sqlite3.Connection]) -> None:
        self._loop = asyncio.get_running_loop()
        self._lender = Lender(self._loop)
        self._writes = _Queue("BEGIN IMMEDIATE", _MOST_PER_COMMIT)
        self._reads = _Queue("BEGIN", _MOST_PER_SNAPSHOT)
        self._workers = [_Worker(path, writer, self._writes, self._loop, self._lender)]
        self._workers += [_Worker(path, reader, self._reads, self._loop, self._lender) for reader in readers]

    async def write(self, steps: Callable[[], Steps[T]]) -> T:
        """Runs the transaction on the writer's thread; durable when it returns."""
        return await self._submit(self._writes, steps)

    async def read(self, steps: Callable[[], Steps[T]]) -> T:
        """Runs the steps over one snapshot, on a reader's thread."""
        return await self._submit(self._reads, steps)

    async def write_one(self, statement: Statement) -> Rows:
        """Runs the statement on the writer's thread."""
        return await self.write(partial(only, statement))

    async def read_one(self, statement: Statement) -> Rows:
        """Runs the statement on a reader's thread."""
        return await self.read(partial(only, statement))

    async def close(self) -> None:
        """Runs what was accepted, then closes the file."""
        self._writes.close()
        self._reads.close()
        for worker in self._workers:
            await asyncio.to_thread(worker.join)

    async def _submit(self, queue: "_Queue", steps: Callable[[], Steps[T]]) -> T:
        answer: asyncio.Future[T] = self._loop.create_future()
        queue.put(_Job(steps, answer))
        self._lender.asked()
        return await answer


@dataclass(slots=True)
class _Job:
    """A transaction, who waits for it, and how it went."""

    steps: Callable[[], Steps[Any]]
    answer: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None

    def deliver(self) -> None:
        """Answers the caller, unless it has gone. On the event loop's thread."""
        if self.answer.done():
            return
        if self.error is None:
            self.answer.set_result(self.result)
        else:
            self.answer.set_exception(self.error)


class _Queue:
    """Jobs in the order of their arrival, until closed; how a batch of them begins, and how many it may hold."""

    def __init__(self, begin: str, most: int) -> None:
        self.begin = begin
        self._most = most
        self._jobs: deque[_Job] = deque()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, job: _Job) -> None:
        with self._changed:
            if self._closed:
                raise RuntimeError("The database is closed.")
            self._jobs.append(job)
            self._changed.notify()

    def take(self) -> list[_Job]:
        """Waits for work and takes a batch of it; an empty list means closed and drained."""
        with self._changed:
            while not self._jobs and not self._closed:
                self._changed.wait()
            return [self._jobs.popleft() for _ in range(min(self._most, len(self._jobs)))]

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class _Worker:
    """A thread with a connection of its own, running jobs until its queue is closed and drained."""

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        queue: _Queue,
        loop: asyncio.AbstractEventLoop,
        lender: Lender,
    ) -> None:
        self._path = path
        self._connection = connection
        self._cursor = connection.cursor()
        self._queue = queue
        self._loop = loop
        self._lender = lender
        self._thread = threading.Thread(target=self._run, name=f"{queue.begin} {path.name}", daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Blocks until the thread has ended."""
        self._thread.join()

    def _run(self) -> None:
        while jobs := self._queue.take():
            self._run_together([job for job in jobs if not job.answer.cancelled()])
            self._deliver(jobs)
            del jobs  # a thread that waits keeps nothing of what it did
        self._connection.close()

    def _deliver(self, jobs: list[_Job]) -> None:
        def deliver_all() -> None:
            self._lender.answered(len(jobs))
            for job in jobs:
                job.deliver()

        with suppress(RuntimeError):  # the loop is closed, and whoever waited is gone with it
            self._loop.call_soon_threadsafe(deliver_all)
        self._lender.release()

    def _run_together(self, jobs: list[_Job]) -> None:
        """Runs the jobs in one database transaction, or each in its own when that one fails."""
        try:
            self._cursor.execute(self._queue.begin)
        except sqlite3.Error as error:
            for job in jobs:
                job.error = self._explain(error)
            return
        try:
            run = self._run_only if len(jobs) == 1 else self._run_one
            for job in jobs:
                run(job)
            self._lender.release()
            self._cursor.execute("COMMIT")
        except BaseException as error:  # noqa: BLE001 (each caller gets its own)
            self._run_apart(jobs, error)

    def _run_apart(self, jobs: list[_Job], error: BaseException) -> None:
        """After the failure of a common transaction: whose it was shows when each runs alone."""
        if self._connection.in_transaction:
            with suppress(sqlite3.Error):
                self._cursor.execute("ROLLBACK")
        if len(jobs) == 1:
            jobs[0].error = jobs[0].error or self._explain(error)
            return
        for job in jobs:
            self._run_together([job])

    def _run_only(self, job: _Job) -> None:
        """Runs the only job of its transaction, which needs no savepoint. Raises what undoes it."""
        job.error = None
        job.result = self._drive(job.steps())

    def _run_one(self, job: _Job) -> None:
        """Runs one job of several in its savepoint and notes how it went.

        Raises what undid the whole transaction: SQLite itself rolls back on a full disk and its like.
        """
        job.error = None
        self._cursor.execute("SAVEPOINT job")
        try:
            job.result = self._drive(job.steps())
        except BaseException as error:
            job.error = self._explain(error)
            if not self._connection.in_transaction:
                raise
            self._cursor.execute("ROLLBACK TO job")
        self._cursor.execute("RELEASE job")

    def _drive(self, steps: Steps[T]) -> T:
        cursor = self._cursor
        try:
            statement = next(steps)
            while True:
                try:
                    values = dict(zip(_NAMES, statement.args, strict=False))
                    rows = cursor.execute(statement.sql, values).fetchall()
                except sqlite3.Error as error:
                    end_with(steps, self._explain(error))
                statement = steps.send(rows)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]

    def _explain(self, error: BaseException) -> BaseException:
        return explain(error, self._path)
