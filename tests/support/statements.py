"""Which statements a store runs, and how the engine would run them: for tests of plans."""

from collections.abc import Callable
from typing import TypeVar

from wamesh.storage.database import Database, Engine, Rows, Statement, Steps, execute

T = TypeVar("T")

_EXPLAIN: dict[Engine, str] = {"sqlite": "EXPLAIN QUERY PLAN", "postgresql": "EXPLAIN"}
_SCAN: dict[Engine, str] = {"sqlite": "SCAN", "postgresql": "Seq Scan on"}


class RecordingDatabase:
    """A `Database` that remembers every statement."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.engine: Engine = database.engine
        self.row_lock = database.row_lock
        self.skip_locked = database.skip_locked
        self.statements: list[Statement] = []

    async def write(self, steps: Callable[[], Steps[T]]) -> T:
        """Runs the transaction."""
        return await self._database.write(lambda: self._noted(steps()))

    async def read(self, steps: Callable[[], Steps[T]]) -> T:
        """Runs the steps."""
        return await self._database.read(lambda: self._noted(steps()))

    async def write_one(self, statement: Statement) -> Rows:
        """Runs the statement."""
        self.statements.append(statement)
        return await self._database.write_one(statement)

    async def read_one(self, statement: Statement) -> Rows:
        """Runs the statement."""
        self.statements.append(statement)
        return await self._database.read_one(statement)

    async def close(self) -> None:
        """Closes the database."""
        await self._database.close()

    async def scans(self, *tables: str) -> list[str]:
        """The plan lines that read one of these tables from end to end, each below its statement."""
        found = []
        for statement in self.statements:
            plan = await self._database.read_one(execute(f"{_EXPLAIN[self.engine]} {statement.sql}", *statement.args))
            lines = [str(row[-1]) for row in plan]
            found += [f"{statement.sql}: {line}" for line in lines if self._is_scan(line, tables)]
        return found

    def _is_scan(self, line: str, tables: tuple[str, ...]) -> bool:
        word = _SCAN[self.engine]
        return any(f"{word} {table}" in line and " USING " not in line for table in tables)

    def _noted(self, steps: Steps[T]) -> Steps[T]:
        rows: Rows | None = None
        try:
            while True:
                statement = next(steps) if rows is None else steps.send(rows)
                self.statements.append(statement)
                rows = yield statement
        except StopIteration as done:
            return done.value  # type: ignore[no-any-return]
