"""The rules of `MessageHistory`, over both engines."""

from datetime import timedelta
from typing import Any

import pytest
from support.databases import OpenRoom
from support.gateway_messages import ANNA, ANNA_HIDDEN, BORIS, NOON, draft, grant_lease, inbound, seconds

from wamesh.errors import InvalidArgument
from wamesh.gateway.message_history import Direction, HistoryFilter, ListedMessage, Place
from wamesh.gateway.messages import DeliveryState, OutboxMessage, StoredMessage
from wamesh.storage.database import Database, Rows, Statement, Steps, execute
from wamesh.storage.gateway.inbox import SqlInboxStore
from wamesh.storage.gateway.message_history import SqlMessageHistory
from wamesh.storage.gateway.outbox import SqlOutboxStore
from wamesh.storage.migrations.dialect import blob
from wamesh.whatsapp.jid import Jid

S = DeliveryState
ALL = HistoryFilter(7)


class World:
    """Company 7's messages; each is stored a second after the one before."""

    def __init__(self, database: Database) -> None:
        self.history = SqlMessageHistory(database)
        self._inbox = SqlInboxStore(database)
        self._outbox = SqlOutboxStore(database)
        self._now = NOON

    async def receives(self, name: str, chat: Jid = ANNA, **fields: Any) -> None:
        self._now += seconds(1)
        await self._inbox.append(7, 1, inbound(name, chat, **fields), self._now)

    async def sends(self, name: str, chat: Jid = ANNA, state: DeliveryState = S.QUEUED, company_id: int = 7) -> None:
        self._now += seconds(1)
        wanted = draft(name, chat=chat, company_id=company_id)
        message, _ = await self._outbox.add(wanted, bytes(32), 1, self._now, queued=True)
        if state is S.FAILED:
            await self._outbox.finish(message, 1, self._now, failure="Why.")
        elif state is S.SENT:
            await self._outbox.finish(message, 1, self._now, message_id=f"id-{name}")

    async def names(self, wanted: HistoryFilter = ALL, before: Place = Place(), size: int = 100) -> list[str]:  # noqa: B008
        page = await self.history.page(wanted, before, size)
        return [name_of(each) for each in page.messages]

    async def pages(self, wanted: HistoryFilter, size: int) -> list[list[str]]:
        place: Place | None = Place()
        pages = []
        while place is not None:
            page = await self.history.page(wanted, Place.parse(str(place)), size)
            pages.append([name_of(each) for each in page.messages])
            place = page.next
        return pages


def name_of(listed: ListedMessage) -> str:
    if isinstance(listed.message, OutboxMessage):
        return listed.message.request_id
    return listed.message.message.message_id


@pytest.fixture
async def database(room_database: OpenRoom) -> Database:
    opened = await room_database("gateway")
    for company_id in (7, 8):
        await grant_lease(opened, company_id, 1)
    return opened


@pytest.fixture
def world(database: Database) -> World:
    return World(database)


async def dialogue(world: World) -> None:
    await world.receives("i-1")
    await world.sends("o-1", state=S.SENT)
    await world.receives("i-2", BORIS)
    await world.sends("o-2", BORIS, S.FAILED)
    await world.receives("i-3")
    await world.sends("o-3")


async def test_both_directions_come_newest_first(world: World) -> None:
    """One company's alone, each with its conversation, as it is stored."""
    await dialogue(world)
    await world.sends("o-9", company_id=8)
    assert await world.names() == ["o-3", "i-3", "o-2", "i-2", "o-1", "i-1"]
    page = await world.history.page(ALL, Place(), 2)
    newest, before = page.messages
    assert isinstance(newest.message, OutboxMessage) and isinstance(before.message, StoredMessage)
    assert (newest.conversation, newest.message.state) == (str(ANNA), S.QUEUED)
    assert (before.conversation, before.message.message) == (str(ANNA), inbound("i-3"))


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6, 7])
async def test_pages_hold_everything_once(world: World, size: int) -> None:
    """Whatever their size; the last one has no successor."""
    await dialogue(world)
    pages = await world.pages(ALL, size)
    assert [name for page in pages for name in page] == ["o-3", "i-3", "o-2", "i-2", "o-1", "i-1"]
    assert {len(page) for page in pages[:-1]} <= {size}
    assert pages[-1]


async def test_an_empty_history_is_one_empty_page(world: World) -> None:
    """Without a successor."""
    assert await world.pages(ALL, 10) == [[]]


async def test_new_messages_do_not_shift_a_page(world: World) -> None:
    """The next page goes on where the first one ended."""
    await dialogue(world)
    first = await world.history.page(ALL, Place(), 2)
    await world.receives("i-4")
    await world.sends("o-4")
    assert first.next is not None
    assert await world.names(ALL, first.next) == ["o-2", "i-2", "o-1", "i-1"]


