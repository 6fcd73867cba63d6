"""The order of the event log on PostgreSQL, where many write at once and none waits for the others' commits."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any, TypeAlias

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.databases import OpenRoom
from support.gateway_messages import ANNA, NOON, draft, grant_lease

from wamesh.gateway.event_log import LoggedEvent, Position
from wamesh.gateway.messages import DeliveryState, OutboxMessage
from wamesh.storage.database import Database, schema_of
from wamesh.storage.gateway.events import SqlEventLog
from wamesh.storage.gateway.outbox import SqlOutboxStore
from wamesh.whatsapp.events import ReceiptKind, ReceiptReceived

pytestmark = pytest.mark.postgres

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
_WRITERS = 4
_LEASE = "SELECT epoch FROM leases WHERE company_id = 7 FOR NO KEY UPDATE"
_SETTLE = "UPDATE outbox_messages SET state = 'SENT', message_id = 'id-1' WHERE request_id = 'r-1'"
_WAITING = "SELECT COUNT(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
_RANK = {state: rank for rank, state in enumerate(DeliveryState)}


@pytest.fixture
def database_url(postgresql_url: str) -> str:
    """PostgreSQL alone."""
    return postgresql_url


@pytest.fixture
async def database(room_database: OpenRoom) -> Database:
    """A database in which company 7 is held with epoch 1."""
    opened = await room_database("gateway")
    await grant_lease(opened, 7, 1)
    return opened


@pytest.fixture
async def writers(postgresql_url: str, database: Database) -> AsyncIterator[list[Connection]]:
    """Connections whose transactions a test begins and ends as it likes."""
    search_path = {"search_path": schema_of("gateway")}
    opened = [await asyncpg.connect(postgresql_url, server_settings=search_path) for _ in range(_WRITERS)]
    yield opened
    for connection in opened:
        await connection.close()


class Writer:
    """One connection's transactions; each row is a session of a company that tells rows apart."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._transaction: Any = None
        self.open: list[int] = []

    async def write(self, company_id: int) -> None:
        if self._transaction is None:
            self._transaction = self._connection.transaction()
            await self._transaction.start()
        await self._connection.execute(
            "INSERT INTO sessions (company_id, epoch, state, reason, since_time, device, lid, phone_number, name) "
            "VALUES ($1, 1, 'STOPPED', 'OPERATOR', 0, '', '', '', '')",
            company_id,
        )
        self.open.append(company_id)

    async def end(self, committed: bool) -> list[int]:
        """Ends the transaction; returns the companies that it wrote."""
        if self._transaction is None:
            return []
        await (self._transaction.commit() if committed else self._transaction.rollback())
        self._transaction, written, self.open = None, self.open, []
        return written if committed else []


class Reader:
    """Somebody who keeps a cursor."""

    def __init__(self, log: SqlEventLog, position: Position) -> None:
        self._log = log
        self._position = position
        self.seen: list[LoggedEvent] = []

    async def look(self) -> bool:
        """Reads a page; returns whether something is held back."""
        page = await self._log.read(self._position, 3)
        self.seen += page.events
        self._position = page.end
        return page.held_back or not page.complete


_WRITER = st.integers(0, _WRITERS - 1)
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), _WRITER),
        st.tuples(st.just("commit"), _WRITER),
        st.tuples(st.just("rollback"), _WRITER),
        st.tuples(st.just("look"), st.just(0)),
    ),
    max_size=40,
)


@given(steps=_STEPS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_each_event_is_read_once(
    database: Database, writers: list[Connection], steps: list[tuple[str, int]]
) -> None:
    """Whatever transactions are open and in whatever order they commit: none is missed, none doubled, and the positions
    only grow.
    """
    log = SqlEventLog(database)
    reader, crew = Reader(log, await log.latest()), [Writer(each) for each in writers]
    committed: list[int] = []
    fresh = iter(range(await _highest(writers[0]) + 1, 2**40))
    for verb, which in steps:
        match verb:
            case "write":
                await crew[which].write(next(fresh))
            case "look":
                await reader.look()
            case _:
                committed += await crew[which].end(verb == "commit")
    for writer in crew:
        committed += await writer.end(True)
    while await reader.look():
        pass
    assert sorted(event.company_id for event in reader.seen) == sorted(committed)
    assert all(one.position < other.position for one, other in pairwise(reader.seen))


async def test_what_commits_behind_an_open_transaction_waits_for_it(
    database: Database, writers: list[Connection]
) -> None:
    """Even though its identity is younger; the page tells that something is held back."""
    log = SqlEventLog(database)
    early, late = Writer(writers[0]), Writer(writers[1])
    start = await log.latest()
    await early.write(1)
    await late.write(2)
    await late.end(True)
    page = await log.read(start, 10)
    assert (page.events, page.held_back) == ((), True)
    await early.end(True)
    page = await log.read(page.end, 10)
    assert ([event.company_id for event in page.events], page.held_back) == ([1, 2], False)


async def test_who_waited_for_the_fence_comes_after_whom_it_waited_for(
    database: Database, writers: list[Connection]
) -> None:
    """A receipt that came while the message was being settled is told after SENT, since it has its transaction id only
    when it has the fence.
    """
    log, outbox = SqlEventLog(database), SqlOutboxStore(database)
    await outbox.add(draft(), bytes(32), 1, NOON, queued=False)
    settling = writers[0].transaction()
    await settling.start()
    await writers[0].execute(_LEASE)
    receipt = ReceiptReceived(ANNA, ("id-1",), ReceiptKind.DELIVERED, NOON)
    receiving = asyncio.create_task(outbox.note_receipts(7, 1, [receipt], NOON))
    while not await writers[1].fetchval(_WAITING):  # noqa: ASYNC110 (only the server knows)
        await asyncio.sleep(0)
    await writers[0].execute(_SETTLE)
    await settling.commit()
    await receiving
    page = await log.read(Position(0, 0), 10)
    assert [event.change.state for event in page.events] == ["SENDING", "SENT", "DELIVERED"]


async def test_the_states_of_a_message_come_in_their_order(database: Database) -> None:
    """However many messages are sent, settled and receipted at once."""
    log, outbox = SqlEventLog(database), SqlOutboxStore(database)
    await asyncio.gather(*(_live(outbox, f"r-{number}") for number in range(40)))
    page = await log.read(Position(0, 0), 1000)
    assert page.complete and not page.held_back
    told: dict[str, list[DeliveryState]] = {}
    for event in page.events:
        assert isinstance(event.change, OutboxMessage)
        told.setdefault(event.change.request_id, []).append(event.change.state)
    assert len(told) == 40
    for states in told.values():
        assert states[0] is DeliveryState.QUEUED and states[-1] is DeliveryState.READ
        assert states == sorted(set(states), key=_RANK.__getitem__)


async def _live(outbox: SqlOutboxStore, request_id: str) -> None:
    """A message's life, in which the receipts race with the ack."""
    message, _ = await outbox.add(draft(request_id), bytes(32), 1, NOON, queued=True)
    message = await outbox.start(message, 1, NOON)
    receipts = [ReceiptReceived(ANNA, (f"id-{request_id}",), kind, NOON) for kind in ReceiptKind]
    await asyncio.gather(
        outbox.finish(message, 1, NOON, message_id=f"id-{request_id}"),
        *(outbox.note_receipts(7, 1, [receipt], NOON) for receipt in receipts),
    )


async def _highest(connection: Connection) -> int:
    return int(await connection.fetchval("SELECT COALESCE(MAX(company_id), 0) FROM sessions"))
