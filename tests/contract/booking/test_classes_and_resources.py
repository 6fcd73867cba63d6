"""Classes with seats, rooms that services share, durations that customers choose; over both databases."""

from datetime import timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from support.booking_service import (
    ANNA,
    COACHING,
    FACIAL,
    HAIRCUT,
    MARIA,
    MASSAGE,
    OLEG,
    YOGA,
    Salon,
    local_times,
    open_studio,
    segment,
)
from support.databases import OpenRoom

from wamesh.booking.errors import ClassNotAlone, DurationNotAllowed, SlotUnavailable
from wamesh.booking.v1 import booking_pb2 as pb

DAY = "2026-11-24"


@pytest.fixture
async def studio(room_database: OpenRoom) -> Salon:
    """The studio."""
    return await open_studio(await room_database("booking"))


async def slot_at(studio: Salon, time: str, service_id: int, staff_id: int | None = None, **fields: int) -> pb.Slot:
    """A slot at a local time of the day."""
    slots = await studio.find_on(DAY, service_id, staff_id, **fields)
    return next(each for each in slots if each.local_start[11:16] == time)


async def test_a_class_is_booked_until_its_seats_are_taken(studio: Salon) -> None:
    """Each slot tells how many are left; then the start is gone for that staff member."""
    seats = []
    for _ in range(3):
        slot = await slot_at(studio, "11:00", YOGA, ANNA)
        seats.append(slot.segments[0].open_seats)
        await studio.book(slot)
    assert seats == [3, 2, 1]
    assert "11:00" not in local_times(await studio.find_on(DAY, YOGA, ANNA))


async def test_a_class_blocks_everything_else_of_its_staff_member(studio: Salon) -> None:
    """Also the same class at another start."""
    await studio.book(await slot_at(studio, "11:00", YOGA, ANNA))
    assert "11:15" not in local_times(await studio.find_on(DAY, HAIRCUT, ANNA))
    times = local_times(await studio.find_on(DAY, YOGA, ANNA))
    assert [time for time in times if "10:00" <= time <= "12:00"] == ["10:00", "11:00", "12:00"]


async def test_a_party_gets_a_class_with_as_many_seats(studio: Salon) -> None:
    """At the price of as many; a smaller rest is no slot."""
    slot = await slot_at(studio, "11:00", YOGA, ANNA, party_size=2)
    booked = await studio.book(slot)
    assert (booked.party_size, booked.price.units) == (2, 30)
    assert "11:00" not in local_times(await studio.find_on(DAY, YOGA, ANNA, party_size=2))
    assert "11:00" in local_times(await studio.find_on(DAY, YOGA, ANNA, party_size=1))


async def test_a_class_that_takes_place_is_filled_before_another_is_opened(studio: Salon) -> None:
    """Anybody's slot names the staff member whose class has begun to fill, though she is the busier one."""
    await studio.book(await slot_at(studio, "17:00", YOGA, MARIA))
    assert (await slot_at(studio, "17:00", YOGA)).segments[0].staff_id == MARIA


async def test_a_party_that_no_class_can_take_is_told_so(studio: Salon) -> None:
    """OK with a reason, since it is normal conversation; for what is no class, two are too many."""
    for service_id, party_size in ((YOGA, 4), (HAIRCUT, 2)):
        answer = await studio.find(studio.question(DAY, service_id, party_size=party_size))
        assert answer.no_slots_reason == pb.NO_SLOTS_REASON_PARTY_TOO_LARGE


async def test_a_seat_is_free_again_when_it_is_given_back(studio: Salon) -> None:
    """By cancelling, and by moving away while others stay."""
    first, second, third = [await studio.book(await slot_at(studio, "11:00", YOGA, ANNA)) for _ in range(3)]
    await studio.cancel(second.booking_id)
    assert (await slot_at(studio, "11:00", YOGA, ANNA)).segments[0].open_seats == 1
    await studio.move(first.booking_id, slot_token=(await slot_at(studio, "15:00", YOGA, ANNA)).slot_token)
    assert (await slot_at(studio, "11:00", YOGA, ANNA)).segments[0].open_seats == 2
    assert (await slot_at(studio, "15:00", YOGA, ANNA)).segments[0].open_seats == 2
    await studio.cancel(third.booking_id)
    assert "11:15" in local_times(await studio.find_on(DAY, HAIRCUT, ANNA))


