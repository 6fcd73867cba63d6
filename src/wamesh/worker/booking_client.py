"""The worker's view of `wamesh.booking.v1`: the catalogue, and actions that become events.

Owns the mapping between protobuf and the dialogue's values, and which refusal means what. Refuses decisions.
Invariant: a refusal that the customer can be told about is an event; one that passes by itself is TryLater.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

import grpc
import phonenumbers
import structlog
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money

from wamesh.booking.v1 import booking_pb2 as pb
from wamesh.clock import Clock
from wamesh.rpc.errors import Refusal, refusal_of
from wamesh.worker.catalogue import Catalogue, Language, Price, Service, StaffMember
from wamesh.worker.conversation import Offer, Visit
from wamesh.worker.events import (
    Book,
    Booked,
    CancelVisit,
    Event,
    FindVisits,
    MoveVisit,
    NoSlots,
    Refused,
    SearchSlots,
    SlotsFound,
    SlotTaken,
    VisitCancelled,
    VisitGone,
    VisitMoved,
    VisitsFound,
)
from wamesh.worker.failures import CompanyUnknown, TryLater
from wamesh.worker.understanding.dates import WINDOW_DAYS

if TYPE_CHECKING:
    from wamesh.booking.v1.booking_pb2_grpc import BookingAsyncStub

CATALOGUE_LIFETIME: Final = timedelta(seconds=30)
_PAGE: Final = 1000
_ACTOR: Final = "customer, by chat"
_PASSING: Final = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.ABORTED,
    }
)
_REASONS: Final = {
    pb.NO_SLOTS_REASON_CLOSED: NoSlots.CLOSED,
    pb.NO_SLOTS_REASON_FULLY_BOOKED: NoSlots.FULLY_BOOKED,
    pb.NO_SLOTS_REASON_NO_ELIGIBLE_STAFF: NoSlots.NO_ELIGIBLE_STAFF,
    pb.NO_SLOTS_REASON_NO_MATCHING_TIME: NoSlots.NO_MATCHING_TIME,
    pb.NO_SLOTS_REASON_TOO_SOON: NoSlots.TOO_SOON,
    pb.NO_SLOTS_REASON_BEYOND_HORIZON: NoSlots.BEYOND_HORIZON,
}
_log = structlog.get_logger("worker")


@dataclass(frozen=True, slots=True)
class Customer:
    """For whom actions are performed. `chat` is named in bookings, which are looked for under `other_chats` too; `time`
    is the turn's moment; `request_id` names what it books or moves.
    """

    chat: str
    name: str
    phone_number: str
    time: datetime
    request_id: str
    other_chats: tuple[str, ...] = ()


class BookingClient:
    """Booking, for one worker. Catalogues are kept for CATALOGUE_LIFETIME."""

    def __init__(self, stub: "BookingAsyncStub", clock: Clock) -> None:
        self._stub = stub
        self._clock = clock
        self._catalogues: dict[int, tuple[datetime, Catalogue]] = {}

    async def catalogue(self, company_id: int) -> Catalogue:
        """What the company offers. Raises CompanyUnknown, TryLater."""
        kept = self._catalogues.get(company_id)
        if kept is not None and self._clock() - kept[0] < CATALOGUE_LIFETIME:
            return kept[1]
        try:
            services = await self._stub.ListServices(pb.ListServicesRequest(company_id=company_id))
            staff = await self._stub.ListStaff(pb.ListStaffRequest(company_id=company_id))
        except grpc.aio.AioRpcError as error:
            raise _failure(error) from error
        catalogue = read_catalogue(services, staff)
        self._catalogues[company_id] = (self._clock(), catalogue)
        return catalogue

    async def perform(self, action: object, catalogue: Catalogue, customer: Customer) -> Event:
        """The result of an action. Raises CompanyUnknown, TryLater."""
        try:
            match action:
                case SearchSlots():
                    return await self._search(action, catalogue)
                case Book():
                    return await self._book(action, catalogue, customer)
                case MoveVisit():
                    return await self._move(action, catalogue, customer)
                case FindVisits():
                    return await self._visits(catalogue, customer)
                case CancelVisit():
                    return await self._cancel(action, catalogue)
            raise TypeError(f"{action!r} is not an action for booking.")
        except grpc.aio.AioRpcError as error:
            return self._refused(_permanent(error), catalogue)

    def _refused(self, refusal: Refusal, catalogue: Catalogue) -> Event:
        """Booking said no for good: what we knew of the company may be out of date."""
        self._catalogues.pop(catalogue.company_id, None)
        _log.warning("booking_refused", reason=refusal.reason, code=refusal.code.name, message=refusal.message)
        return Refused(refusal.reason)

    async def _search(self, wish: SearchSlots, catalogue: Catalogue) -> Event:
        found = await self._stub.FindSlots(find_slots_request(wish, catalogue))
        slots, suggestions = (tuple(_offer(each) for each in part) for part in (found.slots, found.suggested_slots))
        return SlotsFound(slots, suggestions, _REASONS.get(found.no_slots_reason, NoSlots.UNKNOWN))

    async def _book(self, action: Book, catalogue: Catalogue, customer: Customer) -> Event:
        request = pb.CreateBookingRequest(
            company_id=catalogue.company_id,
            request_id=customer.request_id,
            slot_token=action.offer.slot_token,
            customer=pb.Customer(
                name=customer.name[:200], phone_number=_possible(customer.phone_number), chat=customer.chat
            ),
            actor=_ACTOR,
        )
        try:
            response = await self._stub.CreateBooking(request)
        except grpc.aio.AioRpcError as error:
            return _taken(_permanent(error)) or self._refused(_permanent(error), catalogue)
        if response.booking.state == pb.BOOKING_STATE_CANCELLED:  # by the salon, before a cut-off turn could tell of it
            return SlotTaken()
        return Booked(_visit(response.booking))

    async def _move(self, action: MoveVisit, catalogue: Catalogue, customer: Customer) -> Event:
        request = pb.RescheduleBookingRequest(
            company_id=catalogue.company_id,
            booking_id=action.booking_id,
            request_id=customer.request_id,
            slot_token=action.offer.slot_token,
            actor=_ACTOR,
        )
        try:
            response = await self._stub.RescheduleBooking(request)
        except grpc.aio.AioRpcError as error:
            refusal = _permanent(error)
            if refusal.reason in ("BOOKING_NOT_FOUND", "BOOKING_CANCELLED"):
                return VisitGone()
            return _taken(refusal) or self._refused(refusal, catalogue)
        if response.booking.state == pb.BOOKING_STATE_CANCELLED:  # by the salon, before a cut-off turn could tell of it
            return VisitGone()
        return VisitMoved(_visit(response.booking))

    async def _visits(self, catalogue: Catalogue, customer: Customer) -> Event:
        found = {}
        for chat in (customer.chat, *customer.other_chats):
            request = pb.ListBookingsRequest(
                company_id=catalogue.company_id,
                start_time=_timestamp(customer.time),
                state=pb.BOOKING_STATE_CONFIRMED,
                chat=chat,
                page_size=20,
            )
            response = await self._stub.ListBookings(request)
            found.update({each.booking_id: _visit(each) for each in response.bookings})
        return VisitsFound(tuple(sorted(found.values(), key=lambda each: (each.start, each.booking_id))))

    async def _cancel(self, action: CancelVisit, catalogue: Catalogue) -> Event:
        request = pb.CancelBookingRequest(
            company_id=catalogue.company_id,
            booking_id=action.booking_id,
            cancel_reason=_ACTOR,
            actor=_ACTOR,
        )
        try:
            await self._stub.CancelBooking(request)
        except grpc.aio.AioRpcError as error:
            if _permanent(error).reason != "BOOKING_NOT_FOUND":
                raise
            return VisitCancelled(action.booking_id, known=False)
        return VisitCancelled(action.booking_id)


# --- refusals ------------------------------------------------------------------------------------------------------


def _permanent(error: grpc.aio.AioRpcError) -> Refusal:
    """The refusal, when it will not pass by itself. Raises TryLater, CompanyUnknown."""
    if error.code() in _PASSING or refusal_of(error).reason == "COMPANY_NOT_FOUND":
        raise _failure(error) from error
    return refusal_of(error)


def _failure(error: grpc.aio.AioRpcError) -> Exception:
    refusal = refusal_of(error)
    if refusal.reason == "COMPANY_NOT_FOUND":
        return CompanyUnknown(refusal.message)
    return TryLater("booking", refusal)


def _taken(refusal: Refusal) -> Event | None:
    """SlotTaken, with booking's suggestions; a token of an old key counts as taken."""
    if refusal.reason == "SLOT_TOKEN_INVALID":
        return SlotTaken()
    if refusal.reason != "SLOT_UNAVAILABLE":
        return None
    detail = pb.SlotUnavailable()
    for each in refusal.details:
        if each.Unpack(detail):
            return SlotTaken(tuple(_offer(slot) for slot in detail.suggested_slots))
    return SlotTaken()


