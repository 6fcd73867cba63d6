"""A scheduled message is sent at its time and not before, costs nothing until then, and can be taken back."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from support.fake_sessions import Gate
from support.gateway_messages import BORIS, NOON, draft, grant_lease, seconds
from support.outbox_bench import Bench, held_database

from wamesh.gateway.errors import LeaseLost
from wamesh.gateway.health import Sends
from wamesh.gateway.message_errors import ExpiryPassed, MessageNotFound, MessageNotQueued, RequestIdReused
from wamesh.gateway.messages import DeliveryState
from wamesh.gateway.session.state import SessionState
from wamesh.storage.database import Database

S = DeliveryState
SOON = NOON + seconds(0.01)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with held_database(tmp_path) as database:
        yield database


@pytest.fixture
async def bench(database: Database) -> AsyncIterator[Bench]:
    bench = Bench(database)
    yield bench
    await bench.outbox.close()


async def test_a_scheduled_message_waits_for_its_time(bench: Bench) -> None:
    """QUEUED at once, without a flight; sent when its time has come."""
    gate = Gate()
    bench.sessions.script.append(gate.step())
    message = await bench.outbox.send(draft(schedule_time=SOON))
    assert (message.state, message.schedule_time) == (S.QUEUED, SOON)
    assert (await bench.outbox.send(draft(schedule_time=SOON))).state is S.QUEUED
    assert bench.flights() == 0
    bench.now = SOON
    await gate.reached.wait()
    gate.opened.set()
    assert (await bench.outbox.send(draft(schedule_time=SOON))).state is S.SENT


async def test_scheduled_messages_go_in_order_of_their_times(bench: Bench) -> None:
    """In a chat by (schedule_time, sequence), whatever the order of the requests."""
    for number, later in ((3, 2), (1, 0), (2, 1), (4, 2)):
        time = SOON + timedelta(milliseconds=later)
        await bench.outbox.send(draft(f"r-{number}", text=f"{number}", schedule_time=time))
    bench.now = NOON + seconds(1)
    await bench.sessions.sent(4)
    await bench.outbox.send(draft("r-5", text="5"))
    assert bench.wire() == ["1", "2", "3", "4", "5"]


async def test_a_time_that_has_passed_means_now(bench: Bench) -> None:
    """Send waits for the outcome as it would without a time."""
    assert (await bench.outbox.send(draft(schedule_time=NOON - seconds(1)))).state is S.SENT


async def test_the_time_is_part_of_the_content(bench: Bench) -> None:
    """One request never means two moments; when it expires is no content."""
    await bench.outbox.send(draft(schedule_time=NOON + seconds(60)))
    for other in (draft(), draft(schedule_time=NOON + seconds(61))):
        with pytest.raises(RequestIdReused):
            await bench.outbox.send(other)
    again = draft(schedule_time=NOON + seconds(60), expire_time=NOON + seconds(90))
    assert (await bench.outbox.send(again)).state is S.QUEUED


async def test_the_next_term_keeps_the_schedule(bench: Bench) -> None:
    """What became due while nobody held the company goes first, the rest at its time."""
    later = NOON + seconds(3600)
    await bench.outbox.send(draft("r-1", text="1", schedule_time=SOON))
    await bench.outbox.send(draft("r-2", text="2", schedule_time=later))
    bench.outbox.end(7)
    bench.now = NOON + seconds(60)
    gate = Gate()
    bench.sessions.script.append(gate.step())
    await bench.retake(2)
    await gate.reached.wait()
    gate.opened.set()
    await bench.outbox.send(draft("r-3", text="3"))
    assert (bench.wire(), await bench.state("r-2")) == (["1", "3"], S.QUEUED)


async def test_a_scheduled_message_waits_for_its_session(bench: Bench) -> None:
    """Like one that may queue; it is given up a day after its time."""
    bench.sessions.set(7, SessionState.DISCONNECTED)
    message = await bench.outbox.send(draft(schedule_time=NOON - seconds(1)))
    assert (message.state, message.expire_time) == (S.QUEUED, NOON - seconds(1) + timedelta(hours=24))


@pytest.mark.parametrize(
    ("fields", "expiry"),
    [
        ({}, seconds(300)),
        ({"queueable": True}, timedelta(hours=24)),
        ({"schedule_time": NOON + seconds(60)}, timedelta(hours=24, seconds=60)),
        ({"queueable": True, "expire_time": NOON + seconds(7)}, seconds(7)),
    ],
)
async def test_every_message_expires(bench: Bench, fields: dict[str, Any], expiry: timedelta) -> None:
    """As asked, or by the policy."""
    assert (await bench.outbox.send(draft(**fields))).expire_time == NOON + expiry


async def test_a_message_is_not_sent_after_its_expiry(bench: Bench) -> None:
    """The session comes back too late: FAILED."""
    bench.sessions.set(7, SessionState.DISCONNECTED)
    wanted = draft(queueable=True, expire_time=NOON + seconds(60))
    await bench.outbox.send(wanted)
    bench.now = NOON + seconds(60)
    bench.sessions.set(7, SessionState.CONNECTED)
    await bench.outbox.send(draft("r-2", text="the next"))
    assert ((await bench.state()), bench.wire()) == (S.FAILED, ["the next"])


async def test_a_request_is_repeated_after_its_expiry(bench: Bench) -> None:
    """It tells its outcome still; only a new one must not be over before it begins."""
    wanted = draft(expire_time=NOON + seconds(60))
    await bench.outbox.send(wanted)
    bench.now = NOON + seconds(60)
    assert (await bench.outbox.send(wanted)).state is S.SENT
    with pytest.raises(ExpiryPassed):
        await bench.outbox.send(draft("r-2", expire_time=NOON + seconds(60)))


async def test_a_message_expires_also_without_a_holder(bench: Bench) -> None:
    """The sweep gives up what is too late, and nothing else."""
    bench.outbox.end(7)
    bench.sessions.set(7, SessionState.STOPPED)
    await bench.outbox.send(draft("r-1", queueable=True, expire_time=NOON + seconds(60)))
    await bench.outbox.send(draft("r-2", queueable=True))
    bench.now = NOON + seconds(60)
    await bench.outbox.sweep()
    late = await bench.outbox.get(7, "r-1")
    assert (late.state, late.failure) == (S.FAILED, "It waited too long, and nobody could send it.")
    assert await bench.state("r-2") is S.QUEUED


async def test_a_scheduled_message_can_be_cancelled(bench: Bench) -> None:
    """It is CANCELLED, as often as asked, and never sent."""
    await bench.outbox.send(draft("r-1", text="1", schedule_time=SOON))
    for _ in range(2):
        assert (await bench.outbox.cancel(7, "r-1")).state is S.CANCELLED
    bench.now = NOON + seconds(1)
    await bench.restart()
    assert (await bench.outbox.send(draft("r-1", text="1", schedule_time=SOON))).state is S.CANCELLED
    assert bench.wire() == []


async def test_a_message_that_waits_can_be_cancelled(bench: Bench) -> None:
    """Its flight ends, its callers get it CANCELLED, and the next of the chat takes its turn."""
    gate = Gate()
    bench.sessions.script.append(gate.step())
    callers = [asyncio.create_task(bench.outbox.send(draft(f"r-{each}", text=f"{each}"))) for each in (1, 2, 3)]
    await gate.reached.wait()
    await bench.outbox.send(draft("r-0", text="0", chat=BORIS))
    assert (await bench.outbox.cancel(7, "r-2")).state is S.CANCELLED
    gate.opened.set()
    assert [each.state for each in await asyncio.gather(*callers)] == [S.SENT, S.CANCELLED, S.SENT]
    assert bench.wire() == ["0", "1", "3"]
    assert bench.send_log.lately(7, NOON) == Sends(3, 3)


async def test_a_message_is_cancelled_without_a_term(bench: Bench, database: Database) -> None:
    """The row decides, under the company's epoch."""
    await bench.outbox.send(draft(schedule_time=SOON))
    bench.outbox.end(7)
    await grant_lease(database, 7, 2)
    with pytest.raises(LeaseLost):
        await bench.outbox.cancel(7, "r-1")
    bench.sessions.set(7, SessionState.STOPPED, epoch=2)
    assert (await bench.outbox.cancel(7, "r-1")).state is S.CANCELLED


