"""Several gateways on one PostgreSQL, in real processes, with workers, booking and the emulator of WhatsApp's protocol.

    async with running_fleet(tmp_path, database_url, companies=4) as fleet:
        await fleet.gateway_of(1)

Each gateway has a data directory of its own; `gateways` are stubs by name, `anywhere` is one over all of them. Every
company is linked to a number of its own and is a demo salon. The mesh starts again what is killed, unless it is held
back.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc

from wamesh.booking.v1 import booking_pb2_grpc
from wamesh.console import demo
from wamesh.console.mesh import Member, Mesh, PrintLine, quick_channel
from wamesh.console.ports import free_ports
from wamesh.console.seed import DEMO_SALON, load_salon
from wamesh.console.up import BOOKING, EMULATOR, GATEWAY
from wamesh.emulator.v1 import emulator_pb2_grpc
from wamesh.gateway.fleet.placement import home_of
from wamesh.gateway.v1 import gateway_pb2 as pb
from wamesh.gateway.v1 import gateway_pb2_grpc
from wamesh.rpc.client import open_channel
from wamesh.settings import BookingSettings

_LINKED_AT_ONCE: Final = 4
SERVICE: Final = pb.DESCRIPTOR.services_by_name["Gateway"]


def salon_number(company_id: int) -> str:
    """The number of a company's WhatsApp account; numbers 1 to 99 are reserved for fiction."""
    return f"+120255501{company_id:02}"


class FleetMesh(Mesh):
    """A mesh that can leave what was killed away, as a machine that went down with it does."""

    def __init__(self, members: Sequence[Member], environment: Mapping[str, str], print_line: PrintLine) -> None:
        super().__init__(members, environment, print_line)
        self._let_in = {member.name: asyncio.Event() for member in members}
        for each in self._let_in.values():
            each.set()

    def hold_back(self, name: str) -> None:
        """Once the member has ended it stays away, until it is let in."""
        self._let_in[name].clear()

    def let_in(self, name: str) -> None:
        """Lets the member start again."""
        self._let_in[name].set()

    async def _run_once(self, member: Member) -> int:
        await self._let_in[member.name].wait()
        return await super()._run_once(member)


@dataclass(frozen=True, slots=True)
class Fleet:
    """A running fleet. `addresses` are the gateways' by name; `companies` are their ids."""

    directory: Path
    database_url: str
    companies: range
    workers: tuple[str, ...]
    mesh: FleetMesh
    addresses: Mapping[str, str]
    gateways: Mapping[str, Any]
    anywhere: Any
    booking: Any
    emulator: Any

    async def session(self, company_id: int) -> pb.Session:
        """The company's session, as any gateway tells it."""
        answer: pb.GetSessionResponse = await self.anywhere.GetSession(pb.GetSessionRequest(company_id=company_id))
        return answer.session

    async def gateway_of(self, company_id: int) -> str:
        """The name of the gateway whose session is connected; waits until there is one."""
        while True:
            for name, gateway in self.gateways.items():
                try:
                    answer = await gateway.GetSession(pb.GetSessionRequest(company_id=company_id), timeout=2)
                except grpc.aio.AioRpcError:
                    continue
                if answer.session.state == pb.SESSION_STATE_CONNECTED and answer.session.holder == self._node(name):
                    return name
            await asyncio.sleep(0.05)

    async def at_home(self) -> None:
        """Waits until every company is connected at its home: none moves any more, unless a gateway comes or goes."""
        names = {self._node(name): name for name in self.gateways}
        for company_id in self.companies:
            home = names[home_of(company_id, names)]
            while await self.gateway_of(company_id) != home:  # noqa: ASYNC110 - a hand-over tells nobody
                await asyncio.sleep(0.05)

    def _node(self, name: str) -> str:
        """What the gateway calls itself."""
        return (self.directory / name / "node").read_text().strip()


def fleet_members(directory: Path, addresses: Mapping[str, str], workers: Sequence[str]) -> list[Member]:
    """The processes: gateways with their own addresses and directories, and the rest of the mesh."""
    gateways = [
        Member(
            name,
            2,
            "gateway",
            {
                "WAMESH_DATA_DIRECTORY": str(directory / name),
                "WAMESH_GATEWAY_ADDRESS": address,
            },
        )
        for name, address in addresses.items()
    ]
    return [Member("booking", 2), *gateways, *(Member(name, 1, "worker") for name in workers), Member("emulator", 3)]


def all_of(addresses: Mapping[str, str]) -> str:
    """A gRPC target that names every address, to be used in turn."""
    return "ipv4:" + ",".join(addresses.values())


@asynccontextmanager
async def running_fleet(
    directory: Path,
    database_url: str,
    print_line: PrintLine,
    *,
    companies: int = 3,
    gateways: int = 3,
    workers: int = 1,
    environment: Mapping[str, str] | None = None,
) -> AsyncIterator[Fleet]:
    """Runs a fleet on an empty directory and an empty database, its companies linked and connected.

    `environment` are settings that all processes get beside the fleet's own.
    """
    company_ids = range(1, companies + 1)
    for company_id in company_ids:
        await load_salon(
            _salon(directory, company_id), BookingSettings(data_directory=directory, database_url=database_url)
        )
    base = demo.free_addresses(anywhere=True)
    ports = free_ports(gateways)
    names = tuple(f"worker-{number}" for number in range(1, workers + 1))
    addresses = {f"gateway-{index}": f"127.0.0.1:{port}" for index, port in enumerate(ports, start=1)}
    settings = {
        **base.environment(directory, database_url),
        "WAMESH_GATEWAY_TARGET": all_of(addresses),
        "PYTHONFAULTHANDLER": "1",
        **(environment or {}),
    }
    async with AsyncExitStack() as stack:
        mesh = FleetMesh(fleet_members(directory, addresses, names), settings, print_line)
        await stack.enter_async_context(mesh)
        for address in addresses.values():
            await mesh.ready({GATEWAY: address, BOOKING: base.booking, EMULATOR: base.emulator})
        stubs = {
            name: gateway_pb2_grpc.GatewayStub(await stack.enter_async_context(quick_channel(address)))
            for name, address in addresses.items()
        }
        booking = booking_pb2_grpc.BookingStub(await stack.enter_async_context(quick_channel(base.booking)))
        emulator = emulator_pb2_grpc.EmulatorStub(await stack.enter_async_context(quick_channel(base.emulator)))
        anywhere = gateway_pb2_grpc.GatewayStub(
            await stack.enter_async_context(open_channel(all_of(addresses), [SERVICE], 20.0))
        )
        await _link_all(stubs, emulator, company_ids)
        yield Fleet(directory, database_url, company_ids, names, mesh, addresses, stubs, anywhere, booking, emulator)


def _salon(directory: Path, company_id: int) -> Path:
    """The demo salon's file for another company."""
    file = directory / f"salon-{company_id}.yaml"
    file.write_text(
        DEMO_SALON.read_text(encoding="utf-8").replace("  id: 1 ", f"  id: {company_id} ", 1), encoding="utf-8"
    )
    return file


async def _link_all(gateways: Mapping[str, Any], emulator: Any, companies: Iterable[int]) -> None:
    """Each company through a gateway in turn, so that some pairings are forwarded."""
    stubs = list(gateways.values())
    room = asyncio.Semaphore(_LINKED_AT_ONCE)

    async def link(company_id: int) -> None:
        async with room:
            await demo.link(stubs[company_id % len(stubs)], emulator, company_id, salon_number(company_id))

    async with asyncio.TaskGroup() as linking:
        for company_id in companies:
            linking.create_task(link(company_id))
