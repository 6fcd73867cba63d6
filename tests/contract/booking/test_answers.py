"""The parts of FindSlots' and ListBookings' answers: pages, reasons, suggestions, windows, over both databases."""

from datetime import UTC, datetime, timedelta

import pytest
from support.booking_service import (
    ANNA,
    BEARD,
    COLOURING,
    HAIRCUT,
    MANICURE,
    MARIA,
    OLEG,
    Salon,
    local_times,
    open_salon,
    segment,
)
from support.databases import OpenRoom

from wamesh.booking.errors import PageTokenInvalid
from wamesh.booking.v1 import booking_pb2 as pb

DAY = "2026-11-24"


@pytest.fixture
async def salon(room_database: OpenRoom) -> Salon:
    """The demo salon."""
    return await open_salon(await room_database("booking"))


def question(
    first: str = DAY, last: str = "", service_id: int = HAIRCUT, staff_id: int | None = None
) -> pb.FindSlotsRequest:
    """FindSlots over some dates."""
    request = pb.FindSlotsRequest(company_id=1, segments=[segment(service_id, staff_id)])
    request.dates.first_date, request.dates.last_date = first, last
    return request


async def test_pages_put_together_are_one_page(salon: Salon) -> None:
    """Whatever the page size, in the same order, without a repetition."""
    request = question(last="2026-11-26")
    request.page_size = 1000
    whole = list((await salon.find(request)).slots)
    request.page_size = 7
    paged: list[pb.Slot] = []
    while True:
        response = await salon.find(request)
        paged += response.slots
        request.page_token = response.next_page_token
        if not request.page_token:
            break
    assert paged == whole


@pytest.mark.parametrize("preferred", [None, datetime(2026, 12, 10, 12, tzinfo=UTC)])
async def test_the_first_page_of_a_long_window_agrees_with_the_whole(salon: Salon, preferred: datetime | None) -> None:
    """Slots, staff, prices, tokens and suggestions are the same, whether or not more days were looked at."""
    await salon.book((await salon.find_on("2026-11-25"))[0])
    asked = question(last="2026-12-14")
    if preferred is not None:
        asked.preferred_start_time.FromDatetime(preferred)
    asked.page_size = 1000
    whole = await salon.find(asked)
    asked.page_size = 50
    page = await salon.find(asked)
    assert len(whole.slots) > len(page.slots) == 50
    assert list(page.slots) == list(whole.slots)[:50]
    assert page.suggested_slots == whole.suggested_slots
    assert page.effective_window == whole.effective_window
    assert page.next_page_token


async def test_a_page_token_is_good_for_its_own_question(salon: Salon) -> None:
    """Another question's token, or any other text, is refused."""
    request = question()
    request.page_size = 1
    given = (await salon.find(request)).next_page_token
    other = question(service_id=BEARD)
    for token in (given, "forged", given[:-1]):
        other.page_token = token
        with pytest.raises(PageTokenInvalid):
            await salon.find(other)


async def test_closed_is_the_reason_when_nobody_works(salon: Salon) -> None:
    """Manicure is Maria's, and Maria does not work on Mondays."""
    response = await salon.find(question("2026-11-30", service_id=MANICURE))
    assert response.no_slots_reason == pb.NO_SLOTS_REASON_CLOSED
    assert [each.local_start[:16] for each in response.suggested_slots] == [
        "2026-11-29T20:00",
        "2026-11-29T19:45",
        "2026-11-29T19:30",
    ]


async def test_fully_booked_is_the_reason_when_every_hour_is_taken(salon: Salon) -> None:
    """After Anna's whole day is filled with colouring; suggestions come from the days around."""
    while slots := await salon.find_on(DAY, COLOURING, ANNA):
        await salon.book(slots[0])
    response = await salon.find(question(service_id=COLOURING, staff_id=ANNA))
    assert response.no_slots_reason == pb.NO_SLOTS_REASON_FULLY_BOOKED
    assert {each.local_start[:10] for each in response.suggested_slots} == {"2026-11-23"}


async def test_no_eligible_staff_is_the_reason_when_the_chosen_do_not_do_it(salon: Salon) -> None:
    """Oleg does no manicure, on any day: nothing to suggest."""
    response = await salon.find(question(service_id=MANICURE, staff_id=OLEG))
    assert response.no_slots_reason == pb.NO_SLOTS_REASON_NO_ELIGIBLE_STAFF
    assert not response.suggested_slots


async def test_no_matching_time_is_the_reason_when_a_filter_excludes_all(salon: Salon) -> None:
    """Somebody is free, though not at night; the nearest of that date are suggested."""
    request = question()
    request.time_ranges.add(start="22:00", end="06:00")
    request.preferred_start_time.FromDatetime(datetime(2026, 11, 24, 21, tzinfo=UTC))
    response = await salon.find(request)
    assert response.no_slots_reason == pb.NO_SLOTS_REASON_NO_MATCHING_TIME
    assert local_times(list(response.suggested_slots)) == ["20:15", "20:00", "19:45"]


