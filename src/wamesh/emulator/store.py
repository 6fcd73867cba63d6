"""What must survive the emulator's own restart, as documents: bytes under a kind and a key, in one SQLite file.

Owns: buffering, and one transaction a commit. Refuses: to know what a document says; the room that puts one reads it.
Invariant: after `commit` has returned, everything put before it outlives the process; nothing is half there.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final, Self

IN_MEMORY: Final = ":memory:"
_TABLE: Final = """
CREATE TABLE IF NOT EXISTS documents (
    number INTEGER PRIMARY KEY,
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    UNIQUE (kind, key)
)
"""
_PUT: Final = """
INSERT INTO documents (kind, key, value) VALUES (?, ?, ?)
ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value
"""
_DELETE: Final = "DELETE FROM documents WHERE kind = ? AND key = ?"


class StoreInUse(Exception):
    """Another emulator works on this file."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} is in use by another emulator: end it, or give this one another data directory.")


class NoStore(Exception):
    """The file is something else, or damaged."""

    def __init__(self, path: str, why: str) -> None:
        super().__init__(
            f"{path} cannot be read as an emulator's store ({why}): move it away, or take another directory."
        )


class Documents:
    """The documents of one emulator; used from one thread."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._buffer: dict[tuple[str, str], bytes | None] = {}

    @classmethod
    def open(cls, path: Path | str = IN_MEMORY) -> Self:
        """Opens the file at `path`, made when missing; in memory by default. Raises StoreInUse, NoStore."""
        try:
            return cls(_opened(path))
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                raise StoreInUse(str(path)) from None
            raise NoStore(str(path), str(error)) from None

    def put(self, kind: str, key: str, value: bytes) -> None:
        """Keeps `value`, in the place of an earlier one; cheap, nothing is written before `commit`."""
        self._buffer[kind, key] = value

    def delete(self, kind: str, key: str) -> None:
        """Forgets a document; harmless when there is none."""
        self._buffer[kind, key] = None

    def get(self, kind: str, key: str) -> bytes | None:
        """Returns the document; None when there is none."""
        if (kind, key) in self._buffer:
            return self._buffer[kind, key]
        row = self._database.execute("SELECT value FROM documents WHERE kind = ? AND key = ?", (kind, key)).fetchone()
        return None if row is None else bytes(row[0])

    def all(self, kind: str) -> Iterator[tuple[str, bytes]]:
        """Yields (key, value) of every document of a kind, in the order in which they were first put."""
        self.commit()
        rows = self._database.execute("SELECT key, value FROM documents WHERE kind = ? ORDER BY number", (kind,))
        return ((key, bytes(value)) for key, value in rows.fetchall())

    def commit(self) -> None:
        """Writes what was put and deleted, in one transaction; when that fails, all of it waits for the next commit."""
        if not self._buffer:
            return
        self._database.execute("BEGIN")
        try:
            self._write()
            self._database.execute("COMMIT")
        except BaseException:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise
        self._buffer.clear()

    def _write(self) -> None:
        for (kind, key), value in self._buffer.items():
            if value is None:
                self._database.execute(_DELETE, (kind, key))
            else:
                self._database.execute(_PUT, (kind, key, value))

    def close(self) -> None:
        """Commits and lets go of the file."""
        self.commit()
        self._database.close()


def _opened(path: Path | str) -> sqlite3.Connection:
    """Returns the database at `path`, held by this process alone; raises sqlite3.DatabaseError."""
    with ExitStack() as on_error:
        database = sqlite3.connect(path, isolation_level=None, timeout=0)
        on_error.callback(database.close)
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute(_TABLE)
        on_error.pop_all()
    return database
