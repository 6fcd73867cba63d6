"""`wamesh demo`: the mesh, a demo salon, the salon's phone and a customer, all on this machine.

The customer's messages take the whole way: simulated network, session process, inbox, worker, booking, outbox, and
back.
"""

import asyncio
import sys
import tempfile
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TextIO

from wamesh.booking.v1 import booking_pb2_grpc
from wamesh.console.mesh import Mesh, MeshFailed, PrintLine, members, quick_channel
from wamesh.console.ports import free_ports, is_free
from wamesh.console.process import refuse
from wamesh.console.seed import DEMO_SALON, load_salon
from wamesh.console.up import BOOKING, GATEWAY
from wamesh.emulator.v1 import emulator_pb2, emulator_pb2_grpc
from wamesh.errors import MeshError
from wamesh.gateway.v1 import gateway_pb2, gateway_pb2_grpc
from wamesh.settings import BookingSettings

COMPANY_ID: Final = 1
SALON_NUMBER: Final = "+12025550100"
CUSTOMER_NUMBER: Final = "+12025550142"
CUSTOMER_NAME: Final = "Alex"
QUIET_SECONDS: Final = "0.3"
REPLY_SECONDS: Final = 45.0
LOGIN_SECONDS: Final = 20.0
EMULATOR: Final = "wamesh.emulator.v1.Emulator"
USUAL_PORTS: Final = {"gateway": 50051, "booking": 50052, "emulator": 50053, "api": 8080}


class NoReply(Exception):
    """The salon did not answer in time."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the demo's processes listen."""

    gateway: str
    booking: str
    emulator: str
    api: str

    def environment(self, data: Path, database_url: str = "") -> dict[str, str]:
        """The settings of all members; SQLite files in `data` without a PostgreSQL URL."""
        return {
            "WAMESH_DATA_DIRECTORY": str(data),
            "WAMESH_DATABASE_URL": database_url,
            "WAMESH_TRANSPORT": "memory",
            "WAMESH_GATEWAY_ADDRESS": self.gateway,
            "WAMESH_GATEWAY_TARGET": self.gateway,
            "WAMESH_BOOKING_ADDRESS": self.booking,
            "WAMESH_BOOKING_TARGET": self.booking,
            "WAMESH_EMULATOR_ADDRESS": self.emulator,
            "WAMESH_EMULATOR_TARGET": self.emulator,
            "WAMESH_API_ADDRESS": self.api,
            "WAMESH_WORKER_QUIET_SECONDS": QUIET_SECONDS,
        }


def run_demo(say: Sequence[str]) -> int:
    """Runs the demo: a chat, or the given sentences with their replies on standard output. Returns the exit code."""
    with tempfile.TemporaryDirectory(prefix="wamesh-demo-") as name:
        directory = Path(name)
        with (directory / "demo.log").open("a", encoding="utf-8") as log:
            try:
                asyncio.run(_demo(say, directory, log))
            except (MeshFailed, MeshError, NoReply) as failure:
                sys.stderr.write(_last_lines(directory / "demo.log"))
                refuse("demo", str(failure))
                return 1
            except KeyboardInterrupt:
                return 0
    return 0


async def _demo(say: Sequence[str], directory: Path, log: TextIO) -> None:
    addresses = free_addresses(anywhere=bool(say))
    async with running(directory, addresses, lambda name, line: _write(log, name, line)) as demo:
        customer = demo.customer(CUSTOMER_NUMBER, CUSTOMER_NAME)
        await (_say(customer, say) if say else _chat(customer, addresses, directory))


@dataclass(frozen=True, slots=True)
class Demo:
    """A running mesh whose demo salon is linked and connected."""

    addresses: Addresses
    mesh: Mesh
    gateway: Any
    booking: Any
    emulator: Any

    def customer(self, phone_number: str, name: str) -> "Customer":
        """A phone that can write to the salon."""
        return Customer(self.emulator, phone_number, name)


@asynccontextmanager
async def running(
    directory: Path, addresses: Addresses, print_line: PrintLine, database_url: str = ""
) -> AsyncIterator[Demo]:
    """Runs the demo mesh on an empty data directory: salon loaded, number linked. Raises MeshFailed."""
    await load_salon(DEMO_SALON, BookingSettings(data_directory=directory, database_url=database_url))
    async with (
        Mesh(members("memory"), addresses.environment(directory, database_url), print_line) as mesh,
        _stub(addresses.gateway, gateway_pb2_grpc.GatewayStub) as gateway,
        _stub(addresses.booking, booking_pb2_grpc.BookingStub) as booking,
        _stub(addresses.emulator, emulator_pb2_grpc.EmulatorStub) as emulator,
    ):
        await mesh.ready(
            {GATEWAY: addresses.gateway, BOOKING: addresses.booking, EMULATOR: addresses.emulator},
        )
        await _link(gateway, emulator)
        yield Demo(addresses, mesh, gateway, booking, emulator)