async def test_a_held_seat_is_taken(studio: Salon) -> None:
    """Until the hold expires."""
    await studio.hold(await slot_at(studio, "11:00", YOGA, ANNA, party_size=3), seconds=60)
    assert "11:00" not in local_times(await studio.find_on(DAY, YOGA, ANNA))
    studio.pass_time(timedelta(seconds=60))
    assert (await slot_at(studio, "11:00", YOGA, ANNA)).segments[0].open_seats == 3


async def test_a_class_is_a_visit_of_its_own(studio: Salon) -> None:
    """INVALID_ARGUMENT names the segment."""
    request = studio.question(DAY)
    request.segments.append(segment(YOGA))
    with pytest.raises(ClassNotAlone) as refused:
        await studio.find(request)
    assert [each.field for each in refused.value.violations] == ["segments[1].service_id"]


async def test_services_that_share_a_room_exclude_each_other(studio: Salon) -> None:
    """For the whole occupancy, buffers included, whoever does them."""
    await studio.book(await slot_at(studio, "17:00", MASSAGE, ANNA))
    times = local_times(await studio.find_on(DAY, FACIAL, OLEG))
    assert [time for time in times if "16:30" <= time <= "18:30"] == ["18:15", "18:30"]
    assert "17:00" in local_times(await studio.find_on(DAY, HAIRCUT, OLEG))


async def test_a_room_that_is_taken_meanwhile_refuses_the_slot(studio: Salon) -> None:
    """The offer was for another staff member, and for the same room."""
    facial = await slot_at(studio, "17:00", FACIAL, OLEG)
    await studio.book(await slot_at(studio, "17:00", MASSAGE, MARIA))
    with pytest.raises(SlotUnavailable):
        await studio.book(facial)


async def test_two_parts_of_one_visit_may_follow_each_other_in_a_room(studio: Salon) -> None:
    """A visit does not stand in its own way: the massage's buffer meets the facial."""
    request = studio.question(DAY, MASSAGE, ANNA)
    request.segments.append(segment(FACIAL, OLEG))
    slots = (await studio.find(request)).slots
    booked = await studio.book(next(each for each in slots if each.local_start[11:16] == "17:00"))
    assert [(each.service_id, each.staff_id) for each in booked.segments] == [(MASSAGE, ANNA), (FACIAL, OLEG)]


async def test_customers_choose_how_long(studio: Salon) -> None:
    """Where the service has a range; the visit takes that long."""
    request = studio.question(DAY, COACHING)
    request.segments[0].duration.seconds = 90 * 60
    slot = (await studio.find(request)).slots[0]
    booked = await studio.book(slot)
    assert booked.end_time.seconds - booked.start_time.seconds == 90 * 60


@pytest.mark.parametrize(("service_id", "minutes"), [(COACHING, 29), (COACHING, 121), (HAIRCUT, 30)])
async def test_a_duration_out_of_range_is_refused(studio: Salon, service_id: int, minutes: int) -> None:
    """INVALID_ARGUMENT names the field and the range, for a search and for a booking."""
    request = studio.question(DAY, service_id)
    request.segments[0].duration.seconds = minutes * 60
    with pytest.raises(DurationNotAllowed) as refused:
        await studio.find(request)
    assert refused.value.violations[0].field == "segments[0].duration"
    order = studio.order(pb.Slot(slot_token="x"))
    order.visit.CopyFrom(pb.Visit(segments=request.segments, start_time=Timestamp(seconds=1_800_000_000)))
    with pytest.raises(DurationNotAllowed) as refused:
        await studio.create(order)
    assert refused.value.violations[0].field == "visit.segments[0].duration"


async def test_a_visit_of_chosen_length_keeps_it_when_it_moves(studio: Salon) -> None:
    """A start alone is enough."""
    request = studio.question(DAY, COACHING)
    request.segments[0].duration.seconds = 30 * 60
    booked = await studio.book((await studio.find(request)).slots[0])
    start = Timestamp(seconds=booked.start_time.seconds + 2 * 3600)
    moved = await studio.move(booked.booking_id, start_time=start)
    assert moved.end_time.seconds - moved.start_time.seconds == 30 * 60
