"""The worker over real gRPC: streams, acks, crashes at every step."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from support.worker_faults import Call, Port
from support.worker_mesh import CHAT, COMPANY, Mesh, NotConnected, channel, running_mesh
from support.worker_salon import NOW

from wamesh.booking.v1.booking_pb2_grpc import BookingStub
from wamesh.gateway.v1 import gateway_pb2
from wamesh.gateway.v1.gateway_pb2_grpc import GatewayStub
from wamesh.storage.database import DatabaseUnavailable, migrate, open_database
from wamesh.storage.worker.conversations import ConversationTables
from wamesh.worker.booking_client import BookingClient
from wamesh.worker.gateway_client import GatewayClient
from wamesh.worker.hold import Hold
from wamesh.worker.runner import Runner
from wamesh.worker.stores import ConversationStore
from wamesh.worker.turns import Probe, Turns


@pytest.fixture
async def mesh() -> AsyncIterator[Mesh]:
    """Fakes of both services, over TCP."""
    async with running_mesh() as running:
        yield running


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[ConversationStore]:
    """The worker's own tables in a file."""
    url = f"sqlite:///{tmp_path / 'worker.db'}"
    await migrate(url, "worker")
    database = await open_database(url)
    yield ConversationTables(database)
    await database.close()


@dataclass
class Outage:
    """A database that refuses so many calls."""

    calls: int

    async def around(self, name: str, call: Call) -> Any:
        if self.calls:
            self.calls -= 1
            raise DatabaseUnavailable("The database does not answer.")
        return await call()


@asynccontextmanager
async def working(mesh: Mesh, store: ConversationStore, probe: Probe = lambda _: None) -> AsyncIterator[None]:
    """A worker that answers until the block ends."""
    stop = asyncio.Event()
    async with channel(mesh.gateway_port) as gateway_channel, channel(mesh.booking_port) as booking_channel:
        gateway = GatewayClient(GatewayStub(gateway_channel))
        turns = Turns(store, BookingClient(BookingStub(booking_channel), lambda: NOW), gateway, lambda: NOW, probe)
        runner = Runner(gateway, turns.answer, "worker", quiet_period=timedelta())
        running = asyncio.create_task(runner.run(stop))
        try:
            yield
        finally:
            stop.set()
            await asyncio.wait_for(running, 10)


async def say(mesh: Mesh, *lines: str) -> list[str]:
    """Writes the lines one after another, waiting for each answer; returns all that the customer got."""
    for line in lines:
        await mesh.gateway.customer_writes(line)
        await mesh.gateway.settled()
    return [each.text for each in mesh.gateway.sent]


async def test_a_dialogue_ends_with_a_booking(mesh: Mesh, store: ConversationStore) -> None:
    """From the first wish to a booking, through both services."""
    async with working(mesh, store):
        replies = await say(mesh, "Хочу на маникюр завтра вечером", "2")
    assert len(replies) == 2
    assert "2. 17:30 — Мария" in replies[0]
    assert "✅" in replies[1]
    assert [each.staff_ids for each in mesh.booking.salon.visits] == [(2,)]


async def test_two_customers_are_answered_side_by_side(mesh: Mesh, store: ConversationStore) -> None:
    """Each conversation has its own state."""
    other = "447700900123@s.whatsapp.net"
    async with working(mesh, store):
        await asyncio.gather(
            mesh.gateway.customer_writes("маникюр завтра"),
            mesh.gateway.customer_writes("manicure tomorrow evening", chat=other),
        )
        await mesh.gateway.settled()
    texts = {each.chat: each.text for each in mesh.gateway.sent}
    assert "есть время" in texts[CHAT]
    assert "these times are free" in texts[other]


async def test_a_sticker_gets_a_polite_answer(mesh: Mesh, store: ConversationStore) -> None:
    """What is not text is answered in the company's language, and acked."""
    async with working(mesh, store):
        await mesh.gateway.customer_writes("", kind=gateway_pb2.CONTENT_KIND_STICKER)
        await mesh.gateway.settled()
    assert [each.text.startswith("Пока здесь понятен только текст") for each in mesh.gateway.sent] == [True]


async def test_an_unknown_company_is_acked_without_an_answer(mesh: Mesh, store: ConversationStore) -> None:
    """No crash loop for a company that booking does not know."""
    async with working(mesh, store):
        await mesh.gateway.customer_writes("привет", company_id=COMPANY + 1)
        await mesh.gateway.settled()
    assert mesh.gateway.sent == []


async def test_nothing_is_lost_while_the_session_is_down(mesh: Mesh, store: ConversationStore) -> None:
    """Send refused: the delivery comes again until the reply is out, once."""
    mesh.gateway.refuse = NotConnected("The session is down.")
    async with working(mesh, store):
        await mesh.gateway.customer_writes("привет")
        await mesh.gateway.until(lambda: mesh.gateway.attempts >= 2)
        mesh.gateway.refuse = None
        await mesh.gateway.settled()
    assert len(mesh.gateway.sent) == 1
    assert all(nack.uncounted for nack in mesh.gateway.nacks)  # an outage makes no dead letters


