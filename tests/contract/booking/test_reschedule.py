"""Moving and cancelling, over both databases: in one step, once, at a known revision; and the history of it."""

from datetime import timedelta

import pytest
from support.booking_service import ANNA, HAIRCUT, MARIA, Salon, local_times, open_salon, segment
from support.databases import OpenRoom

from wamesh.booking.errors import (
    BookingCancelled,
    BookingChanged,
    BookingNotFound,
    RequestIdReused,
    SlotUnavailable,
)
from wamesh.booking.v1 import booking_pb2 as pb
from wamesh.storage.database import Database

DAY, NEXT_DAY = "2026-11-24", "2026-11-25"


@pytest.fixture
async def database(room_database: OpenRoom) -> Database:
    """An empty database of the room."""
    return await room_database("booking")


@pytest.fixture
async def salon(database: Database) -> Salon:
    """The demo salon."""
    return await open_salon(database)


async def slot_at(salon: Salon, time: str, staff_id: int = ANNA, day: str = DAY, **fields: int) -> pb.Slot:
    """A haircut at a local time."""
    slots = await salon.find_on(day, HAIRCUT, staff_id, **fields)
    return next(each for each in slots if each.local_start[11:16] == time)


async def test_a_moved_booking_leaves_its_old_time_and_takes_the_new(salon: Salon) -> None:
    """Its id, customer and note stay."""
    before = local_times(await salon.find_on(DAY, HAIRCUT, ANNA))
    booked = await salon.book(await slot_at(salon, "11:00"))
    target = await slot_at(salon, "15:00", day=NEXT_DAY)
    moved = await salon.move(booked.booking_id, slot_token=target.slot_token)
    assert (moved.booking_id, moved.customer, moved.note) == (booked.booking_id, booked.customer, booked.note)
    assert (moved.start_time, moved.revision, moved.state) == (target.start_time, 2, pb.BOOKING_STATE_CONFIRMED)
    assert local_times(await salon.find_on(DAY, HAIRCUT, ANNA)) == before
    assert "15:00" not in local_times(await salon.find_on(NEXT_DAY, HAIRCUT, ANNA))
    assert [each.booking_id for each in (await salon.bookings()).bookings] == [booked.booking_id]


async def test_a_booking_moves_into_its_own_time(salon: Salon) -> None:
    """A quarter of an hour later, found with exclude_booking_id."""
    booked = await salon.book(await slot_at(salon, "11:00"))
    later = await slot_at(salon, "11:15", exclude_booking_id=booked.booking_id)
    assert (await salon.move(booked.booking_id, slot_token=later.slot_token)).start_time == later.start_time


async def test_a_start_alone_keeps_parts_and_people(salon: Salon) -> None:
    """The same services by the same staff, from that start on."""
    booked = await salon.book(await slot_at(salon, "15:45", MARIA))
    target = await slot_at(salon, "18:00", MARIA)
    moved = await salon.move(booked.booking_id, start_time=target.start_time)
    assert [(each.service_id, each.staff_id) for each in moved.segments] == [(HAIRCUT, MARIA)]
    assert (moved.start_time, moved.price) == (target.start_time, booked.price)


async def test_a_visit_changes_the_parts(salon: Salon) -> None:
    """Other people and their price."""
    booked = await salon.book(await slot_at(salon, "11:00"))
    target = await slot_at(salon, "18:00", MARIA)
    visit = pb.Visit(segments=[segment(HAIRCUT, MARIA)], start_time=target.start_time)
    moved = await salon.move(booked.booking_id, visit=visit)
    assert (moved.segments[0].staff_id, moved.price) == (MARIA, target.price)


async def test_a_hold_is_moved_to(salon: Salon) -> None:
    """The hold becomes the booking's time."""
    booked = await salon.book(await slot_at(salon, "11:00"))
    hold = await salon.hold(await slot_at(salon, "16:00"))
    moved = await salon.move(booked.booking_id, hold_token=hold.hold_token)
    assert moved.start_time == hold.slot.start_time


