"""No statement on a message's way reads a table from end to end, on either engine."""

from collections.abc import Collection

import pytest
from support.databases import OpenRoom
from support.gateway_messages import ANNA, BORIS, NOON, draft, grant_lease, inbound, terms
from support.statements import RecordingDatabase

from wamesh.storage.database import Database, Steps, execute
from wamesh.storage.gateway.inbox import SqlInboxStore
from wamesh.storage.gateway.outbox import SqlOutboxStore
from wamesh.whatsapp.events import ReceiptKind, ReceiptReceived

PAST = 20_000
"""Enough that PostgreSQL does not take a scan for the cheapest way."""

_NUMBERS = """
WITH RECURSIVE numbers (n) AS (
    SELECT CAST(0 AS BIGINT) UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < CAST($1 AS BIGINT)
)
"""
_CHAT = "CAST(12025550101 + n / 100 % 99 AS TEXT) || '@s.whatsapp.net'"

_FILL = (
    f"""
    {_NUMBERS} INSERT INTO inbox_messages (company_id, conversation, message_id, epoch, chat, sender, sender_alternate,
        phone_number, push_name, kind, body, quoted_message_id, send_time, receive_time)
    SELECT n % 100 + 1, {_CHAT}, 'past-' || CAST(n AS TEXT), 1, {_CHAT}, {_CHAT}, '', '', 'Anna', 'TEXT', 'Hello', '',
        n, n
    FROM numbers
    """,
    f"""
    {_NUMBERS} INSERT INTO inbox_identities (company_id, jid, conversation)
    SELECT n % 100 + 1, {_CHAT}, {_CHAT} FROM numbers WHERE TRUE ON CONFLICT DO NOTHING
    """,
    f"""
    {_NUMBERS} INSERT INTO outbox_messages (company_id, request_id, content_hash, chat, body, quoted_message_id, secret,
        queueable, at_least_once, state, message_id, failure, epoch, create_time, update_time)
    SELECT n % 100 + 1, 'past-' || CAST(n AS TEXT), $2, {_CHAT}, 'Hello', '', $2, FALSE, FALSE, 'SENT',
        'past-' || CAST(n AS TEXT), '', 1, n, n
    FROM numbers
    """,
)


@pytest.fixture
async def database(room_database: OpenRoom) -> RecordingDatabase:
    """A gateway with a past, which company 7 goes on in; `archive` has fallen behind, `worker` not."""
    database = await room_database("gateway")
    await _fill(database)
    await grant_lease(database, 7, 1)
    inbox = SqlInboxStore(database)
    await inbox.open(terms("archive"), NOON)
    await inbox.open(terms(), NOON)
    await database.write_one(execute("ANALYZE"))
    return RecordingDatabase(database)


async def _fill(database: Database) -> None:
    def steps() -> Steps[None]:
        for sql in _FILL:
            yield execute(sql, PAST, *([b"\0" * 32] if "$2" in sql else []))

    await database.write(steps)


@pytest.mark.parametrize("company_ids", [(), (7, 8)])
async def test_no_message_of_the_past_costs_the_inbox(
    database: RecordingDatabase, company_ids: Collection[int]
) -> None:
    """From the append to the ack of a conversation that goes on, each row is found by an index."""
    inbox = SqlInboxStore(database)
    wanted = terms(company_ids=frozenset(company_ids), max_attempts=2)
    for chat in (ANNA, BORIS):
        await inbox.append(7, 1, inbound("m-1", chat), NOON)
    anna, boris = await inbox.claim(wanted, 16, "gateway-a", NOON)
    await inbox.append(7, 1, inbound("m-2"), NOON)
    await inbox.ack(anna)
    assert await inbox.extend(boris, NOON)
    for _ in range(2):
        again = await inbox.claim(wanted, 16, "gateway-a", NOON)
        await inbox.give_back(again, NOON, counted=True)
    await inbox.claim(wanted, 16, "gateway-a", NOON)
    await inbox.next_time("worker", company_ids)
    await inbox.read(7, str(ANNA), 10)
    assert await database.scans("inbox_messages", "inbox_pending", "inbox_identities", "inbox_dead_letters") == []


async def test_no_message_of_the_past_costs_the_outbox(database: RecordingDatabase) -> None:
    """From the request to the receipt each row is found by an index, and so is what a restart asks for."""
    outbox = SqlOutboxStore(database)
    message, _ = await outbox.add(draft(), b"\1" * 32, 1, NOON, queued=True)
    message = await outbox.start(message, 1, NOON)
    await outbox.finish(message, 1, NOON, message_id="sent-1")
    await outbox.note_receipts(7, 1, [ReceiptReceived(ANNA, ("sent-1",), ReceiptKind.READ, NOON)], NOON)
    await outbox.get(7, "r-1")
    await outbox.open_messages(7)
    await outbox.scheduled(7, (NOON, 0), 100)
    await outbox.expire(NOON, "too late", 100)
    assert await database.scans("outbox_messages", "inbox_identities") == []
