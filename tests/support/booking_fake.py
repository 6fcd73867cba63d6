"""A Booking servicer whose answers a test sets; for tests of the frame around a servicer, not of booking."""

from collections.abc import Awaitable, Callable
from typing import Any

from wamesh.booking.v1 import booking_pb2 as pb
from wamesh.booking.v1 import booking_pb2_grpc
from wamesh.rpc.server import Service

Answer = Callable[[Any, Any], Awaitable[Any]]
BOOKING = pb.DESCRIPTOR.services_by_name["Booking"]


class AnswerableBooking(booking_pb2_grpc.BookingServicer):
    """Answers ListStaff with `answer`."""

    def __init__(self) -> None:
        self.answer: Answer = self._empty
        self.calls = 0

    async def _empty(self, request: Any, context: Any) -> pb.ListStaffResponse:
        return pb.ListStaffResponse()

    async def ListStaff(self, request: pb.ListStaffRequest, context: Any) -> pb.ListStaffResponse:
        self.calls += 1
        return await self.answer(request, context)  # type: ignore[no-any-return]

    async def FindSlots(self, request: pb.FindSlotsRequest, context: Any) -> pb.FindSlotsResponse:
        return pb.FindSlotsResponse(time_zone="UTC")

    @classmethod
    def make(cls) -> "AnswerableBooking":
        """The servicer; its other methods answer UNIMPLEMENTED, as the generated class has them."""
        return cls()

    def service(self) -> Service:
        """The servicer as the server takes it."""
        return Service(BOOKING.full_name, self, booking_pb2_grpc.add_BookingServicer_to_server)
