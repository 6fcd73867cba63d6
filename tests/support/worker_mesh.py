"""A gateway and a booking for the worker's tests: servicers over grpc.aio on a free port, with memory for state.

They keep the promises that the worker leans on: a delivery stays until it is acked and comes again when the stream
breaks; one request id is one message, one booking.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from google.type.money_pb2 import Money
from support.worker_salon import CATALOGUE, NOW, ZONE, Salon

from wamesh.booking.v1 import booking_pb2 as booking
from wamesh.booking.v1.booking_pb2_grpc import BookingServicer, add_BookingServicer_to_server
from wamesh.errors import FailedPrecondition, MeshError, NotFound, Unavailable
from wamesh.gateway.v1 import gateway_pb2 as gateway
from wamesh.gateway.v1.gateway_pb2_grpc import GatewayServicer, add_GatewayServicer_to_server
from wamesh.rpc.server import Server, Service
from wamesh.worker.conversation import Offer, Visit
from wamesh.worker.events import Book, CancelVisit, SearchSlots, SlotsFound, SlotTaken

COMPANY = 1
CHAT = "12025550123@s.whatsapp.net"


class Down(Unavailable):
    """The service is told to be down."""

    reason = "DRAINING"

    def __init__(self) -> None:
        super().__init__("down", timedelta(milliseconds=1))


class NotConnected(FailedPrecondition):
    """The session is not connected."""

    reason = "SESSION_DISCONNECTED"


class SlotUnavailable(FailedPrecondition):
    """The slot is taken."""

    reason = "SLOT_UNAVAILABLE"


class CompanyNotFound(NotFound):
    """No such company."""

    reason = "COMPANY_NOT_FOUND"


@dataclass
class Sent:
    """A message that reached the customer."""

    company_id: int
    chat: str
    request_id: str
    text: str


class FakeGateway(GatewayServicer):
    """Delivers what is put in, one delivery a conversation at a time, and keeps what is sent."""

    def __init__(self) -> None:
        self.pending: dict[tuple[int, str], list[gateway.InboundMessage]] = {}
        self.sent: list[Sent] = []
        self.refuse: MeshError | None = None
        self.attempts = 0
        self.opened = 0
        self.nacks: list[gateway.Nack] = []
        self._sequence = 0
        self._changed = asyncio.Condition()

    async def customer_writes(
        self, text: str, chat: str = CHAT, company_id: int = COMPANY, kind: Any = gateway.CONTENT_KIND_TEXT
    ) -> None:
        """A customer's message is stored in the inbox."""
        self._sequence += 1
        message = gateway.InboundMessage(
            sequence=self._sequence,
            message_id=f"M{self._sequence}",
            sender=chat,
            phone_number="+12025550123",
            push_name="Ольга",
            kind=kind,
            text=text,
        )
        async with self._changed:
            self.pending.setdefault((company_id, chat), []).append(message)
            self._changed.notify_all()

    async def settled(self) -> None:
        """Returns when every message was acked."""
        async with self._changed:
            await asyncio.wait_for(self._changed.wait_for(lambda: not any(self.pending.values())), 10)

    async def until(self, met: Any) -> None:
        """Returns when `met()` holds, looked at after each change."""
        async with self._changed:
            await asyncio.wait_for(self._changed.wait_for(met), 10)

    async def Send(self, request: gateway.SendRequest, context: Any) -> gateway.SendResponse:
        self.attempts += 1
        async with self._changed:
            self._changed.notify_all()
        if self.refuse is not None:
            raise self.refuse
        known = next((each for each in self.sent if each.request_id == request.request_id), None)
        if known is None:
            self.sent.append(Sent(request.company_id, request.chat, request.request_id, request.text))
        else:
            assert known.text == request.text, "one request id with two contents"
        return gateway.SendResponse(message=gateway.OutgoingMessage(state=gateway.DELIVERY_STATE_SENT))

    async def Receive(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[gateway.ReceiveResponse]:
        opening = await anext(requests)
        self.opened += 1
        yield gateway.ReceiveResponse(opened=gateway.SubscriptionOpened(subscription=opening.open))
        busy: dict[str, tuple[tuple[int, str], int]] = {}
        acks = asyncio.ensure_future(self._read_acks(requests, busy))
        try:
            while not acks.done():
                async with self._changed:
                    ready = self._ready(busy)
                    if not ready:
                        waiting = asyncio.ensure_future(self._changed.wait())
                        await asyncio.wait((waiting,), timeout=0.05)
                        if not waiting.done():
                            waiting.cancel()
                            await asyncio.gather(waiting, return_exceptions=True)
                for key, messages in ready:
                    delivery_id = f"{key[0]}/{messages[-1].sequence}/{len(busy)}/{self.opened}"
                    busy[delivery_id] = (key, messages[-1].sequence)
                    delivery = gateway.Delivery(delivery_id=delivery_id, company_id=key[0], chat=key[1], attempt=1)
                    delivery.messages.extend(messages)
                    yield gateway.ReceiveResponse(delivery=delivery)
        finally:
            acks.cancel()

    def _ready(self, busy: dict[str, Any]) -> list[tuple[tuple[int, str], list[gateway.InboundMessage]]]:
        taken = {key for key, _ in busy.values()}
        return [(key, list(messages)) for key, messages in self.pending.items() if messages and key not in taken]

    async def _read_acks(self, requests: AsyncIterator[Any], busy: dict[str, tuple[tuple[int, str], int]]) -> None:
        async for request in requests:
            named = request.ack.delivery_id or request.nack.delivery_id
            if request.HasField("nack"):
                self.nacks.append(request.nack)
            if named not in busy:
                continue
            async with self._changed:
                key, last = busy.pop(named)
                if request.HasField("ack"):
                    self.pending[key] = [each for each in self.pending[key] if each.sequence > last]
                self._changed.notify_all()


class FakeBooking(BookingServicer):
    """The salon of worker_salon.py behind the real contract."""

    def __init__(self) -> None:
        self.salon = Salon()
        self.by_request: dict[str, booking.CreateBookingResponse] = {}
        self.down = False
        self.asked_while_down = asyncio.Event()

    def _check(self, company_id: int) -> None:
        if self.down:
            self.asked_while_down.set()
            raise Down
        if company_id != COMPANY:
            raise CompanyNotFound("company", str(company_id))

    async def ListServices(self, request: Any, context: Any) -> booking.ListServicesResponse:
        self._check(request.company_id)
        response = booking.ListServicesResponse(
            company=booking.Company(
                company_id=COMPANY, name=CATALOGUE.name, time_zone=str(ZONE), language="ru", address=CATALOGUE.address
            )
        )
        for each in CATALOGUE.services:
            service = response.services.add(
                service_id=each.id,
                name=each.name,
                localized_names=dict(each.names),
                aliases=each.aliases,
                staff_ids=each.staff_ids,
                price=Money(currency_code=each.price.currency, units=each.price.units),
            )
            service.duration.FromTimedelta(each.duration)
        return response

    async def ListStaff(self, request: Any, context: Any) -> booking.ListStaffResponse:
        self._check(request.company_id)
        return booking.ListStaffResponse(
            staff=[
                booking.StaffMember(
                    staff_id=each.id, name=each.name, localized_names=dict(each.names), service_ids=each.service_ids
                )
                for each in CATALOGUE.staff
            ]
        )

    async def FindSlots(self, request: booking.FindSlotsRequest, context: Any) -> booking.FindSlotsResponse:
        self._check(request.company_id)
        first, last = (
            datetime.fromisoformat(each).date() for each in (request.dates.first_date, request.dates.last_date)
        )
        days = tuple(first + timedelta(days=index) for index in range((last - first).days + 1))
        days = tuple(each for each in days if not request.days_of_week or each.isoweekday() in request.days_of_week)
        ranges = tuple((_minute(each.start), _minute(each.end)) for each in request.time_ranges)
        staff = tuple(request.segments[0].staff.only.staff_ids)
        wish = SearchSlots(tuple(each.service_id for each in request.segments), days, staff, ranges=ranges)
        found = self.salon.perform(wish, NOW)
        assert isinstance(found, SlotsFound)
        return booking.FindSlotsResponse(
            slots=[_slot(each) for each in found.slots],
            suggested_slots=[_slot(each) for each in found.suggestions],
            no_slots_reason=booking.NO_SLOTS_REASON_UNSPECIFIED if found.slots else booking.NO_SLOTS_REASON_CLOSED,
        )

    async def CreateBooking(self, request: booking.CreateBookingRequest, context: Any) -> booking.CreateBookingResponse:
        self._check(request.company_id)
        if (known := self.by_request.get(request.request_id)) is not None:
            return known
        result = self.salon.perform(Book(_offer(request.slot_token)), NOW)
        if isinstance(result, SlotTaken):
            raise SlotUnavailable("taken")
        response = booking.CreateBookingResponse(booking=_appointment(self.salon.visits[-1]))
        self.by_request[request.request_id] = response
        return response

    async def ListBookings(self, request: booking.ListBookingsRequest, context: Any) -> booking.ListBookingsResponse:
        self._check(request.company_id)
        return booking.ListBookingsResponse(bookings=[_appointment(each) for each in self.salon.visits])

    async def CancelBooking(self, request: booking.CancelBookingRequest, context: Any) -> booking.CancelBookingResponse:
        self._check(request.company_id)
        self.salon.perform(CancelVisit(request.booking_id), NOW)
        return booking.CancelBookingResponse()


def _minute(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def _time(moment: datetime) -> Timestamp:
    timestamp = Timestamp()
    timestamp.FromDatetime(moment.astimezone(UTC))
    return timestamp


def _slot(offer: Offer) -> booking.Slot:
    token = f"{offer.slot_token}/{offer.service_ids[0]}"
    segments = [
        booking.SlotSegment(service_id=each, staff_id=offer.staff_ids[0], start_time=_time(offer.start))
        for each in offer.service_ids
    ]
    price = Money(currency_code=offer.price.currency, units=offer.price.units)
    return booking.Slot(
        slot_token=token, start_time=_time(offer.start), end_time=_time(offer.end), segments=segments, price=price
    )


def _offer(token: str) -> Offer:
    start, staff, service_id = token.split("/")
    service = CATALOGUE.service(int(service_id))
    assert service is not None
    moment = datetime.fromisoformat(start)
    return Offer(token, moment, moment + service.duration, (service.id,), (int(staff),), service.price)


def _appointment(visit: Visit) -> booking.Appointment:
    return booking.Appointment(
        booking_id=visit.booking_id,
        state=booking.BOOKING_STATE_CONFIRMED,
        start_time=_time(visit.start),
        segments=[
            booking.SlotSegment(service_id=service, staff_id=staff)
            for service, staff in zip(visit.service_ids, visit.staff_ids, strict=True)
        ],
        price=Money(currency_code=visit.price.currency, units=visit.price.units),
    )


@dataclass
class Mesh:
    """Both fakes, served."""

    gateway: FakeGateway = field(default_factory=FakeGateway)
    booking: FakeBooking = field(default_factory=FakeBooking)
    gateway_port: int = 0
    booking_port: int = 0
    _servers: list[Server] = field(default_factory=list)

    async def start_gateway(self) -> None:
        """Serves the gateway, on the port it had before if it had one."""
        name = "wamesh.gateway.v1.Gateway"
        service = Service(name, self.gateway, add_GatewayServicer_to_server)
        server = await Server([service], f"127.0.0.1:{self.gateway_port}").start()
        self.gateway_port = server.port
        await server.set_ready(True)
        self._servers.append(server)

    async def start_booking(self) -> None:
        """Serves booking."""
        service = Service("wamesh.booking.v1.Booking", self.booking, add_BookingServicer_to_server)
        server = await Server([service], "127.0.0.1:0").start()
        self.booking_port = server.port
        await server.set_ready(True)
        self._servers.append(server)

    async def stop_gateway(self) -> None:
        """Ends the gateway's server; its inbox stays."""
        await self._servers.pop(-1).stop(0)

    async def stop(self) -> None:
        """Ends all."""
        for server in self._servers:
            await server.stop(0)


@asynccontextmanager
async def running_mesh() -> AsyncIterator[Mesh]:
    """A mesh of fakes on free ports; the gateway was started last."""
    mesh = Mesh()
    await mesh.start_booking()
    await mesh.start_gateway()
    try:
        yield mesh
    finally:
        await mesh.stop()


def channel(port: int) -> grpc.aio.Channel:
    """A plain channel."""
    return grpc.aio.insecure_channel(f"127.0.0.1:{port}")
