"""A database that tells somebody when it was written to.

Owns: one call. Refuses: to say what was written. Invariant: whoever was told and looks, finds at least what was
durable before the call; a write whose caller was cancelled may become durable after it.
"""

from collections.abc import Callable
from typing import TypeVar

from wamesh.storage.database import Database, Engine, Rows, Statement, Steps

T = TypeVar("T")


class TellingDatabase:
    """A `Database` that calls `written` after each transaction that may have changed something."""

    def __init__(self, database: Database, written: Callable[[], None]) -> None:
        self._database = database
        self._written = written

    @property
    def engine(self) -> Engine:
        """The dialect."""
        return self._database.engine

    @property
    def row_lock(self) -> str:
        """Ends a SELECT of rows that this transaction will change."""
        return self._database.row_lock

    @property
    def skip_locked(self) -> str:
        """Like `row_lock`, but passes over rows that others have locked."""
        return self._database.skip_locked

    async def write(self, steps: Callable[[], Steps[T]]) -> T:
        """Runs the transaction, then tells."""
        try:
            return await self._database.write(steps)
        finally:
            self._written()

    async def read(self, steps: Callable[[], Steps[T]]) -> T:
        """Runs the steps over one snapshot."""
        return await self._database.read(steps)

    async def write_one(self, statement: Statement) -> Rows:
        """Runs the statement, then tells."""
        try:
            return await self._database.write_one(statement)
        finally:
            self._written()

    async def read_one(self, statement: Statement) -> Rows:
        """Runs the statement."""
        return await self._database.read_one(statement)

    async def close(self) -> None:
        """Closes the database."""
        await self._database.close()
