"""Device stores for tests of the library's client: where one is, and a hand in it beside the library's."""

import asyncio
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg

from wamesh.storage.database import open_database
from wamesh.storage.gateway.devices import device_options
from wamesh.whatsapp.neonize.store import NeonizeDeviceStore
from wamesh.whatsapp.neonize.store_file import FILE_NAME

DEVICE: Final = "12025550100:7@s.whatsapp.net"
LID: Final = "264871930155482:7@lid"


@dataclass(frozen=True)
class DeviceDatabase:
    """One company's store: in a file of `directory`, or where `options` lead."""

    directory: Path
    options: Mapping[str, str]

    @property
    def store(self) -> NeonizeDeviceStore:
        """Our passive view of it."""
        return NeonizeDeviceStore.of(self.directory, self.options)

    def execute(self, sql: str, *arguments: Any) -> None:
        """Runs a statement in it and commits; `$1, $2, ...` stand for the arguments."""
        if self.options:
            asyncio.run(self._execute(sql, *arguments))
        else:
            with closing(sqlite3.connect(self.directory / FILE_NAME)) as database, database:
                database.execute(sql, arguments)

    async def _execute(self, sql: str, *arguments: Any) -> None:
        connection = await asyncpg.connect(self.options["device_database"])
        try:
            await connection.execute(sql, *arguments)
        finally:
            await connection.close()

    def link_device(self) -> None:
        """Writes a device row as the library does after a pairing."""
        columns = {
            "jid": DEVICE,
            "lid": LID,
            "registration_id": 1,
            "noise_key": bytes(32),
            "identity_key": bytes(32),
            "signed_pre_key": bytes(32),
            "signed_pre_key_id": 1,
            "signed_pre_key_sig": bytes(64),
            "adv_key": bytes(32),
            "adv_details": b"",
            "adv_account_sig": bytes(64),
            "adv_account_sig_key": bytes(32),
            "adv_device_sig": bytes(64),
        }
        self._insert("whatsmeow_device", columns)

    def write_secret(self, secret: bytes, message_id: str) -> None:
        """Writes a secret row as the library does before it writes to the socket."""
        columns = {
            "our_jid": DEVICE,
            "chat_jid": "914804640375180@lid",
            "sender_jid": LID,
            "message_id": message_id,
            "key": secret,
        }
        self._insert("whatsmeow_message_secrets", columns)

    def _insert(self, table: str, columns: Mapping[str, object]) -> None:
        marks = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
        self.execute(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", *columns.values())


def company_database(directory: Path, url: str | None, company_id: int) -> DeviceDatabase:
    """The store of a company whose session runs in `directory`, as a gateway over the PostgreSQL at `url` makes it
    ready; over none, a file.
    """
    return DeviceDatabase(directory, {} if url is None else asyncio.run(_options(url, company_id)))


async def _options(url: str, company_id: int) -> Mapping[str, str]:
    database = await open_database(url)
    try:
        return await device_options(database, url)(company_id)
    finally:
        await database.close()