async def test_nothing_is_lost_while_booking_is_down(mesh: Mesh, store: ConversationStore) -> None:
    """UNAVAILABLE: nothing is said, nothing is acked, until booking answers."""
    mesh.booking.down = True
    async with working(mesh, store):
        await mesh.gateway.customer_writes("маникюр завтра")
        await asyncio.wait_for(mesh.booking.asked_while_down.wait(), 10)
        assert mesh.gateway.sent == []
        mesh.booking.down = False
        await mesh.gateway.settled()
    assert len(mesh.gateway.sent) == 1
    assert all(nack.uncounted for nack in mesh.gateway.nacks)


async def test_nothing_is_lost_while_the_workers_database_is_down(mesh: Mesh, store: ConversationStore) -> None:
    """Its outage counts no attempt either."""
    outage = Outage(calls=3)
    async with working(mesh, cast(ConversationStore, Port(store, outage))):
        await say(mesh, "маникюр завтра")
    assert len(mesh.gateway.sent) == 1
    assert [nack.uncounted for nack in mesh.gateway.nacks] == [True] * 3


async def test_a_drain_ends(mesh: Mesh) -> None:
    """What outlasts it is left to its redelivery, unacked."""
    stop, begun = asyncio.Event(), asyncio.Event()

    async def hang(delivery: gateway_pb2.Delivery, hold: Hold) -> None:
        begun.set()
        await asyncio.Future[None]()

    async with channel(mesh.gateway_port) as gateway_channel:
        runner = Runner(GatewayClient(GatewayStub(gateway_channel)), hang, "worker", drain_seconds=0.05)
        running = asyncio.create_task(runner.run(stop))
        await mesh.gateway.customer_writes("привет")
        await asyncio.wait_for(begun.wait(), 10)
        assert runner.receiving
        stop.set()
        await asyncio.wait_for(running, 10)
    assert not runner.receiving
    assert len(mesh.gateway.pending[COMPANY, CHAT]) == 1


async def test_a_lost_stream_is_opened_again(mesh: Mesh, store: ConversationStore) -> None:
    """The gateway restarts: the worker finds it again."""
    async with working(mesh, store):
        await say(mesh, "привет")
        await mesh.stop_gateway()
        await mesh.start_gateway()
        replies = await say(mesh, "маникюр завтра")
    assert len(replies) == 2


STEPS = ("performed SearchSlots", "closed", "sent", "noted", "opened", "performed Book")


def crashing_at(step: str) -> Probe:
    """A probe that fails the first time the step is reached."""
    reached: list[str] = []

    def probe(name: str) -> None:
        if name == step and not reached:
            reached.append(name)
            raise RuntimeError(f"crash after {step}")

    return probe


@pytest.mark.parametrize("crash_step", STEPS)
async def test_each_reply_comes_once_whatever_step_crashes(
    mesh: Mesh, store: ConversationStore, crash_step: str
) -> None:
    """After a crash at any step the redelivery finishes the turn: each reply once, one booking."""
    async with working(mesh, store, crashing_at(crash_step)):
        replies = await say(mesh, "маникюр завтра вечером", "2", "спасибо")
    assert [each.split("\n")[0] for each in replies] == [
        "Маникюр — есть время:",
        "✅ Записали вас:",
        "Пожалуйста! Будем рады видеть вас 🙂",
    ]
    assert len(mesh.booking.salon.visits) == 1


async def test_a_turn_cut_off_after_booking_is_finished_with_its_own_messages(
    mesh: Mesh, store: ConversationStore
) -> None:
    """The customer goes on writing while the worker is down: the booked turn ends first, then the new one."""
    async with working(mesh, store):
        await say(mesh, "маникюр завтра вечером")

    async with channel(mesh.gateway_port) as gateway_channel, channel(mesh.booking_port) as booking_channel:
        gateway = GatewayClient(GatewayStub(gateway_channel))
        client = BookingClient(BookingStub(booking_channel), lambda: NOW)
        turns = Turns(store, client, gateway, lambda: NOW, crashing_at("performed Book"))
        await mesh.gateway.customer_writes("2")
        delivery = gateway_pb2.Delivery(delivery_id="d", company_id=COMPANY, chat=CHAT)
        delivery.messages.extend(mesh.gateway.pending[COMPANY, CHAT])
        with pytest.raises(RuntimeError, match="crash"):
            await turns.answer(delivery, Hold(timedelta(seconds=60)))

    await mesh.gateway.customer_writes("нет, лучше 3")
    async with working(mesh, store):
        await mesh.gateway.settled()
    assert len(mesh.booking.salon.visits) == 1
    assert "17:30" in mesh.gateway.sent[1].text
    assert len(mesh.gateway.sent) == 3
