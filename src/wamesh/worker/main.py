"""The worker process: picks the adapters, answers customers, and drains when told to.

Owns the composition, the hourly purge, and the health endpoint where one is wanted: alive while it answers, ready while
the subscription is open and the database answers. Refuses everything else.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from wamesh.booking.v1 import booking_pb2, booking_pb2_grpc
from wamesh.clock import Clock, utc_now
from wamesh.errors import MeshError
from wamesh.gateway.v1 import gateway_pb2, gateway_pb2_grpc
from wamesh.rpc.client import open_channel
from wamesh.rpc.server import Server, stop_signal
from wamesh.settings import WorkerSettings
from wamesh.storage.database import Database, answers, room_database
from wamesh.storage.worker.conversations import ConversationTables
from wamesh.worker.booking_client import BookingClient
from wamesh.worker.gateway_client import GatewayClient
from wamesh.worker.runner import Runner
from wamesh.worker.stores import ConversationStore
from wamesh.worker.turns import Turns

READINESS_NAME: Final = "wamesh.worker"
SEND_TIMEOUT_SECONDS: Final = 20.0
KEEP: Final = timedelta(days=90)
_PURGE_EVERY_SECONDS: Final = 3600.0

_log = structlog.get_logger("worker")


async def run(settings: WorkerSettings) -> None:
    """Answers customers until SIGTERM or SIGINT. Raises PortTaken, DatabaseUnavailable, DatabaseTooNew."""
    stop = stop_signal()
    async with room_database(settings.room_database_url("worker"), "worker") as database:
        await serve(settings, database, stop)


async def serve(settings: WorkerSettings, database: Database, stop: asyncio.Event, clock: Clock = utc_now) -> None:
    """Answers customers over this migrated database until `stop`. Raises PortTaken."""
    gateway_service = gateway_pb2.DESCRIPTOR.services_by_name["Gateway"]
    booking_service = booking_pb2.DESCRIPTOR.services_by_name["Booking"]
    async with (
        open_channel(settings.gateway_target, [gateway_service], SEND_TIMEOUT_SECONDS) as gateway_channel,
        open_channel(settings.booking_target, [booking_service]) as booking_channel,
    ):
        store = ConversationTables(database)
        gateway = GatewayClient(gateway_pb2_grpc.GatewayStub(gateway_channel))
        turns = Turns(store, BookingClient(booking_pb2_grpc.BookingStub(booking_channel), clock), gateway, clock)
        runner = Runner(
            gateway,
            turns.answer,
            settings.worker_subscription,
            settings.worker_max_conversations,
            timedelta(seconds=settings.worker_quiet_seconds),
            settings.drain_seconds,
            clock,
        )
        async with _health(settings, stop, partial(_works, runner, database)), _purging(store, clock):
            await runner.run(stop)


async def _works(runner: Runner, database: Database) -> bool:
    return runner.receiving and await answers(database)


@asynccontextmanager
async def _health(
    settings: WorkerSettings, stop: asyncio.Event, works: Callable[[], Awaitable[bool]]
) -> AsyncIterator[None]:
    """Serves the standard health service at `worker_address`, if there is one. Raises PortTaken."""
    if not settings.worker_address:
        yield
        return
    server = await Server([], settings.worker_address, roles=[READINESS_NAME]).start()
    watching = asyncio.create_task(_watch(server, stop, works))
    try:
        yield
    finally:
        watching.cancel()
        await server.stop(settings.drain_seconds)


async def _watch(server: Server, stop: asyncio.Event, works: Callable[[], Awaitable[bool]]) -> None:
    """Records whether the worker does its work; from `stop` on it does not, though it may be finishing some."""
    await server.serve_until(stop, works)
    await server.set_ready(False)


@asynccontextmanager
async def _purging(store: ConversationStore, clock: Clock) -> AsyncIterator[None]:
    purging = asyncio.create_task(_purge(store, clock))
    try:
        yield
    finally:
        purging.cancel()


async def _purge(store: ConversationStore, clock: Clock) -> None:
    """Forgets every hour what is older than KEEP."""
    while True:
        try:
            forgotten = await store.purge(clock() - KEEP)
            _log.debug("purged", rows=forgotten)
        except MeshError as error:
            _log.warning("purge_failed", message=error.message)
        await asyncio.sleep(_PURGE_EVERY_SECONDS)
