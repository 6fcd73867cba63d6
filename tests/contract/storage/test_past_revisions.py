"""A database of any past revision, with the rows of its time, comes to the newest and is read by today's stores."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest
from support.past_rows import PAST_ROWS

from wamesh.booking.appointments import ChangeKind
from wamesh.gateway.event_log import Position
from wamesh.gateway.message_history import HistoryFilter, Place
from wamesh.gateway.messages import DeliveryState, OutboxMessage, StoredMessage, Terms
from wamesh.gateway.session.state import Reason, SessionState
from wamesh.storage.booking.bookings import BookingTables
from wamesh.storage.booking.calendar import CalendarTables
from wamesh.storage.booking.feeds import FeedTables, ImportTables
from wamesh.storage.database import Database, Room, Steps, execute, migrate, open_database, schema_of
from wamesh.storage.gateway.events import SqlEventLog
from wamesh.storage.gateway.inbox import SqlInboxStore
from wamesh.storage.gateway.members import SqlMemberStore
from wamesh.storage.gateway.message_history import SqlMessageHistory
from wamesh.storage.gateway.outbox import SqlOutboxStore
from wamesh.storage.gateway.sessions import SqlSessionStore
from wamesh.storage.migrations.dialect import blob
from wamesh.storage.migrations.runner import History, history_of, migrate_to_newest
from wamesh.storage.worker.conversations import ConversationTables
from wamesh.worker.conversation import Conversation, Stage
from wamesh.worker.stores import Key, OwedReply

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ANNA, BORIS = "12025550101@s.whatsapp.net", "12025550102@s.whatsapp.net"
S = DeliveryState
PAST: list[tuple[Room, str]] = [
    (room, revision) for room in get_args(Room) for revision in history_of(room).revisions()
]


@asynccontextmanager
async def opened(url: str, room: Room) -> AsyncIterator[Database]:
    database = await open_database(url, schema_of(room))
    try:
        yield database
    finally:
        await database.close()


async def live_through(url: str, room: Room, revision: str, directory: Path) -> None:
    """Migrates from the first revision to that one, and writes at each the rows of its time."""
    for then in history_of(room).revisions():
        if then > revision:
            return
        await migrate_to_newest(url, as_it_was(room, then, directory / then))
        async with opened(url, room) as database:
            await database.write(lambda then=then: _rows(room, then, database))  # type: ignore[misc]


def as_it_was(room: Room, revision: str, versions: Path) -> History:
    """The room's history when that revision was the newest."""
    whole = history_of(room)
    versions.mkdir()
    for script in whole.versions.glob("[0-9]*_*.py"):
        if script.name.partition("_")[0] <= revision:
            shutil.copy(script, versions)
    return replace(whole, versions=versions)


def _rows(room: Room, revision: str, database: Database) -> Steps[None]:
    for statement in PAST_ROWS[room].get(revision, ()):
        yield execute(statement.format(bytes=blob(database.engine)))


async def read_gateway(database: Database, revision: str) -> None:
    """Sessions; from 0002 on both directions of messages, what is pending and what is open."""
    unpaired, lost = sorted(await SqlSessionStore(database).load(), key=lambda each: -each.company_id)
    assert (lost.epoch, lost.session.state, lost.session.reason) == (
        3,
        SessionState.DISCONNECTED,
        Reason.NETWORK_LOST,
    )
    assert (lost.session.retry_time, lost.device.phone_number) == (NOON + timedelta(minutes=1), "+12025550100")
    assert (unpaired.session.state, unpaired.device.address) == (SessionState.UNPAIRED, "")
    assert await SqlMemberStore(database).renew("gateway-b", "", timedelta(minutes=1))
    if revision >= "0002":
        await read_messages(database, revision)


