"""The production Booking servicer over a real database, with a clock that the test moves.

salon = await open_salon(await room_database("booking"))
slots = await salon.find(haircut_tomorrow())
booking = await salon.book(slots.slots[0])
"""

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from wamesh.booking.calendar import Calendar
from wamesh.booking.catalogue_file import parse_catalogue
from wamesh.booking.service import BookingService
from wamesh.booking.signing import Signer
from wamesh.booking.v1 import booking_pb2 as pb
from wamesh.rpc import validation
from wamesh.storage.booking_bookings import BookingTables
from wamesh.storage.booking_calendar import CalendarTables
from wamesh.storage.database import Database

SALON_FILE = Path(__file__).parents[2] / "src/wamesh/demo/salon.yaml"
MONDAY_MORNING = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
"""09:00 in Berlin; the day the tests begin."""

HAIRCUT, COLOURING, BLOW_DRY, MANICURE, PEDICURE, BEARD = range(1, 7)
ANNA, MARIA, OLEG = range(1, 4)


@dataclass
class Salon:
    """A company's booking service as its callers see it."""

    service: BookingService
    calendar: Calendar
    now: datetime = MONDAY_MORNING
    company_id: int = 1
    _ids: "itertools.count[int]" = field(default_factory=itertools.count)

    def clock(self) -> datetime:
        """The time of this test."""
        return self.now

    def pass_time(self, delta: timedelta) -> None:
        """Moves the clock."""
        self.now += delta

    async def find(self, request: pb.FindSlotsRequest) -> pb.FindSlotsResponse:
        """FindSlots, field rules included."""
        validation.check(request)
        return await self.service.FindSlots(request, None)

    async def find_on(self, day: str, service_id: int = HAIRCUT, staff_id: int | None = None) -> list[pb.Slot]:
        """All slots of a date for one service, by one staff member or anybody."""
        request = pb.FindSlotsRequest(company_id=self.company_id, segments=[segment(service_id, staff_id)])
        request.dates.first_date = day
        request.page_size = 1000
        return list((await self.find(request)).slots)

    async def create(self, request: pb.CreateBookingRequest) -> pb.Appointment:
        """CreateBooking, field rules included."""
        validation.check(request)
        return (await self.service.CreateBooking(request, None)).booking

    def order(self, slot: pb.Slot, request_id: str = "", chat: str = "") -> pb.CreateBookingRequest:
        """A request to book the slot; with a fresh request id unless one is given."""
        return pb.CreateBookingRequest(
            company_id=self.company_id,
            request_id=request_id or f"r{next(self._ids)}",
            slot_token=slot.slot_token,
            customer=pb.Customer(name="Vera", phone_number="+1 202-555-0142", chat=chat),
        )

    async def book(self, slot: pb.Slot) -> pb.Appointment:
        """Books the slot."""
        return await self.create(self.order(slot))

    async def cancel(self, booking_id: int, reason: str = "") -> pb.Appointment:
        """CancelBooking."""
        request = pb.CancelBookingRequest(company_id=self.company_id, booking_id=booking_id, cancel_reason=reason)
        return (await self.service.CancelBooking(request, None)).booking

    async def bookings(self, **conditions: object) -> pb.ListBookingsResponse:
        """ListBookings."""
        request = pb.ListBookingsRequest(company_id=self.company_id, **conditions)  # type: ignore[arg-type]
        validation.check(request)
        return await self.service.ListBookings(request, None)


async def open_salon(database: Database, company_id: int = 1, key: bytes = b"k" * 32) -> Salon:
    """Loads the demo salon, under an id of the test's choice, and serves it."""
    calendar = parse_catalogue(SALON_FILE.read_text().replace("  id: 1    ", f"  id: {company_id}    ", 1))
    calendars = CalendarTables(database)
    await database.write(lambda: calendars.replace(calendar))
    return serve(database, calendar, key)


def serve(database: Database, calendar: Calendar, key: bytes = b"k" * 32) -> Salon:
    """Another replica of the service over the same database."""
    salon: Salon
    service = BookingService(
        database,
        CalendarTables(database),
        BookingTables(database),
        Signer(key),
        lambda: salon.now,
    )
    salon = Salon(service, calendar, company_id=calendar.company.company_id)
    return salon


def segment(service_id: int, staff_id: int | None = None) -> pb.Segment:
    """A segment by anybody, or by one staff member."""
    made = pb.Segment(service_id=service_id)
    if staff_id is not None:
        made.staff.only.staff_ids.append(staff_id)
    return made


def local_times(slots: list[pb.Slot]) -> list[str]:
    """The starts as `HH:MM`."""
    return [each.local_start[11:16] for each in slots]
