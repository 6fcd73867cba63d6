"""Receipts wait for company, messages for nobody, and the order stays."""

import asyncio
from datetime import timedelta

from wamesh.gateway.session.backlog import Backlog
from wamesh.session.v1 import session_pb2 as pb

FOREVER = timedelta(hours=1)
RECEIPT = pb.Record(receipt=pb.Receipt(message_ids=["id-1"]))
MESSAGE = pb.Record(message=pb.InboundMessage(message_id="id-2"))


def filled(backlog: Backlog, *records: pb.Record) -> Backlog:
    for sequence, record in enumerate(records, start=1):
        backlog.put(pb.Journaled(sequence=sequence, record=record))
    return backlog


async def taken(backlog: Backlog) -> list[int]:
    return [each.sequence for each in await backlog.take()]


async def test_receipts_come_together_after_their_wait() -> None:
    """What came in the meantime comes with the first."""
    backlog = Backlog(timedelta(0))
    taking = asyncio.create_task(taken(backlog))
    filled(backlog, RECEIPT, RECEIPT, RECEIPT)
    assert await taking == [1, 2, 3]


async def test_a_message_waits_for_nobody() -> None:
    """It takes along the receipts before it, at once and in order."""
    assert await taken(filled(Backlog(FOREVER), RECEIPT, MESSAGE, RECEIPT)) == [1, 2, 3]


async def test_many_receipts_wait_no_longer() -> None:
    """A full batch goes at once, and a batch has an end."""
    backlog = filled(Backlog(FOREVER), *[RECEIPT] * 129)
    assert await taken(backlog) == list(range(1, 129))
    assert await taken(backlog) == [129]


async def test_nothing_is_lost_by_who_stops_waiting() -> None:
    """A consumer that is cancelled while receipts wait leaves them to the next."""
    backlog = filled(Backlog(FOREVER), RECEIPT)
    taking = asyncio.create_task(backlog.take())
    await asyncio.sleep(0)
    taking.cancel()
    await asyncio.gather(taking, return_exceptions=True)
    filled(backlog, MESSAGE)
    assert await taken(backlog) == [1, 1]
