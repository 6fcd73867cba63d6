"""From a session process's journal to the sinks: in order, until stored, under the current epoch.

Owns: the way of one company's records, live (`carry`) or from the file that a process left behind (`drain`).
Refuses: to skip a record. A sink that fails is asked again, since losing a customer's message is worse than
waiting; only a lost lease ends it, because then another gateway does this work. Invariant: a record is
forgotten by the journal only after its sink returned.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Final

import structlog

from wamesh.clock import Clock
from wamesh.gateway.errors import LeaseLost
from wamesh.gateway.process.spool import Entry, Spool
from wamesh.gateway.process.wire import decode_record
from wamesh.gateway.session.backlog import Backlog
from wamesh.gateway.sessions import InboundSink, ReceiptSink
from wamesh.session.v1 import session_pb2 as pb
from wamesh.whatsapp.events import MessageReceived, ReceiptReceived

log = structlog.get_logger()

_FIRST_RETRY_SECONDS: Final = 0.1
_LONGEST_RETRY_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Sinks:
    """Where records go."""

    inbound: InboundSink
    receipts: ReceiptSink


class Journal:
    """One company's records on their way to the sinks. `last_inbound_time` is UTC, of the last customer's message."""

    def __init__(self, company_id: int, sinks: Sinks, clock: Clock) -> None:
        self._company_id = company_id
        self._sinks = sinks
        self._clock = clock
        self.last_inbound_time: datetime | None = None

    async def carry(self, backlog: Backlog, epoch: int, stored: Callable[[int], None]) -> None:
        """Hands records on as they come, telling `stored` the sequence number up to which all are. Raises LeaseLost."""
        while True:
            for together in _shared(await backlog.take()):
                await self._deliver(together, epoch)
                stored(together[-1].sequence)

    async def drain(self, path: Path, epoch: int) -> None:
        """Hands on what a process that is gone left at `path`, once. Raises what a sink raises; the rest stays."""
        if not await asyncio.to_thread(_has_records, path):
            return
        spool = await asyncio.to_thread(Spool, path)
        try:
            for together in _shared(map(_journaled, spool.recovered)):
                await self._hand_on(together, epoch)
                spool.forget(together[-1].sequence)
        finally:
            spool.close()

    async def _deliver(self, together: list[pb.Journaled], epoch: int) -> None:
        """Hands records on, trying again until their sink takes them."""
        pause = _FIRST_RETRY_SECONDS
        while True:
            try:
                return await self._hand_on(together, epoch)
            except LeaseLost:
                raise
            except Exception:
                log.exception("inbound_not_stored_yet", company_id=self._company_id, retry_seconds=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_RETRY_SECONDS)

    async def _hand_on(self, together: list[pb.Journaled], epoch: int) -> None:
        events = [decode_record(each.record) for each in together]
        receipts = [event for event in events if isinstance(event, ReceiptReceived)]
        if receipts:
            await self._sinks.receipts.note_receipts(self._company_id, epoch, receipts)
        for event in events:
            if isinstance(event, MessageReceived):
                await self._accept(event, epoch)

    async def _accept(self, event: MessageReceived, epoch: int) -> None:
        await self._sinks.inbound.accept(self._company_id, epoch, event.message)
        if not event.message.from_me:
            self.last_inbound_time = self._clock()


def _shared(records: Iterable[pb.Journaled]) -> Iterator[list[pb.Journaled]]:
    """The records in order: receipts that follow one another share a transaction, each message has its own."""
    for are_receipts, several in groupby(records, key=lambda each: each.record.HasField("receipt")):
        if are_receipts:
            yield list(several)
        else:
            yield from ([each] for each in several)


def _journaled(entry: Entry) -> pb.Journaled:
    return pb.Journaled(sequence=entry.sequence, record=pb.Record.FromString(entry.payload))


def _has_records(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0
