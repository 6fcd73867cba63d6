"""Several worker processes on one subscription of a real gateway service, over one file; one is killed in a turn."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import grpc
import psutil
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from support.booking_service import Salon, open_salon
from support.gateway_messages import inbound
from support.gateway_service import RunningGateway, running_gateway
from support.inline_database import empty_copy

from wamesh.booking.v1.booking_pb2_grpc import add_BookingServicer_to_server
from wamesh.clock import utc_now
from wamesh.console.ports import free_ports
from wamesh.rpc.server import Server, Service
from wamesh.whatsapp.jid import Jid

COMPANY = 7
WORKERS = 3
CUSTOMERS = 9
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@dataclass
class Booking:
    """The salon's service; `booked` may do something between a booking and its answer."""

    salon: Salon
    booked: Callable[[str], None] = lambda _: None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.salon.service, name)

    async def CreateBooking(self, request: Any, context: Any) -> Any:
        response = await self.salon.service.CreateBooking(request, context)
        self.booked(context.peer())
        return response


@dataclass
class Workers:
    """Worker processes, all alike."""

    directory: Path
    gateway: RunningGateway
    booking: Booking
    booking_port: int
    processes: dict[int, asyncio.subprocess.Process] = field(default_factory=dict)
    """By the port of their health endpoint."""

    async def start(self, number: int) -> None:
        """Starts so many, and waits until they are ready."""
        ports = free_ports(number)
        for port in ports:
            environment = {
                **os.environ,
                "WAMESH_DATA_DIRECTORY": str(self.directory),
                "WAMESH_GATEWAY_TARGET": f"127.0.0.1:{self.gateway.server.port}",
                "WAMESH_BOOKING_TARGET": f"127.0.0.1:{self.booking_port}",
                "WAMESH_WORKER_ADDRESS": f"127.0.0.1:{port}",
                "WAMESH_WORKER_QUIET_SECONDS": "0",
                "WAMESH_WORKER_MAX_CONVERSATIONS": "2",
            }
            command = (sys.executable, "-m", "wamesh", "worker")
            self.processes[port] = await asyncio.create_subprocess_exec(*command, env=environment)
        for port in ports:
            await until_health(port, "wamesh.worker", SERVING)

    def kill(self, peer: str) -> None:
        """kill -9 of the worker whose connection has this address."""
        port = int(peer.rpartition(":")[2])
        for process in self.processes.values():
            if any(each.laddr.port == port for each in psutil.Process(process.pid).net_connections("tcp")):
                process.kill()

    async def stop(self) -> list[int]:
        """Ends those that still run; returns all exit codes."""
        for process in self.processes.values():
            if process.returncode is None:
                process.terminate()
        return [await asyncio.wait_for(process.wait(), 20) for process in self.processes.values()]


async def until_health(port: int, service: str, wanted: int) -> None:
    """Waits until the health service at the port says this."""
    async with asyncio.timeout(30), grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        health = health_pb2_grpc.HealthStub(channel)
        request = health_pb2.HealthCheckRequest(service=service)
        await health.Check(request, wait_for_ready=True)
        async for answer in health.Watch(request):
            if answer.status == wanted:
                return


@asynccontextmanager
async def running_workers(directory: Path) -> AsyncIterator[Workers]:
    """A gateway and a salon, and no worker yet."""
    salon = await open_salon(await empty_copy("booking"), COMPANY)
    salon.now = utc_now()
    booking = Booking(salon)
    service = Service("wamesh.booking.v1.Booking", booking, add_BookingServicer_to_server)
    server = await Server([service], "127.0.0.1:0").start()
    await server.set_ready(True)
    async with running_gateway(directory) as gateway:
        await gateway.server.set_ready(True)
        workers = Workers(directory, gateway, booking, server.port)
        try:
            yield workers
        finally:
            await workers.stop()
    await server.stop(0)


@pytest.fixture
async def workers(tmp_path: Path) -> AsyncIterator[Workers]:
    """As above, for one test."""
    async with running_workers(tmp_path) as running:
        yield running


def texts_to(workers: Workers, chat: Jid) -> list[str]:
    """What reached this customer, in order."""
    return [each.text for each in workers.gateway.sessions.network.wire if each.chat == chat]


async def talk(workers: Workers, chat: Jid, lines: list[str]) -> None:
    """A customer writes line by line, each after the answer to the one before."""
    for number, line in enumerate(lines, start=1):
        await workers.gateway.inbox.accept(COMPANY, 1, inbound(f"{chat.user}-{number}", chat, text=line))
        await answered(workers, chat, number)


async def answered(workers: Workers, chat: Jid, times: int) -> None:
    """Returns when the customer was answered so often."""
    async with asyncio.timeout(60):
        for _ in count():
            if len(texts_to(workers, chat)) >= times:
                return
            await asyncio.sleep(0.02)


async def test_a_killed_worker_leaves_every_conversation_to_the_others(workers: Workers) -> None:
    """It dies between a booking and its answer: each customer is answered once a line, in order, and booked once."""
    killed: list[str] = []

    def kill_first(peer: str) -> None:
        if not killed:
            killed.append(peer)
            workers.kill(peer)

    workers.booking.booked = kill_first
    await workers.start(WORKERS)
    days = [f"{workers.booking.salon.now + timedelta(days=number + 2):%d.%m}" for number in range(CUSTOMERS)]
    chats = [Jid.of_phone_number(f"+447700900{number:03}") for number in range(CUSTOMERS)]
    await asyncio.gather(
        *(
            talk(workers, chat, ["привет", f"хочу подстричь бороду {day}", "1"])
            for chat, day in zip(chats, days, strict=True)
        )
    )
    for chat in chats:
        assert [text.split()[0] for text in texts_to(workers, chat)] == ["Здравствуйте!", "Бритьё", "✅"]
    booked = [each.customer.chat for each in (await workers.booking.salon.bookings()).bookings]
    assert sorted(booked) == [str(chat) for chat in chats]
    assert sorted(await workers.stop()) == [-9, 0, 0]


async def test_a_worker_is_ready_while_it_receives(workers: Workers) -> None:
    """Alive all the time; ready while the subscription is open, and not without the gateway."""
    await workers.start(1)
    (port,) = workers.processes
    await until_health(port, "", SERVING)
    await workers.gateway.server.stop(0)
    await until_health(port, "wamesh.worker", NOT_SERVING)
    await until_health(port, "", SERVING)
