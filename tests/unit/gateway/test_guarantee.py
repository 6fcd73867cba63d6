"""A message that is wanted at least once is sent again when nothing proves that it arrived, and only then."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.fake_sessions import FakeSessions, Gate, lose, say
from support.gateway_messages import draft
from support.outbox_bench import PATIENT, Bench, held_database

from wamesh.gateway.messages import DeliveryState
from wamesh.gateway.outbox.policy import DEFAULT_POLICY
from wamesh.gateway.session.state import SessionState
from wamesh.whatsapp.events import ReceiptKind
from wamesh.whatsapp.transport import NotSent, OutgoingMessage, Rejected, SendOutcome, Uncertain

S = DeliveryState
LOST = Uncertain("timed out")
WANTED = draft(at_least_once=True)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with held_database(tmp_path) as database:
        bench = Bench(database)
        yield bench
        await bench.outbox.close()


@pytest.mark.parametrize("sent", [True, False])
async def test_what_nothing_proves_is_sent_again(bench: Bench, sent: bool) -> None:
    """With a message id of its own; the customer gets it twice when the first had arrived after all."""
    bench.sessions.script.append(lose(sent=sent, outcome=LOST))
    message = await bench.outbox.send(WANTED)
    assert (message.state, message.message_id) == (S.SENT, "id-2")
    assert len(bench.wire()) == 1 + sent


async def test_as_often_as_it_is_in_doubt(bench: Bench) -> None:
    """Each send has a secret of its own, so that no doubt finds an earlier send."""
    bench.sessions.script.extend([lose(sent=True, outcome=LOST)] * 3)
    message = await bench.outbox.send(WANTED)
    assert (message.state, message.message_id) == (S.SENT, "id-4")
    assert len({each.secret for each in bench.network.wire}) == 4


async def test_what_a_receipt_proves_is_not_sent_again(bench: Bench) -> None:
    """The proof comes within the time of doubt."""
    bench.boot(PATIENT)
    bench.sessions.script.append(lose(sent=True, outcome=LOST))
    first = asyncio.create_task(bench.outbox.send(WANTED))
    await asyncio.sleep(0)
    await bench.outbox.send(draft("r-2", text="the next of the chat, which waits for no doubt"))
    await bench.receipt(ReceiptKind.DELIVERED, "id-1")
    assert ((await first).state, len(bench.wire())) == (S.DELIVERED, 2)


async def test_a_late_receipt_for_the_first_counts(bench: Bench) -> None:
    """It proves the message while the second copy is under way."""

    async def read_late(sessions: FakeSessions, message: OutgoingMessage) -> SendOutcome | None:
        await bench.receipt(ReceiptKind.READ, "id-1")
        return None

    bench.sessions.script.extend([lose(sent=True, outcome=LOST), read_late])
    assert (await bench.outbox.send(WANTED)).state is S.READ


async def test_a_crash_in_doubt_is_followed_by_a_second_copy(bench: Bench) -> None:
    """The next gateway goes on from the row: no receipt, so it sends again."""
    bench.boot(PATIENT)
    bench.sessions.script.append(lose(sent=True, outcome=LOST))
    caller = asyncio.create_task(bench.outbox.send(WANTED))
    await asyncio.sleep(0)
    await bench.outbox.send(draft("r-2", text="the next of the chat, which waits for no doubt"))
    await bench.restart()
    caller.cancel()
    message = await bench.outbox.send(WANTED)
    assert (message.state, message.message_id, len(bench.wire())) == (S.SENT, "id-3", 3)


async def test_a_crash_in_the_second_copy_is_followed_by_a_third(bench: Bench) -> None:
    """What the crash left of the second copy stays in doubt like the first."""
    gate = Gate()

    async def halt(sessions: FakeSessions, message: OutgoingMessage) -> SendOutcome | None:
        sessions.network.write_down(message)
        await gate.pass_through()
        return None

    bench.sessions.script.extend([lose(sent=True, outcome=LOST), halt])
    caller = asyncio.create_task(bench.outbox.send(WANTED))
    await gate.reached.wait()
    await bench.restart()
    caller.cancel()
    message = await bench.outbox.send(WANTED)
    assert (message.state, message.message_id) == (S.SENT, "id-3")


@pytest.mark.parametrize("written", [True, False])
async def test_a_crash_in_the_second_copy_is_resolved_by_its_own_secret(bench: Bench, written: bool) -> None:
    """A second copy that arrived is proven by its receipt; one that never left is sent: either way there are two."""
    gate = Gate()

    async def halt(sessions: FakeSessions, message: OutgoingMessage) -> SendOutcome | None:
        if written:
            sessions.network.write_down(message)
            sessions.network.wire.append(message)
            await bench.receipt(ReceiptKind.DELIVERED, "id-2")
        await gate.pass_through()
        return None

    bench.sessions.script.extend([lose(sent=True, outcome=LOST), halt])
    caller = asyncio.create_task(bench.outbox.send(WANTED))
    await gate.reached.wait()
    await bench.restart()
    caller.cancel()
    message = await bench.outbox.send(WANTED)
    assert (message.state, message.message_id) == (S.DELIVERED if written else S.SENT, "id-2")
    assert len(bench.wire()) == 2


@pytest.mark.parametrize("second", [Rejected(463, "reach out limit"), NotSent("no LID found")])
async def test_a_second_copy_that_is_refused_leaves_the_first_unknown(bench: Bench, second: SendOutcome) -> None:
    """FAILED would say that the customer surely has nothing."""
    bench.sessions.script.extend([lose(sent=True, outcome=LOST), *[say(second)] * 3])
    message = await bench.outbox.send(WANTED)
    assert (message.state, message.message_id) == (S.UNKNOWN, "id-1")
    assert message.failure


async def test_a_second_copy_waits_for_the_session_and_not_for_ever(bench: Bench) -> None:
    """As long as a message may wait; then it is UNKNOWN."""

    async def stop(sessions: FakeSessions, message: OutgoingMessage) -> SendOutcome:
        sessions.network.write_down(message)
        sessions.set(7, SessionState.STOPPED)
        bench.now += DEFAULT_POLICY.recovery_time
        return LOST

    bench.sessions.script.append(stop)
    message = await bench.outbox.send(WANTED)
    assert (message.state, message.failure) == (S.UNKNOWN, "It waited too long; the session is STOPPED.")


async def test_what_an_unlinked_device_knew_is_not_sent_again(bench: Bench) -> None:
    """There is no device to send it with; whoever links another decides."""
    bench.sessions.script.append(lose(sent=True, outcome=LOST))
    bench.network.unlinked = True
    assert (await bench.outbox.send(WANTED)).state is S.UNKNOWN
    assert len(bench.wire()) == 1
