"""One way to write a transaction, over SQLite and PostgreSQL alike.

A transaction is a generator: it yields a `Statement`, is sent its rows, and returns its result. It does no
I/O of its own, so the engine is free to drive it on the thread that owns the connection, to commit it
together with others, and to run it again after a deadlock:

    def add_visit(salon: int) -> Steps[int]:
        rows = yield execute("UPDATE salon SET visits = visits + 1 WHERE id = $1 RETURNING visits", salon)
        return int(rows[0][0])

    visits = await database.write(lambda: add_visit(7))

A statement that is a transaction by itself needs no generator, and on PostgreSQL a third of the round trips:

    rows = await database.read_one(execute("SELECT visits FROM salon WHERE id = $1", 7))

Rules of the steps, so that they mean the same on both engines:

- Placeholders are `$1, $2, ...`; write `CAST($1 AS TEXT)`, since SQLite reads `$1::TEXT` as one name.
- Rows are plain tuples. A BOOLEAN comes back as 0 or 1 from SQLite: wrap it in `bool`.
- They may be run more than once, and not on the event loop's thread: they compute and yield, nothing else.
  Read the clock before, tell others after.
- A failed statement ends the transaction. A broken constraint arrives at the `yield` as
  `ConstraintViolated`, to be translated into an error of the room; the transaction cannot continue after
  it, nor return.
- PostgreSQL runs writers side by side (READ COMMITTED): a transaction that reads a row in order to decide
  what to write ends that SELECT with `database.row_lock`. SQLite has one writer and needs no lock: there
  it is empty.

Owns the types every store is written against. Refuses to know any table. Invariant: what `write` returned
is on disk.
"""

from collections.abc import AsyncIterator, Callable, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, NoReturn, Protocol, TypeAlias, TypeVar

from wamesh.errors import FailedPrecondition, Unavailable

T = TypeVar("T")

Room: TypeAlias = Literal["gateway", "booking", "worker"]
Engine: TypeAlias = Literal["sqlite", "postgresql"]
Rows: TypeAlias = list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL statement with `$1`-style placeholders, and the values for them in order."""

    sql: str
    args: tuple[Any, ...] = ()


Steps: TypeAlias = Generator[Statement, Rows, T]
"""A transaction: yields statements, is sent the rows of each (perhaps none), and returns its result."""


def execute(sql: str, *args: Any) -> Statement:
    """The statement with its values, as a `yield` reads best: `rows = yield execute("SELECT ... $1", 7)`."""
    return Statement(sql, args)


def only(statement: Statement) -> Steps[Rows]:
    """The transaction of this statement alone."""
    return (yield statement)


class Database(Protocol):
    """An open database. It belongs to the event loop that opened it."""

    @property
    def engine(self) -> Engine:
        """Which dialect a store must speak where one SQL cannot serve both."""

    @property
    def row_lock(self) -> str:
        """Ends a SELECT of rows that this transaction will change: ` FOR UPDATE`, or nothing on SQLite."""

    @property
    def skip_locked(self) -> str:
        """Like `row_lock`, but passes over rows that others have locked: ` FOR UPDATE SKIP LOCKED`."""

    async def write(self, steps: Callable[[], Steps[T]]) -> T:
        """Runs the transaction and returns its result once it is durable.

        An exception of the steps rolls back this transaction alone and reaches the caller. A cancelled caller
        does not know the outcome: the transaction either happened whole or not at all.
        Raises ConstraintViolated, DatabaseUnavailable.
        """

    async def read(self, steps: Callable[[], Steps[T]]) -> T:
        """Runs the steps over one consistent snapshot, no older than the call; never waits for a writer.

        Raises DatabaseUnavailable.
        """

    async def write_one(self, statement: Statement) -> Rows:
        """`write` for a transaction of one statement: its rows, once they are durable."""

    async def read_one(self, statement: Statement) -> Rows:
        """`read` for a single SELECT."""

    async def close(self) -> None:
        """Finishes what was accepted, then lets go of every connection. Later calls raise RuntimeError."""


class DatabaseUnavailable(Unavailable):
    """The database cannot be opened, reached or written to; the sentence says what to do, and no password."""

    reason = "DATABASE_UNAVAILABLE"

    def __init__(self, message: str) -> None:
        super().__init__(message, retry_after=timedelta(seconds=1))


class DatabaseTooNew(FailedPrecondition):
    """A newer release has migrated this database; this release would not understand its tables."""

    reason = "DATABASE_TOO_NEW"


Constraint: TypeAlias = Literal["unique", "foreign_key", "check", "not_null", "exclusion"]


class ConstraintViolated(Exception):
    """A statement, or the commit, broke a constraint of the schema.

    `kind` is portable: `exclusion` is EXCLUDE on PostgreSQL, RAISE(ABORT, ...) of a trigger on SQLite.
    `detail` is the engine's own text (a constraint's name, or `table.column`): for logs, not for decisions.
    """

    def __init__(self, kind: Constraint, detail: str) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.detail = detail


def end_with(steps: Steps[Any], error: BaseException) -> NoReturn:
    """Throws the failure of its last statement into the transaction, which may translate but not survive it.

    For engines. Raises what the steps make of `error`; RuntimeError when they go on or return instead.
    """
    try:
        steps.throw(error)
    except StopIteration:
        pass
    finally:
        steps.close()
    raise RuntimeError("A transaction must end with an exception after one of its statements failed.") from error


async def open_database(url: str, schema: str | None = None) -> Database:
    """Opens `sqlite:///absolute/path.db` or `postgresql://user:password@host:port/name`.

    `schema` is the PostgreSQL schema that unqualified names mean (see `schema_of`); SQLite has a file per
    room instead. Raises DatabaseUnavailable.
    """
    scheme = url.partition(":")[0]
    if scheme == "sqlite":
        from wamesh.storage.sqlite import open_sqlite

        return await open_sqlite(url)
    if scheme in ("postgresql", "postgres"):
        from wamesh.storage.postgresql import open_postgresql

        return await open_postgresql(url, schema)
    raise DatabaseUnavailable(
        "The database URL must start with sqlite:// or postgresql://, such as sqlite:///var/lib/wamesh/gateway.db."
    )


@asynccontextmanager
async def room_database(url: str, room: Room) -> AsyncIterator[Database]:
    """A room's database for as long as the context lasts, its tables brought to this release.

    Makes the directory of an SQLite file. Raises DatabaseUnavailable, DatabaseTooNew.
    """
    if url.startswith("sqlite:"):
        from wamesh.storage.sqlite_file import sqlite_path

        sqlite_path(url).parent.mkdir(parents=True, exist_ok=True)
    from wamesh.storage.migrations.own_process import migrate_elsewhere

    await migrate_elsewhere(url, room)
    database = await open_database(url, schema_of(room))
    try:
        yield database
    finally:
        await database.close()


async def answers(database: Database) -> bool:
    """Whether the database answers now; for a readiness that is recorded, not for a probe."""

    def probe() -> Steps[None]:
        yield execute("SELECT 1")

    try:
        await database.read(probe)
    except DatabaseUnavailable:
        return False
    return True


def schema_of(room: Room) -> str:
    """The PostgreSQL schema that holds the room's tables."""
    return f"wamesh_{room}"


async def migrate(url: str, room: Room) -> None:
    """Brings the room's tables to this release's newest revision; costs one query when they are there.

    Runs Alembic in this process; `room_database` has a process of its own do it. Safe to call from any number of
    processes at once. Raises DatabaseTooNew, DatabaseUnavailable.
    """
    from wamesh.storage.migrations.runner import migrate_room

    await migrate_room(url, room)
