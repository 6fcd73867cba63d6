"""Records reach their sinks in order, receipts together, and are forgotten only then."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from wamesh.gateway.errors import LeaseLost
from wamesh.gateway.process.spool import Spool
from wamesh.gateway.process.wire import encode_record
from wamesh.gateway.session.backlog import Backlog
from wamesh.gateway.session.journal import Journal, Sinks
from wamesh.session.v1 import session_pb2 as pb
from wamesh.whatsapp.events import (
    ContentKind,
    InboundMessage,
    MessageReceived,
    ReceiptKind,
    ReceiptReceived,
)
from wamesh.whatsapp.jid import Jid

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ANNA = Jid.of_phone_number("+447700900123")


def receipt(message_id: str) -> pb.Record:
    return encode_record(ReceiptReceived(ANNA, (message_id,), ReceiptKind.DELIVERED, NOON))


def message(message_id: str) -> pb.Record:
    inbound = InboundMessage(
        chat=ANNA, message_id=message_id, sender=ANNA, time=NOON, kind=ContentKind.TEXT, text="Hello"
    )
    return encode_record(MessageReceived(inbound))


class Taken:
    """Both sinks: each call as a list of ids. Loses its lease after `calls_left`."""

    def __init__(self, calls_left: int = 100) -> None:
        self.calls: list[list[str]] = []
        self._calls_left = calls_left

    async def accept(self, company_id: int, epoch: int, message: InboundMessage) -> None:
        self._take([message.message_id])

    async def note_receipts(self, company_id: int, epoch: int, receipts: Sequence[ReceiptReceived]) -> None:
        self._take([message_id for each in receipts for message_id in each.message_ids])

    def _take(self, ids: list[str]) -> None:
        if not self._calls_left:
            raise LeaseLost(7, "other")
        self._calls_left -= 1
        self.calls.append(ids)


def journal(taken: Taken) -> Journal:
    return Journal(7, Sinks(taken, taken), lambda: NOON)


async def test_receipts_that_follow_one_another_share_a_transaction() -> None:
    """A message between them has its own; `stored` follows each, with the last number."""
    taken, stored, backlog = Taken(calls_left=3), list[int](), Backlog(timedelta(0))
    for number, record in enumerate((receipt("a"), receipt("b"), message("c"), receipt("d"), message("e")), start=1):
        backlog.put(pb.Journaled(sequence=number, record=record))
    with pytest.raises(LeaseLost):
        await journal(taken).carry(backlog, 1, stored.append)
    assert (taken.calls, stored) == ([["a", "b"], ["c"], ["d"]], [2, 3, 4])


async def test_what_a_process_left_behind_is_handed_on_in_order(tmp_path: Path) -> None:
    """What its sink has not taken stays in the file."""
    path = tmp_path / "spool"
    spool = Spool(path)
    for record in (receipt("a"), receipt("b"), message("c"), receipt("d")):
        spool.append(record.SerializeToString())
    spool.close()
    first, second = Taken(calls_left=2), Taken()
    with pytest.raises(LeaseLost):
        await journal(first).drain(path, 1)
    assert first.calls == [["a", "b"], ["c"]]
    await journal(second).drain(path, 1)
    assert second.calls[-1][-1] == "d"
    assert Spool(path).recovered == ()
