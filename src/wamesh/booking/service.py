"""The Booking service of wamesh.booking.v1: each rpc as one transaction over the stores.

Owns the way of each request: read the fields, run the story (`finder`, `booker`), write the answer; and the
page tokens. Refuses SQL, and rules of time or of fields. A method is called with a request that protovalidate
has accepted.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from wamesh.booking import requests, wire
from wamesh.booking.appointments import Order, Wish
from wamesh.booking.booker import Booker, Taken
from wamesh.booking.errors import PageTokenInvalid, SlotUnavailable
from wamesh.booking.finder import Answer, Finder, Page
from wamesh.booking.signing import Signer
from wamesh.booking.stores import BookingStore, CalendarStore, Transactions
from wamesh.booking.v1 import booking_pb2 as pb
from wamesh.booking.v1 import booking_pb2_grpc
from wamesh.clock import Clock

_SLOTS_PAGE: Final = b"slots page"
_BOOKINGS_PAGE: Final = b"bookings page"


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
        self._calendars = calendars
        self._finder = Finder(calendars, bookings)
        self._booker = Booker(calendars, bookings, self._finder)
        self._signer = signer
        self._clock = clock

    async def FindSlots(self, request: pb.FindSlotsRequest, context: Any) -> pb.FindSlotsResponse:
        """Finds the starts at which a visit can be booked."""
        inquiry = requests.inquiry_of(request)
        question = requests.fingerprint_of(request, "page_token", "page_size")
        after = self._page_after(_SLOTS_PAGE, question, request.page_token)
        page = Page(request.page_size or requests.DEFAULT_PAGE_SIZE, after[0] if after else None)
        now = self._clock()
        answer = await self._database.read(lambda: self._finder.answer(request.company_id, inquiry, page, now))
        return self._slots_response(answer, inquiry.wishes, question, now)

    async def CreateBooking(self, request: pb.CreateBookingRequest, context: Any) -> pb.CreateBookingResponse:
        """Books a slot, once for each request id."""
        order = requests.order_of(request, self._signer)
        now = self._clock()
        try:
            calendar, booking = await self._database.write(lambda: self._booker.book(order, now))
        except Taken:
            raise await self._unavailable(order, now) from None
        return pb.CreateBookingResponse(booking=wire.appointment_message(booking, calendar.zone))

    async def CancelBooking(self, request: pb.CancelBookingRequest, context: Any) -> pb.CancelBookingResponse:
        """Cancels a booking and frees its time; a second time it only answers."""
        company_id, booking_id, reason = request.company_id, request.booking_id, request.cancel_reason
        now = self._clock()
        calendar, booking = await self._database.write(lambda: self._booker.cancel(company_id, booking_id, reason, now))
        return pb.CancelBookingResponse(booking=wire.appointment_message(booking, calendar.zone))

    async def ListBookings(self, request: pb.ListBookingsRequest, context: Any) -> pb.ListBookingsResponse:
        """Lists bookings by start, then id."""
        query = requests.booking_query_of(request)
        question = requests.fingerprint_of(request, "page_token", "page_size")
        after = self._page_after(_BOOKINGS_PAGE, question, request.page_token)
        page = replace(query, after=(after[0], after[1]) if after else None, limit=query.limit + 1)
        calendar, bookings = await self._database.read(lambda: self._booker.list(page))
        shown = bookings[: query.limit]
        response = pb.ListBookingsResponse(bookings=[wire.appointment_message(each, calendar.zone) for each in shown])
        if len(bookings) > len(shown):
            position = [shown[-1].start, shown[-1].booking_id]
            response.next_page_token = self._page_token(_BOOKINGS_PAGE, question, position)
        return response

    async def ListServices(self, request: pb.ListServicesRequest, context: Any) -> pb.ListServicesResponse:
        """Lists the services, and who offers them."""
        calendar = await self._database.read(lambda: self._calendars.load(request.company_id))
        return pb.ListServicesResponse(
            company=wire.company_message(calendar),
            services=[wire.service_message(calendar, each) for each in calendar.services],
        )

    async def ListStaff(self, request: pb.ListStaffRequest, context: Any) -> pb.ListStaffResponse:
        """Lists the staff."""
        calendar = await self._database.read(lambda: self._calendars.load(request.company_id))
        return pb.ListStaffResponse(staff=[wire.staff_message(each) for each in calendar.staff])

    def _slots_response(
        self, answer: Answer, wishes: Sequence[Wish], question: str, now: datetime
    ) -> pb.FindSlotsResponse:
        response = pb.FindSlotsResponse(
            no_slots_reason=wire.reason(answer.reason),
            time_zone=answer.calendar.company.time_zone,
            evaluate_time=wire.timestamp_of(now),
        )
        writer = wire.SlotWriter(answer.calendar, wishes, self._signer)
        writer.write(answer.slots, response.slots)
        writer.write(answer.suggestions, response.suggested_slots)
        if answer.more:
            response.next_page_token = self._page_token(_SLOTS_PAGE, question, [answer.slots[-1].start])
        if answer.effective_window:
            start, end = answer.effective_window
            response.effective_window.CopyFrom(wire.interval(start, end))
        return response

    async def _unavailable(self, order: Order, now: datetime) -> SlotUnavailable:
        """Returns the refusal of an order, with what is free instead."""
        calendar, slots = await self._database.read(lambda: self._booker.alternatives(order, now))
        suggestions = pb.SlotUnavailable()
        wire.SlotWriter(calendar, order.wishes, self._signer).write(slots, suggestions.suggested_slots)
        return SlotUnavailable(order.start_time).attach(suggestions)

    def _page_token(self, purpose: bytes, question: str, position: list[int]) -> str:
        return self._signer.seal(purpose, json.dumps([question, position]).encode())

    def _page_after(self, purpose: bytes, question: str, token: str) -> list[int] | None:
        """Returns where the page before ended; None on the first. Raises PageTokenInvalid."""
        if not token:
            return None
        content = self._signer.open(purpose, token)
        if content is None:
            raise PageTokenInvalid
        asked, position = json.loads(content)
        if asked != question:
            raise PageTokenInvalid
        return position  # type: ignore[no-any-return]
