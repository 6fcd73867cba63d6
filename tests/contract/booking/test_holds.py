"""Holds, over both databases: kept for one caller, given back, expired, booked."""

from datetime import timedelta

import pytest
from support.booking_service import ANNA, HAIRCUT, Salon, local_times, open_salon, serve
from support.databases import OpenRoom

from wamesh.booking.errors import BookingNotFound, HoldTokenInvalid, RequestIdReused, SlotUnavailable
from wamesh.booking.v1 import booking_pb2 as pb
from wamesh.errors import InvalidArgument
from wamesh.storage.database import Database

DAY = "2026-11-24"


@pytest.fixture
async def database(room_database: OpenRoom) -> Database:
    """An empty database of the room."""
    return await room_database("booking")


@pytest.fixture
async def salon(database: Database) -> Salon:
    """The demo salon."""
    return await open_salon(database)


async def anna_at(salon: Salon, time: str) -> pb.Slot:
    """Anna's slot at a local time of the day."""
    return next(each for each in await salon.find_on(DAY, HAIRCUT, ANNA) if each.local_start[11:16] == time)


async def test_what_is_held_is_offered_to_nobody_else(salon: Salon) -> None:
    """Invariant 19: it hides what a booking would hide, and restores it when it expires."""
    before = local_times(await salon.find_on(DAY, HAIRCUT, ANNA))
    await salon.hold(await anna_at(salon, "11:00"), seconds=60)
    during = local_times(await salon.find_on(DAY, HAIRCUT, ANNA))
    assert [each for each in before if each not in during] == [
        "10:15", "10:30", "10:45", "11:00", "11:15", "11:30", "11:45",
    ]  # fmt: skip
    salon.pass_time(timedelta(seconds=60))
    assert local_times(await salon.find_on(DAY, HAIRCUT, ANNA)) == before


async def test_what_is_held_cannot_be_booked_by_others(salon: Salon, database: Database) -> None:
    """Not at another replica either; the refusal offers something else."""
    slot = await anna_at(salon, "11:00")
    await salon.hold(slot)
    with pytest.raises(SlotUnavailable):
        await serve(database, salon.calendar).book(slot)


async def test_the_holder_looks_past_its_own_hold(salon: Salon) -> None:
    """With its token FindSlots answers as without the hold."""
    before = await salon.find_on(DAY, HAIRCUT, ANNA)
    hold = await salon.hold(before[4])
    assert local_times(await salon.find_on(DAY, HAIRCUT, ANNA, hold_token=hold.hold_token)) == local_times(before)


async def test_a_hold_is_booked_on_its_terms(salon: Salon) -> None:
    """Time, staff and price are those of the slot; the hold is gone."""
    slot = await anna_at(salon, "11:00")
    hold = await salon.hold(slot)
    booking = await salon.book_held(hold.hold_token)
    assert (booking.start_time, booking.price) == (slot.start_time, slot.price)
    assert hold.slot.start_time == slot.start_time
    await salon.cancel(booking.booking_id)
    assert "11:00" in local_times(await salon.find_on(DAY, HAIRCUT, ANNA))


async def test_an_expired_hold_is_booked_while_its_slot_is_free(salon: Salon) -> None:
    """And refused when somebody else was faster."""
    hold = await salon.hold(await anna_at(salon, "11:00"), seconds=1)
    late = await salon.hold(await anna_at(salon, "15:00"), seconds=1)
    salon.pass_time(timedelta(seconds=1))
    assert (await salon.book_held(hold.hold_token)).local_start[11:16] == "11:00"
    await salon.book(await anna_at(salon, "15:00"))
    with pytest.raises(SlotUnavailable):
        await salon.book_held(late.hold_token)


async def test_a_released_hold_keeps_nothing(salon: Salon) -> None:
    """Releasing twice is releasing once; what was booked is not released."""
    slot = await anna_at(salon, "11:00")
    hold = await salon.hold(slot)
    await salon.release(hold.hold_token)
    await salon.release(hold.hold_token)
    booked = await salon.book(slot)
    await salon.release(hold.hold_token)
    assert (await salon.get(booked.booking_id)).booking.state == pb.BOOKING_STATE_CONFIRMED
    assert "11:00" not in local_times(await salon.find_on(DAY, HAIRCUT, ANNA))


async def test_one_request_id_makes_one_hold(salon: Salon) -> None:
    """The same token again; with other content it is refused."""
    slot = await anna_at(salon, "11:00")
    first = await salon.hold(slot, request_id="h")
    salon.pass_time(timedelta(seconds=10))
    assert await salon.hold(slot, request_id="h") == first
    with pytest.raises(RequestIdReused):
        await salon.hold(slot, request_id="h", seconds=5)


async def test_one_request_id_releases_one_hold(salon: Salon) -> None:
    """Again it answers, even when the hold is long forgotten; another hold is refused, and stays."""
    first, second = [await salon.hold(await anna_at(salon, time)) for time in ("11:00", "12:00")]
    await salon.release(first.hold_token, request_id="r")
    await salon.release(first.hold_token, request_id="r")
    with pytest.raises(RequestIdReused):
        await salon.release(second.hold_token, request_id="r")
    assert "12:00" not in local_times(await salon.find_on(DAY, HAIRCUT, ANNA))
    salon.pass_time(timedelta(days=2))
    await salon.hold((await salon.find_on("2026-11-26", HAIRCUT, ANNA))[0])  # which forgets the old ones
    await salon.release(first.hold_token, request_id="r")
    await salon.release(second.hold_token, request_id="r")


async def test_a_hold_is_no_booking(salon: Salon) -> None:
    """It is not listed, and cannot be read or cancelled as one."""
    await salon.hold(await anna_at(salon, "11:00"))
    assert list((await salon.bookings()).bookings) == []
    with pytest.raises(BookingNotFound):
        await salon.get(1)
    with pytest.raises(BookingNotFound):
        await salon.cancel(1)


async def test_a_token_of_another_company_or_hand_is_refused(salon: Salon, database: Database) -> None:
    """INVALID_ARGUMENT; a slot's token is no hold's token."""
    slot = await anna_at(salon, "11:00")
    token = (await salon.hold(slot)).hold_token
    other = await open_salon(database, company_id=2)
    for salon_asked, forged in ((other, token), (salon, token[:-1]), (salon, slot.slot_token)):
        with pytest.raises(HoldTokenInvalid):
            await salon_asked.release(forged)
        with pytest.raises(HoldTokenInvalid):
            await salon_asked.find_on(DAY, hold_token=forged)
        with pytest.raises(HoldTokenInvalid):
            await salon_asked.book_held(forged)


@pytest.mark.parametrize("seconds", [0, 3601])
async def test_a_hold_lasts_a_second_to_an_hour(salon: Salon, seconds: int) -> None:
    """INVALID_ARGUMENT for less and for more."""
    with pytest.raises(InvalidArgument):
        await salon.hold(await anna_at(salon, "11:00"), seconds=seconds)
