"""The memory transport's device store: one SQLite file in the company's directory, as whatsmeow keeps one.

Owns: the linked device's credentials, and which message id was chosen for which secret. Refuses: network,
messages. Invariant: a secret's row is committed before `remember_send` returns, so it survives `kill -9` in
the next instant.
"""

import sqlite3
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from wamesh.whatsapp.jid import Jid

FILE_NAME: Final = "memory-device.db"

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS device (
    only_one INTEGER PRIMARY KEY CHECK (only_one = 1),
    phone_number TEXT NOT NULL,
    lid TEXT NOT NULL,
    number INTEGER NOT NULL,
    credential BLOB NOT NULL,
    name TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS message_secret (
    secret BLOB PRIMARY KEY,
    chat TEXT NOT NULL,
    message_id TEXT NOT NULL
) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class LinkedDevice:
    """What a device needs to log in: `phone_number` is E.164, `credential` 32 bytes."""

    phone_number: str
    lid: Jid
    number: int
    credential: bytes
    name: str

    @property
    def jid(self) -> Jid:
        """The device's own address in PN form."""
        return Jid.of_phone_number(self.phone_number).with_device(self.number)


class MemoryDeviceStore:
    """May be used from any thread; several stores may be open on one file."""

    def __init__(self, directory: Path) -> None:
        self._lock = threading.Lock()
        self._database = sqlite3.connect(directory / FILE_NAME, check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA busy_timeout = 5000")
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")
        self._database.executescript(_SCHEMA)

    def device(self) -> LinkedDevice | None:
        """Returns the linked device; None when there is none."""
        rows = self._run("SELECT phone_number, lid, number, credential, name FROM device")
        if not rows:
            return None
        phone_number, lid, number, credential, name = rows[0]
        return LinkedDevice(phone_number, Jid.parse(lid), number, credential, name)

    def save(self, device: LinkedDevice) -> None:
        """Keeps the device, in place of any earlier one."""
        self._run(
            "INSERT OR REPLACE INTO device VALUES (1, ?, ?, ?, ?, ?)",
            (device.phone_number, str(device.lid), device.number, device.credential, device.name),
        )

    def forget(self) -> None:
        """Removes the device; the secrets of what it sent stay, for they tell what was sent."""
        self._run("DELETE FROM device")

    def remember_send(self, secret: bytes, chat: Jid, message_id: str) -> None:
        """Commits which id a secret's message has."""
        self._run("INSERT OR REPLACE INTO message_secret VALUES (?, ?, ?)", (secret, str(chat), message_id))

    def find_sent(self, secret: bytes) -> str | None:
        """Returns the id remembered for a secret; None when there is none."""
        rows = self._run("SELECT message_id FROM message_secret WHERE secret = ?", (secret,))
        return rows[0][0] if rows else None

    def _run(self, sql: str, arguments: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        with self._lock:
            return self._database.execute(sql, arguments).fetchall()