async def test_a_clock_that_went_back_loses_nothing(world: World) -> None:
    """A message with an earlier time than the one before it still has its place."""
    await dialogue(world)
    world._now -= timedelta(hours=1)
    await world.sends("o-4")
    await world.receives("i-4")
    for size in (1, 2, 3):
        told = [name for page in await world.pages(ALL, size) for name in page]
        assert sorted(told) == ["i-1", "i-2", "i-3", "i-4", "o-1", "o-2", "o-3", "o-4"]


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (HistoryFilter(7, direction=Direction.INBOUND), ["i-3", "i-2", "i-1"]),
        (HistoryFilter(7, direction=Direction.OUTGOING), ["o-3", "o-2", "o-1"]),
        (HistoryFilter(7, BORIS), ["o-2", "i-2"]),
        (HistoryFilter(7, BORIS, Direction.INBOUND), ["i-2"]),
        (HistoryFilter(7, Jid.of_phone_number("+12025550199")), []),
        (HistoryFilter(7, states=frozenset({S.FAILED})), ["o-2"]),
        (HistoryFilter(7, states=frozenset({S.QUEUED, S.FAILED, S.SENT})), ["o-3", "o-2", "o-1"]),
        (HistoryFilter(7, states=frozenset({S.SENDING, S.READ})), []),
        (HistoryFilter(7, ANNA, states=frozenset({S.SENT, S.FAILED})), ["o-1"]),
        (HistoryFilter(7, direction=Direction.INBOUND, states=frozenset({S.SENT})), []),
    ],
)
async def test_a_filter_leaves_out_the_rest(world: World, wanted: HistoryFilter, names: list[str]) -> None:
    """By customer, direction, state, and all together; states are of outgoing messages alone."""
    await dialogue(world)
    assert await world.names(wanted) == names


async def test_a_customer_is_found_under_any_address(world: World) -> None:
    """By phone number and by hidden id, also what was stored before the two were known to be one."""
    await world.receives("i-1", ANNA_HIDDEN)
    await world.sends("o-1", ANNA_HIDDEN)
    await world.receives("i-2", ANNA)
    await world.sends("o-2", ANNA)
    assert await world.names(HistoryFilter(7, ANNA)) == ["o-2", "i-2"]
    await world.receives("i-3", ANNA, sender_alternate=ANNA_HIDDEN)
    for address in (ANNA, ANNA_HIDDEN):
        page = await world.history.page(HistoryFilter(7, address), Place(), 10)
        assert [name_of(each) for each in page.messages] == ["i-3", "o-2", "i-2", "o-1", "i-1"]
        assert {each.conversation for each in page.messages} == {str(ANNA)}


async def test_a_token_that_no_page_gave_is_refused() -> None:
    """By its field."""
    for token in ("x", "before-", "before-1", "before-1-x", "after-7", "before-1-2-3"):
        with pytest.raises(InvalidArgument, match="page_token: must be the next_page_token"):
            Place.parse(token)


_FILTERS = [
    ALL,
    HistoryFilter(7, ANNA),
    HistoryFilter(7, states=frozenset({S.FAILED})),
    HistoryFilter(7, states=frozenset({S.QUEUED, S.UNKNOWN})),
    HistoryFilter(7, ANNA, states=frozenset({S.FAILED})),
]


@pytest.mark.parametrize("wanted", _FILTERS)
async def test_a_page_is_read_from_indexes(database: Database, world: World, wanted: HistoryFilter) -> None:
    """No plan walks through a table or sorts more than a page, so that a page costs the same among a million
    messages.
    """
    await database.write(lambda: _many_messages(database))
    plan = "\n".join(await _plans(database, wanted))
    for walk in (
        "SCAN m",
        "SCAN inbox_messages",
        "SCAN outbox_messages",
        "Seq Scan on inbox_m",
        "Seq Scan on outbox_m",
    ):
        assert walk not in plan, plan
    assert {line.strip() for line in plan.splitlines() if "AUTOMATIC" in line} == set()


def _many_messages(database: Database) -> Steps[None]:
    """20,000 rows of company 7 in each direction, between a hundred customers; one in a thousand FAILED."""
    series = {
        "sqlite": "WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 20000)",
        "postgresql": "WITH s(n) AS (SELECT generate_series(1, 20000))",
    }[database.engine]
    none = f"CAST('' AS {blob(database.engine)})"
    state = "CASE WHEN n % 1000 = 0 THEN 'FAILED' ELSE 'READ' END"
    chat = "'120255501' || CAST(n % 90 + 10 AS TEXT) || '@s.whatsapp.net'"
    yield execute(
        "INSERT INTO inbox_messages (company_id, conversation, message_id, epoch, chat, sender, sender_alternate, "
        "phone_number, push_name, kind, body, quoted_message_id, send_time, receive_time) "
        f"{series} SELECT 7, {chat}, n, 1, {chat}, {chat}, '', '', '', 'TEXT', 'Hello', '', n, n FROM s"
    )
    yield execute(
        "INSERT INTO outbox_messages (company_id, request_id, content_hash, chat, body, quoted_message_id, secret, "
        "queueable, at_least_once, state, message_id, failure, epoch, create_time, update_time) "
        f"{series} SELECT 7, n, {none}, {chat}, 'Hello', '', {none}, FALSE, FALSE, {state}, '', '', 1, n, n FROM s"
    )
    yield execute("ANALYZE")


async def _plans(database: Database, wanted: HistoryFilter) -> list[str]:
    """The plan of each statement of a page."""
    asked: list[Statement] = []

    class Noting:
        engine = database.engine

        async def read(self, steps: Any) -> Any:
            def noted() -> Steps[Any]:
                running, rows = steps(), None
                try:
                    while True:
                        asked.append(running.send(rows))
                        rows = yield asked[-1]
                except StopIteration as done:
                    return done.value

            return await database.read(noted)

    await SqlMessageHistory(Noting()).page(wanted, Place(), 100)  # type: ignore[arg-type]
    words = "EXPLAIN QUERY PLAN" if database.engine == "sqlite" else "EXPLAIN"

    def explained(statement: Statement) -> Steps[Rows]:
        return (yield Statement(f"{words} {statement.sql}", statement.args))

    plans = [await database.read(lambda each=each: explained(each)) for each in asked]  # type: ignore[misc]
    return [str(line[-1]) for plan in plans for line in plan]