class Customer:
    """A customer's phone on the simulated network."""

    def __init__(self, emulator: Any, phone_number: str, name: str) -> None:
        self._emulator = emulator
        self._phone_number = phone_number
        self._name = name
        self._cursor = 0

    async def write(self, text: str) -> None:
        """Writes a text to the salon."""
        await self.send(emulator_pb2.Content(text=emulator_pb2.TextContent(body=text)))

    async def send(self, content: emulator_pb2.Content) -> None:
        """Sends anything to the salon."""
        await self._emulator.SendAsCustomer(
            emulator_pb2.SendAsCustomerRequest(
                customer_phone_number=self._phone_number,
                push_name=self._name,
                account_phone_number=SALON_NUMBER,
                content=content,
            )
        )

    async def replies(self) -> AsyncGenerator[str, None]:
        """Each reply that reaches the phone, in order, for ever; none twice over the life of this object."""
        request = emulator_pb2.WatchCustomerRequest(customer_phone_number=self._phone_number, after_cursor=self._cursor)
        async for seen in self._emulator.WatchCustomer(request):
            self._cursor = seen.message.cursor
            yield seen.message.text

    async def ask(self, text: str) -> str:
        """Writes a text and waits for the next reply. Raises NoReply."""
        await self.write(text)
        return await self.next_reply()

    async def next_reply(self) -> str:
        """Waits for the next reply. Raises NoReply."""
        try:
            async with asyncio.timeout(REPLY_SECONDS), aclosing(self.replies()) as replies:
                return await anext(replies)
        except TimeoutError:
            raise NoReply(f"The salon did not answer within {REPLY_SECONDS:.0f} s.") from None


async def _link(gateway: Any, emulator: Any) -> None:
    """Pairs the salon's number: the gateway shows a QR code, the owner's phone scans it."""
    account = emulator_pb2.AddAccountRequest(phone_number=SALON_NUMBER, push_name="Salon")
    await emulator.AddAccount(account)
    async for step in gateway.Pair(gateway_pb2.PairRequest(company_id=COMPANY_ID)):
        if step.HasField("qr_code"):
            scan = emulator_pb2.ScanQrRequest(phone_number=SALON_NUMBER, code=step.qr_code.code)
            await emulator.ScanQr(scan)
        elif step.HasField("failed"):
            raise MeshFailed(f"The demo's number could not be linked: {step.failed.reason}.")
    await _connected(gateway)


async def _connected(gateway: Any) -> None:
    """Waits until the linked session is logged in. Raises MeshFailed."""
    try:
        async with asyncio.timeout(LOGIN_SECONDS):
            request = gateway_pb2.GetSessionRequest(company_id=COMPANY_ID)
            while (await gateway.GetSession(request)).session.state != gateway_pb2.SESSION_STATE_CONNECTED:  # noqa: ASYNC110 - asks another process
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise MeshFailed(f"The demo's session was not connected within {LOGIN_SECONDS:.0f} s.") from None


async def _say(customer: Customer, sentences: Sequence[str]) -> None:
    """Says each sentence and prints the reply to it before the next."""
    for sentence in sentences:
        print(await customer.ask(sentence), flush=True)


async def _chat(customer: Customer, addresses: Addresses, directory: Path) -> None:
    """A chat in the terminal, until Ctrl-C or the end of the input."""
    print(
        "You are a customer of Salon Aurora. Write in English or Russian, such as: Haircut tomorrow evening\n"
        f"API: http://{addresses.api}/docs   gateway: {addresses.gateway}   log: {directory / 'demo.log'}\n"
        "Ctrl-C ends the demo.\n"
    )
    showing = asyncio.ensure_future(_show(customer))
    try:
        async for line in _typed_lines():
            if line.strip():
                await customer.write(line.strip())
    finally:
        showing.cancel()


async def _show(customer: Customer) -> None:
    async for reply in customer.replies():
        print(f"\n\033[32m{reply}\033[0m\n" if sys.stdout.isatty() else f"\n{reply}\n", flush=True)


async def _typed_lines() -> AsyncIterator[str]:
    """Lines of standard input; a thread of its own reads them, since a terminal cannot be awaited portably."""
    lines: asyncio.Queue[str] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def read() -> None:
        for line in iter(sys.stdin.readline, ""):
            loop.call_soon_threadsafe(lines.put_nowait, line)
        loop.call_soon_threadsafe(lines.put_nowait, "")

    threading.Thread(target=read, name="keyboard", daemon=True).start()
    while line := await lines.get():
        yield line


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


def _write(log: TextIO, name: str, line: str) -> None:
    log.write(f"{name:>8} | {line}\n")
    log.flush()


def _last_lines(log: Path, count: int = 20) -> str:
    return "".join(f"{line}\n" for line in log.read_text(encoding="utf-8").splitlines()[-count:])
