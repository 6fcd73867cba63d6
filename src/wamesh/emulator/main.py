"""Composition root of `wamesh emulator`: a simulated WhatsApp in memory, served on one loopback port."""

import asyncio
import ipaddress
import secrets
from collections.abc import Callable
from datetime import timedelta

import structlog

from wamesh.clock import utc_now
from wamesh.emulator.memory.control import MemoryControl
from wamesh.emulator.memory.network import MemoryNetwork
from wamesh.emulator.memory.wire_service import MemoryWireService
from wamesh.emulator.service import EmulatorService
from wamesh.emulator.timing import PairingPace
from wamesh.emulator.v1 import emulator_pb2_grpc, memory_wire_pb2_grpc
from wamesh.rpc.server import Server, Service, stop_signal
from wamesh.settings import EmulatorSettings, WrongSetting

_log = structlog.get_logger("emulator")


async def run(settings: EmulatorSettings) -> None:
    """Serves until SIGTERM or SIGINT. Everything it knew is gone afterwards.

    Raises WrongSetting for an address that is not loopback (anybody who reaches the port drives the network),
    and PortTaken.
    """
    stop = stop_signal()
    server = await serve(settings.emulator_address)
    _log.info("simulated WhatsApp is ready", port=server.port)
    await stop.wait()
    await server.stop(settings.drain_seconds)


async def serve(address: str, pace: PairingPace | None = None) -> Server:
    """Returns the running, ready server of a fresh network at a loopback address; port 0 takes a free one."""
    refuse_outside(address)
    network = MemoryNetwork(utc_now, secrets.token_bytes, _call_later, pace)
    server = Server(
        [
            Service(
                "wamesh.emulator.v1.Emulator",
                EmulatorService(MemoryControl(network)),
                emulator_pb2_grpc.add_EmulatorServicer_to_server,
            ),
            Service(
                "wamesh.emulator.v1.MemoryWire",
                MemoryWireService(network),
                memory_wire_pb2_grpc.add_MemoryWireServicer_to_server,
            ),
        ],
        address,
    )
    await server.start()
    await server.set_ready(True)
    return server


def refuse_outside(address: str) -> None:
    """Raises WrongSetting unless the host of `host:port` is this machine's loopback."""
    host = address.rpartition(":")[0].strip("[]")
    try:
        inside = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        inside = False
    if not inside:
        raise WrongSetting(
            f"WAMESH_EMULATOR_ADDRESS: must be a loopback address such as 127.0.0.1:50053; it is {address!r}."
        )


def _call_later(delay: timedelta, function: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_later(delay.total_seconds(), function)
