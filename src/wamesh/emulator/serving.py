"""What both networks are served with: the control service on loopback, last to start and first to stop.

Owns: how an emulator that runs is held and ended. Refuses: addresses off this machine, since anybody who reaches them
drives the network.
"""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta

from wamesh.emulator.control import Network
from wamesh.emulator.loopback import is_loopback
from wamesh.emulator.service import EmulatorService
from wamesh.emulator.v1 import emulator_pb2_grpc
from wamesh.rpc.server import Server, Service
from wamesh.settings import WrongSetting


@dataclass(frozen=True, slots=True)
class Emulator:
    """A running, ready simulated WhatsApp."""

    network: Network
    server: Server
    _started: AsyncExitStack

    @property
    def port(self) -> int:
        """Where it is driven from."""
        return self.server.port

    async def stop(self, drain_seconds: float) -> None:
        """Ends calls and connections, and keeps what is to be kept."""
        await self.server.stop(drain_seconds)
        await self._started.aclose()


async def serve_control(network: Network, address: str, started: AsyncExitStack, *more: Service) -> Emulator:
    """Serves the control contract, and `more`, at `address`; what has `started` ends with it. Raises PortTaken."""
    service = Service(
        "wamesh.emulator.v1.Emulator", EmulatorService(network), emulator_pb2_grpc.add_EmulatorServicer_to_server
    )
    server = Server([service, *more], address)
    await server.start()
    await server.set_ready(True)
    return Emulator(network, server, started)


def refuse_outside(address: str, variable: str = "WAMESH_EMULATOR_ADDRESS") -> None:
    """Raises WrongSetting unless the host of `host:port` is this machine's loopback."""
    if not is_loopback(address):
        raise WrongSetting(f"{variable}: must be a loopback address such as 127.0.0.1:50053; it is {address!r}.")


def call_later(delay: timedelta, function: Callable[[], None]) -> None:
    """Runs `function` on the running loop after `delay`."""
    asyncio.get_running_loop().call_later(delay.total_seconds(), function)
