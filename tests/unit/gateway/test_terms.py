"""A flight ends with the term of its lease; the next term goes on from the rows, and nothing is lost or doubled."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from support.fake_sessions import FakeSessions, Gate, lose
from support.gateway_messages import BORIS, draft, grant_lease, seconds
from support.outbox_bench import PATIENT, Bench, held_database

from wamesh.errors import Unavailable
from wamesh.gateway.errors import LeaseLost, SessionStopped
from wamesh.gateway.message_errors import RequestIdReused
from wamesh.gateway.messages import DeliveryState, OutboxMessage
from wamesh.gateway.session.state import SessionState
from wamesh.storage.database import Database
from wamesh.storage.gateway.outbox import SqlOutboxStore
from wamesh.whatsapp.events import ReceiptKind
from wamesh.whatsapp.transport import OutgoingMessage, Uncertain

S = DeliveryState


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with held_database(tmp_path) as database:
        yield database


@pytest.fixture
async def bench(database: Database) -> AsyncIterator[Bench]:
    bench = Bench(database)
    yield bench
    await bench.outbox.close()


async def test_the_end_of_a_term_ends_its_callers(bench: Bench) -> None:
    """They hear LeaseLost at once, and the row tells the next term where to go on."""
    gate = Gate()
    bench.sessions.script.append(gate.step())
    caller = asyncio.create_task(bench.outbox.send(draft()))
    await gate.reached.wait()
    bench.outbox.end(7)
    bench.outbox.end(7)
    with pytest.raises(LeaseLost):
        await caller
    assert await bench.state() is S.SENDING


@pytest.mark.parametrize("proven", [True, False])
async def test_a_send_on_the_wire_is_resolved_by_the_next_term(bench: Bench, proven: bool) -> None:
    """What the ended term had written to the wire is not sent again; a receipt proves it."""
    bench.boot(PATIENT)
    gate = Gate()

    async def sent_and_silent(sessions: FakeSessions, message: OutgoingMessage) -> None:
        sessions.network.write_down(message)
        sessions.network.wire.append(message)
        await gate.pass_through()

    bench.sessions.script.append(sent_and_silent)
    caller = asyncio.create_task(bench.outbox.send(draft()))
    await gate.reached.wait()
    await bench.retake(2)
    with pytest.raises(LeaseLost):
        await caller
    again = asyncio.create_task(bench.outbox.send(draft()))
    await asyncio.sleep(0)
    await bench.outbox.send(draft("r-2", text="the next of the chat, which waits for no doubt"))
    assert (await bench.outbox.get(7, "r-1")).message_id == "id-1"
    if proven:
        await bench.receipt(ReceiptKind.DELIVERED, "id-1", epoch=2)
        assert (await again).state is S.DELIVERED
    else:
        again.cancel()
    assert len(bench.wire()) == 2


async def test_a_flight_that_waits_never_outlives_its_term(bench: Bench) -> None:
    """It waits for its session while another gateway sends the message; when the session is back here, it is gone."""
    bench.sessions.set(7, SessionState.DISCONNECTED)
    assert (await bench.outbox.send(draft(queueable=True))).state is S.QUEUED
    other = Bench(bench.database, bench.network)
    bench.outbox.end(7)
    other.outbox.end(7)
    await other.retake(2)
    assert (await other.outbox.send(draft(queueable=True))).state is S.SENT
    await other.outbox.close()
    await bench.retake(3)
    assert (await bench.outbox.send(draft(queueable=True))).state is S.SENT
    assert len(bench.wire()) == 1


async def test_a_flight_that_would_send_again_never_outlives_its_term(bench: Bench) -> None:
    """Its message was begun and surely not sent; another gateway sends it while this one waits for its session."""
    gate = Gate()
    bench.sessions.script.append(gate.step())
    caller = asyncio.create_task(bench.outbox.send(draft("r-1", text="1")))
    await gate.reached.wait()
    await bench.retake(2, SessionState.DISCONNECTED)
    assert (await bench.outbox.send(draft("r-2", text="2", queueable=True))).state is S.QUEUED
    bench.outbox.end(7)
    other = Bench(bench.database, bench.network)
    await other.retake(3)
    assert (await other.outbox.send(draft("r-1", text="1"))).state is S.SENT
    await other.outbox.close()
    await bench.retake(4)
    await bench.outbox.send(draft("r-3", text="3"))
    with pytest.raises(LeaseLost):
        await caller
    assert bench.wire() == ["1", "2", "3"]


async def test_flights_behind_one_another_end_together(bench: Bench) -> None:
    """The turn that the first gives up is not taken by a flight that ended, too."""
    gate = Gate()
    bench.sessions.script.append(gate.step())
    callers = [asyncio.create_task(bench.outbox.send(draft(f"r-{each}"))) for each in range(3)]
    await gate.reached.wait()
    bench.outbox.end(7)
    outcomes = await asyncio.gather(*callers, return_exceptions=True)
    assert {type(each) for each in outcomes} == {LeaseLost}
    assert bench.wire() == []


async def test_what_is_older_goes_first(bench: Bench) -> None:
    """A new term sends nothing new before it has taken up what the last one left, in order."""
    bench.sessions.set(7, SessionState.DISCONNECTED)
    for number in (1, 2):
        await bench.outbox.send(draft(f"r-{number}", text=f"{number}", queueable=True))
    await bench.retake(2)
    await bench.outbox.send(draft("r-3", text="3"))
    assert bench.wire() == ["1", "2", "3"]


async def test_a_term_begins_although_the_database_is_away(bench: Bench) -> None:
    """It asks until it hears what is open; who sends meanwhile waits."""
    bench.sessions.set(7, SessionState.DISCONNECTED)
    await bench.outbox.send(draft("r-1", text="1", queueable=True))
    await bench.outbox.close()
    bench.boot(store=AwayAtFirst(bench.store))
    await bench.outbox.send(draft("r-2", text="2"))
    assert bench.wire() == ["1", "2"]


async def test_a_row_whose_answer_was_lost_is_not_left_behind(bench: Bench) -> None:
    """The database stored the message and went away before it could say so; the caller never asks again."""
    bench.boot(store=SilentOnce(bench.store))
    with pytest.raises(Unavailable):
        await bench.outbox.send(draft())
    await bench.sessions.sent(1)
    assert (await bench.outbox.send(draft())).state is S.SENT
    assert len(bench.wire()) == 1


async def test_who_waits_for_a_term_hears_of_its_end(bench: Bench) -> None:
    """A term may end before the database told what is open."""
    bench.boot(store=AwayAtFirst(bench.store, failures=10**6))
    caller = asyncio.create_task(bench.outbox.send(draft()))
    await asyncio.sleep(0)
    bench.outbox.end(7)
    with pytest.raises(LeaseLost):
        await caller


async def test_without_a_term_a_message_may_queue(bench: Bench) -> None:
    """It is stored for the next term, which takes it up without being asked."""
    bench.outbox.end(7)
    bench.sessions.set(7, SessionState.STOPPED)
    for _ in range(2):
        assert (await bench.outbox.send(draft(text="1", queueable=True))).state is S.QUEUED
    await bench.retake(2)
    await bench.outbox.send(draft("r-2", text="2"))
    assert bench.wire() == ["1", "2"]


async def test_without_a_term_nothing_else_is_sent(bench: Bench) -> None:
    """The session's state says why; a session that is connected has another holder then. No row is left."""
    bench.outbox.end(7)
    with pytest.raises(LeaseLost):
        await bench.outbox.send(draft())
    bench.sessions.set(7, SessionState.STOPPED)
    with pytest.raises(SessionStopped):
        await bench.outbox.send(draft())
    assert await bench.store.get(7, "r-1") is None


