"""The production Booking servicer over a real database, with a clock that the test moves.

salon = await open_salon(await room_database("booking"))
slots = await salon.find(haircut_tomorrow())
booking = await salon.book(slots.slots[0])
"""

import itertools
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from wamesh.booking.calendar import Calendar, Need, Resource, Service, Skill
from wamesh.booking.catalogue.file import parse_catalogue
from wamesh.booking.service import BookingService
from wamesh.booking.signing import Signer
from wamesh.booking.v1 import booking_pb2 as pb
from wamesh.rpc import validation
from wamesh.storage.booking.bookings import BookingTables
from wamesh.storage.booking.calendar import CalendarTables
from wamesh.storage.database import Database

SALON_FILE = Path(__file__).parents[2] / "src/wamesh/demo/salon.yaml"
MONDAY_MORNING = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
"""09:00 in Berlin; the day the tests begin."""

HAIRCUT, COLOURING, BLOW_DRY, MANICURE, PEDICURE, BEARD = range(1, 7)
YOGA, MASSAGE, FACIAL, COACHING = range(7, 11)
ANNA, MARIA, OLEG = range(1, 4)
ROOM = 1

_REQUESTS = itertools.count()


@dataclass
class Salon:
    """A company's booking service as its callers see it."""

    service: BookingService
    calendar: Calendar
    now: datetime = MONDAY_MORNING
    company_id: int = 1

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

    async def find_on(
        self, day: str, service_id: int = HAIRCUT, staff_id: int | None = None, **fields: Any
    ) -> list[pb.Slot]:
        """All slots of a date for one service, by one staff member or anybody."""
        return list((await self.find(self.question(day, service_id, staff_id, **fields))).slots)

    def question(
        self, day: str, service_id: int = HAIRCUT, staff_id: int | None = None, **fields: Any
    ) -> pb.FindSlotsRequest:
        """A request for the slots of a date."""
        fields = {"page_size": 1000, **fields}
        request = pb.FindSlotsRequest(company_id=self.company_id, segments=[segment(service_id, staff_id)], **fields)
        request.dates.first_date = day
        return request

    async def create(self, request: pb.CreateBookingRequest) -> pb.Appointment:
        """CreateBooking, field rules included."""
        validation.check(request)
        return (await self.service.CreateBooking(request, None)).booking

    def order(self, slot: pb.Slot, request_id: str = "", chat: str = "") -> pb.CreateBookingRequest:
        """A request to book the slot; with a fresh request id unless one is given."""
        return pb.CreateBookingRequest(
            company_id=self.company_id,
            request_id=request_id or self.request_id(),
            slot_token=slot.slot_token,
            customer=pb.Customer(name="Vera", phone_number="+1 202-555-0142", chat=chat),
        )

    async def book(self, slot: pb.Slot) -> pb.Appointment:
        """Books the slot."""
        return await self.create(self.order(slot))

    async def cancel(self, booking_id: int, reason: str = "", **fields: Any) -> pb.Appointment:
        """CancelBooking."""
        request = pb.CancelBookingRequest(
            company_id=self.company_id, booking_id=booking_id, cancel_reason=reason, **fields
        )
        validation.check(request)
        return (await self.service.CancelBooking(request, None)).booking

    async def move(self, booking_id: int, request_id: str = "", **fields: Any) -> pb.Appointment:
        """RescheduleBooking, to what the fields say; with a fresh request id unless one is given."""
        request = pb.RescheduleBookingRequest(
            company_id=self.company_id, booking_id=booking_id, request_id=request_id or self.request_id(), **fields
        )
        validation.check(request)
        return (await self.service.RescheduleBooking(request, None)).booking

    async def hold(self, slot: pb.Slot, request_id: str = "", seconds: int = 300) -> pb.HoldSlotResponse:
        """HoldSlot; with a fresh request id unless one is given."""
        request = pb.HoldSlotRequest(
            company_id=self.company_id, request_id=request_id or self.request_id(), slot_token=slot.slot_token
        )
        request.hold_duration.seconds = seconds
        validation.check(request)
        return await self.service.HoldSlot(request, None)

    async def book_held(self, hold_token: str) -> pb.Appointment:
        """CreateBooking of what is held."""
        request = pb.CreateBookingRequest(
            company_id=self.company_id,
            request_id=self.request_id(),
            hold_token=hold_token,
            customer=pb.Customer(name="Vera"),
        )
        return await self.create(request)

    async def release(self, hold_token: str, request_id: str = "") -> None:
        """ReleaseHold."""
        request = pb.ReleaseHoldRequest(company_id=self.company_id, hold_token=hold_token, request_id=request_id)
        validation.check(request)
        await self.service.ReleaseHold(request, None)

    async def get(self, booking_id: int) -> pb.GetBookingResponse:
        """GetBooking."""
        request = pb.GetBookingRequest(company_id=self.company_id, booking_id=booking_id)
        return await self.service.GetBooking(request, None)

    def request_id(self) -> str:
        """One that was not used before."""
        return f"r{next(_REQUESTS)}"

    async def bookings(self, **conditions: object) -> pb.ListBookingsResponse:
        """ListBookings."""
        request = pb.ListBookingsRequest(company_id=self.company_id, **conditions)  # type: ignore[arg-type]
        validation.check(request)
        return await self.service.ListBookings(request, None)


