"""What retention removes and what it keeps, over both engines."""

from datetime import timedelta
from typing import Any

import pytest
from support.databases import OpenRoom
from support.gateway_messages import ANNA, BORIS, NOON, draft, grant_lease, inbound, terms

from wamesh.gateway.retention import Keep, Retention
from wamesh.storage.database import Database, Steps, execute
from wamesh.storage.gateway.events import SqlEventLog
from wamesh.storage.gateway.inbox import SqlInboxStore
from wamesh.storage.gateway.outbox import SqlOutboxStore
from wamesh.storage.gateway.retention import SqlRetentionStore

LATER = NOON + timedelta(days=91)
KEEP = Keep(messages=timedelta(days=90), events=timedelta(days=7))


@pytest.fixture
async def database(room_database: OpenRoom) -> Database:
    """A gateway's database in which company 7 is held with epoch 1."""
    database = await room_database("gateway")
    await grant_lease(database, 7, 1)
    return database


def retention(database: Database, keep: Keep = KEEP) -> Retention:
    """A sweeper that does not rest."""
    return Retention(SqlRetentionStore(database), SqlEventLog(database), keep, lambda: LATER, timedelta(0))


async def acked(inbox: SqlInboxStore, message_id: str, **fields: Any) -> None:
    """Stores a message that every subscription has done with."""
    await inbox.append(7, 1, inbound(message_id, **fields), NOON)
    for claim in await inbox.claim(terms(), 10, "gateway-a", NOON + timedelta(minutes=1)):
        await inbox.ack(claim)


async def test_an_old_message_that_everybody_acked_goes(database: Database) -> None:
    """A young one stays, and so does what is known of the customer."""
    inbox = SqlInboxStore(database)
    await inbox.open(terms(), NOON)
    await acked(inbox, "m-1", chat=ANNA)
    await inbox.append(7, 1, inbound("m-2"), LATER)
    assert (await retention(database).sweep())["inbox"] == 1
    assert [each.message.message_id for each in await inbox.read(7, str(ANNA), 10)] == ["m-2"]

    def identities() -> Steps[int]:
        return len((yield execute("SELECT jid FROM inbox_identities")))

    assert await database.read(identities) == 1


async def test_what_a_subscription_still_needs_stays(database: Database) -> None:
    """Pending in one of two subscriptions, a dead letter, a replay: all stay however old, and are delivered then."""
    inbox = SqlInboxStore(database)
    await inbox.open(terms(), NOON)
    await inbox.open(terms("audit"), NOON)
    await acked(inbox, "m-1")
    assert (await retention(database).sweep())["inbox"] == 0
    for _ in range(2):
        await inbox.claim(terms("audit", max_attempts=1), 10, "gateway-a", NOON + timedelta(hours=1))
        await inbox.release("gateway-a", NOON)
    assert len(await inbox.dead_letters("audit", 10)) == 1
    assert (await retention(database).sweep())["inbox"] == 0
    await inbox.replay("audit", LATER)
    assert (await retention(database).sweep())["inbox"] == 0
    (claim,) = await inbox.claim(terms("audit"), 10, "gateway-a", LATER)
    await inbox.ack(claim)
    assert (await retention(database).sweep())["inbox"] == 1


async def test_a_subscription_that_is_deleted_holds_nothing_back(database: Database) -> None:
    """What only it still needed goes; a later one of its name begins at what is left."""
    inbox = SqlInboxStore(database)
    await inbox.open(terms(), NOON)
    await inbox.append(7, 1, inbound("m-1"), NOON)
    await inbox.append(7, 1, inbound("m-2", BORIS), LATER)
    await inbox.delete("worker")
    assert (await retention(database).sweep())["inbox"] == 1
    await inbox.open(terms(), LATER)
    assert [each.conversation for each in await inbox.claim(terms(), 10, "gateway-a", LATER)] == [str(BORIS)]


async def test_a_sent_message_goes_with_its_request_id(database: Database) -> None:
    """An open one stays, however old."""
    outbox = SqlOutboxStore(database)
    sent, _ = await outbox.add(draft("r-1"), bytes(32), 1, NOON, queued=False)
    await outbox.finish(sent, 1, NOON, message_id="w-1")
    await outbox.add(draft("r-2"), bytes(32), 1, NOON, queued=True)
    assert (await retention(database).sweep())["outbox"] == 1
    assert await outbox.get(7, "r-1") is None
    assert await outbox.get(7, "r-2") is not None


async def test_a_long_walk_skips_what_stays(database: Database) -> None:
    """Thousands of messages go in steps, past those that stay."""
    inbox = SqlInboxStore(database)

    def many() -> Steps[None]:
        for number in range(2500):
            chat = str(ANNA) if number % 2 else str(BORIS)
            yield execute(
                "INSERT INTO inbox_messages (company_id, conversation, message_id, epoch, chat, sender,"
                " sender_alternate, phone_number, push_name, kind, body, quoted_message_id, send_time, receive_time)"
                " VALUES (7, $1, $2, 1, $1, $1, '', '', '', 'TEXT', '', '', 0, 0)",
                chat,
                f"m-{number}",
            )

    await inbox.delete("worker")
    await database.write(many)
    await inbox.open(terms(max_messages=10_000), NOON)
    claims = await inbox.claim(terms(max_messages=10_000), 10, "gateway-a", NOON)
    await inbox.ack(next(each for each in claims if each.conversation == str(ANNA)))
    assert (await retention(database).sweep())["inbox"] == 1250
    assert len(await inbox.read(7, str(BORIS), 5000)) == 1250


async def test_no_days_mean_for_ever(database: Database) -> None:
    """Messages and events stay."""
    await acked(SqlInboxStore(database), "m-1")
    assert await retention(database, Keep(None, None)).sweep() == {"receipts": 0}


async def test_old_events_go(database: Database) -> None:
    """The log forgets its oldest part, up to its newest event."""
    outbox = SqlOutboxStore(database)
    for request_id in ("r-1", "r-2", "r-3"):
        await outbox.add(draft(request_id), bytes(32), 1, NOON, queued=True)
    keep = Keep(messages=None, events=timedelta(days=7))
    sweeper = Retention(
        SqlRetentionStore(database), SqlEventLog(database), keep, lambda: NOON + timedelta(days=36_500), timedelta(0)
    )
    assert (await sweeper.sweep())["events"] == 2