async def test_without_a_term_an_outcome_is_told(bench: Bench) -> None:
    """Reading a row needs no lease; other content under its id is refused all the same."""
    await bench.outbox.send(draft())
    bench.outbox.end(7)
    assert (await bench.outbox.send(draft())).state is S.SENT
    with pytest.raises(RequestIdReused):
        await bench.outbox.send(draft(text="Other"))


async def test_without_a_term_an_open_message_has_no_answer_yet(bench: Bench) -> None:
    """Neither sent nor surely not: the caller asks again."""
    gate = Gate()
    bench.sessions.script.append(gate.step())
    caller = asyncio.create_task(bench.outbox.send(draft()))
    await gate.reached.wait()
    bench.outbox.end(7)
    with pytest.raises(LeaseLost):
        await caller
    bench.sessions.set(7, SessionState.STOPPED)
    with pytest.raises(LeaseLost):
        await bench.outbox.send(draft())


async def test_a_message_left_under_an_old_epoch_is_refused(bench: Bench, database: Database) -> None:
    """Somebody holds the company since: its term may have taken up what was open, and would never see this one."""
    bench.outbox.end(7)
    await grant_lease(database, 7, 2)
    bench.sessions.set(7, SessionState.DISCONNECTED, epoch=1)
    with pytest.raises(LeaseLost):
        await bench.outbox.send(draft(queueable=True))
    assert await bench.store.get(7, "r-1") is None


