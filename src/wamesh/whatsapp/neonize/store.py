"""Reading the library's own device store, passively: who is linked, and what was written before the wire.

The store is whatsmeow's: an SQLite file in the company's directory, or a schema of its own in PostgreSQL when the
option `device_database` gives the URL of one. It is opened anew for each question, so it can be asked while the library
runs, after a crash, or when it never ran. One exception: `forget` removes a device that nobody is connected with.

Owns: the two table names we know (`whatsmeow_device`, `whatsmeow_message_secrets`; neonize 0.5.2), and the choice of
the database. Refuses: everything else in it. Invariant: no question changes the store, or makes one.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from wamesh.whatsapp.jid import Jid, JidError
from wamesh.whatsapp.neonize.database import DeviceDatabase, Rows
from wamesh.whatsapp.neonize.store_file import FileDatabase
from wamesh.whatsapp.neonize.store_postgresql import PostgresqlDatabase
from wamesh.whatsapp.transport import SentRecordLost

DATABASE_OPTION: Final = "device_database"
_SENT: Final = """
SELECT (SELECT message_id FROM whatsmeow_message_secrets WHERE key = $1 LIMIT 1),
       EXISTS (SELECT 1 FROM whatsmeow_device)
"""


class NeonizeDeviceStore:
    """One company's device store."""

    def __init__(self, database: DeviceDatabase) -> None:
        self._database = database

    @classmethod
    def of(cls, directory: Path, options: Mapping[str, str]) -> "NeonizeDeviceStore":
        """The store in the database that the options name, or else in a file in `directory`."""
        url = options.get(DATABASE_OPTION)
        return cls(PostgresqlDatabase(url) if url else FileDatabase(directory))

    def lend(self) -> str:
        """Returns the database name by which the library of this process opens this store; it keeps it."""
        return self._database.lend()

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
        for message_id, is_linked in self._ask(_SENT, secret):
            if message_id is None and not is_linked:
                raise SentRecordLost("the device is unlinked, and what it had sent is forgotten with it")
            return message_id if message_id is None else str(message_id)
        return None

    def forget(self) -> None:
        """Removes the linked device and everything that belongs to it."""
        self._database.run("rw", "DELETE FROM whatsmeow_device")

    def _ask(self, sql: str, *arguments: Any) -> Rows:
        return self._database.run("ro", sql, *arguments)
