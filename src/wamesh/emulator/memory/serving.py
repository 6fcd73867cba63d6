"""Composition root of the light network."""

import secrets
from contextlib import AsyncExitStack

from wamesh.clock import utc_now
from wamesh.emulator.memory.control import MemoryControl
from wamesh.emulator.memory.network import MemoryNetwork
from wamesh.emulator.memory.wire_service import MemoryWireService
from wamesh.emulator.serving import Emulator, call_later, refuse_outside, serve_control
from wamesh.emulator.timing import PairingPace
from wamesh.emulator.v1 import memory_wire_pb2_grpc
from wamesh.rpc.server import Service


async def serve_memory(address: str, pace: PairingPace | None = None) -> Emulator:
    """Serves a fresh light network at a loopback address; port 0 takes a free one. Raises WrongSetting, PortTaken."""
    refuse_outside(address)
    network = MemoryNetwork(utc_now, secrets.token_bytes, call_later, pace)
    wire = Service(
        "wamesh.emulator.v1.MemoryWire",
        MemoryWireService(network),
        memory_wire_pb2_grpc.add_MemoryWireServicer_to_server,
    )
    return await serve_control(MemoryControl(network), address, AsyncExitStack(), wire)
