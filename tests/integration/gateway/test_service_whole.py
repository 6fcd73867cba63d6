"""The whole gateway, composed as in production, over real session processes and the simulated WhatsApp."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import grpc
import pytest
from support.emulator import RunningEmulator, running_emulator

from wamesh.gateway.fleet.lock import DirectoryInUse
from wamesh.gateway.main import serving
from wamesh.gateway.v1 import gateway_pb2 as pb
from wamesh.gateway.v1 import gateway_pb2_grpc
from wamesh.rpc.server import PortTaken
from wamesh.settings import GatewaySettings

if TYPE_CHECKING:
    from wamesh.gateway.v1.gateway_pb2_grpc import GatewayAsyncStub

T = TypeVar("T")
SALON, ANNA = "+12025550100", "+12025550101"
PATIENCE_SECONDS = 20


@pytest.fixture
def emulator() -> Iterator[RunningEmulator]:
    with running_emulator() as running:
        running.add_account(SALON)
        yield running


def settings_of(directory: Path, emulator: RunningEmulator, address: str = "127.0.0.1:0") -> GatewaySettings:
    return GatewaySettings(
        data_directory=directory,
        gateway_address=address,
        transport="memory",
        emulator_target=emulator.target,
        lock_wait_seconds=0,
        drain_seconds=1,
    )


@asynccontextmanager
async def client_of(directory: Path, emulator: RunningEmulator) -> AsyncIterator["GatewayAsyncStub"]:
    """A gateway on the directory, and its client."""
    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        serving(settings_of(directory, emulator)) as gateway,
        grpc.aio.insecure_channel(f"127.0.0.1:{gateway.port}") as channel,
    ):
        yield gateway_pb2_grpc.GatewayStub(channel)


async def pair(stub: "GatewayAsyncStub", emulator: RunningEmulator) -> None:
    """Links the salon's number to company 7 and waits for the login."""
    async for step in stub.Pair(pb.PairRequest(company_id=7)):
        if step.WhichOneof("event") == "qr_code":
            await asyncio.to_thread(emulator.scan, SALON, step.qr_code.code)
    await connected(stub)


async def eventually(ask: Callable[[], Awaitable[T]], wanted: Callable[[T], bool]) -> T:
    """The first answer that is as wanted; the test's timeout bounds it."""
    for _ in count():
        if wanted(answer := await ask()):
            return answer
        await asyncio.sleep(0.02)
    raise AssertionError


async def connected(stub: "GatewayAsyncStub") -> None:
    request = pb.GetSessionRequest(company_id=7)
    await eventually(
        lambda: stub.GetSession(request), lambda answer: answer.session.state == pb.SESSION_STATE_CONNECTED
    )


async def receive_one(stub: "GatewayAsyncStub") -> pb.Delivery:
    """Takes and acks one delivery of the worker's subscription."""
    call = stub.Receive()
    opening = pb.OpenSubscription(subscription="worker")
    opening.quiet_period.SetInParent()
    await call.write(pb.ReceiveRequest(open=opening))
    async for response in call:
        if response.WhichOneof("response") == "delivery":
            await call.write(pb.ReceiveRequest(ack=pb.Ack(delivery_id=response.delivery.delivery_id)))
            await call.done_writing()
            return response.delivery
    raise AssertionError("the stream ended without a delivery")


async def reaches(stub: "GatewayAsyncStub", state: "pb.DeliveryState.ValueType") -> pb.OutgoingMessage:
    """The message r-1 once it has come so far."""
    request = pb.GetMessageRequest(company_id=7, request_id="r-1")
    answer = await eventually(lambda: stub.GetMessage(request), lambda answer: answer.message.state == state)
    return answer.message


async def health(stub: "GatewayAsyncStub") -> pb.SessionHealth:
    """What is recorded about company 7."""
    return (await stub.Health(pb.HealthRequest(company_id=7))).sessions[0]


async def test_a_customer_is_answered(tmp_path: Path, emulator: RunningEmulator) -> None:
    """Pair, Receive, Send, and WhatsApp's receipts up to READ."""
    async with client_of(tmp_path, emulator) as stub:
        await pair(stub, emulator)
        await asyncio.to_thread(emulator.say, ANNA, SALON, "Haircut tomorrow?")
        delivery = await receive_one(stub)
        assert [message.text for message in delivery.messages] == ["Haircut tomorrow?"]
        request = pb.SendRequest(company_id=7, request_id="r-1", chat=delivery.chat, text="At ten.")
        sent = (await stub.Send(request)).message
        assert sent.message_id
        (received,) = await asyncio.to_thread(emulator.received, ANNA, 1)
        assert received.text == "At ten."
        await asyncio.to_thread(emulator.read, ANNA, SALON)
        assert (await reaches(stub, pb.DELIVERY_STATE_READ)).message_id == sent.message_id
        facts = await health(stub)
        assert (facts.sends_finished, facts.sends_succeeded, facts.session.epoch > 0) == (1, 1, True)
        assert facts.HasField("last_inbound_age") and facts.HasField("last_ack_age")


async def test_a_restart_keeps_what_nobody_took_and_what_waits_to_be_sent(
    tmp_path: Path, emulator: RunningEmulator
) -> None:
    """Messages of customers wait in the inbox, queued ones go out when the session is back."""
    async with client_of(tmp_path, emulator) as stub:
        await pair(stub, emulator)
        await asyncio.to_thread(emulator.say, ANNA, SALON, "Hello?")
        await eventually(lambda: health(stub), lambda facts: facts.HasField("last_inbound_age"))
        await stub.StopSession(pb.StopSessionRequest(company_id=7))
        request = pb.SendRequest(
            company_id=7, request_id="r-1", phone_number=ANNA, text="Hi.", queue_while_disconnected=True
        )
        assert (await stub.Send(request)).message.state == pb.DELIVERY_STATE_QUEUED
    async with client_of(tmp_path, emulator) as stub:
        assert [message.text for message in (await receive_one(stub)).messages] == ["Hello?"]
        await stub.StartSession(pb.StartSessionRequest(company_id=7))
        await reaches(stub, pb.DELIVERY_STATE_DELIVERED)
        (received,) = await asyncio.to_thread(emulator.received, ANNA, 1)
        assert received.text == "Hi."


async def test_a_second_gateway_on_the_directory_is_refused(tmp_path: Path, emulator: RunningEmulator) -> None:
    """It says which directory is in use, and opens nothing."""
    async with client_of(tmp_path, emulator):
        with pytest.raises(DirectoryInUse, match=str(tmp_path)):
            async with serving(settings_of(tmp_path, emulator)):
                pass


async def test_a_taken_port_ends_the_start(tmp_path: Path, emulator: RunningEmulator) -> None:
    """And leaves the directory free."""
    async with serving(settings_of(tmp_path / "one", emulator)) as gateway:
        with pytest.raises(PortTaken):
            async with serving(settings_of(tmp_path / "two", emulator, f"127.0.0.1:{gateway.port}")):
                pass
        async with serving(settings_of(tmp_path / "two", emulator)) as other:
            assert other.port != gateway.port
