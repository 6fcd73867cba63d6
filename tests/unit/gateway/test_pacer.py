"""Over the pace a message that may queue waits, any other is refused; a customer who wrote is always answered."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from support.gateway_messages import ANNA, BORIS, NOON, draft, inbound, seconds
from support.outbox_bench import Bench, held_database

from wamesh.gateway.message_errors import PaceExceeded
from wamesh.gateway.messages import DeliveryState
from wamesh.gateway.outbox.pacing import PacePolicy
from wamesh.gateway.outbox.policy import OutboxPolicy
from wamesh.gateway.session.state import SessionState
from wamesh.storage.database import Database
from wamesh.storage.gateway.inbox import SqlInboxStore
from wamesh.whatsapp.jid import Jid

S = DeliveryState
A_DAY = timedelta(hours=24)
BRIEF = PacePolicy(gap=timedelta(milliseconds=20), burst=1)
SLOW = PacePolicy(gap=seconds(60), burst=2)
ONE_A_DAY = PacePolicy(first_contacts=1)


def stranger(number: int) -> Jid:
    return Jid.of_phone_number(f"+120255501{10 + number}")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with held_database(tmp_path) as database:
        yield database


@pytest.fixture
async def bench(database: Database) -> AsyncIterator[Bench]:
    bench = Bench(database)
    yield bench
    await bench.outbox.close()


async def paced(bench: Bench, pace: PacePolicy) -> Bench:
    await bench.outbox.close()
    bench.boot(OutboxPolicy(pace=pace, pause=seconds(0)))
    return bench


async def customer_writes(database: Database, chat: Jid) -> None:
    await SqlInboxStore(database).append(7, 1, inbound(f"from {chat}", chat), NOON)


async def test_over_the_burst_a_send_is_refused_before_it_is_stored(bench: Bench) -> None:
    """The refusal tells when there is room; the first request's outcome is told all the same."""
    await paced(bench, SLOW)
    for number in (1, 2):
        await bench.outbox.send(draft(f"r-{number}"))
    with pytest.raises(PaceExceeded) as refusal:
        await bench.outbox.send(draft("r-3"))
    assert refusal.value.retry_after == seconds(60)
    assert refusal.value.metadata == {"company_id": "7", "limit": "BURST"}
    assert await bench.store.get(7, "r-3") is None
    assert (await bench.outbox.send(draft("r-2"))).state is S.SENT
    bench.now += seconds(60)
    assert (await bench.outbox.send(draft("r-3"))).state is S.SENT


async def test_a_send_waits_for_room_that_is_near(bench: Bench) -> None:
    """Rather than being refused."""
    await paced(bench, BRIEF)
    assert [(await bench.outbox.send(draft(f"r-{each}"))).state for each in (1, 2, 3)] == [S.SENT] * 3


async def test_over_the_pace_a_message_may_wait(bench: Bench) -> None:
    """QUEUED is answered at once; it goes, in order, when there is room."""
    await paced(bench, SLOW)
    states = []
    for number in (1, 2, 3):
        wanted = draft(f"r-{number}", text=f"{number}", chat=stranger(number), queueable=True)
        states.append((await bench.outbox.send(wanted)).state)
    assert (states, bench.wire()) == ([S.SENT, S.SENT, S.QUEUED], ["1", "2"])
    assert (await bench.outbox.cancel(7, "r-3")).state is S.CANCELLED


async def test_messages_that_wait_go_at_the_pace(bench: Bench) -> None:
    """Each when there is room for it, in the order of their requests."""
    await paced(bench, BRIEF)

    async def tick() -> None:
        while True:
            await asyncio.sleep(0.001)
            bench.now += timedelta(milliseconds=20)

    ticking = asyncio.create_task(tick())
    for number in (1, 2, 3, 4):
        await bench.outbox.send(draft(f"r-{number}", text=f"{number}", chat=stranger(number), queueable=True))
    await bench.sessions.sent(4)
    ticking.cancel()
    assert bench.wire() == ["1", "2", "3", "4"]


async def test_an_outage_saves_no_room_up(bench: Bench) -> None:
    """What waited for the session goes at the pace once it is back."""
    await paced(bench, SLOW)
    bench.sessions.set(7, SessionState.DISCONNECTED)
    for number in (1, 2, 3, 4):
        await bench.outbox.send(draft(f"r-{number}", text=f"{number}", chat=stranger(number), queueable=True))
    bench.now += seconds(3600)
    bench.sessions.set(7, SessionState.CONNECTED)
    await bench.sessions.sent(2)
    with pytest.raises(PaceExceeded):
        await bench.outbox.send(draft("r-5"))
    assert bench.wire() == ["1", "2"]


async def test_first_contacts_are_limited_by_the_day(bench: Bench) -> None:
    """Of 24 hours, not of the calendar; a chat that was written to once is known for ever."""
    await paced(bench, ONE_A_DAY)
    await bench.outbox.send(draft("r-1", chat=stranger(1)))
    bench.now += seconds(3600)
    with pytest.raises(PaceExceeded) as refusal:
        await bench.outbox.send(draft("r-2", chat=stranger(2)))
    assert refusal.value.retry_after == A_DAY - seconds(3600)
    assert refusal.value.metadata["limit"] == "FIRST_CONTACTS"
    assert (await bench.outbox.send(draft("r-3", chat=stranger(1)))).state is S.SENT
    bench.now = NOON + A_DAY
    assert (await bench.outbox.send(draft("r-2", chat=stranger(2)))).state is S.SENT


async def test_first_contacts_outlive_the_gateway(bench: Bench) -> None:
    """The count moves with the company."""
    await paced(bench, ONE_A_DAY)
    await bench.outbox.send(draft("r-1", chat=stranger(1)))
    await paced(bench, ONE_A_DAY)
    with pytest.raises(PaceExceeded):
        await bench.outbox.send(draft("r-2", chat=stranger(2)))


async def test_who_wrote_is_never_a_first_contact(bench: Bench, database: Database) -> None:
    """An answer is not held back, whatever the day's count."""
    await paced(bench, ONE_A_DAY)
    await bench.outbox.send(draft("r-1", chat=stranger(1)))
    await customer_writes(database, BORIS)
    assert (await bench.outbox.send(draft("r-2", chat=BORIS))).state is S.SENT


async def test_an_answer_is_not_held_back_by_a_reminder(bench: Bench, database: Database) -> None:
    """A first contact that waits in the same chat is none any more once the customer wrote: both go, in order."""
    await paced(bench, ONE_A_DAY)
    await bench.outbox.send(draft("r-1", chat=stranger(1)))
    for number, chat in ((2, stranger(2)), (3, ANNA)):
        wanted = draft(f"r-{number}", text=f"reminder {number}", chat=chat, queueable=True)
        assert (await bench.outbox.send(wanted)).state is S.QUEUED
    await customer_writes(database, ANNA)
    await bench.outbox.send(draft("r-4", text="answer", chat=ANNA))
    assert bench.wire() == ["See you at ten.", "reminder 3", "answer"]


async def test_first_contacts_wait_for_their_day(bench: Bench) -> None:
    """In the order of their requests; those that the next term finds wait on."""
    await paced(bench, ONE_A_DAY)
    for number in (1, 2, 3):
        wanted = draft(
            f"r-{number}", text=f"{number}", chat=stranger(number), queueable=True, expire_time=NOON + 3 * A_DAY
        )
        await bench.outbox.send(wanted)
    assert bench.wire() == ["1"]
    bench.now = NOON + A_DAY
    await paced(bench, ONE_A_DAY)
    await bench.sessions.sent(2)
    assert bench.wire() == ["1", "2"]
