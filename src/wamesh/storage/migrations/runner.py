"""Brings a room's tables to the newest revision: one query when they are there, Alembic when they are not.

Each room has its scripts in `<room>/versions/NNNN_what.py` and its own version table, and on PostgreSQL
its own schema. All pending scripts run in one transaction that starts by taking a lock, so that of many
processes one migrates, and the others find nothing left to do.

Owns the version tables. Refuses a database that a newer release has migrated. Invariant: a failed
migration leaves the database as it was.
"""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from wamesh.storage.database import DatabaseTooNew, Room, Steps, execute, open_database, schema_of

if TYPE_CHECKING:
    from sqlalchemy import Connection

_HERE = Path(__file__).parent
_LOCK_TIMEOUT_SECONDS = 60.0
_ALEMBIC = threading.Lock()


@dataclass(frozen=True, slots=True)
class History:
    """A room's migrations: where the scripts are, and where a database keeps the revision it is at."""

    room: str
    schema: str
    versions: Path

    @property
    def version_table(self) -> str:
        """The table whose one row is the current revision."""
        return f"{self.room}_schema_version"

    def revisions(self) -> list[str]:
        """The revisions this release knows, oldest first: the numbers that the script names begin with."""
        return sorted(path.name.partition("_")[0] for path in self.versions.glob("[0-9]*_*.py"))

    def newest(self) -> str | None:
        """The revision that this release needs; None while the room has no scripts."""
        return max(self.revisions(), default=None)


def history_of(room: Room) -> History:
    """The migrations that this release carries for the room."""
    return History(room, schema_of(room), _HERE / room / "versions")


async def migrate_room(url: str, room: Room) -> None:
    """Brings the room's tables to the newest revision. Raises DatabaseTooNew, DatabaseUnavailable."""
    await migrate_to_newest(url, history_of(room))


async def migrate_to_newest(url: str, history: History) -> None:
    """Runs the scripts that the database has not seen. Raises DatabaseTooNew, DatabaseUnavailable."""
    if not await is_newest(url, history):
        async with _alone_in_process():
            await (_upgrade_sqlite if url.startswith("sqlite:") else _upgrade_postgresql)(url, history)


async def is_newest(url: str, history: History) -> bool:
    """Whether the database is at the revision that this release needs: one query. Raises DatabaseUnavailable."""
    database = await open_database(url, history.schema)
    try:
        return await database.read(lambda: _current_revision(history, database.engine)) == history.newest()
    finally:
        await database.close()


@asynccontextmanager
async def _alone_in_process() -> AsyncIterator[None]:
    """Alembic's `op` and `context` are global: two migrations in one process would mix."""
    await asyncio.to_thread(_ALEMBIC.acquire)
    try:
        yield
    finally:
        _ALEMBIC.release()


def _refuse_unknown(history: History, current: str | None) -> None:
    if current is not None and current not in history.revisions():
        raise DatabaseTooNew(
            f"The {history.room} database is at revision {current}, which this release does not know: "
            "a newer release has migrated it. Start that release, or restore a backup made before.",
            {"revision": current, "room": history.room},
        )


def _current_revision(history: History, engine: str) -> Steps[str | None]:
    if engine == "sqlite":
        exists = execute("SELECT 1 FROM sqlite_master WHERE name = $1", history.version_table)
    else:
        exists = execute("SELECT 1 WHERE to_regclass($1) IS NOT NULL", f"{history.schema}.{history.version_table}")
    if not (yield exists):
        return None
    rows = yield execute(f"SELECT version_num FROM {history.version_table}")
    return str(rows[0][0]) if rows else None


async def _upgrade_sqlite(url: str, history: History) -> None:
    await asyncio.to_thread(_upgrade_file, url, history)


def _upgrade_file(url: str, history: History) -> None:
    import sqlite3

    from sqlalchemy import NullPool, create_engine
    from sqlalchemy.exc import OperationalError

    from wamesh.storage.sqlite_file import explain, sqlite_path

    path = sqlite_path(url)
    engine = create_engine(
        "sqlite://",
        poolclass=NullPool,
        creator=lambda: sqlite3.connect(path, isolation_level=None, timeout=_LOCK_TIMEOUT_SECONDS),
    )
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            _upgrade(connection, history)
            connection.commit()
    except OperationalError as error:
        raise explain(error.orig or error, path) from error


async def _upgrade_postgresql(url: str, history: History) -> None:
    import asyncpg
    from sqlalchemy import NullPool
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.ext.asyncio import create_async_engine

    from wamesh.storage.postgresql import server_of, server_settings, unavailable

    engine = create_async_engine(
        "postgresql+asyncpg://",
        poolclass=NullPool,
        async_creator=lambda: asyncpg.connect(url, server_settings=server_settings(history.schema)),
    )
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_upgrade_schema, history)
    except DBAPIError as error:
        if error.orig is not None and isinstance(error.orig.__cause__, asyncpg.InsufficientPrivilegeError):
            raise unavailable(server_of(url), error.orig.__cause__) from error
        raise


def _upgrade_schema(connection: "Connection", history: History) -> None:
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock(hashtext('{history.version_table}'))")
    if not connection.exec_driver_sql(f"SELECT to_regnamespace('{history.schema}')").scalar():
        connection.exec_driver_sql(f"CREATE SCHEMA {history.schema}")
    _upgrade(connection, history)


def _upgrade(connection: "Connection", history: History) -> None:
    """Runs Alembic within the connection's transaction, which holds the lock."""
    from alembic import command
    from alembic.config import Config
    from alembic.migration import MigrationContext

    here = MigrationContext.configure(connection, opts={"version_table": history.version_table})
    _refuse_unknown(history, here.get_current_revision())  # read under the lock: it may have changed meanwhile
    config = Config()
    config.set_main_option("script_location", _literal(_HERE))
    config.set_main_option("version_locations", _literal(history.versions))
    config.set_main_option("path_separator", "newline")
    config.attributes.update(connection=connection, version_table=history.version_table)
    command.upgrade(config, "head")


def _literal(path: Path) -> str:
    """The path as a configuration value, in which `%` begins an interpolation."""
    return str(path).replace("%", "%%")
