"""The outbox sends each message exactly as often as it was asked for, whatever breaks and whoever asks twice."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from support.fake_sessions import FakeSessions, Gate, lose, say
from support.gateway_messages import BORIS, NOON, draft, grant_lease, seconds
from support.outbox_bench import PATIENT, Bench, held_database

from wamesh.errors import Unavailable
from wamesh.gateway.errors import Draining, LeaseLost, SessionNotConnected, SessionNotFound, SessionReplaced
from wamesh.gateway.health import Sends
from wamesh.gateway.message_errors import MessageNotFound, RequestIdReused
from wamesh.gateway.messages import DeliveryState
from wamesh.gateway.session.state import SessionState
from wamesh.storage.database import Database
from wamesh.storage.gateway.outbox import SqlOutboxStore
from wamesh.whatsapp.events import ReceiptKind
from wamesh.whatsapp.transport import NotSent, Rejected, Uncertain

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


async def test_a_message_is_sent_and_recorded(bench: Bench) -> None:
    """Send returns WhatsApp's id, and GetMessage reads the same."""
    message = await bench.outbox.send(draft())
    assert (message.state, message.message_id, bench.wire()) == (S.SENT, "id-1", ["See you at ten."])
    assert await bench.outbox.get(7, "r-1") == message
    assert bench.send_log.lately(7, NOON) == Sends(1, 1)


async def test_the_same_request_is_sent_once(bench: Bench) -> None:
    """Again and at once: every caller gets the first outcome."""
    first = await asyncio.gather(*(bench.outbox.send(draft()) for _ in range(8)))
    again = await bench.outbox.send(draft())
    assert {message.message_id for message in (*first, again)} == {"id-1"}
    assert len(bench.wire()) == 1


async def test_a_reused_request_id_is_refused(bench: Bench) -> None:
    """Other content under a known id is ALREADY_EXISTS, while the first is under way and afterwards."""
    gate = Gate()
    bench.sessions.script.append(gate.step())
    first = asyncio.create_task(bench.outbox.send(draft()))
    await gate.reached.wait()
    for other in (draft(text="Other"), draft(chat=BORIS), draft(quoted_message_id="q")):
        with pytest.raises(RequestIdReused):
            await bench.outbox.send(other)
    gate.opened.set()
    await first
    with pytest.raises(RequestIdReused):
        await bench.outbox.send(draft(text="Other"))
    assert len(bench.wire()) == 1


async def test_a_caller_who_leaves_does_not_stop_the_message(bench: Bench) -> None:
    """The deadline passes, the send goes on, and the same request returns its outcome."""
    gate = Gate()
    bench.sessions.script.append(gate.step())
    caller = asyncio.create_task(bench.outbox.send(draft()))
    await gate.reached.wait()
    caller.cancel()
    assert await bench.state() is S.SENDING
    gate.opened.set()
    assert (await bench.outbox.send(draft())).state is S.SENT
    assert len(bench.wire()) == 1


async def test_order_is_kept_in_a_chat_and_only_there(bench: Bench) -> None:
    """While one message is on its way the next of the chat is QUEUED; other chats go on."""
    gate = Gate()
    bench.sessions.script.append(gate.step())
    first = asyncio.create_task(bench.outbox.send(draft("r-1", text="one")))
    await gate.reached.wait()
    second = asyncio.create_task(bench.outbox.send(draft("r-2", text="two")))
    await bench.outbox.send(draft("r-3", text="other", chat=BORIS))
    assert await bench.state("r-2") is S.QUEUED
    gate.opened.set()
    await asyncio.gather(first, second)
    assert bench.wire() == ["other", "one", "two"]


@pytest.mark.parametrize("state", [each for each in SessionState if each is not SessionState.CONNECTED])
async def test_send_never_connects(bench: Bench, state: SessionState) -> None:
    """Without a connected session Send names its state and leaves no row."""
    bench.sessions.set(7, state)
    with pytest.raises(SessionNotConnected) as refusal:
        await bench.outbox.send(draft())
    assert refusal.value.reason == f"SESSION_{state.value}"
    assert refusal.value.metadata["action"] == "Act."
    assert (bench.sessions.calls, bench.wire()) == ([], [])
    with pytest.raises(MessageNotFound):
        await bench.outbox.get(7, "r-1")


