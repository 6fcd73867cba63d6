"""The booking process: picks the adapters, serves the services of `wamesh.booking.v1`, and drains when told to.

Owns the composition. Readiness tells whether the database answers; it is asked every few seconds, and never
from a probe.
"""

import asyncio
import gc
import secrets
from functools import partial
from typing import Final

import structlog

from wamesh.booking.catalogue.service import CatalogueService
from wamesh.booking.ical.expansion import Expansion
from wamesh.booking.ical.imports import BusyTimes
from wamesh.booking.ical.service import CalendarsService
from wamesh.booking.service import BookingService
from wamesh.booking.signing import KEY_BYTES, Signer
from wamesh.booking.v1 import booking_pb2_grpc, calendars_pb2_grpc, catalogue_pb2_grpc
from wamesh.clock import Clock, utc_now
from wamesh.rpc.server import Server, Service, stop_signal
from wamesh.settings import BookingSettings
from wamesh.storage.booking.bookings import BookingTables
from wamesh.storage.booking.calendar import CalendarTables
from wamesh.storage.booking.feeds import FeedTables, ImportTables
from wamesh.storage.database import Database, answers, room_database

SERVICE_NAME: Final = "wamesh.booking.v1.Booking"
CATALOGUE_NAME: Final = "wamesh.booking.v1.Catalogue"
CALENDARS_NAME: Final = "wamesh.booking.v1.Calendars"
_TOKEN_KEY: Final = "tokens"
_COLLECTIONS: Final = (10_000, 5, 1_000)
"""When Python looks for garbage in cycles. Companies in memory have none, but to look through 200,000 bookings takes
half a second, in which nobody is answered; by the usual thresholds reading a large company brings that about.
"""

_log = structlog.get_logger("booking")


async def run(settings: BookingSettings) -> None:
    """Serves until SIGTERM or SIGINT. Raises PortTaken, DatabaseUnavailable, DatabaseTooNew."""
    stop = stop_signal()
    gc.freeze()
    gc.set_threshold(*_COLLECTIONS)
    async with room_database(settings.room_database_url("booking"), "booking") as database:
        server = await Server(await booking_services(database), settings.booking_address).start()
        _log.info("serving", address=settings.booking_address)
        keeping = asyncio.create_task(busy_times(database).keep_fresh(stop))
        await server.serve_until(stop, partial(answers, database))
        await server.stop(settings.drain_seconds)
        await keeping


def busy_times(database: Database, clock: Clock = utc_now) -> BusyTimes:
    """Returns what keeps imported calendars."""
    return BusyTimes(database, CalendarTables(database), ImportTables(), Expansion().busy, clock)


async def booking_services(database: Database, clock: Clock = utc_now) -> list[Service]:
    """Returns the servicers over a migrated database, for a `Server`."""
    calendars = CalendarTables(database)
    proposal = secrets.token_bytes(KEY_BYTES)
    key = await database.write(lambda: calendars.secret(_TOKEN_KEY, proposal))
    signer, bookings = Signer(key), BookingTables()
    booking = BookingService(database, calendars, bookings, signer, clock)
    catalogue = CatalogueService(database, calendars)
    imports = busy_times(database, clock)
    exchange = CalendarsService(database, calendars, bookings, FeedTables(), imports, signer, clock)
    return [
        Service(SERVICE_NAME, booking, booking_pb2_grpc.add_BookingServicer_to_server),
        Service(CATALOGUE_NAME, catalogue, catalogue_pb2_grpc.add_CatalogueServicer_to_server),
        Service(CALENDARS_NAME, exchange, calendars_pb2_grpc.add_CalendarsServicer_to_server),
    ]
