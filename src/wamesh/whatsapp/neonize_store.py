"""Reading the library's own device store, passively: who is linked, and what was written before the wire.

The store is whatsmeow's SQLite file. It is opened read-only for each question, so it can be asked while the
library runs, after a crash, or when it never ran. One exception: `forget` removes a device that nobody is
connected with.

Owns: the two table names we know (`whatsmeow_device`, `whatsmeow_message_secrets`; neonize 0.5.2). Refuses:
everything else in that file. Invariants: no question changes the store, or makes one; a process that has lent the
file to the library never opens it itself again (why: `neonize_store_file`).
"""

from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from wamesh.whatsapp.jid import Jid, JidError
from wamesh.whatsapp.neonize_store_file import Mode, Rows, run, run_elsewhere
from wamesh.whatsapp.transport import SentRecordLost

FILE_NAME: Final = "device.db"
_LIBRARY_SUFFIX: Final = "?_foreign_keys=on&_journal_mode=WAL&_synchronous=NORMAL&x="
"""The library appends `?_foreign_keys=on` to the name; `x=` swallows it. WAL gives about 1.7 times the sends
a second.
"""
_lent: Final[set[Path]] = set()
"""The files that the library of this process has, or had: it never closes one."""


class NeonizeDeviceStore:
    """The device store in a company's directory."""

    def __init__(self, directory: Path) -> None:
        self._path = (directory / FILE_NAME).absolute()

    def lend(self) -> str:
        """Returns the database name by which the library of this process opens this file, in WAL mode; it keeps it."""
        _lent.add(self._path)
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

    @property
    def push_name(self) -> str:
        """The name that the linked account goes by; empty until the library has learned it."""
        rows = self._ask("SELECT push_name FROM whatsmeow_device LIMIT 1")
        return str(rows[0][0]) if rows else ""

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
        self._run("rw", "DELETE FROM whatsmeow_device")

    def _ask(self, sql: str, *arguments: Any) -> Rows:
        return self._run("ro", sql, *arguments)

    def _run(self, mode: Mode, sql: str, *arguments: Any) -> Rows:
        """Returns the rows; none when the library has not made its tables yet."""
        if self._path in _lent:
            return run_elsewhere(self._path, mode, sql, arguments)
        return run(self._path, mode, sql, arguments)
