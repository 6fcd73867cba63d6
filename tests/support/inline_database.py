"""A `Database` in memory that runs each transaction at once, on the caller's thread: for property tests.

    database = inline_database("gateway")      # with the room's tables, empty

Nothing of it is durable. Savepoints, dialect and errors of the steps are those of `storage.sqlite`'s engine.
"""

import asyncio
import sqlite3
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypeVar

from wamesh.storage.database import Engine, Room, Rows, Statement, Steps, migrate, only
from wamesh.storage.sqlite_file import sqlite_url

T = TypeVar("T")


class InlineDatabase:
    """One connection, one transaction after the other."""

    engine: Engine = "sqlite"
    row_lock = ""
    skip_locked = ""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def write(self, steps: Callable[[], Steps[T]]) -> T:
        """Runs the transaction."""
        self._connection.execute("BEGIN")
        try:
            result = self._drive(steps())
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")
        return result

    async def read(self, steps: Callable[[], Steps[T]]) -> T:
        """Runs the steps."""
        return self._drive(steps())

    async def write_one(self, statement: Statement) -> Rows:
        """Runs the transaction of one statement."""
        return await self.write(lambda: only(statement))

    async def read_one(self, statement: Statement) -> Rows:
        """Runs the statement."""
        return await self.read(lambda: only(statement))

    async def close(self) -> None:
        """Forgets everything."""
        self._connection.close()

    def _drive(self, steps: Steps[T]) -> T:
        try:
            statement = next(steps)
            while True:
                values = {str(number): value for number, value in enumerate(statement.args, start=1)}
                statement = steps.send(self._connection.execute(statement.sql, values).fetchall())
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]


def inline_database(room: Room) -> InlineDatabase:
    """An empty database with the room's tables; where a loop runs already, call it in a thread (`empty_copy`)."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    connection.deserialize(_migrated(room))
    return InlineDatabase(connection)


async def empty_copy(room: Room) -> InlineDatabase:
    """The same, for callers on an event loop."""
    return await asyncio.to_thread(inline_database, room)


@cache
def _migrated(room: Room) -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "template.db"
        asyncio.run(migrate(sqlite_url(path), room))
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA journal_mode = DELETE")
        image = connection.serialize()
        connection.close()
        return image