async def test_a_drain_lets_what_is_on_the_wire_finish(bench: Bench) -> None:
    """What waits behind it is left to the next holder, and nothing new begins."""
    gate = Gate()
    bench.sessions.script.append(gate.step())
    first = asyncio.create_task(bench.outbox.send(draft("r-1")))
    await gate.reached.wait()
    second = asyncio.create_task(bench.outbox.send(draft("r-2")))
    await asyncio.sleep(0)
    await bench.outbox.send(draft("r-0", text="whose row is written after that of r-2", chat=BORIS))
    drained = asyncio.create_task(bench.outbox.drain(7, 60))
    await asyncio.sleep(0)
    with pytest.raises(LeaseLost):
        await bench.outbox.send(draft("r-3", chat=BORIS))
    gate.opened.set()
    await drained
    assert (await first).state is S.SENT
    with pytest.raises(LeaseLost):
        await second
    assert (await bench.state("r-2"), await bench.store.get(7, "r-3"), len(bench.wire())) == (S.QUEUED, None, 2)


async def test_a_drain_does_not_wait_for_ever(bench: Bench) -> None:
    """After its grace the term may be ended."""
    gate = Gate()
    bench.sessions.script.append(gate.step())
    caller = asyncio.create_task(bench.outbox.send(draft()))
    await gate.reached.wait()
    await bench.outbox.drain(7, 0)
    bench.outbox.end(7)
    with pytest.raises(LeaseLost):
        await caller


async def test_a_drain_does_not_wait_for_a_proof(bench: Bench) -> None:
    """A doubt may take a minute, and the next holder hears the receipt as well."""
    bench.boot(PATIENT)
    bench.sessions.script.append(lose(sent=True, outcome=Uncertain("timed out")))
    caller = asyncio.create_task(bench.outbox.send(draft()))
    await asyncio.sleep(0)
    await bench.outbox.send(draft("r-2", text="the next of the chat, which waits for no doubt"))
    await bench.outbox.drain(7, 60)
    with pytest.raises(LeaseLost):
        await caller
    assert await bench.state() is S.SENDING


class SilentOnce(SqlOutboxStore):
    """A store of which the first `add` is done and not confirmed."""

    def __init__(self, store: SqlOutboxStore) -> None:
        super().__init__(store._database)
        self._silent = True

    async def add(self, *args: Any, **kwargs: Any) -> tuple[OutboxMessage, bool]:
        added = await super().add(*args, **kwargs)
        if self._silent:
            self._silent = False
            raise Unavailable("The database does not answer.", seconds(0))
        return added


class AwayAtFirst(SqlOutboxStore):
    """A store that does not tell what is open before it was asked a few times."""

    def __init__(self, store: SqlOutboxStore, failures: int = 3) -> None:
        super().__init__(store._database)
        self._failures = failures

    async def open_messages(self, company_id: int) -> list[OutboxMessage]:
        if self._failures:
            self._failures -= 1
            raise Unavailable("The database does not answer.", seconds(0))
        return await super().open_messages(company_id)
