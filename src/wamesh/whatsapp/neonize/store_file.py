"""The library's database in an SQLite file of the company's directory.

A process must not open a file with two copies of SQLite (here Python's and the native library's). POSIX locks belong to
the process: the second copy sees none of the first's, takes itself for the only user and truncates the shared memory
that the first has mapped (the native library ended with SIGBUS, seen 2026-11-22 with neonize 0.5.2); and when it closes
the file, the kernel drops the first one's locks too (sqlite.org/howtocorrupt.html, 2.2).

Owns: the opening of the file. Refuses: what is asked. Invariants: a file that is not there is not made; a process that
has lent the file to the library never opens it itself again.
"""

import pickle
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from wamesh.whatsapp.neonize.database import Mode, Rows, run_elsewhere

FILE_NAME: Final = "device.db"
_MODULE: Final = "wamesh.whatsapp.neonize.store_file"
_LIBRARY_SUFFIX: Final = "?_foreign_keys=on&_journal_mode=WAL&_synchronous=NORMAL&x="
"""The library appends `?_foreign_keys=on` to the name; `x=` swallows it. WAL gives about 1.7 times the sends
a second.
"""
_lent: Final[set[Path]] = set()
"""The files that the library of this process has, or had: it never closes one."""


class FileDatabase:
    """A `DeviceDatabase` in a file of `directory`, opened read-only for each question."""

    def __init__(self, directory: Path) -> None:
        self._path = (directory / FILE_NAME).absolute()

    def lend(self) -> str:
        """Returns the name of the file, to be opened in WAL mode."""
        _lent.add(self._path)
        return quote(str(self._path)) + _LIBRARY_SUFFIX

    def run(self, mode: Mode, sql: str, *arguments: Any) -> Rows:
        """Runs a statement here, or in a process of its own (about 50 ms) once the library has the file."""
        if self._path in _lent:
            return run_elsewhere(_MODULE, self._path, mode, sql, arguments)
        return _run(self._path, mode, sql, arguments)


def _run(path: Path, mode: Mode, sql: str, arguments: Sequence[Any]) -> Rows:
    if not path.exists():
        return []
    with closing(sqlite3.connect(f"file:{quote(str(path))}?mode={mode}", uri=True)) as database:
        made = database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'whatsmeow_message_secrets'")
        if not made.fetchone()[0]:
            return []
        database.execute("PRAGMA foreign_keys = ON")
        with database:
            return database.execute(sql, arguments).fetchall()


if __name__ == "__main__":
    sys.stdout.buffer.write(pickle.dumps(_run(*pickle.load(sys.stdin.buffer))))
