"""The library's database in a schema of PostgreSQL, which the URL's `search_path` names.

The schema is there before the library opens it, and so is its version table (`storage/gateway/devices.py` makes both
and writes the URL). Each question is asked by a process of its own: asyncpg in a session process would cost it 17 MB
for as long as it lives (measured), for a handful of questions.

Owns: the connection of one question, and the patience for a server that restarts. Refuses: what is asked, and a URL in
any text. Invariant: a question never writes.
"""

import asyncio
import pickle
import sys
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from wamesh.whatsapp.neonize.database import Mode, Rows, run_elsewhere
from wamesh.whatsapp.transport import DeviceStoreUnavailable

if TYPE_CHECKING:
    import asyncpg

_MODULE: Final = "wamesh.whatsapp.neonize.store_postgresql"
_PATIENCE_SECONDS: Final = 5.0
_PAUSE_SECONDS: Final = 0.1
_MADE: Final = "SELECT to_regclass('whatsmeow_message_secrets') IS NOT NULL"


class PostgresqlDatabase:
    """A `DeviceDatabase` in the schema that `url` leads to: `postgresql://...?search_path=SCHEMA`, in a form that the
    library and asyncpg read alike.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    def lend(self) -> str:
        """Returns the URL; the library takes a name that begins with `postgres` for one."""
        return self._url

    def run(self, mode: Mode, sql: str, *arguments: Any) -> Rows:
        """Runs a statement in a process of its own, in about 0.2 s. Raises DeviceStoreUnavailable."""
        return run_elsewhere(_MODULE, self._url, mode, sql, arguments)


async def _run(url: str, mode: Mode, sql: str, arguments: tuple[Any, ...]) -> Rows:
    connection = await _connect(url)
    try:
        async with connection.transaction(readonly=mode == "ro"):
            if not await connection.fetchval(_MADE):
                return []
            return [tuple(record) for record in await connection.fetch(sql, *arguments)]
    finally:
        await connection.close()


async def _connect(url: str) -> "asyncpg.Connection[asyncpg.Record]":
    """Tries again while the server starts or has no place. Raises what the last attempt raised."""
    import asyncpg

    passing = (OSError, asyncpg.CannotConnectNowError, asyncpg.TooManyConnectionsError)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return await asyncpg.connect(url, timeout=_PATIENCE_SECONDS)
        except passing:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(_PAUSE_SECONDS)


def _answer(url: str, mode: Mode, sql: str, arguments: tuple[Any, ...]) -> Rows | DeviceStoreUnavailable:
    import asyncpg

    try:
        return asyncio.run(_run(url, mode, sql, arguments))
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        server = urlsplit(url).netloc.rpartition("@")[2] or "its socket"
        return DeviceStoreUnavailable(f"PostgreSQL at {server} did not answer for the device store: {error}")


if __name__ == "__main__":
    sys.stdout.buffer.write(pickle.dumps(_answer(*pickle.load(sys.stdin.buffer))))
