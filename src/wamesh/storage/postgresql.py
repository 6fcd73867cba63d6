"""PostgreSQL behind the `Database` port: an asyncpg pool, one database transaction for each write.

Writers run side by side under READ COMMITTED and lock the rows they decide upon (`row_lock`). A
transaction that PostgreSQL breaks off for the sake of another one (deadlock, serialization failure) is run
again from its start, a few times. Steps that need more may yield `SET TRANSACTION ISOLATION LEVEL
SERIALIZABLE` first.

Owns the pool. Refuses to put a password, or a whole URL, into any sentence. Invariant: a transaction is
either committed once or not at all, however often it was tried.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Literal, TypeAlias, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from wamesh.storage.database import (
    Constraint,
    ConstraintViolated,
    DatabaseUnavailable,
    Engine,
    Rows,
    Statement,
    Steps,
    end_with,
)

T = TypeVar("T")
R = TypeVar("R")
_Connection: TypeAlias = "PoolConnectionProxy[asyncpg.Record]"

_MOST_CONNECTIONS = 10
_CONNECT_TIMEOUT_SECONDS = 5.0
_ACQUIRE_TIMEOUT_SECONDS = 10.0
_CLOSE_TIMEOUT_SECONDS = 10.0
_ATTEMPTS = 8
_FIRST_PAUSE_SECONDS = 0.005  # doubled each time, and taken at random up to that

_CONSTRAINTS: dict[type[asyncpg.PostgresError], Constraint] = {
    asyncpg.UniqueViolationError: "unique",
    asyncpg.ForeignKeyViolationError: "foreign_key",
    asyncpg.CheckViolationError: "check",
    asyncpg.NotNullViolationError: "not_null",
    asyncpg.ExclusionViolationError: "exclusion",
}
_TRY_AGAIN = (
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.InvalidCachedStatementError,  # a migration changed a table under a prepared statement
)
_REFUSED = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
)
_GONE = (
    OSError,  # TimeoutError is one
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # the server shuts down or starts up
    asyncpg.InternalClientError,  # it said so while nobody asked; the connection is about to be noticed as lost
    asyncpg.InsufficientResourcesError,  # disk full, too many connections
    asyncpg.ReadOnlySQLTransactionError,  # a standby, or a read that tries to write
)


def server_of(url: str) -> str:
    """The server and database of a URL in words, without user, password or options."""
    try:
        parts = urlsplit(url)
        host = parse_qs(parts.query).get("host", [parts.hostname or "localhost"])[0]
        port = parse_qs(parts.query).get("port", [str(parts.port or 5432)])[0]
    except ValueError:
        return "PostgreSQL"
    return f"PostgreSQL at {host}:{port}, database {unquote(parts.path.lstrip('/')) or 'of the user'}"


async def open_postgresql(url: str, schema: str | None = None) -> "PostgresqlDatabase":
    """Opens a pool whose connections look for tables in `schema`. Raises DatabaseUnavailable."""
    server = server_of(url)
    try:
        pool = await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=_MOST_CONNECTIONS,
            timeout=_CONNECT_TIMEOUT_SECONDS,
            server_settings=server_settings(schema),
            reset=_nothing_to_reset,
        )
    except ValueError:
        raise DatabaseUnavailable(
            "The database URL cannot be read: write postgresql://user:password@host:5432/name and "
            "percent-encode special characters of the password."
        ) from None  # the cause quotes parts of the URL
    except (*_REFUSED, *_GONE, asyncpg.InterfaceError) as error:
        raise unavailable(server, error) from error
    return PostgresqlDatabase(server, pool)


async def _nothing_to_reset(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    """No transaction changes the state of its connection's session, so that resetting it, as asyncpg does each time,
    would be one more round trip for nothing.
    """


def server_settings(schema: str | None) -> dict[str, str]:
    """The session settings of each connection."""
    settings = {"application_name": "wamesh"}
    return settings if schema is None else settings | {"search_path": schema}


def unavailable(server: str, error: BaseException) -> DatabaseUnavailable:
    """What to tell of a server that cannot be used."""
    detail = str(error).strip().rstrip(".") or type(error).__name__
    if isinstance(error, _REFUSED):
        remedy = "check user, password and database of the URL, and what the user is granted"
    elif isinstance(error, asyncpg.InsufficientResourcesError):
        remedy = "free space or connections on the server"
    else:
        remedy = "check that the server runs and that the database URL names it"
    return DatabaseUnavailable(f"{server} cannot be used ({detail}): {remedy}.")


class PostgresqlDatabase:
    """A PostgreSQL database, seen through one schema."""

    engine: Engine = "postgresql"
    row_lock = " FOR UPDATE"
    skip_locked = " FOR UPDATE SKIP LOCKED"

    def __init__(self, server: str, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
        self._server = server
        self._pool = pool
        self._closed = False
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def write(self, steps: Callable[[], Steps[T]]) -> T:
        """Runs the transaction, again if PostgreSQL asks for it; durable when it returns."""
        return await self._persist(partial(self._run, steps))

    async def read(self, steps: Callable[[], Steps[T]]) -> T:
        """Runs the steps over one snapshot, in a transaction that may not write."""
        with self._accepted():
            return await self._run(steps, isolation="repeatable_read", readonly=True)

    async def write_one(self, statement: Statement) -> Rows:
        """Runs the statement, which PostgreSQL commits by itself: one round trip."""
        return await self._persist(partial(self._run_alone, statement))

    async def read_one(self, statement: Statement) -> Rows:
        """Runs the statement, which sees one snapshot: one round trip."""
        with self._accepted():
            return await self._run_alone(statement)

    async def close(self) -> None:
        """Lets accepted transactions finish, for some seconds, then closes every connection."""
        self._closed = True
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT_SECONDS):
                await self._idle.wait()
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    @contextmanager
    def _accepted(self) -> Iterator[None]:
        if self._closed:
            raise RuntimeError("The database is closed.")
        self._running += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._running -= 1
            if self._running == 0:
                self._idle.set()

    async def _persist(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Makes the attempt, again if PostgreSQL asks for it."""
        with self._accepted():
            for number in range(1, _ATTEMPTS):
                try:
                    return await attempt()
                except _TRY_AGAIN:
                    await asyncio.sleep(_FIRST_PAUSE_SECONDS * 2**number * random.random())
            return await attempt()

    async def _run_alone(self, statement: Statement) -> Rows:
        async with self._borrowed() as connection:
            return await self._fetch(connection, statement)

    async def _run(
        self,
        steps: Callable[[], Steps[T]],
        isolation: Literal["repeatable_read"] | None = None,
        readonly: bool = False,
    ) -> T:
        async with self._borrowed() as connection:
            transaction = connection.transaction(isolation=isolation, readonly=readonly)
            await self._ask(connection, transaction.start())
            try:
                result = await self._drive(connection, steps())
            except BaseException:
                if not _is_lost(connection):
                    await self._ask(connection, transaction.rollback())
                raise
            await self._ask(connection, transaction.commit())
            return result

    @asynccontextmanager
    async def _borrowed(self) -> AsyncIterator[_Connection]:
        try:
            connection = await self._pool.acquire(timeout=_ACQUIRE_TIMEOUT_SECONDS)
        except (*_REFUSED, *_GONE, asyncpg.InterfaceError) as error:
            raise unavailable(self._server, error) from error
        try:
            yield connection
        finally:
            await self._pool.release(connection)

    async def _drive(self, connection: _Connection, steps: Steps[T]) -> T:
        try:
            statement = next(steps)
            while True:
                try:
                    rows = await self._fetch(connection, statement)
                except Exception as error:  # noqa: BLE001 (the steps get it)
                    end_with(steps, error)
                statement = steps.send(rows)
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]
        finally:
            steps.close()

    async def _fetch(self, connection: _Connection, statement: Statement) -> Rows:
        records = await self._ask(connection, connection.fetch(statement.sql, *statement.args))
        return [tuple(record) for record in records]

    async def _ask(self, connection: _Connection, answer: Awaitable[R]) -> R:
        """The server's answer, its errors explained as the port promises them."""
        try:
            return await answer
        except asyncpg.IntegrityConstraintViolationError as error:
            kind = _CONSTRAINTS.get(type(error), "foreign_key")
            raise ConstraintViolated(kind, error.constraint_name or error.column_name or str(error)) from error
        except _GONE as error:
            raise unavailable(self._server, error) from error
        except asyncpg.InterfaceError as error:
            if _is_lost(connection):
                raise unavailable(self._server, error) from error
            raise


def _is_lost(connection: _Connection) -> bool:
    """Whether the connection broke; the pool has then taken it back, and even `is_closed` refuses to answer."""
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:
        return True
