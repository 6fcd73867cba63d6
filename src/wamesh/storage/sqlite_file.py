"""The SQLite file itself: its URL, its connections and what its errors mean.

Owns the settings of every connection. Refuses relative paths and databases in memory, which other processes or
threads could not share. Invariant: a connection is durable at each commit (write-ahead log, synchronous FULL), checks
foreign keys, and the file is for its owner's eyes.
"""

import os
import sqlite3
import time
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from wamesh.storage.database import Constraint, ConstraintViolated, DatabaseUnavailable

_BUSY_TIMEOUT_MILLISECONDS = 5_000
_BUSY_PAUSE_SECONDS = 0.01
_CACHED_STATEMENTS = 512

_CONSTRAINTS: dict[str, Constraint] = {
    "SQLITE_CONSTRAINT_UNIQUE": "unique",
    "SQLITE_CONSTRAINT_PRIMARYKEY": "unique",
    "SQLITE_CONSTRAINT_ROWID": "unique",
    "SQLITE_CONSTRAINT_FOREIGNKEY": "foreign_key",
    "SQLITE_CONSTRAINT_CHECK": "check",
    "SQLITE_CONSTRAINT_DATATYPE": "check",
    "SQLITE_CONSTRAINT_NOTNULL": "not_null",
    "SQLITE_CONSTRAINT_TRIGGER": "exclusion",
}
_REMEDIES = {
    sqlite3.SQLITE_BUSY: "another program is writing to it; close that program",
    sqlite3.SQLITE_LOCKED: "another program is writing to it; close that program",
    sqlite3.SQLITE_FULL: "the disk is full; free some space",
    sqlite3.SQLITE_IOERR: "the disk reports an error; check the disk and the system log",
    sqlite3.SQLITE_READONLY: "it may not be written; check its permissions",
    sqlite3.SQLITE_PERM: "it may not be opened; check its permissions",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; check that its directory exists and is writable",
    sqlite3.SQLITE_CORRUPT: "it is damaged; restore it from a backup",
    sqlite3.SQLITE_NOTADB: "it is not an SQLite database; name another file",
}


def sqlite_url(path: Path) -> str:
    """The database URL of a file."""
    return f"sqlite://{quote(str(path.absolute()))}"


def sqlite_path(url: str) -> Path:
    """The file that a database URL names. Raises DatabaseUnavailable when it names none."""
    parts = urlsplit(url)
    if parts.netloc or not parts.path.strip("/") or parts.query:
        raise DatabaseUnavailable(
            f"{url} names no database file: write sqlite:// and an absolute path, as sqlite:///data/wamesh.db."
        )
    return Path("/" + unquote(parts.path).lstrip("/"))


def explain(error: BaseException, path: Path) -> BaseException:
    """The error as the port promises it; one that is no affair of the port stays as it is."""
    if not isinstance(error, sqlite3.Error):
        return error
    code = getattr(error, "sqlite_errorcode", None)
    name = getattr(error, "sqlite_errorname", "")
    if name in _CONSTRAINTS:
        return _because(ConstraintViolated(_CONSTRAINTS[name], str(error)), error)
    if code is not None and code & 0xFF in _REMEDIES:
        return _because(DatabaseUnavailable(f"The database {path} is not usable: {_REMEDIES[code & 0xFF]}."), error)
    return error


def _because(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


def connect_all(path: Path, readers: int) -> list[sqlite3.Connection]:
    """The writer's connection, then those of the readers. Raises DatabaseUnavailable."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        writer = _connect(path)
        _write_ahead(writer)
        writer.execute("PRAGMA synchronous = FULL")
        return [writer, *(_connect_reader(path) for _ in range(readers))]
    except OSError as error:
        raise DatabaseUnavailable(
            f"The database {path} cannot be opened ({error.strerror}): check that its directory exists."
        ) from error
    except sqlite3.Error as error:
        raise explain(error, path) from error


def _write_ahead(writer: sqlite3.Connection) -> None:
    """Turns the write-ahead log on. Of many who open a fresh file at once SQLite lets one do so, and the others fail at
    once, whatever their timeout: they try again.
    """
    deadline = time.monotonic() + _BUSY_TIMEOUT_MILLISECONDS / 1_000
    while True:
        try:
            writer.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_BUSY_PAUSE_SECONDS)
        else:
            return


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path,
        isolation_level=None,
        check_same_thread=False,
        cached_statements=_CACHED_STATEMENTS,
        timeout=_BUSY_TIMEOUT_MILLISECONDS / 1_000,
    )
    connection.execute("PRAGMA foreign_keys = ON")
    return connection


def _connect_reader(path: Path) -> sqlite3.Connection:
    connection = _connect(path)
    connection.execute("PRAGMA query_only = ON")
    return connection