async def test_an_unknown_company_is_not_found(bench: Bench) -> None:
    """Nobody's session sends nothing."""
    with pytest.raises(SessionNotFound):
        await bench.outbox.send(draft(company_id=99))


async def test_a_session_lost_on_the_way_refuses_and_leaves_no_row(bench: Bench) -> None:
    """CONNECTED when asked, REPLACED when handed over: nothing was sent, so the request may be made again."""

    async def replaced(sessions: FakeSessions, _: object) -> NotSent:
        sessions.set(7, SessionState.REPLACED)
        return NotSent("websocket not connected")

    bench.sessions.script.append(replaced)
    with pytest.raises(SessionReplaced):
        await bench.outbox.send(draft())
    bench.sessions.set(7, SessionState.CONNECTED)
    assert (await bench.outbox.send(draft())).state is S.SENT


async def test_a_first_outcome_is_told_also_when_the_session_is_gone(bench: Bench) -> None:
    """What was sent stays sent: asking again needs no session."""
    await bench.outbox.send(draft())
    bench.sessions.set(7, SessionState.STOPPED)
    assert (await bench.outbox.send(draft())).state is S.SENT


async def test_a_message_may_queue(bench: Bench) -> None:
    """Send returns QUEUED at once, and the message goes out, in order, when the session connects."""
    bench.sessions.set(7, SessionState.DISCONNECTED)
    for number in (1, 2):
        message = await bench.outbox.send(draft(f"r-{number}", text=f"{number}", queueable=True))
        assert message.state is S.QUEUED
    bench.sessions.set(7, SessionState.CONNECTED)
    third = await bench.outbox.send(draft("r-3", text="3"))
    assert (third.state, bench.wire()) == (S.SENT, ["1", "2", "3"])
    assert (await bench.outbox.send(draft("r-1", text="1", queueable=True))).state is S.SENT


async def test_queued_messages_survive_a_restart(bench: Bench) -> None:
    """They are taken up before anything new, and go out when the session connects."""
    bench.sessions.set(7, SessionState.CONNECTING)
    await bench.outbox.send(draft("r-1", text="1", queueable=True))
    await bench.restart(state=SessionState.CONNECTING)
    assert (await bench.outbox.send(draft("r-1", text="1", queueable=True))).state is S.QUEUED
    bench.sessions.set(7, SessionState.CONNECTED)
    await bench.outbox.send(draft("r-2", text="2"))
    assert bench.wire() == ["1", "2"]


async def test_a_queued_message_is_given_up_in_the_end(bench: Bench) -> None:
    """After the policy's time it is FAILED, and surely not sent."""
    bench.sessions.set(7, SessionState.STOPPED)
    await bench.outbox.send(draft(queueable=True))
    bench.now += seconds(24 * 3600)
    await bench.restart(state=SessionState.STOPPED)
    message = await bench.outbox.send(draft(queueable=True))
    assert (message.state, bench.wire()) == (S.FAILED, [])
    assert "STOPPED" in message.failure


async def test_a_rejection_is_final(bench: Bench) -> None:
    """WhatsApp said no: FAILED with its words, and never tried again."""
    bench.sessions.script.append(say(Rejected(463, "reach-out limit")))
    message = await bench.outbox.send(draft())
    assert (message.state, message.failure) == (
        S.FAILED,
        "WhatsApp refused it with error 463: reach-out limit",
    )
    assert await bench.outbox.send(draft()) == message
    assert (bench.wire(), bench.send_log.lately(7, NOON)) == ([], Sends(1, 0))


async def test_what_was_surely_not_sent_is_tried_again(bench: Bench) -> None:
    """A few times, then it is FAILED with the transport's reason."""
    bench.sessions.script.extend([say(NotSent("busy"))] * 2)
    assert (await bench.outbox.send(draft("r-1"))).state is S.SENT
    bench.sessions.script.extend([say(NotSent("no LID found"))] * 3)
    failed = await bench.outbox.send(draft("r-2"))
    assert (failed.state, failed.failure) == (S.FAILED, "It was not sent: no LID found")
    assert len(bench.wire()) == 1


