"""The life of a booking over both databases: found, booked, listed, cancelled."""

import pytest
from support.booking_service import (
    ANNA,
    BLOW_DRY,
    HAIRCUT,
    MARIA,
    OLEG,
    Salon,
    local_times,
    open_salon,
    segment,
)
from support.databases import OpenRoom

from wamesh.booking.v1 import booking_pb2 as pb


@pytest.fixture
async def salon(room_database: OpenRoom) -> Salon:
    """The demo salon."""
    return await open_salon(await room_database("booking"))


async def test_a_day_lists_the_hours_of_a_staff_member_without_breaks(salon: Salon) -> None:
    """Anna works 10:00-20:00 with a break 13:30-14:15; a haircut takes 45 minutes on a grid of 15."""
    times = local_times(await salon.find_on("2026-11-24", HAIRCUT, ANNA))
    morning = [f"{10 + at // 60}:{at % 60:02}" for at in range(0, 166, 15)]
    afternoon = [f"{14 + at // 60}:{at % 60:02}" for at in range(15, 316, 15)]
    assert times == morning + afternoon


async def test_a_slot_offered_is_booked_on_its_terms(salon: Salon) -> None:
    """Time, staff and price of the booking are those of the slot."""
    slot = (await salon.find_on("2026-11-24"))[0]
    booking = await salon.book(slot)
    assert booking.start_time == slot.start_time
    assert booking.end_time == slot.end_time
    assert booking.local_start == slot.local_start == "2026-11-24T10:00:00+01:00"
    assert [each.staff_id for each in booking.segments] == [ANNA]
    assert booking.price == slot.price
    assert booking.customer.phone_number == "+12025550142"
    assert booking.state == pb.BOOKING_STATE_CONFIRMED


async def test_a_booked_time_is_no_longer_offered_for_that_staff_member(salon: Salon) -> None:
    """The occupancy, buffer of 15 minutes included, hides every start that it would meet."""
    before = await salon.find_on("2026-11-24", HAIRCUT, ANNA)
    await salon.book(next(each for each in before if each.local_start[11:16] == "11:00"))
    after = local_times(await salon.find_on("2026-11-24", HAIRCUT, ANNA))
    gone = [time for time in local_times(before) if time not in after]
    assert gone == ["10:15", "10:30", "10:45", "11:00", "11:15", "11:30", "11:45"]


async def test_a_cancelled_time_is_offered_again(salon: Salon) -> None:
    """Cancelling restores exactly what the booking hid."""
    before = await salon.find_on("2026-11-24", HAIRCUT, ANNA)
    booking = await salon.book(before[3])
    await salon.cancel(booking.booking_id)
    after = await salon.find_on("2026-11-24", HAIRCUT, ANNA)
    assert local_times(after) == local_times(before)


async def test_anybody_means_the_least_loaded_then_the_lowest_id(salon: Salon) -> None:
    """After Anna has a visit that day, Oleg comes next, though Maria has the lower id and is not there yet."""
    first = next(each for each in await salon.find_on("2026-11-24") if each.local_start[11:16] == "11:00")
    assert first.segments[0].staff_id == ANNA
    assert list(first.segments[0].available_staff_ids) == [ANNA, OLEG]
    await salon.book(first)
    second = next(each for each in await salon.find_on("2026-11-24") if each.local_start[11:16] == "17:00")
    assert second.segments[0].staff_id == MARIA
    assert list(second.segments[0].available_staff_ids) == [ANNA, MARIA, OLEG]


async def test_a_staff_member_has_terms_of_their_own(salon: Salon) -> None:
    """Maria takes 60 minutes and 45 EUR for a haircut."""
    slot = (await salon.find_on("2026-11-24", HAIRCUT, MARIA))[0]
    assert slot.end_time.seconds - slot.start_time.seconds == 3600
    assert (slot.price.currency_code, slot.price.units, slot.price.nanos) == ("EUR", 45, 0)


async def test_several_services_make_one_visit(salon: Salon) -> None:
    """The second segment begins when the first ends, and costs are summed."""
    request = pb.FindSlotsRequest(company_id=1, segments=[segment(HAIRCUT, ANNA), segment(BLOW_DRY)], page_size=1)
    request.segments[1].same_staff_as_previous = True
    request.dates.first_date = "2026-11-24"
    slot = (await salon.find(request)).slots[0]
    first, second = slot.segments
    assert first.end_time == second.start_time
    assert (first.staff_id, second.staff_id) == (ANNA, ANNA)
    assert slot.price.units == 60
    booking = await salon.book(slot)
    assert len(booking.segments) == 2


async def test_the_answer_names_catalogue_and_company(salon: Salon) -> None:
    """ListServices and ListStaff show the file's names in its order."""
    services = await salon.service.ListServices(pb.ListServicesRequest(company_id=1), None)
    assert services.company.name == "Salon Aurora"
    assert services.company.language == "ru"
    assert [each.localized_names["en"] for each in services.services][:2] == ["Haircut", "Colouring"]
    assert services.services[0].name == "Стрижка"
    assert services.services[0].duration.seconds == 45 * 60
    assert list(services.services[0].staff_ids) == [ANNA, MARIA, OLEG]
    staff = await salon.service.ListStaff(pb.ListStaffRequest(company_id=1), None)
    assert [each.name for each in staff.staff] == ["Анна", "Мария", "Олег"]
    assert list(staff.staff[0].service_ids) == [1, 2, 3]