# --- mapping -------------------------------------------------------------------------------------------------------


def read_catalogue(services: pb.ListServicesResponse, staff: pb.ListStaffResponse) -> Catalogue:
    """The catalogue of the two answers. A zone that this machine does not know is UTC."""
    company = services.company
    return Catalogue(
        company.company_id,
        company.name,
        _zone(company.time_zone),
        _language(company.language),
        company.address,
        tuple(_service(each) for each in services.services),
        tuple(
            StaffMember(each.staff_id, each.name, dict(each.localized_names), tuple(each.service_ids))
            for each in staff.staff
        ),
    )


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError):
        _log.warning("time_zone_unknown", time_zone=name)
        return ZoneInfo("UTC")


def _language(tag: str) -> Language:
    return "ru" if tag.partition("-")[0].lower() in ("ru", "") else "en"


def _service(service: pb.Service) -> Service:
    return Service(
        service.service_id,
        service.name,
        dict(service.localized_names),
        tuple(service.aliases),
        service.duration.ToTimedelta(),
        _price(service.price),
        tuple(service.staff_ids),
    )


def find_slots_request(wish: SearchSlots, catalogue: Catalogue) -> pb.FindSlotsRequest:
    """The wish as a request; a person is asked for in the parts of the visit that this person does."""
    first = wish.days[0]
    last = min(wish.days[-1], first + timedelta(days=WINDOW_DAYS - 1))
    request = pb.FindSlotsRequest(
        company_id=catalogue.company_id,
        segments=[_segment(each, wish, catalogue) for each in wish.service_ids],
        dates=pb.DateRange(first_date=first.isoformat(), last_date=last.isoformat()),
        days_of_week=_weekdays(wish.days),
        time_ranges=[pb.TimeRange(start=_clock(start), end=_clock(end)) for start, end in wish.ranges[:16]],
        max_suggestions=6,
        page_size=_PAGE,
    )
    if wish.moving is not None:
        request.exclude_booking_id, request.party_size = wish.moving.booking_id, wish.moving.party_size
    if wish.preferred is not None:
        local = datetime(first.year, first.month, first.day, wish.preferred // 60, wish.preferred % 60)
        request.preferred_start_time.CopyFrom(_timestamp(local.replace(tzinfo=catalogue.zone)))
    return request


def _weekdays(days: Iterable[date]) -> list[Any]:
    """The days of the week among the days, Monday 1; none when all are there."""
    found = sorted({each.isoweekday() for each in days})
    return found if len(found) < 7 else []


def _segment(service_id: int, wish: SearchSlots, catalogue: Catalogue) -> pb.Segment:
    service = catalogue.service(service_id)
    able = set(service.staff_ids) if service is not None and service.staff_ids else None
    only = [each for each in wish.staff_ids if able is None or each in able]
    if only:
        return pb.Segment(service_id=service_id, staff=pb.StaffChoice(only=pb.StaffIds(staff_ids=only)))
    if wish.unwanted_staff:
        unwanted = pb.StaffIds(staff_ids=sorted(wish.unwanted_staff))
        segment = pb.Segment(service_id=service_id)
        getattr(segment.staff, "except").CopyFrom(unwanted)  # the field's name is a word of Python
        return segment
    return pb.Segment(service_id=service_id)


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _offer(slot: pb.Slot) -> Offer:
    return Offer(
        slot.slot_token,
        _moment(slot.start_time),
        _moment(slot.end_time),
        tuple(each.service_id for each in slot.segments),
        tuple(each.staff_id for each in slot.segments),
        _price(slot.price),
    )


def _visit(booking: pb.Appointment) -> Visit:
    return Visit(
        booking.booking_id,
        _moment(booking.start_time),
        tuple(each.service_id for each in booking.segments),
        tuple(each.staff_id for each in booking.segments),
        _price(booking.price),
        booking.party_size,
    )


def _price(money: Money) -> Price:
    return Price(money.currency_code, money.units, money.nanos)


def _moment(timestamp: Timestamp) -> datetime:
    return timestamp.ToDatetime(UTC)


def _timestamp(moment: datetime) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp


def _possible(phone_number: str) -> str:
    """The number, unless booking would refuse it: then the chat alone names the customer."""
    try:
        parsed = phonenumbers.parse(phone_number)
    except phonenumbers.NumberParseException:
        return ""
    return phone_number if phonenumbers.is_possible_number(parsed) else ""
