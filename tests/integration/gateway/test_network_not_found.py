"""A gateway whose transport is the emulator, while no emulator of WhatsApp's protocol answers."""

import asyncio
from pathlib import Path

import grpc
import pytest
from support.emulator import running_emulator

from wamesh.console.ports import free_ports
from wamesh.gateway.main import serving
from wamesh.gateway.process.wire import SPOOL_NAME
from wamesh.gateway.v1 import gateway_pb2 as pb
from wamesh.gateway.v1 import gateway_pb2_grpc
from wamesh.settings import GatewaySettings, WrongSetting

COMPANY = 7
PATIENCE_SECONDS = 20


def settings_of(directory: Path, target: str) -> GatewaySettings:
    return GatewaySettings(
        data_directory=directory, gateway_address="127.0.0.1:0", transport="emulator", emulator_target=target
    )


async def test_the_gateway_serves_and_tries_again(tmp_path: Path) -> None:
    """A start without an emulator is retried with growing delay, is no crash, and says why; no process is started."""
    async with (
        asyncio.timeout(PATIENCE_SECONDS),
        serving(settings_of(tmp_path, f"127.0.0.1:{free_ports(1)[0]}")) as gateway,
        grpc.aio.insecure_channel(f"127.0.0.1:{gateway.port}") as channel,
    ):
        stub = gateway_pb2_grpc.GatewayStub(channel)
        session = (await stub.StartSession(pb.StartSessionRequest(company_id=COMPANY))).session
        assert (session.state, session.reason) == (pb.SESSION_STATE_DISCONNECTED, "NETWORK_NOT_FOUND")
        assert session.action
        first = session.retry_time.ToNanoseconds()
        while session.retry_time.ToNanoseconds() == first:
            await asyncio.sleep(0.05)
            session = (await stub.GetSession(pb.GetSessionRequest(company_id=COMPANY))).session
        assert session.reason in ("NETWORK_NOT_FOUND", "RETRYING")
    assert not (tmp_path / "sessions" / str(COMPANY) / SPOOL_NAME).exists()


async def test_a_pairing_ends_at_once(tmp_path: Path) -> None:
    """The light network has no wire for the library, which Pair tells like any network that cannot be reached."""
    with running_emulator() as light:
        async with (
            asyncio.timeout(PATIENCE_SECONDS),
            serving(settings_of(tmp_path, light.target)) as gateway,
            grpc.aio.insecure_channel(f"127.0.0.1:{gateway.port}") as channel,
        ):
            stub = gateway_pb2_grpc.GatewayStub(channel)
            steps = [step async for step in stub.Pair(pb.PairRequest(company_id=COMPANY))]
            assert [step.failed.reason for step in steps] == ["UNAVAILABLE"]
            session = (await stub.GetSession(pb.GetSessionRequest(company_id=COMPANY))).session
            assert (session.state, session.reason) == (pb.SESSION_STATE_UNPAIRED, "NETWORK_NOT_FOUND")


async def test_an_emulator_elsewhere_is_refused(tmp_path: Path) -> None:
    """The gateway does not start when it would be led off this machine."""
    with pytest.raises(WrongSetting, match="WAMESH_EMULATOR_TARGET: must be a loopback address"):
        async with serving(settings_of(tmp_path, "192.0.2.1:50053")):
            pass
