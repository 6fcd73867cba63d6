"""`wamesh demo`: the mesh, a demo salon, the salon's phone and a customer, all on this machine.

The customer's messages take the whole way: simulated network, session process, inbox, worker, booking, outbox, and
back. By default the session process runs the real client library, against the emulator of WhatsApp's protocol.
"""

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TextIO

import grpc

from wamesh.booking.v1 import booking_pb2_grpc
from wamesh.console import chat
from wamesh.console.customer import Customer, NoReply, Unsayable, check_words
from wamesh.console.mesh import Mesh, MeshFailed, PrintLine, members, quick_channel
from wamesh.console.ports import free_ports, is_free
from wamesh.console.process import EXIT_REFUSED, refuse
from wamesh.console.qr import draw
from wamesh.console.seed import DEMO_SALON, load_salon
from wamesh.console.up import BOOKING, EMULATOR, GATEWAY
from wamesh.emulator.v1 import emulator_pb2, emulator_pb2_grpc
from wamesh.errors import MeshError
from wamesh.gateway.v1 import gateway_pb2, gateway_pb2_grpc
from wamesh.rpc.errors import refusal_of
from wamesh.settings import BookingSettings

COMPANY_ID: Final = 1
SALON_NUMBER: Final = "+12025550100"
CUSTOMER_NUMBER: Final = "+12025550142"
CUSTOMER_NAME: Final = "Alex"
QUIET_SECONDS: Final = "0.3"
LOGIN_SECONDS: Final = 20.0
USUAL_PORTS: Final = {"gateway": 50051, "booking": 50052, "emulator": 50053, "wire": 50054, "api": 8080}

Simulation = Literal["emulator", "memory"]
"""The transports that reach no WhatsApp but the demo's own."""
_WAY_OUT: Final[dict[Simulation, str]] = {
    "emulator": " Without the client library: wamesh demo --transport memory",
    "memory": "",
}

ShowCode = Callable[[str], None]
"""Is given each QR code before the salon's phone scans it."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the demo's processes listen."""

    gateway: str
    booking: str
    emulator: str
    wire: str
    api: str

    def environment(self, data: Path, database_url: str = "", transport: Simulation = "emulator") -> dict[str, str]:
        """The settings of all members; SQLite files in `data` without a PostgreSQL URL."""
        return {
            "WAMESH_DATA_DIRECTORY": str(data),
            "WAMESH_DATABASE_URL": database_url,
            "WAMESH_TRANSPORT": transport,
            "WAMESH_GATEWAY_ADDRESS": self.gateway,
            "WAMESH_GATEWAY_TARGET": self.gateway,
            "WAMESH_BOOKING_ADDRESS": self.booking,
            "WAMESH_BOOKING_TARGET": self.booking,
            "WAMESH_EMULATOR_ADDRESS": self.emulator,
            "WAMESH_EMULATOR_TARGET": self.emulator,
            "WAMESH_EMULATOR_WIRE_ADDRESS": self.wire,
            "WAMESH_API_ADDRESS": self.api,
            "WAMESH_WORKER_QUIET_SECONDS": QUIET_SECONDS,
        }


def run_demo(say: Sequence[str], transport: Simulation) -> int:
    """Runs the demo: a chat, or the given sentences with their replies on standard output. Returns the exit code."""
    try:
        for text in say:
            check_words(text)
    except Unsayable as error:
        refuse("demo", f"--say: {error}")
        return EXIT_REFUSED
    with tempfile.TemporaryDirectory(prefix="wamesh-demo-") as name:
        directory = Path(name)
        with (directory / "demo.log").open("a", encoding="utf-8") as log:
            try:
                asyncio.run(_demo(say, transport, directory, log))
            except (MeshFailed, MeshError, NoReply) as failure:
                sys.stderr.write(_last_lines(directory / "demo.log"))
                refuse("demo", f"{failure}{_WAY_OUT[transport]}")
                return 1
            except KeyboardInterrupt:
                return 0
    return 0


async def _demo(say: Sequence[str], transport: Simulation, directory: Path, log: TextIO) -> None:
    addresses = free_addresses(anywhere=bool(say))

    def print_line(name: str, line: str) -> None:
        log.write(f"{name:>8} | {line}\n")
        log.flush()

    show_code = _show_nothing if say else _show_code
    async with running(directory, addresses, print_line, transport=transport, show_code=show_code) as demo:
        customer = demo.customer(CUSTOMER_NUMBER, CUSTOMER_NAME)
        if say:
            await chat.say(customer, say)
        else:
            print(_welcome(addresses, directory), flush=True)
            await chat.chat(customer)


