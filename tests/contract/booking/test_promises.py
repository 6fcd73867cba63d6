"""What booking promises, over both databases: once per request id, never two at one time, never across companies."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from support.booking_service import ANNA, HAIRCUT, MARIA, OLEG, Salon, open_salon, segment, serve
from support.databases import OpenRoom

from wamesh.booking.catalogue.file import parse_catalogue
from wamesh.booking.errors import (
    BookingNotFound,
    CompanyNotFound,
    RequestIdReused,
    ServiceNotFound,
    SlotTokenInvalid,
    SlotUnavailable,
    StaffNotFound,
)
from wamesh.booking.v1 import booking_pb2 as pb
from wamesh.errors import InvalidArgument, MeshError
from wamesh.storage.booking.calendar import CalendarTables
from wamesh.storage.database import Database

DAY = "2026-11-24"
RACERS = 16


@pytest.fixture
async def database(room_database: OpenRoom) -> Database:
    """An empty database of the room."""
    return await room_database("booking")


@pytest.fixture
async def salon(database: Database) -> Salon:
    """The demo salon."""
    return await open_salon(database)


def suggestions_of(error: MeshError) -> list[pb.Slot]:
    """The slots that a refusal offers instead."""
    (detail,) = error.details
    assert isinstance(detail, pb.SlotUnavailable)
    return list(detail.suggested_slots)


async def test_of_many_racers_for_one_slot_exactly_one_books_it(salon: Salon, database: Database) -> None:
    """Invariant 18: the others get SLOT_UNAVAILABLE, from any replica, and suggestions of which each can be booked."""
    slot = (await salon.find_on(DAY, HAIRCUT, ANNA))[0]
    replicas = [salon, serve(database, salon.calendar)]
    orders = [salon.order(slot) for _ in range(RACERS)]
    outcomes = await asyncio.gather(
        *(replicas[index % 2].create(order) for index, order in enumerate(orders)), return_exceptions=True
    )
    won = [each for each in outcomes if isinstance(each, pb.Appointment)]
    lost = [each for each in outcomes if isinstance(each, SlotUnavailable)]
    assert (len(won), len(lost)) == (1, RACERS - 1)
    assert len(suggestions_of(lost[0])) == 3
    await salon.book(suggestions_of(lost[0])[0])


async def test_racers_for_anybody_fill_the_capacity_and_no_more(salon: Salon) -> None:
    """At 17:00 three people cut hair: three of many visits without a name are booked, one each."""
    slots = await salon.find_on(DAY)
    start = next(each.start_time for each in slots if each.local_start[11:16] == "17:00")

    def visit(index: int) -> pb.CreateBookingRequest:
        made = pb.CreateBookingRequest(company_id=1, request_id=f"any{index}", customer=pb.Customer(name="V"))
        made.visit.segments.append(segment(HAIRCUT))
        made.visit.start_time.CopyFrom(start)
        return made

    outcomes = await asyncio.gather(*(salon.create(visit(index)) for index in range(RACERS)), return_exceptions=True)
    won = [each for each in outcomes if isinstance(each, pb.Appointment)]
    assert sorted(each.segments[0].staff_id for each in won) == [ANNA, MARIA, OLEG]
    assert all(isinstance(each, pb.Appointment | SlotUnavailable) for each in outcomes)


async def test_one_request_id_from_many_callers_makes_one_booking(salon: Salon) -> None:
    """Invariant 18: everybody gets the same booking."""
    slot = (await salon.find_on(DAY))[0]
    order = salon.order(slot, request_id="same")
    outcomes = await asyncio.gather(*(salon.create(order) for _ in range(RACERS)))
    assert {each.booking_id for each in outcomes} == {outcomes[0].booking_id}
    assert len((await salon.bookings()).bookings) == 1


async def test_a_request_id_with_other_content_is_refused(salon: Salon) -> None:
    """ALREADY_EXISTS, and nothing is booked."""
    first, second, *_ = await salon.find_on(DAY)
    await salon.create(salon.order(first, request_id="once"))
    with pytest.raises(RequestIdReused) as refused:
        await salon.create(salon.order(second, request_id="once"))
    assert refused.value.metadata == {"request_id": "once"}
    assert len((await salon.bookings()).bookings) == 1


async def test_a_repeated_order_gets_its_booking_though_its_time_has_passed(salon: Salon) -> None:
    """The first outcome stands, whatever happened since."""
    order = salon.order((await salon.find_on(DAY))[0], request_id="late")
    booking = await salon.create(order)
    salon.pass_time(timedelta(days=3))
    assert await salon.create(order) == booking


async def test_a_refused_order_may_be_tried_again(salon: Salon) -> None:
    """A refusal uses up no request id."""
    slot = (await salon.find_on(DAY, HAIRCUT, ANNA))[0]
    taken = await salon.book(slot)
    order = salon.order(slot, request_id="again")
    with pytest.raises(SlotUnavailable):
        await salon.create(order)
    await salon.cancel(taken.booking_id)
    assert (await salon.create(order)).start_time == slot.start_time


async def test_a_lost_slot_comes_with_the_nearest_others(salon: Salon) -> None:
    """The same start with somebody else first, since the customer had asked for anybody."""
    slot = next(each for each in await salon.find_on(DAY) if each.local_start[11:16] == "17:00")
    await salon.book(slot)
    with pytest.raises(SlotUnavailable) as refused:
        await salon.book(slot)
    offered = suggestions_of(refused.value)
    assert offered[0].start_time == slot.start_time
    assert offered[0].segments[0].staff_id != slot.segments[0].staff_id
    assert refused.value.metadata == {"start_time": "2026-11-24T16:00:00+00:00"}


async def test_an_offer_stands_only_at_its_price(salon: Salon, database: Database) -> None:
    """When the price changed meanwhile, the same start is offered again at the new one."""
    slot = (await salon.find_on(DAY, HAIRCUT, ANNA))[0]
    services = (replace(salon.calendar.services[0], price_micros=36_000_000), *salon.calendar.services[1:])
    dearer = replace(salon.calendar, services=services)
    assert await database.write(lambda: CalendarTables(database).replace(dearer))
    with pytest.raises(SlotUnavailable) as refused:
        await salon.book(slot)
    again = suggestions_of(refused.value)[0]
    assert (again.start_time, again.price.units) == (slot.start_time, 36)
    assert (await salon.book(again)).price.units == 36


async def test_a_start_that_is_not_offered_is_refused(salon: Salon) -> None:
    """A visit between grid points, or between minutes, is no slot."""
    slot = (await salon.find_on(DAY, HAIRCUT, ANNA))[1]
    order = pb.CreateBookingRequest(company_id=1, request_id="off-grid", customer=pb.Customer())
    order.visit.segments.append(segment(HAIRCUT, ANNA))
    for seconds in (-60, 1, 60):
        order.visit.start_time.seconds = slot.start_time.seconds + seconds
        with pytest.raises(SlotUnavailable) as refused:
            await salon.create(order)
        assert slot.start_time in [each.start_time for each in suggestions_of(refused.value)]


async def test_cancelling_again_returns_the_same_booking(salon: Salon) -> None:
    """Time and reason of the first cancellation stay."""
    booking = await salon.book((await salon.find_on(DAY))[0])
    first = await salon.cancel(booking.booking_id, "ill")
    salon.pass_time(timedelta(hours=1))
    assert await salon.cancel(booking.booking_id, "bored") == first
    assert (first.state, first.cancel_reason) == (pb.BOOKING_STATE_CANCELLED, "ill")


async def test_a_cancelled_booking_is_shown_as_such_to_a_repeated_order(salon: Salon) -> None:
    """The request id still stands for that booking; it is not booked anew."""
    order = salon.order((await salon.find_on(DAY))[0], request_id="gone")
    booking = await salon.create(order)
    await salon.cancel(booking.booking_id)
    assert (await salon.create(order)).state == pb.BOOKING_STATE_CANCELLED


async def test_a_tampered_token_is_refused(salon: Salon) -> None:
    """A token is good as it was given, or not at all."""
    slot = (await salon.find_on(DAY))[0]
    slot.slot_token = slot.slot_token[:-1] + ("A" if slot.slot_token[-1] != "A" else "B")
    with pytest.raises(SlotTokenInvalid) as refused:
        await salon.book(slot)
    assert [each.field for each in refused.value.violations] == ["slot_token"]


async def test_companies_with_equal_ids_do_not_see_each_other(salon: Salon, database: Database) -> None:
    """Invariant 16: a second salon with the same service and staff ids is neither shown nor changed."""
    other = await open_salon(database, company_id=2)
    slot = (await salon.find_on(DAY, HAIRCUT, ANNA))[0]
    before = await other.find_on(DAY, HAIRCUT, ANNA)
    booking = await salon.book(slot)
    assert await other.find_on(DAY, HAIRCUT, ANNA) == before
    assert list((await other.bookings()).bookings) == []
    with pytest.raises(BookingNotFound):
        await other.cancel(booking.booking_id)
    with pytest.raises(SlotTokenInvalid):
        await other.book(slot)


async def test_ids_that_do_not_exist_are_named(salon: Salon) -> None:
    """NOT_FOUND says what was looked for."""
    ask = pb.FindSlotsRequest(company_id=1, segments=[segment(HAIRCUT)])
    ask.dates.first_date = DAY
    for change, error, name in (
        (pb.FindSlotsRequest(company_id=9), CompanyNotFound, "9"),
        (pb.FindSlotsRequest(segments=[segment(99)]), ServiceNotFound, "99"),
        (pb.FindSlotsRequest(segments=[segment(HAIRCUT, 77)]), StaffNotFound, "77"),
        (pb.FindSlotsRequest(exclude_booking_id=5), BookingNotFound, "5"),
    ):
        request = pb.FindSlotsRequest()
        request.CopyFrom(ask)
        if change.segments:
            request.ClearField("segments")
        request.MergeFrom(change)
        with pytest.raises(error) as refused:
            await salon.find(request)
        assert refused.value.metadata["resource_name"] == name
    for call in (
        salon.service.ListServices(pb.ListServicesRequest(company_id=9), None),
        salon.service.ListStaff(pb.ListStaffRequest(company_id=9), None),
        salon.service.ListBookings(pb.ListBookingsRequest(company_id=9), None),
        salon.service.CancelBooking(pb.CancelBookingRequest(company_id=9, booking_id=1), None),
    ):
        with pytest.raises(CompanyNotFound):
            await call


async def test_excluding_a_booking_is_the_state_without_it(salon: Salon) -> None:
    """Moving a booking may use its own time."""
    before = await salon.find_on(DAY, HAIRCUT, ANNA)
    booking = await salon.book(before[2])
    request = pb.FindSlotsRequest(
        company_id=1, segments=[segment(HAIRCUT, ANNA)], exclude_booking_id=booking.booking_id, page_size=1000
    )
    request.dates.first_date = DAY
    assert list((await salon.find(request)).slots) == before


async def test_a_changed_catalogue_is_seen_by_every_replica_at_once(salon: Salon, database: Database) -> None:
    """Companies in memory are of the newest revision, never older."""
    replica = serve(database, salon.calendar)
    await replica.find_on(DAY)
    closed = replace(salon.calendar, staff=salon.calendar.staff[1:])
    assert await database.write(lambda: CalendarTables(database).replace(closed))
    slots = await replica.find_on(DAY)
    assert {each.segments[0].staff_id for each in slots} == {MARIA, OLEG}


async def test_loading_the_same_catalogue_again_changes_nothing(salon: Salon, database: Database) -> None:
    """What the tables give back is equal to what the file says."""
    calendars = CalendarTables(database)
    assert not await database.write(lambda: calendars.replace(salon.calendar))
    assert await database.read(lambda: calendars.read(1)) == salon.calendar


async def test_a_full_catalogue_comes_back_as_it_was_written(database: Database) -> None:
    """Overrides, closed dates, part days, own terms: nothing is lost on the way."""
    calendar = parse_catalogue(
        """
        company: {id: 3, name: Night Owl, time_zone: America/Santiago, language: es, currency: CLP}
        booking: {step_minutes: 50, notice_minutes: 90, horizon_days: 30}
        closures:
          - {date: 2026-12-25}
          - {from: 2026-12-24 14:00, to: 2026-12-24 18:30, note: party}
        services:
          - {id: 7, name: Corte, duration_minutes: 50, price: 0.01}
          - {id: 4, name: {es: Color, en: Dye}, aliases: [tinte], duration_minutes: 90, price: 12000}
        staff:
          - id: 9
            name: {es: Inés}
            services: [{id: 7, duration_minutes: 40}, {id: 4, price: 0}]
            hours: {fri: 22:00-02:00, "sat, sun": ["08:00-10:00", "12:00-24:00"]}
            breaks: {fri: 23:30-00:30}
            overrides: [{date: 2026-12-31, hours: closed}, {date: 2027-01-01, hours: 12:00-16:00}]
            time_off: [{from: 2027-02-01, to: 2027-02-14}]
          - {id: 2, name: Blas}
        """
    )
    calendars = CalendarTables(database)
    assert await database.write(lambda: calendars.replace(calendar))
    assert await database.read(lambda: CalendarTables(database).read(3)) == calendar


async def test_every_violation_of_a_request_is_told_at_once(salon: Salon) -> None:
    """Rules beyond the schema name their fields too."""
    request = pb.FindSlotsRequest(company_id=1, segments=[segment(HAIRCUT)])
    request.segments[0].same_staff_as_previous = True
    request.dates.first_date, request.dates.last_date = "2026-02-30", "2026-13-01"[:5] + "12-01"
    request.time_ranges.add(start="10:00", end="10:00")
    with pytest.raises(InvalidArgument) as refused:
        await salon.find(request)
    assert [each.field for each in refused.value.violations] == [
        "segments[0].same_staff_as_previous",
        "dates.first_date",
        "dates.last_date",
        "time_ranges[0].end",
    ]


async def test_who_asks_is_not_what_is_asked(salon: Salon) -> None:
    """The same order from another caller is the same order."""
    order = salon.order((await salon.find_on(DAY))[0], request_id="actors")
    booking = await salon.create(order)
    order.actor = "staff 2"
    assert await salon.create(order) == booking
