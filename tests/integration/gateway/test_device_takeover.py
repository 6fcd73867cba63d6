"""Two gateways, one after the other, with data directories of their own and one PostgreSQL."""

import asyncio
from pathlib import Path

import grpc
import pytest
from support.emulator import RunningEmulator, protocol_emulator

from wamesh.gateway.main import serving
from wamesh.gateway.v1 import gateway_pb2 as pb
from wamesh.gateway.v1 import gateway_pb2_grpc
from wamesh.settings import GatewaySettings
from wamesh.whatsapp.neonize.store_file import FILE_NAME

COMPANY = 7
SALON, CUSTOMER = "+12025550100", "+12025550111"
PATIENCE_SECONDS = 30


@pytest.mark.postgres
async def test_the_next_gateway_needs_no_pairing(postgresql_url: str, tmp_path: Path) -> None:
    """What one gateway linked another connects with: the device is in the database, not in a directory."""
    with protocol_emulator() as emulator:
        emulator.add_account(SALON, "Salon")
        for name in ("gateway-a", "gateway-b"):
            settings = GatewaySettings(
                data_directory=tmp_path / name,
                gateway_address="127.0.0.1:0",
                transport="emulator",
                emulator_target=emulator.target,
                database_url=postgresql_url,
            )
            async with (
                asyncio.timeout(PATIENCE_SECONDS),
                serving(settings) as gateway,
                grpc.aio.insecure_channel(f"127.0.0.1:{gateway.port}") as channel,
            ):
                stub = gateway_pb2_grpc.GatewayStub(channel)
                if name == "gateway-a":
                    await pair(stub, emulator)
                await connected(stub)
                sent = await stub.Send(
                    pb.SendRequest(company_id=COMPANY, request_id=name, phone_number=CUSTOMER, text=name)
                )
                assert sent.message.message_id
        texts = [message.text for message in emulator.received(CUSTOMER, 2)]
    assert texts == ["gateway-a", "gateway-b"]
    assert not (tmp_path / "gateway-a" / "sessions" / str(COMPANY) / FILE_NAME).exists()


async def pair(stub: "gateway_pb2_grpc.GatewayAsyncStub", emulator: RunningEmulator) -> None:
    """Links a device by the code on offer."""
    async for step in stub.Pair(pb.PairRequest(company_id=COMPANY)):
        if step.HasField("qr_code"):
            await asyncio.to_thread(emulator.scan, SALON, step.qr_code.code)


async def connected(stub: "gateway_pb2_grpc.GatewayAsyncStub") -> None:
    """Waits until the session is up."""
    session = pb.Session()
    while session.state != pb.SESSION_STATE_CONNECTED:
        await asyncio.sleep(0.05)
        session = (await stub.GetSession(pb.GetSessionRequest(company_id=COMPANY))).session