async def test_a_move_to_a_taken_slot_changes_nothing(salon: Salon) -> None:
    """SLOT_UNAVAILABLE with suggestions; the booking stands where it was."""
    booked = await salon.book(await slot_at(salon, "11:00"))
    target = await slot_at(salon, "15:00")
    await salon.book(target)
    with pytest.raises(SlotUnavailable) as refused:
        await salon.move(booked.booking_id, slot_token=target.slot_token)
    (detail,) = refused.value.details
    assert isinstance(detail, pb.SlotUnavailable)
    assert await salon.move(booked.booking_id, slot_token=detail.suggested_slots[0].slot_token)


async def test_a_request_id_moves_once(salon: Salon) -> None:
    """The second call answers with the booking as it is; other content is refused."""
    booked = await salon.book(await slot_at(salon, "11:00"))
    first, second = await slot_at(salon, "15:00"), await slot_at(salon, "17:00")
    moved = await salon.move(booked.booking_id, request_id="m", slot_token=first.slot_token)
    assert await salon.move(booked.booking_id, request_id="m", slot_token=first.slot_token) == moved
    with pytest.raises(RequestIdReused):
        await salon.move(booked.booking_id, request_id="m", slot_token=second.slot_token)


async def test_a_change_is_refused_at_another_revision(salon: Salon) -> None:
    """ABORTED for a move and a cancellation; 0 expects nothing."""
    booked = await salon.book(await slot_at(salon, "11:00"))
    await salon.move(booked.booking_id, slot_token=(await slot_at(salon, "15:00")).slot_token, expected_revision=1)
    with pytest.raises(BookingChanged) as refused:
        await salon.cancel(booked.booking_id, expected_revision=1)
    assert refused.value.metadata == {"booking_id": str(booked.booking_id), "expected_revision": "1", "revision": "2"}
    with pytest.raises(BookingChanged):
        await salon.move(booked.booking_id, slot_token=(await slot_at(salon, "17:00")).slot_token, expected_revision=3)
    assert (await salon.cancel(booked.booking_id, expected_revision=2)).revision == 3


async def test_a_cancelled_booking_is_not_moved(salon: Salon) -> None:
    """FAILED_PRECONDITION; an unknown one is NOT_FOUND."""
    booked = await salon.book(await slot_at(salon, "11:00"))
    await salon.cancel(booked.booking_id)
    token = (await slot_at(salon, "15:00")).slot_token
    with pytest.raises(BookingCancelled):
        await salon.move(booked.booking_id, slot_token=token)
    with pytest.raises(BookingNotFound):
        await salon.move(99, slot_token=token)


async def test_the_history_tells_who_what_when_and_why(salon: Salon) -> None:
    """One entry a change, oldest first, each with what was booked then."""
    order = salon.order(await slot_at(salon, "11:00"))
    order.actor = "customer"
    booked = await salon.create(order)
    salon.pass_time(timedelta(minutes=5))
    target = await slot_at(salon, "18:00", MARIA)
    await salon.move(booked.booking_id, slot_token=target.slot_token, actor="staff 2", reason="Anna is ill")
    salon.pass_time(timedelta(minutes=5))
    await salon.cancel(booked.booking_id, "found another date", actor="customer")
    told = await salon.get(booked.booking_id)
    kinds = [pb.BookingChangeKind.Name(each.kind)[len("BOOKING_CHANGE_KIND_") :] for each in told.history]
    assert kinds == ["CREATED", "RESCHEDULED", "CANCELLED"]
    assert [(each.revision, each.actor, each.reason) for each in told.history] == [
        (1, "customer", ""),
        (2, "staff 2", "Anna is ill"),
        (3, "customer", "found another date"),
    ]
    assert [each.segments[0].staff_id for each in told.history] == [ANNA, MARIA, MARIA]
    times = [each.change_time.seconds for each in told.history]
    assert [time - times[0] for time in times] == [0, 300, 600]
    assert (told.booking.revision, told.booking.update_time) == (3, told.history[-1].change_time)


async def test_cancelling_again_adds_nothing(salon: Salon) -> None:
    """The same booking, with or without a request id; the history has one cancellation."""
    booked = await salon.book(await slot_at(salon, "11:00"))
    cancelled = await salon.cancel(booked.booking_id, request_id="c")
    assert await salon.cancel(booked.booking_id, request_id="c") == cancelled
    assert await salon.cancel(booked.booking_id) == cancelled
    assert len((await salon.get(booked.booking_id)).history) == 2