async def test_what_has_begun_cannot_be_cancelled(bench: Bench) -> None:
    """SENDING, and every other outcome, is named in the refusal."""
    gate = Gate()
    bench.sessions.script.append(gate.step())
    caller = asyncio.create_task(bench.outbox.send(draft()))
    await gate.reached.wait()
    with pytest.raises(MessageNotQueued) as refusal:
        await bench.outbox.cancel(7, "r-1")
    assert refusal.value.metadata == {"company_id": "7", "request_id": "r-1", "state": "SENDING"}
    gate.opened.set()
    await caller
    with pytest.raises(MessageNotQueued):
        await bench.outbox.cancel(7, "r-1")
    with pytest.raises(MessageNotFound):
        await bench.outbox.cancel(7, "r-2")


async def test_many_reminders_cost_no_flights(bench: Bench) -> None:
    """They are in their rows; only those that are due are taken up, some at a time."""
    later = NOON + seconds(3600)
    wanted = [draft(f"r-{each}", text=f"{each}", schedule_time=later) for each in range(500)]
    await asyncio.gather(*(bench.outbox.send(each) for each in wanted))
    assert bench.flights() == 0
    bench.now = later
    await bench.restart()
    await bench.sessions.sent(500)
    assert (await bench.outbox.send(wanted[-1])).state is S.SENT
    assert bench.wire() == [f"{each}" for each in range(500)]
