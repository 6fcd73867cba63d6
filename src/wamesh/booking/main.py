"""The booking process: picks the adapters, serves `wamesh.booking.v1.Booking`, and drains when told to.

Owns the composition. Readiness tells whether the database answers; it is asked every few seconds, and never
from a probe.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import structlog

from wamesh.booking.service import BookingService
from wamesh.booking.signing import KEY_BYTES, Signer
from wamesh.booking.v1 import booking_pb2_grpc
from wamesh.clock import Clock, utc_now
from wamesh.errors import MeshError
from wamesh.rpc.server import Server, Service, stop_signal
from wamesh.settings import BookingSettings
from wamesh.storage.booking_bookings import BookingTables
from wamesh.storage.booking_calendar import CalendarTables
from wamesh.storage.database import Database, Steps, execute, migrate, open_database, schema_of

SERVICE_NAME: Final = "wamesh.booking.v1.Booking"
_PROBE_SECONDS: Final = 2.0
_TOKEN_KEY: Final = "tokens"

_log = structlog.get_logger("booking")


async def run(settings: BookingSettings) -> None:
    """Serves until SIGTERM or SIGINT. Raises PortTaken, DatabaseUnavailable."""
    stop = stop_signal()
    async with open_booking_database(settings) as database:
        server = Server([await booking_service(database)], settings.booking_address)
        await server.start()
        _log.info("serving", address=settings.booking_address)
        await _keep_readiness(server, database, stop)
        await server.stop(settings.drain_seconds)


@asynccontextmanager
async def open_booking_database(settings: BookingSettings) -> AsyncIterator[Database]:
    """Opens the room's database, its tables brought to this release. Raises DatabaseUnavailable,
    DatabaseTooNew.
    """
    url = settings.room_database_url("booking")
    if url.startswith("sqlite:"):
        settings.data_directory.mkdir(parents=True, exist_ok=True)
    await migrate(url, "booking")
    database = await open_database(url, schema_of("booking"))
    try:
        yield database
    finally:
        await database.close()


async def booking_service(database: Database, clock: Clock = utc_now) -> Service:
    """Returns the servicer over a migrated database, for a `Server`."""
    calendars = CalendarTables(database)
    proposal = secrets.token_bytes(KEY_BYTES)
    key = await database.write(lambda: calendars.secret(_TOKEN_KEY, proposal))
    servicer = BookingService(database, calendars, BookingTables(database), Signer(key), clock)
    return Service(SERVICE_NAME, servicer, booking_pb2_grpc.add_BookingServicer_to_server)


async def _keep_readiness(server: Server, database: Database, stop: asyncio.Event) -> None:
    """Records every few seconds whether the database answers, until `stop`."""
    while not stop.is_set():
        await server.set_ready(await _answers(database))
        try:
            await asyncio.wait_for(stop.wait(), _PROBE_SECONDS)
        except TimeoutError:
            continue


async def _answers(database: Database) -> bool:
    try:
        await database.read(_probe)
    except MeshError as error:
        _log.warning("database does not answer", error=error.message)
        return False
    return True


def _probe() -> Steps[None]:
    yield execute("SELECT 1")
