"""The production Calendars servicer beside a salon of `booking_service`, for a `Server`."""

from support.booking_service import Salon

from wamesh.booking.ical.expansion import Expansion
from wamesh.booking.ical.imports import BusyTimes
from wamesh.booking.ical.service import CalendarsService
from wamesh.booking.signing import Signer
from wamesh.booking.v1 import calendars_pb2, calendars_pb2_grpc
from wamesh.rpc.server import Service
from wamesh.storage.booking.bookings import BookingTables
from wamesh.storage.booking.calendar import CalendarTables
from wamesh.storage.booking.feeds import FeedTables, ImportTables
from wamesh.storage.database import Database

NAME = calendars_pb2.DESCRIPTOR.services_by_name["Calendars"].full_name


def calendars_over(database: Database, salon: Salon) -> Service:
    """The service of the salon's database, at the salon's time."""
    calendars, bookings, signer = CalendarTables(database), BookingTables(), Signer(b"k" * 32)
    busy_times = BusyTimes(database, calendars, ImportTables(), Expansion().busy, salon.clock)
    servicer = CalendarsService(database, calendars, bookings, FeedTables(), busy_times, signer, salon.clock)
    return Service(NAME, servicer, calendars_pb2_grpc.add_CalendarsServicer_to_server)
