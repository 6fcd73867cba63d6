"""`wamesh up`: the whole mesh in one terminal, each process with its own colour; Ctrl-C drains."""

import asyncio
from typing import Final

from rich.console import Console
from rich.text import Text

from wamesh import settings
from wamesh.console.mesh import Mesh, MeshFailed, first_of, members
from wamesh.console.ports import is_free
from wamesh.console.process import refuse
from wamesh.rpc.server import stop_signal

COLOURS: Final = {"gateway": "green", "booking": "cyan", "worker": "yellow", "api": "magenta", "emulator": "blue"}
GATEWAY: Final = "wamesh.gateway.v1.Gateway"
BOOKING: Final = "wamesh.booking.v1.Booking"
EMULATOR: Final = "wamesh.emulator.v1.Emulator"


def run_up(transport: str | None) -> int:
    """Runs the mesh until Ctrl-C or SIGTERM. Returns the exit code."""
    try:
        gateway = settings.load(settings.GatewaySettings, transport=transport)
        booking = settings.load(settings.BookingSettings)
        api = settings.load(settings.ApiSettings)
        emulator = settings.load(settings.EmulatorSettings)
    except settings.WrongSetting as wrong:
        return refuse("up", str(wrong))
    wanted = {"GATEWAY": gateway.gateway_address, "BOOKING": booking.booking_address, "API": api.api_address}
    for name, address in (wanted | _simulation(gateway.transport, emulator)).items():
        if not is_free(address):
            way_out = f"end the process that listens there, or set WAMESH_{name}_ADDRESS."
            return refuse("up", f"{address} is taken: {way_out}")
    console = Console(stderr=True, highlight=False)
    try:
        asyncio.run(_up(gateway, booking, api, console))
    except MeshFailed as failure:
        return refuse("up", str(failure))
    return 0


def _simulation(transport: settings.Transport, emulator: settings.EmulatorSettings) -> dict[str, str]:
    """Where a simulated network listens, by the setting's name."""
    match transport:
        case "neonize":
            return {}
        case "memory":
            return {"EMULATOR": emulator.emulator_address}
        case "emulator":
            return {"EMULATOR": emulator.emulator_address, "EMULATOR_WIRE": emulator.emulator_wire_address}


async def _up(
    gateway: settings.GatewaySettings, booking: settings.BookingSettings, api: settings.ApiSettings, console: Console
) -> None:
    def print_line(name: str, line: str) -> None:
        console.print(Text(f"{name:>8} │ ", style=COLOURS[name]) + Text.from_ansi(line), soft_wrap=True)

    async def serve(mesh: Mesh) -> None:
        await mesh.ready({GATEWAY: gateway.gateway_address, BOOKING: booking.booking_address})
        print_line("gateway", f"ready: grpcurl -plaintext {gateway.gateway_address} list")
        print_line("booking", f"ready: grpcurl -plaintext {booking.booking_address} list")
        print_line("api", f"ready: http://{api.api_address}/docs")
        await mesh.failed()

    stop = stop_signal()
    async with Mesh(members(gateway.transport), {"WAMESH_TRANSPORT": gateway.transport}, print_line) as mesh:
        await first_of(stop.wait(), serve(mesh))
