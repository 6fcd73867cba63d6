"""One statement on the library's SQLite file, by this process or by one of its own.

A process must not open a file with two copies of SQLite (here Python's and the native library's). POSIX locks belong to
the process: the second copy sees none of the first's, takes itself for the only user and truncates the shared memory
that the first has mapped (the native library ended with SIGBUS, seen 2026-11-22 with neonize 0.5.2); and when it closes
the file, the kernel drops the first one's locks too (sqlite.org/howtocorrupt.html, 2.2).

Owns: the opening of the file. Refuses: what is asked. Invariant: a file that is not there is not made; one that the
library has not made its tables in has no rows.
"""

import pickle
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import quote

Mode = Literal["ro", "rw"]
Rows = list[tuple[Any, ...]]

ANSWER_SECONDS: Final = 8.0


def run(path: Path, mode: Mode, sql: str, arguments: Sequence[Any]) -> Rows:
    """Runs a statement in this process and returns its rows. Raises sqlite3.Error."""
    if not path.exists():
        return []
    with closing(sqlite3.connect(f"file:{quote(str(path))}?mode={mode}", uri=True)) as database:
        made = database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'whatsmeow_message_secrets'")
        if not made.fetchone()[0]:
            return []
        database.execute("PRAGMA foreign_keys = ON")
        with database:
            return database.execute(sql, arguments).fetchall()


def run_elsewhere(path: Path, mode: Mode, sql: str, arguments: Sequence[Any]) -> Rows:
    """The same in a process of its own, in about 50 ms. Raises CalledProcessError, TimeoutExpired."""
    asked = pickle.dumps((path, mode, sql, arguments))
    answered = subprocess.run(
        [sys.executable, "-m", __name__], input=asked, capture_output=True, timeout=ANSWER_SECONDS, check=True
    )
    rows: Rows = pickle.loads(answered.stdout)
    return rows


if __name__ == "__main__":
    sys.stdout.buffer.write(pickle.dumps(run(*pickle.load(sys.stdin.buffer))))
