"""The booking servicer behind the production server: statuses and details as a client of the wire sees them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import pytest
from support.booking_service import HAIRCUT, SALON_FILE, segment

from wamesh.booking import errors
from wamesh.booking.catalogue.changing import load_catalogue
from wamesh.booking.catalogue.file import read_catalogue
from wamesh.booking.main import SERVICE_NAME, booking_services
from wamesh.booking.v1 import booking_pb2 as pb
from wamesh.booking.v1 import booking_pb2_grpc
from wamesh.errors import MeshError
from wamesh.rpc.errors import Refusal, refusal_of
from wamesh.rpc.server import Server
from wamesh.settings import BookingSettings
from wamesh.storage.booking.calendar import CalendarTables
from wamesh.storage.database import room_database

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


@pytest.fixture
async def stub(tmp_path: Path) -> AsyncIterator[booking_pb2_grpc.BookingAsyncStub]:
    """A client of a server with the demo salon in an SQLite file."""
    settings = BookingSettings(data_directory=tmp_path / "data")
    async with room_database(settings.room_database_url("booking"), "booking") as database:
        await load_catalogue(read_catalogue(SALON_FILE), database, CalendarTables(database))
        server = await Server(await booking_services(database, lambda: NOW), "127.0.0.1:0").start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            yield booking_pb2_grpc.BookingStub(channel)
        await server.stop(0)


def tomorrow() -> pb.FindSlotsRequest:
    """A haircut on the next day."""
    request = pb.FindSlotsRequest(company_id=1, segments=[segment(HAIRCUT)])
    request.dates.first_date = (NOW + timedelta(days=1)).date().isoformat()
    return request


def order(slot: pb.Slot, request_id: str) -> pb.CreateBookingRequest:
    """A request to book the slot."""
    return pb.CreateBookingRequest(
        company_id=1, request_id=request_id, slot_token=slot.slot_token, customer=pb.Customer(name="Vera")
    )


async def refused(call: Awaitable[object]) -> Refusal:
    """What the server answered to a call that must fail."""
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    return refusal_of(error.value)


async def test_a_slot_travels_to_a_booking_and_back(stub: booking_pb2_grpc.BookingAsyncStub) -> None:
    """Found, booked, listed, cancelled."""
    slot = (await stub.FindSlots(tomorrow())).slots[0]
    booking = (await stub.CreateBooking(order(slot, "one"))).booking
    assert booking.start_time == slot.start_time
    assert [each.booking_id for each in (await stub.ListBookings(pb.ListBookingsRequest(company_id=1))).bookings] == [1]
    cancelled = await stub.CancelBooking(pb.CancelBookingRequest(company_id=1, booking_id=booking.booking_id))
    assert cancelled.booking.state == pb.BOOKING_STATE_CANCELLED


async def test_a_lost_slot_brings_suggestions_in_the_status(stub: booking_pb2_grpc.BookingAsyncStub) -> None:
    """FAILED_PRECONDITION SLOT_UNAVAILABLE with a SlotUnavailable detail, whose tokens book."""
    slot = (await stub.FindSlots(tomorrow())).slots[0]
    await stub.CreateBooking(order(slot, "one"))
    refusal = await refused(stub.CreateBooking(order(slot, "two")))
    assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "SLOT_UNAVAILABLE")
    detail = pb.SlotUnavailable()
    assert any(each.Unpack(detail) for each in refusal.details)
    await stub.CreateBooking(order(detail.suggested_slots[0], "three"))


async def test_refusals_have_the_status_of_their_kind(stub: booking_pb2_grpc.BookingAsyncStub) -> None:
    """And the reason that the proto names."""
    slots = (await stub.FindSlots(tomorrow())).slots
    await stub.CreateBooking(order(slots[0], "one"))
    unknown, no_company, no_date = tomorrow(), tomorrow(), tomorrow()
    unknown.company_id, no_company.company_id, no_date.dates.first_date = 9, 0, "2026-02-30"
    forged = pb.Slot(slot_token="forged")
    for call, code, reason in (
        (stub.FindSlots(unknown), grpc.StatusCode.NOT_FOUND, "COMPANY_NOT_FOUND"),
        (stub.FindSlots(no_company), grpc.StatusCode.INVALID_ARGUMENT, "FIELD_RULE_BROKEN"),
        (stub.FindSlots(no_date), grpc.StatusCode.INVALID_ARGUMENT, "FIELD_RULE_BROKEN"),
        (stub.CreateBooking(order(slots[1], "one")), grpc.StatusCode.ALREADY_EXISTS, "REQUEST_ID_REUSED"),
        (stub.CreateBooking(order(forged, "two")), grpc.StatusCode.INVALID_ARGUMENT, "SLOT_TOKEN_INVALID"),
    ):
        refusal = await refused(call)
        assert (refusal.code, refusal.reason) == (code, reason)


def test_every_reason_is_one_of_the_contract() -> None:
    """An error class names a value of ErrorReason and nothing else."""
    reasons = {
        each.reason
        for each in vars(errors).values()
        if isinstance(each, type) and issubclass(each, MeshError) and each.__module__ == errors.__name__
    }
    assert reasons <= set(pb.ErrorReason.keys())
    assert pb.DESCRIPTOR.services_by_name["Booking"].full_name == SERVICE_NAME