async def test_an_uncertain_send_that_never_began_is_sent(bench: Bench) -> None:
    """No id in the device store: nothing reached the wire, so sending is safe."""
    bench.sessions.script.append(say(Uncertain("the process ended")))
    assert (await bench.outbox.send(draft())).state is S.SENT
    assert len(bench.wire()) == 1


@pytest.mark.parametrize("sent", [True, False])
async def test_an_uncertain_send_is_never_repeated(bench: Bench, sent: bool) -> None:
    """With an id in the device store it may have been sent: without a receipt it becomes UNKNOWN."""
    bench.sessions.script.append(lose(sent=sent, outcome=Uncertain("timed out")))
    message = await bench.outbox.send(draft())
    assert (message.state, message.message_id) == (S.UNKNOWN, "id-1")
    assert (await bench.outbox.send(draft())).state is S.UNKNOWN
    assert len(bench.wire()) == sent


async def test_an_uncertain_send_of_an_unlinked_device_is_never_repeated(bench: Bench) -> None:
    """What the device knew is gone with it: UNKNOWN, since nobody can tell."""
    bench.sessions.script.append(lose(sent=True, outcome=Uncertain("timed out")))
    bench.network.unlinked = True
    message = await bench.outbox.send(draft())
    assert (message.state, "unlinked" in message.failure) == (S.UNKNOWN, True)
    assert len(bench.wire()) == 1


async def test_a_receipt_proves_an_uncertain_send(bench: Bench) -> None:
    """While in doubt the message blocks neither its chat nor its callers' answer."""
    bench.boot(PATIENT)
    bench.sessions.script.append(lose(sent=True, outcome=Uncertain("timed out")))
    first = asyncio.create_task(bench.outbox.send(draft("r-1", text="1")))
    await asyncio.sleep(0)
    await bench.outbox.send(draft("r-2", text="2"))
    assert (await bench.state("r-1"), bench.wire()) == (S.SENDING, ["1", "2"])
    await bench.receipt(ReceiptKind.DELIVERED, "id-1")
    assert (await first).state is S.DELIVERED


async def test_a_receipt_that_comes_before_the_ack_counts(bench: Bench) -> None:
    """The customer reads faster than the server acks."""
    gate = Gate()

    async def read_first(sessions: FakeSessions, _: object) -> None:
        await bench.receipt(ReceiptKind.READ, "id-1")
        await gate.pass_through()

    bench.sessions.script.append(read_first)
    gate.opened.set()
    assert (await bench.outbox.send(draft())).state is S.READ


async def test_a_lease_lost_on_the_way_leaves_the_row_to_the_new_holder(bench: Bench, database: Database) -> None:
    """The outcome is not written over the new holder's; who has the lease again resolves it."""

    async def steal(sessions: FakeSessions, _: object) -> None:
        await grant_lease(database, 7, 2)

    bench.sessions.script.append(steal)
    with pytest.raises(LeaseLost):
        await bench.outbox.send(draft())
    assert await bench.state() is S.SENDING
    await bench.retake(3)
    assert (await bench.outbox.send(draft())).state is S.UNKNOWN
    assert len(bench.wire()) == 1


async def test_an_outcome_outlives_a_database_that_stumbles(bench: Bench) -> None:
    """What WhatsApp acked is SENT, not in doubt, once the database is back."""
    bench.boot(store=StumblingStore(bench.store, "finish", failures=2))
    assert (await bench.outbox.send(draft())).state is S.SENT
    assert len(bench.wire()) == 1


async def test_close_ends_waiting_callers(bench: Bench) -> None:
    """A stop waits for no gate: the caller hears DRAINING, the row stays for the next start."""
    gate = Gate()
    bench.sessions.script.append(gate.step())
    caller = asyncio.create_task(bench.outbox.send(draft()))
    await gate.reached.wait()
    await bench.outbox.close(grace_seconds=0)
    with pytest.raises(Draining):
        await caller
    assert await bench.state() is S.SENDING


# Crashes: the gateway dies at a point, a new one starts on the same database and device store.

Halt = Callable[[Bench, Gate], Any]


