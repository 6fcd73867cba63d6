"""The Booking service of wamesh.booking.v1: each rpc as one read or one transaction over the stores.

Owns the way of each request: read the fields, run the story (`finder`, `booker`), write the answer; and the
page tokens. Refuses SQL, and rules of time or of fields. A method is called with a request that protovalidate
has accepted.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, NamedTuple

from wamesh.booking import finder, orders, requests, wire
from wamesh.booking.appointments import Appointment, Change, Order
from wamesh.booking.booker import Booker, Taken
from wamesh.booking.calendar import Calendar
from wamesh.booking.errors import PageOutdated, PageTokenInvalid, SlotUnavailable
from wamesh.booking.memory import Salon, Salons
from wamesh.booking.signing import Signer
from wamesh.booking.stores import BookingStore, CalendarStore, Steps, Transactions
from wamesh.booking.turns import Turns
from wamesh.booking.v1 import booking_pb2 as pb
from wamesh.booking.v1 import booking_pb2_grpc
from wamesh.clock import Clock, from_epoch_microseconds, to_epoch_microseconds
from wamesh.slots.zones import instant_floor

_SLOTS_PAGE: Final = b"slots page"
_BOOKINGS_PAGE: Final = b"bookings page"
_ALTERNATIVES: Final = 3


class PageMark(NamedTuple):
    """Where a page of slots ended, and what all pages of its answer have in common."""

    position: tuple[int, ...]
    revision: int
    now: datetime


class BookingService(booking_pb2_grpc.BookingServicer):
    """Answers what is free, and keeps bookings."""

    def __init__(
        self,
        database: Transactions,
        calendars: CalendarStore,
        bookings: BookingStore,
        signer: Signer,
        clock: Clock,
    ) -> None:
        self._database = database
        self._bookings = bookings
        self._salons = Salons(database, calendars, bookings)
        self._booker = Booker(self._salons, bookings)
        self._turns = Turns()
        self._signer = signer
        self._clock = clock

    async def FindSlots(self, request: pb.FindSlotsRequest, context: Any) -> pb.FindSlotsResponse:
        """Finds the starts at which a visit can be booked. All pages of an answer are of one revision and one clock."""
        question = requests.fingerprint_of(request, "page_token", "page_size")
        mark = self._page_mark(question, request.page_token)
        asked = requests.question_of(request, mark.position if mark else None, self._signer)
        if request.exclude_booking_id:
            await self._database.read(lambda: self._bookings.get(request.company_id, request.exclude_booking_id))
        async with self._turns.of(request.company_id):
            read_time = self._clock()
            salon = await self._salons.now(request.company_id, read_time)
            if mark and mark.revision != salon.revision:
                raise PageOutdated(mark.revision, salon.revision)
            now = mark.now if mark else read_time
            answer = finder.answer(salon, asked, now)
            response = self._slots_response(salon, asked, answer, now)
        response.data_time.CopyFrom(wire.timestamp_of(read_time))
        if answer.last is not None:
            response.next_page_token = self._slots_token(question, PageMark(answer.last, salon.revision, now))
        return response

    async def CreateBooking(self, request: pb.CreateBookingRequest, context: Any) -> pb.CreateBookingResponse:
        """Books a slot, once for each request id."""
        order = orders.booking_order_of(request, self._signer)
        now = self._clock()
        calendar, booking = await self._made(order, lambda: self._booker.book(order, now), now)
        return pb.CreateBookingResponse(booking=wire.appointment_message(booking, calendar.zone))

    async def RescheduleBooking(
        self, request: pb.RescheduleBookingRequest, context: Any
    ) -> pb.RescheduleBookingResponse:
        """Moves a booking, once for each request id."""
        order = orders.move_order_of(request, self._signer)
        booking_id, revision = request.booking_id, request.expected_revision
        now = self._clock()
        calendar, booking = await self._made(order, lambda: self._booker.move(order, booking_id, revision, now), now)
        return pb.RescheduleBookingResponse(booking=wire.appointment_message(booking, calendar.zone))

    async def CancelBooking(self, request: pb.CancelBookingRequest, context: Any) -> pb.CancelBookingResponse:
        """Cancels a booking and frees its time; a second time it only answers."""
        cancellation = orders.cancellation_of(request)
        now = self._clock()
        calendar, booking = await self._database.write(lambda: self._booker.cancel(cancellation, now))
        return pb.CancelBookingResponse(booking=wire.appointment_message(booking, calendar.zone))

    async def HoldSlot(self, request: pb.HoldSlotRequest, context: Any) -> pb.HoldSlotResponse:
        """Holds a slot, once for each request id."""
        order, duration = orders.hold_order_of(request, self._signer)
        now = self._clock()
        calendar, hold = await self._made(order, lambda: self._booker.hold(order, now + duration, now), now)
        return wire.SlotWriter(calendar, order.wishes, hold.party_size, self._signer).hold(hold)

    async def ReleaseHold(self, request: pb.ReleaseHoldRequest, context: Any) -> pb.ReleaseHoldResponse:
        """Gives a held slot back; a second time it only answers."""
        release = orders.release_of(request, self._signer)
        now = self._clock()
        await self._database.write(lambda: self._booker.release(release, now))
        return pb.ReleaseHoldResponse()

    async def GetBooking(self, request: pb.GetBookingRequest, context: Any) -> pb.GetBookingResponse:
        """Returns a booking, and its history."""
        salon = await self._salons.now(request.company_id, self._clock())
        booking, history = await self._database.read(lambda: self._told(request.company_id, request.booking_id))
        return pb.GetBookingResponse(
            booking=wire.appointment_message(booking, salon.calendar.zone),
            history=[wire.change_message(each) for each in history],
        )

    async def ListBookings(self, request: pb.ListBookingsRequest, context: Any) -> pb.ListBookingsResponse:
        """Lists bookings by start, then id."""
        query = requests.booking_query_of(request)
        question = requests.fingerprint_of(request, "page_token", "page_size")
        after = self._opened(_BOOKINGS_PAGE, question, request.page_token)
        page = replace(query, after=(after[0], after[1]) if after else None, limit=query.limit + 1)
        salon = await self._salons.now(request.company_id, self._clock())
        bookings = await self._database.read(lambda: self._bookings.list(page))
        shown, zone = bookings[: query.limit], salon.calendar.zone
        response = pb.ListBookingsResponse(bookings=[wire.appointment_message(each, zone) for each in shown])
        if len(bookings) > len(shown):
            position = [shown[-1].start, shown[-1].booking_id]
            response.next_page_token = self._sealed(_BOOKINGS_PAGE, question, position)
        return response

    async def ListServices(self, request: pb.ListServicesRequest, context: Any) -> pb.ListServicesResponse:
        """Lists the services, and who offers them."""
        calendar = await self._open_company(request.company_id)
        return pb.ListServicesResponse(
            company=wire.company_message(calendar),
            services=[wire.service_message(calendar, each) for each in calendar.offered_services],
            categories=[wire.category_message(each) for each in calendar.categories if not each.archived],
        )

    async def ListStaff(self, request: pb.ListStaffRequest, context: Any) -> pb.ListStaffResponse:
        """Lists the staff."""
        calendar = await self._open_company(request.company_id)
        return pb.ListStaffResponse(staff=[wire.staff_message(each) for each in calendar.present_staff])

    async def _open_company(self, company_id: int) -> Calendar:
        """Reads a company that customers may know. Raises CompanyNotFound."""
        calendar = (await self._salons.now(company_id, self._clock())).calendar
        calendar.expect_open()
        return calendar

    def _told(self, company_id: int, booking_id: int) -> Steps[tuple[Appointment, Sequence[Change]]]:
        booking = yield from self._bookings.get(company_id, booking_id)
        history = yield from self._bookings.history(company_id, booking_id)
        return booking, history

    async def _made(
        self, order: Order, steps: Callable[[], Steps[tuple[Calendar, Appointment]]], now: datetime
    ) -> tuple[Calendar, Appointment]:
        """Runs a change. Raises SlotUnavailable, with what is free instead, when the slot is taken."""
        try:
            return await self._database.write(steps)
        except Taken as taken:
            inquiry = taken.inquiry
        salon = await self._salons.now(order.company_id, now)
        slots = finder.alternatives(salon, inquiry, instant_floor(order.start_time), _ALTERNATIVES, now)
        suggestions = pb.SlotUnavailable()
        writer = wire.SlotWriter(salon.calendar, inquiry.wishes, inquiry.party_size, self._signer)
        writer.write(slots, suggestions.suggested_slots)
        raise SlotUnavailable(order.start_time).attach(suggestions)

    def _slots_response(
        self, salon: Salon, asked: finder.Request, answer: finder.Answer, now: datetime
    ) -> pb.FindSlotsResponse:
        calendar, inquiry = salon.calendar, asked.inquiry
        response = pb.FindSlotsResponse(
            no_slots_reason=wire.reason(answer.reason),
            time_zone=calendar.company.time_zone,
            evaluate_time=wire.timestamp_of(now),
            revision=salon.revision,
            day_counts=[wire.day_count_message(*each) for each in answer.day_counts],
            near_misses=[wire.near_miss_message(each, calendar.zone) for each in answer.near_misses],
        )
        writer = wire.SlotWriter(calendar, inquiry.wishes, inquiry.party_size, self._signer)
        writer.write(answer.slots, response.slots)
        writer.write(answer.suggestions, response.suggested_slots)
        if answer.explanation:
            response.explanation.CopyFrom(wire.explanation_message(answer.explanation))
        if answer.effective_window:
            response.effective_window.CopyFrom(wire.interval(*answer.effective_window))
        return response

    def _slots_token(self, question: str, mark: PageMark) -> str:
        content = [list(mark.position), mark.revision, to_epoch_microseconds(mark.now)]
        return self._sealed(_SLOTS_PAGE, question, content)

    def _page_mark(self, question: str, token: str) -> PageMark | None:
        """Returns where the page of slots before ended; None on the first. Raises PageTokenInvalid."""
        content = self._opened(_SLOTS_PAGE, question, token)
        if content is None:
            return None
        position, revision, now = content
        return PageMark(tuple(position), revision, from_epoch_microseconds(now))

    def _sealed(self, purpose: bytes, question: str, content: list[Any]) -> str:
        return self._signer.seal(purpose, json.dumps([question, content]).encode())

    def _opened(self, purpose: bytes, question: str, token: str) -> list[Any] | None:
        """Returns the content of a page token; None without one. Raises PageTokenInvalid."""
        if not token:
            return None
        sealed = self._signer.open(purpose, token)
        if sealed is None:
            raise PageTokenInvalid
        asked, content = json.loads(sealed)
        if asked != question:
            raise PageTokenInvalid
        return content  # type: ignore[no-any-return]
