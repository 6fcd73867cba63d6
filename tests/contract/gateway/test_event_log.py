"""The rules of `EventLog`, over both engines: what the stores change is in the log, once and in order."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from support.databases import OpenRoom
from support.gateway_messages import ANNA, NOON, draft, grant_lease, seconds

from wamesh.gateway.errors import LeaseLost
from wamesh.gateway.event_log import CursorExpired, CursorUnknown, LoggedEvent, Position
from wamesh.gateway.messages import DeliveryState, OutboxMessage
from wamesh.gateway.session.state import Reason, Session, SessionState
from wamesh.gateway.sessions import SessionSnapshot
from wamesh.gateway.stores import Device, StoredSession
from wamesh.storage.database import Database
from wamesh.storage.gateway.events import SqlEventLog
from wamesh.storage.gateway.outbox import SqlOutboxStore
from wamesh.storage.gateway.sessions import SqlSessionStore
from wamesh.whatsapp.events import ReceiptKind, ReceiptReceived

SECRET = bytes(32)
START = Position(0, 0)
LATER = datetime(2100, 1, 1, tzinfo=UTC)
S = DeliveryState


@pytest.fixture
async def database(room_database: OpenRoom) -> Database:
    """A database in which companies 7 and 8 are held with epoch 1."""
    opened = await room_database("gateway")
    for company_id in (7, 8):
        await grant_lease(opened, company_id, 1)
    return opened


@pytest.fixture
def log(database: Database) -> SqlEventLog:
    return SqlEventLog(database)


@pytest.fixture
def outbox(database: Database) -> SqlOutboxStore:
    return SqlOutboxStore(database)


async def events(log: SqlEventLog, after: Position = START, *company_ids: int) -> tuple[LoggedEvent, ...]:
    page = await log.read(after, 100, company_ids)
    assert page.complete
    return page.events


async def states(log: SqlEventLog, *company_ids: int) -> list[str]:
    return [event.change.state.value for event in await events(log, START, *company_ids)]


async def queued(outbox: SqlOutboxStore, request_id: str = "r-1", company_id: int = 7) -> OutboxMessage:
    message, _ = await outbox.add(draft(request_id, company_id=company_id), SECRET, 1, NOON, queued=True)
    return message


async def test_every_state_of_a_message_is_an_event(log: SqlEventLog, outbox: SqlOutboxStore) -> None:
    """Each as the message was then, in order, with everything that never changes."""
    one = await queued(outbox)
    two = await outbox.start(one, 1, NOON + seconds(1))
    three = await outbox.finish(two, 1, NOON + seconds(2), message_id="id-1")
    (four,) = await receive(outbox, ReceiptKind.DELIVERED, "id-1")
    (five,) = await receive(outbox, ReceiptKind.READ, "id-1")
    assert [event.change for event in await events(log)] == [one, two, three, four, five]


async def test_a_message_that_is_taken_back_is_an_event(log: SqlEventLog, outbox: SqlOutboxStore) -> None:
    """CANCELLED, or FAILED when it waited too long, with its times."""
    wanted = draft(expire_time=NOON + seconds(60), schedule_time=NOON + seconds(30))
    message, _ = await outbox.add(wanted, SECRET, 1, NOON, queued=True)
    cancelled = await outbox.cancel(7, "r-1", 1, NOON + seconds(1))
    late, _ = await outbox.add(replace(wanted, request_id="r-2"), SECRET, 1, NOON, queued=True)
    assert await outbox.expire(NOON + seconds(60), "Too late.", 10) == 1
    expired = await outbox.get(7, "r-2")
    assert [event.change for event in await events(log)] == [message, cancelled, late, expired]


async def test_what_changes_no_state_is_no_event(log: SqlEventLog, outbox: SqlOutboxStore) -> None:
    """A doubt keeps an id, a renewal a secret, a late receipt nothing; the last word comes with its failure."""
    message = await outbox.start(await queued(outbox), 1, NOON)
    message = await outbox.doubt(message, "id-1", 1, NOON)
    message = await outbox.renew(message, bytes(32), 1, NOON)
    assert await receive(outbox, ReceiptKind.READ, "id-other") == []
    unknown = await outbox.give_up(message, 1, NOON, "Nobody knows.")
    await outbox.finish(message, 1, NOON, message_id="id-2")
    assert [event.change for event in await events(log)][2:] == [unknown]
    assert (unknown.message_id, unknown.failure) == ("id-1", "Nobody knows.")


async def test_a_change_that_did_not_happen_is_no_event(log: SqlEventLog, outbox: SqlOutboxStore) -> None:
    """The event is in the transaction of the change, and gone with it."""
    message = await queued(outbox)
    with pytest.raises(LeaseLost):
        await outbox.start(message, 2, NOON)
    assert await states(log) == ["QUEUED"]


async def test_a_message_that_was_withdrawn_is_told_no_more(log: SqlEventLog, outbox: SqlOutboxStore) -> None:
    """Send refused it, and its request id is free; what else there is comes still, and the page goes on after it."""
    await outbox.withdraw(await queued(outbox), 1)
    other = await queued(outbox, "r-2")
    page = await log.read(START, 1)
    assert (page.events, page.complete) == ((), False)
    assert [event.change for event in (await log.read(page.end, 10)).events] == [other]


async def test_every_state_and_reason_of_a_session_is_an_event(database: Database, log: SqlEventLog) -> None:
    """With what was saved, and without what only the present has; a save that changes neither is none."""
    store = SqlSessionStore(database)
    device = Device("12025550101:3@s.whatsapp.net", "987@lid", "+12025550101", "Salon")
    down = Session(SessionState.DISCONNECTED, Reason.NETWORK_LOST, NOON, NOON + seconds(60))
    saved = StoredSession(7, 3, down, device)
    await store.save(saved)
    await store.save(replace(saved, epoch=4))
    await store.save(replace(saved, epoch=4, session=replace(down, reason=Reason.DIAL_FAILED)))
    await store.save(replace(saved, epoch=5, session=Session(SessionState.CONNECTED, Reason.LOGGED_IN, NOON)))
    first = SessionSnapshot(
        company_id=7,
        state=SessionState.DISCONNECTED,
        reason=Reason.NETWORK_LOST,
        since=NOON,
        retry_time=NOON + seconds(60),
        device="12025550101:3@s.whatsapp.net",
        lid="987@lid",
        phone_number="+12025550101",
        epoch=3,
    )
    second = replace(first, reason=Reason.DIAL_FAILED, epoch=4)
    third = replace(first, state=SessionState.CONNECTED, reason=Reason.LOGGED_IN, retry_time=None, epoch=5)
    assert [event.change for event in await events(log)] == [first, second, third]


async def test_an_event_has_the_databases_time(log: SqlEventLog, outbox: SqlOutboxStore) -> None:
    """Whatever the clock of the gateway says."""
    before = datetime.now(UTC) - seconds(1)
    await queued(outbox)
    (event,) = await events(log)
    assert before < event.time < datetime.now(UTC) + seconds(1)
    assert event.company_id == 7


async def test_reading_goes_on_after_a_position(log: SqlEventLog, outbox: SqlOutboxStore) -> None:
    """In pages of any size, each event exactly once; the end of the last page is where the next begins."""
    for number in range(5):
        await queued(outbox, f"r-{number}")
    whole = await events(log)
    assert [event.change for event in whole] == sorted(
        (event.change for event in whole if isinstance(event.change, OutboxMessage)), key=lambda each: each.sequence
    )
    position = START
    seen: list[LoggedEvent] = []
    while not (page := await log.read(position, 2)).complete:
        seen += page.events
        position = page.end
    assert [*seen, *page.events] == list(whole)
    assert await events(log, page.end) == ()
    later = await queued(outbox, "r-9")
    assert [event.change for event in await events(log, page.end)] == [later]
    assert await events(log, whole[2].position) == (*whole[3:], *await events(log, page.end))


async def test_only_the_companies_that_were_asked_for(log: SqlEventLog, outbox: SqlOutboxStore) -> None:
    """And a page that holds few of them ends where all was looked through."""
    for number in range(4):
        await queued(outbox, f"r-{number}", 7 + number % 2)
    assert {event.company_id for event in await events(log, START, 8)} == {8}
    assert len(await events(log, START, 7, 8)) == 4
    page = await log.read(START, 10, [9])
    assert (page.events, await events(log, page.end)) == ((), ())


async def test_a_cursor_is_text(log: SqlEventLog, outbox: SqlOutboxStore) -> None:
    """It comes back as the position that it was."""
    await queued(outbox)
    (event,) = await events(log)
    assert Position.parse(str(event.position)) == event.position


@pytest.mark.parametrize(
    "text", ["", "-", "1", "1-", "-1", "1-2-3", "01-2", "1-+2", " 1-2", "1-2 ", "١-٢", "9" * 19 + "-1"]
)
def test_another_text_is_no_cursor(text: str) -> None:
    """It is refused, not read as far as it goes."""
    with pytest.raises(CursorUnknown, match="after_cursor"):
        Position.parse(text)


async def test_what_the_log_has_not_reached_is_no_cursor(log: SqlEventLog, outbox: SqlOutboxStore) -> None:
    """It comes from another database; the latest position is one, also while the log is empty."""
    await log.check(await log.latest())
    await log.check(await log.earliest())
    await queued(outbox)
    latest = await log.latest()
    await log.check(latest)
    ahead = Position(latest.transaction and latest.transaction + 1000, latest.sequence + 1000)
    with pytest.raises(CursorUnknown):
        await log.check(ahead)


async def test_watching_from_now_on_begins_after_what_was(log: SqlEventLog, outbox: SqlOutboxStore) -> None:
    """The latest position lies after every event, the earliest before each."""
    await queued(outbox, "r-1")
    now = await log.latest()
    later = await queued(outbox, "r-2")
    assert [event.change for event in await events(log, now)] == [later]
    assert len(await events(log, await log.earliest())) == 2


async def test_pruning_removes_the_oldest(log: SqlEventLog, outbox: SqlOutboxStore) -> None:
    """As many as it may; what is left is read from the new beginning, and earlier cursors are refused."""
    for number in range(5):
        await queued(outbox, f"r-{number}")
    whole = await events(log)
    assert await log.prune(LATER, 2) == 2
    assert await log.earliest() == whole[1].position
    assert await events(log, whole[1].position) == whole[2:]
    for expired in (START, whole[0].position):
        with pytest.raises(CursorExpired) as refusal:
            await log.read(expired, 10)
        assert refusal.value.metadata == {"cursor": str(expired)}
        with pytest.raises(CursorExpired):
            await log.check(expired)
    await log.check(whole[1].position)


async def test_pruning_keeps_what_is_young(log: SqlEventLog, outbox: SqlOutboxStore) -> None:
    """Nothing is removed, and no cursor expires."""
    await queued(outbox)
    assert await log.prune(datetime.now(UTC) - timedelta(days=7), 100) == 0
    assert len(await events(log)) == 1


async def test_the_newest_event_is_kept(log: SqlEventLog, outbox: SqlOutboxStore) -> None:
    """Its cursor stays good however long nothing happens, and new events come after it."""
    assert await log.prune(LATER, 100) == 0
    await queued(outbox, "r-0")
    await queued(outbox, "r-1")
    _, event = await events(log)
    assert await log.prune(LATER, 100) == 1
    assert await log.prune(LATER, 100) == 0
    assert await events(log, await log.earliest()) == (event,)
    await log.check(event.position)
    await log.check(await log.latest())
    later = await queued(outbox, "r-2")
    assert [each.change for each in await events(log, event.position)] == [later]


async def receive(outbox: SqlOutboxStore, kind: ReceiptKind, message_id: str) -> list[OutboxMessage]:
    return await outbox.note_receipts(7, 1, [ReceiptReceived(ANNA, (message_id,), kind, NOON)], NOON + seconds(9))
