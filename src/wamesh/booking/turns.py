"""Calls of one company take turns, so that a busy company is no burden to the others.

Searching is computing, which one process does one at a time. If every call had the same right, a company with fifty
callers would get fifty times the time of a company with one. Here each company has one call under way at most, and its
others wait behind it: whoever comes meets one call of every other company, not all of them.

Owns: whose turn it is. Refuses calls of a company that has too many waiting. Invariant: within a company, first come,
first served; between companies nobody waits for a turn.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from wamesh.booking.errors import CompanyBusy

MOST_WAITING: Final = 256


class Turns:
    """One turn at a time for each company."""

    def __init__(self, most_waiting: int = MOST_WAITING) -> None:
        self._most_waiting = most_waiting
        self._queues: dict[int, tuple[asyncio.Lock, int]] = {}

    @asynccontextmanager
    async def of(self, company_id: int) -> AsyncIterator[None]:
        """Lasts for a turn of the company, once it has come. Raises CompanyBusy."""
        lock, callers = self._queues.get(company_id, (asyncio.Lock(), 0))
        if callers > self._most_waiting:
            raise CompanyBusy(company_id)
        self._queues[company_id] = lock, callers + 1
        try:
            async with lock:
                yield
        finally:
            self._leave(company_id)

    def _leave(self, company_id: int) -> None:
        lock, callers = self._queues.pop(company_id)
        if callers > 1:
            self._queues[company_id] = lock, callers - 1