class HaltingStore:
    """A store of which one method never returns: it dies before or after its transaction."""

    def __init__(self, store: SqlOutboxStore, method: str, gate: Gate, *, after: bool) -> None:
        self._store, self._method, self._gate, self._after = store, method, gate, after

    def __getattr__(self, name: str) -> Any:
        call: Callable[..., Awaitable[Any]] = getattr(self._store, name)
        if name != self._method:
            return call

        async def halting(*args: Any, **kwargs: Any) -> Any:
            if self._after:
                await call(*args, **kwargs)
            await self._gate.pass_through()

        return halting


class StumblingStore:
    """A store of which one method fails a few times before it works."""

    def __init__(self, store: SqlOutboxStore, method: str, failures: int) -> None:
        self._store, self._method, self._failures = store, method, failures

    def __getattr__(self, name: str) -> Any:
        call: Callable[..., Awaitable[Any]] = getattr(self._store, name)
        if name != self._method:
            return call

        async def stumbling(*args: Any, **kwargs: Any) -> Any:
            if self._failures:
                self._failures -= 1
                raise Unavailable("The database does not answer.", seconds(0))
            return await call(*args, **kwargs)

        return stumbling


def in_store(method: str, *, after: bool) -> Halt:
    return lambda bench, gate: bench.boot(store=HaltingStore(bench.store, method, gate, after=after))


def in_transport(*, written: bool, sent: bool) -> Halt:
    def halt(bench: Bench, gate: Gate) -> None:
        async def step(sessions: FakeSessions, message: Any) -> None:
            if written:
                sessions.network.write_down(message)
            if sent:
                sessions.network.wire.append(message)
            await gate.pass_through()

        bench.boot()
        bench.sessions.script.append(step)

    return halt


CRASHES = {
    "before the row": (in_store("add", after=False), 0, None),
    "after the row": (in_store("add", after=True), 1, S.SENT),
    "before the id": (in_transport(written=False, sent=False), 1, S.SENT),
    "between id and wire": (in_transport(written=True, sent=False), 0, S.UNKNOWN),
    "after the wire": (in_transport(written=True, sent=True), 1, S.UNKNOWN),
    "before the outcome": (in_store("finish", after=False), 1, S.UNKNOWN),
    "after the outcome": (in_store("finish", after=True), 1, S.SENT),
}


@pytest.mark.parametrize(("halt", "sends", "state"), CRASHES.values(), ids=CRASHES)
async def test_a_crash_never_sends_twice(bench: Bench, halt: Halt, sends: int, state: DeliveryState | None) -> None:
    """Wherever the gateway dies, the next one sends what surely was not sent and nothing else."""
    gate = Gate()
    halt(bench, gate)
    caller = asyncio.create_task(bench.outbox.send(draft()))
    await gate.reached.wait()
    await bench.restart()
    caller.cancel()
    if state is None:
        with pytest.raises(MessageNotFound):
            await bench.outbox.get(7, "r-1")
    else:
        assert (await bench.outbox.send(draft())).state is state
    assert len(bench.wire()) == sends


async def test_a_crash_in_doubt_is_proven_by_a_late_receipt(bench: Bench) -> None:
    """The receipt that WhatsApp delivers at the next login settles what the crash left open."""
    gate = Gate()
    in_transport(written=True, sent=True)(bench, gate)
    caller = asyncio.create_task(bench.outbox.send(draft()))
    await gate.reached.wait()
    await bench.restart(PATIENT)
    caller.cancel()
    again = asyncio.create_task(bench.outbox.send(draft()))
    await asyncio.sleep(0)
    await bench.receipt(ReceiptKind.DELIVERED, "id-1")
    assert ((await again).state, len(bench.wire())) == (S.DELIVERED, 1)


async def test_what_a_crash_left_unsent_is_not_sent_too_late(bench: Bench) -> None:
    """A message that was not to queue is FAILED, not sent, when the gateway was away for long."""
    gate = Gate()
    in_transport(written=False, sent=False)(bench, gate)
    caller = asyncio.create_task(bench.outbox.send(draft()))
    await gate.reached.wait()
    bench.now += seconds(300)
    await bench.restart()
    caller.cancel()
    assert ((await bench.outbox.send(draft())).state, bench.wire()) == (S.FAILED, [])