def _show_code(code: str) -> None:
    """Shows the code as `wamesh pair` does; nobody needs to scan it."""
    draw(code)
    print(f"The salon's simulated phone, {SALON_NUMBER}, scans it now.\n", flush=True)


def _show_nothing(code: str) -> None:
    """Leaves standard output to the replies."""


def _welcome(addresses: Addresses, directory: Path) -> str:
    return (
        "You are a customer of Salon Aurora. Write in English or Russian, such as: Haircut tomorrow evening\n"
        f"API: http://{addresses.api}/docs   gateway: {addresses.gateway}   log: {directory / 'demo.log'}\n"
        "Ctrl-C ends the demo.\n"
    )


@dataclass(frozen=True, slots=True)
class Demo:
    """A running mesh whose demo salon is linked and connected."""

    addresses: Addresses
    mesh: Mesh
    gateway: Any
    booking: Any
    emulator: Any

    def customer(self, phone_number: str, name: str) -> Customer:
        """A phone that can write to the salon."""
        return Customer(self.emulator, SALON_NUMBER, phone_number, name)


@asynccontextmanager
async def running(
    directory: Path,
    addresses: Addresses,
    print_line: PrintLine,
    database_url: str = "",
    *,
    transport: Simulation = "emulator",
    show_code: ShowCode = _show_nothing,
) -> AsyncIterator[Demo]:
    """Runs the demo mesh on an empty data directory: salon loaded, number linked. Raises MeshFailed."""
    await load_salon(DEMO_SALON, BookingSettings(data_directory=directory, database_url=database_url))
    environment = addresses.environment(directory, database_url, transport)
    async with (
        Mesh(members(transport), environment, print_line) as mesh,
        _stub(addresses.gateway, gateway_pb2_grpc.GatewayStub) as gateway,
        _stub(addresses.booking, booking_pb2_grpc.BookingStub) as booking,
        _stub(addresses.emulator, emulator_pb2_grpc.EmulatorStub) as emulator,
    ):
        await mesh.ready(
            {GATEWAY: addresses.gateway, BOOKING: addresses.booking, EMULATOR: addresses.emulator},
        )
        await link(gateway, emulator, COMPANY_ID, SALON_NUMBER, show_code)
        yield Demo(addresses, mesh, gateway, booking, emulator)


async def link(
    gateway: Any, emulator: Any, company_id: int, phone_number: str, show_code: ShowCode = _show_nothing
) -> None:
    """Pairs a company with a number of its own and waits for the login.

    The gateway offers a QR code, the code is shown, and the simulated phone of the number's owner scans it. Raises
    MeshFailed.
    """
    try:
        await emulator.AddAccount(emulator_pb2.AddAccountRequest(phone_number=phone_number, push_name="Salon"))
        async for step in gateway.Pair(gateway_pb2.PairRequest(company_id=company_id)):
            if step.HasField("qr_code"):
                show_code(step.qr_code.code)
                scan = emulator_pb2.ScanQrRequest(phone_number=phone_number, code=step.qr_code.code)
                await emulator.ScanQr(scan)
            elif step.HasField("failed"):
                raise MeshFailed(f"{phone_number} could not be linked: {step.failed.reason}.")
    except grpc.aio.AioRpcError as error:
        raise MeshFailed(f"{phone_number} could not be linked: {refusal_of(error).message}") from None
    await connected(gateway, company_id)


async def connected(gateway: Any, company_id: int) -> None:
    """Waits until the company's session is logged in. Raises MeshFailed."""
    try:
        async with asyncio.timeout(LOGIN_SECONDS):
            request = gateway_pb2.GetSessionRequest(company_id=company_id)
            while (await gateway.GetSession(request)).session.state != gateway_pb2.SESSION_STATE_CONNECTED:  # noqa: ASYNC110 - asks another process
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise MeshFailed(
            f"The session of company {company_id} was not connected within {LOGIN_SECONDS:.0f} s."
        ) from None


def free_addresses(anywhere: bool) -> Addresses:
    """The usual addresses where they are free, others where not; `anywhere` asks for others at once."""
    others = free_ports(len(USUAL_PORTS))
    usual = [0 if anywhere or not is_free(f"127.0.0.1:{port}") else port for port in USUAL_PORTS.values()]
    ports = [port or other for port, other in zip(usual, others, strict=True)]
    return Addresses(**{name: f"127.0.0.1:{port}" for name, port in zip(USUAL_PORTS, ports, strict=True)})


@asynccontextmanager
async def _stub(address: str, stub: Any) -> AsyncIterator[Any]:
    async with quick_channel(address) as channel:
        yield stub(channel)


def _last_lines(log: Path, count: int = 20) -> str:
    return "".join(f"{line}\n" for line in log.read_text(encoding="utf-8").splitlines()[-count:])