async def test_a_window_outside_notice_and_horizon_says_on_which_side(salon: Salon) -> None:
    """No effective window, the reason, and the nearest starts that can be had."""
    for day, reason in (
        ("2026-11-20", pb.NO_SLOTS_REASON_TOO_SOON),
        ("0001-01-01", pb.NO_SLOTS_REASON_TOO_SOON),
        ("2027-01-25", pb.NO_SLOTS_REASON_BEYOND_HORIZON),
        ("9999-12-31", pb.NO_SLOTS_REASON_BEYOND_HORIZON),
    ):
        response = await salon.find(question(day))
        assert response.no_slots_reason == reason
        assert not response.HasField("effective_window")
        assert len(response.suggested_slots) == 3


async def test_notice_is_kept_to_the_minute(salon: Salon) -> None:
    """At 09:45:01 with 30 minutes of notice, 10:15 is too soon and 10:30 is not."""
    salon.now = datetime(2026, 11, 24, 8, 45, 0, tzinfo=UTC)
    assert local_times(await salon.find_on(DAY, HAIRCUT, ANNA))[0] == "10:15"
    salon.pass_time(timedelta(seconds=1))
    assert local_times(await salon.find_on(DAY, HAIRCUT, ANNA))[0] == "10:30"


async def test_filters_keep_local_days_and_times(salon: Salon) -> None:
    """Friday and Saturday evenings, as the clock in Berlin reads."""
    request = question("2026-11-23", "2026-11-29", staff_id=MARIA)
    request.days_of_week.extend([5, 6])
    request.time_ranges.add(start="18:00", end="24:00")
    starts = [each.local_start for each in (await salon.find(request)).slots]
    assert {each[:10] for each in starts} == {"2026-11-27", "2026-11-28"}
    assert {each[11:13] for each in starts} == {"18", "19"} | {"20"}


async def test_an_interval_bounds_the_start_half_open(salon: Salon) -> None:
    """[10:00:01, 11:00) holds 10:15, 10:30 and 10:45."""
    request = question(staff_id=ANNA)
    request.interval.start_time.FromDatetime(datetime(2026, 11, 24, 9, 0, 1, tzinfo=UTC))
    request.interval.end_time.FromDatetime(datetime(2026, 11, 24, 10, 0, tzinfo=UTC))
    assert local_times(list((await salon.find(request)).slots)) == ["10:15", "10:30", "10:45"]


async def test_suggestions_are_the_nearest_of_what_was_found(salon: Salon) -> None:
    """The date of the preference first, then by distance, as many as were asked for."""
    request = question("2026-11-23", "2026-11-25", staff_id=ANNA)
    request.max_suggestions = 4
    request.preferred_start_time.FromDatetime(datetime(2026, 11, 24, 12, 40, tzinfo=UTC))  # 13:40
    response = await salon.find(request)
    assert [each.local_start[8:16] for each in response.suggested_slots] == [
        "24T14:15",
        "24T14:30",
        "24T12:45",
        "24T14:45",
    ]


async def test_the_answer_tells_zone_clock_and_window(salon: Salon) -> None:
    """effective_window is the window cut by notice; evaluate_time is the server's clock."""
    response = await salon.find(question("2026-11-23"))
    assert response.time_zone == "Europe/Berlin"
    assert response.evaluate_time.ToDatetime(UTC) == salon.now
    assert response.effective_window.start_time.ToDatetime(UTC) == datetime(2026, 11, 23, 8, 30, tzinfo=UTC)
    assert response.effective_window.end_time.ToDatetime(UTC) == datetime(2026, 11, 23, 23, 0, tzinfo=UTC)


async def test_tomorrow_evening_always_has_a_haircut(salon: Salon) -> None:
    """On each of the next fifty days somebody of the demo salon is free after 18:00."""
    for days in range(50):
        day = (salon.now + timedelta(days=days)).date().isoformat()
        times = local_times(await salon.find_on(day, HAIRCUT))
        assert any(time >= "18:00" for time in times), day


async def test_bookings_are_listed_by_start_in_pages(salon: Salon) -> None:
    """Pages put together are the whole list, whatever the order of booking."""
    slots = await salon.find_on(DAY, BEARD, OLEG)
    for slot in (slots[8], slots[0], slots[4], slots[12]):
        await salon.book(slot)
    whole = list((await salon.bookings()).bookings)
    first = await salon.bookings(page_size=3)
    second = await salon.bookings(page_size=3, page_token=first.next_page_token)
    assert [*first.bookings, *second.bookings] == whole
    assert second.next_page_token == ""
    assert [each.start_time.seconds for each in whole] == sorted(each.start_time.seconds for each in whole)


async def test_bookings_are_filtered_by_time_state_and_chat(salon: Salon) -> None:
    """Touching is not meeting: a booking that ends at the start is left out."""
    slots = await salon.find_on(DAY, BEARD, OLEG)
    chat = "12025550142@s.whatsapp.net"
    early = await salon.create(salon.order(slots[0], chat=chat))
    late = await salon.book(slots[8])
    await salon.cancel(late.booking_id)

    async def ids(**conditions: object) -> list[int]:
        return [each.booking_id for each in (await salon.bookings(**conditions)).bookings]

    assert await ids(chat=chat) == [early.booking_id]
    assert await ids(state=pb.BOOKING_STATE_CANCELLED) == [late.booking_id]
    assert await ids(start_time=early.end_time) == [late.booking_id]
    assert await ids(end_time=early.start_time) == []
    assert await ids(end_time=late.start_time) == [early.booking_id]
