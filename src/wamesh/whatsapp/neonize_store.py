"""Reading the library's own device store, passively: who is linked, and what was written before the wire.

The store is whatsmeow's SQLite file. It is opened read-only for each question, so it can be asked while the
library runs, after a crash, or when it never ran. One exception: `forget` removes a device that nobody is
connected with.

Owns: the two table names we know (`whatsmeow_device`, `whatsmeow_message_secrets`; neonize 0.5.2). Refuses:
everything else in that file. Invariant: no question changes the store, or makes one.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from wamesh.whatsapp.jid import Jid, JidError
from wamesh.whatsapp.transport import SentRecordLost

FILE_NAME: Final = "device.db"
_LIBRARY_SUFFIX: Final = "?_foreign_keys=on&_journal_mode=WAL&_synchronous=NORMAL&x="
"""The library appends `?_foreign_keys=on` to the name; `x=` swallows it. WAL gives about 1.7 times the sends
a second.
"""


class NeonizeDeviceStore:
    """The device store in a company's directory."""

    def __init__(self, directory: Path) -> None:
        self._path = (directory / FILE_NAME).absolute()

    @property
    def library_name(self) -> str:
        """What to give the library as database name, so that it opens this file in WAL mode."""
        return quote(str(self._path)) + _LIBRARY_SUFFIX

    @property
    def paired(self) -> bool:
        """True when a device is linked."""
        return bool(self._ask("SELECT 1 FROM whatsmeow_device LIMIT 1"))

    def lid(self) -> Jid | None:
        """Returns the linked account's hidden id, without device; None when it is not known."""
        rows = self._ask("SELECT lid FROM whatsmeow_device LIMIT 1")
        try:
            return Jid.parse(rows[0][0]).without_device() if rows and rows[0][0] else None
        except JidError:
            return None

    def find_sent(self, secret: bytes) -> str | None:
        """Returns the id written for `secret`; None when none was. Raises SentRecordLost when no device is
        stored any more: the library deletes a device's secrets with it.
        """
        rows = self._ask("SELECT message_id FROM whatsmeow_message_secrets WHERE key = $1 LIMIT 1", secret)
        if rows:
            return str(rows[0][0])
        if self._path.exists() and not self.paired:
            raise SentRecordLost("the device is unlinked, and what it had sent is forgotten with it")
        return None

    def forget(self) -> None:
        """Removes the linked device and everything that belongs to it."""
        with self._opened("rw") as database:
            if database is not None:
                database.execute("PRAGMA foreign_keys = ON")
                database.execute("DELETE FROM whatsmeow_device")
                database.commit()

    def _ask(self, sql: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """Returns the rows; none when the library has not made its tables yet."""
        with self._opened("ro") as database:
            return [] if database is None else database.execute(sql, arguments).fetchall()

    @contextmanager
    def _opened(self, mode: str) -> Iterator[sqlite3.Connection | None]:
        """Opens the store; yields None when it is not there or has no tables yet."""
        if not self._path.exists():
            yield None
            return
        with closing(sqlite3.connect(f"file:{quote(str(self._path))}?mode={mode}", uri=True)) as database:
            made = database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'whatsmeow_message_secrets'")
            yield database if made.fetchone()[0] else None