async def read_messages(database: Database, revision: str) -> None:
    inbox, outbox = SqlInboxStore(database), SqlOutboxStore(database)
    page = await SqlMessageHistory(database).page(HistoryFilter(7), Place(), 100)
    sent = [each.message for each in page.messages if isinstance(each.message, OutboxMessage)]
    received = [each.message for each in page.messages if isinstance(each.message, StoredMessage)]
    surely = [("r-surely", S.SENDING)] if revision >= "0003" else []
    planned = [("r-later", S.QUEUED), ("r-cancelled", S.CANCELLED)] if revision >= "0006" else []
    assert [(each.request_id, each.state) for each in sent] == [
        *planned,
        *surely,
        ("r-queued", S.QUEUED),
        ("r-sending", S.SENDING),
        ("r-unknown", S.UNKNOWN),
        ("r-failed", S.FAILED),
        ("r-read", S.READ),
    ]
    assert [each.request_id for each in sent if each.at_least_once] == [name for name, _ in surely]
    assert [each.request_id for each in sent if each.schedule_time] == [name for name, _ in planned]
    assert [each.message.message_id for each in received] == ["m-3", "m-2", "m-1"]
    at_work = {each.request_id for each in await outbox.open_messages(7)}
    assert at_work == {"r-sending", "r-queued", *(name for name, _ in surely)}
    (letter,) = await inbox.dead_letters("worker", 10)
    assert (letter.conversation, letter.sequence, letter.attempts) == (BORIS, 2, 10)
    assert letter.replaying is (revision >= "0005")
    claims = await inbox.claim(Terms("worker"), 10, "gateway-b", NOON + timedelta(hours=1))
    due = {each.conversation: [one.message.message_id for one in each.messages] for each in claims}
    assert due == {ANNA: ["m-3"]} | ({BORIS: ["m-2"]} if letter.replaying else {})
    await changes_are_logged(database, outbox)


async def changes_are_logged(database: Database, outbox: SqlOutboxStore) -> None:
    """What was there before the log tells its changes from now on."""
    log = SqlEventLog(database)
    before = await log.latest()
    queued = await outbox.get(7, "r-queued")
    assert queued is not None
    failed = await outbox.finish(queued, 3, NOON, failure="Too late.")
    page = await log.read(before, 10)
    assert [event.change for event in page.events] == [failed]
    assert before >= Position(0, 0)


async def read_booking(database: Database, revision: str) -> None:
    """The catalogue, the visit with its customer, and what became of one that was cancelled."""
    calendar = await database.read(lambda: CalendarTables(database).read(7))
    assert [service.name for service in calendar.services] == ["Haircut"]
    tables = BookingTables()
    booking = await database.read(lambda: tables.get(7, 1))
    assert (booking.start * 60, booking.customer.chat) == (NOON.timestamp(), ANNA)
    (created,) = await database.read(lambda: tables.history(7, 1))
    assert (created.kind, created.segments) == (ChangeKind.CREATED, booking.segments)
    told = await database.read(lambda: tables.history(7, 2))
    assert [(each.revision, each.kind, each.time, each.reason) for each in told] == [
        (1, ChangeKind.CREATED, NOON, ""),
        (2, ChangeKind.CANCELLED, NOON + timedelta(minutes=1), "ill"),
    ]
    assert (await database.read(lambda: tables.get(7, 2))).revision == 2
    visit, *held = await database.read(lambda: tables.visits(7, 0, 0))
    assert (visit.visit_id, visit.segments) == (1, booking.segments)
    assert [each.expire_time for each in held] == ([NOON + timedelta(minutes=5)] if revision >= "0002" else [])
    feed = await database.read(lambda: FeedTables().find(b"0123456789abcdef0123456789abcdef"))
    assert (feed is not None) == (revision >= "0003")
    imports = await database.read(lambda: ImportTables().list(7, 1))
    assert [each.name for each in imports] == (["home"] if revision >= "0003" else [])
    recorded = await database.read(lambda: tables.find_request(7, "b-1"))
    assert recorded is not None
    assert recorded.booking == booking


async def read_worker(database: Database, revision: str) -> None:
    """The conversation where it was, the reply that is owed, and what was answered."""
    memory = await ConversationTables(database).load(Key(7, ANNA), ["m-1"])
    assert (memory.state, memory.turn) == (Conversation(language="ru", stage=Stage.OFFERED), 2)
    assert memory.owed == (OwedReply("reply-1", "Есть время в 10:00."),)
    assert set(memory.handled) == ({"m-1"} if revision >= "0002" else set())


READ: dict[Room, Callable[[Database, str], Awaitable[None]]] = {
    "gateway": read_gateway,
    "booking": read_booking,
    "worker": read_worker,
}


@pytest.mark.parametrize(("room", "revision"), PAST)
async def test_a_database_of_any_revision_comes_to_the_newest(
    database_url: str, tmp_path: Path, room: Room, revision: str
) -> None:
    """Its rows are there, and today's stores read them."""
    await live_through(database_url, room, revision, tmp_path)
    await migrate(database_url, room)
    async with opened(database_url, room) as database:
        await READ[room](database, revision)
