"""Records of a session process's journal that wait to be handed on.

Nobody waits for a receipt, so receipts wait for company: a burst of them shares one transaction instead of paying for
one each. A customer's message waits for nobody, and takes along what waits before it.

Owns: the order of the records, and that little pause. Refuses: to know what becomes of them. Invariant: records come
out in the order in which they went in.
"""

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Final

from wamesh.session.v1 import session_pb2 as pb

RECEIPTS_WAIT: Final = timedelta(milliseconds=50)
_MOST_AT_ONCE: Final = 128


class Backlog:
    """A queue for one consumer, on one event loop."""

    def __init__(self, receipts_wait: timedelta = RECEIPTS_WAIT) -> None:
        self._receipts_wait = receipts_wait.total_seconds()
        self._records: list[pb.Journaled] = []
        self._some = asyncio.Event()
        self._urgent = asyncio.Event()

    def put(self, record: pb.Journaled) -> None:
        """Adds a record."""
        self._records.append(record)
        self._some.set()
        if record.record.HasField("message") or len(self._records) >= _MOST_AT_ONCE:
            self._urgent.set()

    async def take(self) -> list[pb.Journaled]:
        """Waits for records and removes up to 128 of them, in order; receipts alone come after their wait."""
        await self._some.wait()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._receipts_wait):
                await self._urgent.wait()
        taken, self._records = self._records[:_MOST_AT_ONCE], self._records[_MOST_AT_ONCE:]
        if not self._records:
            self._some.clear()
            self._urgent.clear()
        return taken