async def open_salon(database: Database, company_id: int = 1, key: bytes = b"k" * 32) -> Salon:
    """Loads the demo salon, under an id of the test's choice, and serves it."""
    calendar = demo_salon(company_id)
    calendars = CalendarTables(database)
    await database.write(lambda: calendars.replace(calendar))
    return serve(database, calendar, key)


async def open_studio(database: Database, company_id: int = 1, key: bytes = b"k" * 32) -> Salon:
    """The demo salon with a class, two services that share one room, and one whose duration customers choose.

    YOGA has three seats and is given by Anna and Maria; MASSAGE and FACIAL need the only room; COACHING by Oleg takes
    30 to 120 minutes.
    """
    salon = demo_salon(company_id)
    more = (
        Service(YOGA, "Йога", 60, 15_000_000, {"ru": "Йога"}, capacity=3),
        Service(MASSAGE, "Массаж", 60, 60_000_000, {"ru": "Массаж"}, buffer_after_minutes=15, needs=(Need(ROOM, 1),)),
        Service(FACIAL, "Чистка", 30, 40_000_000, {"ru": "Чистка"}, needs=(Need(ROOM, 1),)),
        Service(COACHING, "Коучинг", 60, 80_000_000, {"ru": "Коучинг"}, duration_range=(30, 120)),
    )
    skills = {ANNA: (YOGA, MASSAGE), MARIA: (YOGA, MASSAGE, FACIAL), OLEG: (FACIAL, COACHING)}
    calendar = replace(
        salon,
        services=(*salon.services, *more),
        resources=(Resource(ROOM, "Кабинет", 1, {"ru": "Кабинет"}),),
        staff=tuple(
            replace(each, skills=(*each.skills, *(Skill(service_id) for service_id in skills[each.staff_id])))
            for each in salon.staff
        ),
    )
    await database.write(lambda: CalendarTables(database).replace(calendar))
    return serve(database, calendar, key)


def demo_salon(company_id: int) -> Calendar:
    """The demo salon, under an id of the test's choice."""
    return parse_catalogue(SALON_FILE.read_text().replace("  id: 1    ", f"  id: {company_id}    ", 1))


def serve(database: Database, calendar: Calendar, key: bytes = b"k" * 32) -> Salon:
    """Another replica of the service over the same database."""
    salon: Salon
    service = BookingService(
        database,
        CalendarTables(database),
        BookingTables(),
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
