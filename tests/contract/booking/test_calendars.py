"""What the rpcs of Calendars promise, over both databases."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest
from google.protobuf.message import Message
from structlog.testing import capture_logs
from support.booking_service import ANNA, HAIRCUT, MARIA, Salon, local_times, open_salon
from support.databases import OpenRoom
from support.ical_texts import Event, calendar, event, events_of

from wamesh.booking.calendar import Calendar, Company
from wamesh.booking.errors import CompanyNotFound, StaffNotFound
from wamesh.booking.ical.errors import CalendarInvalid, FeedNotFound
from wamesh.booking.ical.expansion import Expansion
from wamesh.booking.ical.imports import BusyTimes, Expand
from wamesh.booking.ical.service import PAGE_SIZE, CalendarsService
from wamesh.booking.signing import Signer
from wamesh.booking.v1 import calendars_pb2 as pb
from wamesh.errors import MeshError
from wamesh.rpc import validation
from wamesh.slots.spans import Span, Spans
from wamesh.slots.zones import MINUTES_PER_DAY
from wamesh.storage.booking.bookings import BookingTables
from wamesh.storage.booking.calendar import CalendarTables
from wamesh.storage.booking.feeds import FeedTables, ImportTables
from wamesh.storage.database import Database

TUESDAY = "2026-11-24"
MORNING = event("DTSTART;TZID=Europe/Berlin:20261124T100000", "DTEND;TZID=Europe/Berlin:20261124T120000")
DAILY = event("DTSTART;TZID=Europe/Berlin:20261124T100000", "DURATION:PT2H", "RRULE:FREQ=DAILY")


@dataclass
class Desk:
    """The services of one salon as their callers see them, field rules included."""

    database: Database
    salon: Salon
    service: CalendarsService
    busy_times: BusyTimes
    expand: Expand
    asked: list[Span] = field(default_factory=list)

    async def call(self, rpc: str, **fields: Any) -> Any:
        """Calls an rpc about Anna, of company 1, unless the fields name others."""
        kind: type[Message] = getattr(pb, f"{rpc}Request")
        about = {"company_id": 1, "staff_id": ANNA} if "staff_id" in kind.DESCRIPTOR.fields_by_name else {}
        request = kind(**{**about, **fields})
        validation.check(request)
        return await getattr(self.service, rpc)(request, None)

    async def put(self, *components: str, name: str = "home", **fields: Any) -> pb.BusyCalendar:
        """ImportBusyTime."""
        answer = await self.call("ImportBusyTime", calendar_name=name, calendar=calendar(*components), **fields)
        told: pb.BusyCalendar = answer.calendar
        return told

    async def change_company(self, **fields: Any) -> None:
        """Changes what the company is."""
        calendars = CalendarTables(self.database)
        present: Calendar = await self.database.read(lambda: calendars.read(1))
        company: Company = replace(present.company, **fields)
        await self.database.write(lambda: calendars.replace(replace(present, company=company)))

    async def events(self, **fields: Any) -> list[Event]:
        """The events of ExportCalendar."""
        return events_of((await self.call("ExportCalendar", **fields)).calendar)


def serve(database: Database, salon: Salon, page_size: int = PAGE_SIZE) -> Desk:
    """A replica of the service over the database, whose expansion a test may exchange."""
    desk: Desk

    async def expand(text: str, zone: str, stretch: Span) -> Spans:
        desk.asked.append(stretch)
        return await desk.expand(text, zone, stretch)

    calendars, imports, feeds = CalendarTables(database), ImportTables(), FeedTables()
    busy_times = BusyTimes(database, calendars, imports, expand, salon.clock)
    signer, bookings = Signer(b"k" * 32), BookingTables()
    service = CalendarsService(database, calendars, bookings, feeds, busy_times, signer, salon.clock, page_size)
    desk = Desk(database, salon, service, busy_times, Expansion().busy)
    return desk


@pytest.fixture
async def desk(room_database: OpenRoom) -> Desk:
    """The service with the demo salon."""
    database = await room_database("booking")
    return serve(database, await open_salon(database))


async def refused(call: Awaitable[object]) -> type[MeshError]:
    """What a call that must fail is refused with."""
    with pytest.raises(MeshError) as error:
        await call
    return type(error.value)


async def test_a_feed_has_one_url_until_it_is_revoked(desk: Desk) -> None:
    """Creating it again, or several times at once, tells the same; the next one has another."""
    made = await asyncio.gather(*(desk.call("CreateFeed") for _ in range(4)))
    assert len({each.token for each in made}) == 1
    assert made[0].path == f"/v1/feeds/{made[0].token}.ics"
    desk.salon.pass_time(timedelta(hours=1))
    assert await desk.call("CreateFeed") == made[0]
    for _ in range(2):
        await desk.call("RevokeFeed")
    assert await refused(desk.call("ReadFeed", token=made[0].token)) is FeedNotFound
    assert (await desk.call("CreateFeed")).token != made[0].token
    assert await refused(desk.call("ReadFeed", token=made[0].token)) is FeedNotFound


async def test_every_wrong_token_is_refused_alike(desk: Desk) -> None:
    """Altered, invented, of another installation, of another staff member who has none any more."""
    token = (await desk.call("CreateFeed")).token
    other = (await desk.call("CreateFeed", staff_id=MARIA)).token
    await desk.call("RevokeFeed", staff_id=MARIA)
    foreign = Signer(b"x" * 32).seal(b"calendar feed", b"0" * 16)
    altered = ("B" if token[0] == "A" else "A") + token[1:]
    wrong = [altered, token + "=", "x", other, foreign, Signer(b"k" * 32).seal(b"slot", b"0" * 16)]
    assert {await refused(desk.call("ReadFeed", token=each)) for each in wrong} == {FeedNotFound}
    assert other != token


async def test_a_feed_tells_one_persons_bookings(desk: Desk) -> None:
    """Booked, moved, cancelled: always the same event, and no one else's."""
    token = (await desk.call("CreateFeed")).token
    first, second = (await desk.salon.find_on(TUESDAY, HAIRCUT, ANNA))[:2]
    booked = await desk.salon.book(first)
    await desk.salon.book((await desk.salon.find_on(TUESDAY, HAIRCUT, MARIA))[0])
    seen = []
    for step in range(3):
        (found,) = events_of((await desk.call("ReadFeed", token=token)).calendar)
        seen.append((found["UID"], found["SEQUENCE"], found["STATUS"], found["DTSTART"]))
        if step == 0:
            await desk.salon.move(booked.booking_id, slot_token=second.slot_token)
        else:
            await desk.salon.cancel(booked.booking_id)
    starts = [f"{each.start_time.ToDatetime():%Y%m%dT%H%M00Z}" for each in (first, second)]
    name = seen[0][0]
    assert name.startswith(f"1-{booked.booking_id}-0@")
    assert seen == [
        (name, "1", "CONFIRMED", starts[0]),
        (name, "2", "CONFIRMED", starts[1]),
        (name, "3", "CANCELLED", starts[1]),
    ]


async def test_a_known_version_is_not_sent_again(desk: Desk) -> None:
    """Until a booking, the catalogue or the day changes; two replicas tell the same."""
    token = (await desk.call("CreateFeed")).token
    before = await desk.call("ReadFeed", token=token)
    again = await desk.call("ReadFeed", token=token, known_version=before.version)
    assert (again.version, again.calendar) == (before.version, "")
    assert await serve(desk.database, desk.salon).call("ReadFeed", token=token) == before
    await desk.salon.book((await desk.salon.find_on(TUESDAY, HAIRCUT, ANNA))[0])
    after = await desk.call("ReadFeed", token=token, known_version=before.version)
    assert (len(events_of(after.calendar)), after.version != before.version) == (1, True)
    desk.salon.pass_time(timedelta(days=1))
    assert (await desk.call("ReadFeed", token=token)).version not in (before.version, after.version)


async def test_what_is_long_past_is_in_no_feed(desk: Desk) -> None:
    """30 days are."""
    await desk.salon.book((await desk.salon.find_on(TUESDAY, HAIRCUT, ANNA))[0])
    desk.salon.pass_time(timedelta(days=30))
    assert len(await desk.events()) == 1
    desk.salon.pass_time(timedelta(days=3))
    assert await desk.events() == []


async def test_more_than_a_page_of_bookings_is_told(desk: Desk) -> None:
    """All of them, once."""
    slots = await desk.salon.find_on(TUESDAY, HAIRCUT, ANNA)
    booked = [await desk.salon.book(each) for each in slots[::6][:5]]
    paging = serve(desk.database, desk.salon, page_size=2)
    found = [int(each["UID"].split("-")[1]) for each in await paging.events()]
    assert found == [each.booking_id for each in booked]


async def test_an_imported_calendar_blocks_like_a_booking(desk: Desk) -> None:
    """For its owner alone, to the minute; a text that tells other things takes its place."""
    before = local_times(await desk.salon.find_on(TUESDAY, HAIRCUT, ANNA))
    others = local_times(await desk.salon.find_on(TUESDAY, HAIRCUT, MARIA))
    assert [(each.start_time.seconds, each.end_time.seconds) for each in (await desk.put(MORNING)).busy_times] == [
        (1795510800, 1795518000)
    ]
    after = local_times(await desk.salon.find_on(TUESDAY, HAIRCUT, ANNA))
    assert after == [each for each in before if each >= "12:00"]
    assert local_times(await desk.salon.find_on(TUESDAY, HAIRCUT, MARIA)) == others
    await desk.put()
    assert local_times(await desk.salon.find_on(TUESDAY, HAIRCUT, ANNA)) == before


async def test_calendars_of_other_names_stay(desk: Desk) -> None:
    """Each is replaced and forgotten by itself; forgetting one that is not there is done at once.

    A haircut takes 45 minutes and a buffer after it.
    """
    before = local_times(await desk.salon.find_on(TUESDAY, HAIRCUT, ANNA))
    evening = event("DTSTART;TZID=Europe/Berlin:20261124T150000", "DTEND;TZID=Europe/Berlin:20261124T220000")
    await desk.put(MORNING, name="google")
    await desk.put(evening, name="home")
    assert [each.calendar_name for each in (await desk.call("ListBusyTime")).calendars] == ["google", "home"]
    for _ in range(2):
        await desk.call("DeleteBusyTime", calendar_name="google")
    assert [each.calendar_name for each in (await desk.call("ListBusyTime")).calendars] == ["home"]
    found = local_times(await desk.salon.find_on(TUESDAY, HAIRCUT, ANNA))
    assert found == [each for each in before if each <= "14:00"]


async def test_a_wrong_calendar_changes_nothing(desk: Desk) -> None:
    """What was told before still holds."""
    told = await desk.put(MORNING)
    for text in ("<html>", calendar(MORNING)[:-30], calendar(event("DTSTART:never"))):
        call = desk.call("ImportBusyTime", calendar_name="home", calendar=text)
        assert await refused(call) is CalendarInvalid
    assert list((await desk.call("ListBusyTime")).calendars) == [told]


async def test_the_same_text_changes_no_revision_on_the_same_day(desk: Desk) -> None:
    """Importing every few minutes disturbs nobody."""
    calendars = CalendarTables(desk.database)
    await desk.put(DAILY)
    before = await desk.database.read(lambda: calendars.revisions(1))
    desk.salon.pass_time(timedelta(minutes=15))
    told = await desk.put(DAILY)
    assert told.import_time.ToDatetime() == desk.salon.now.replace(tzinfo=None)
    assert await desk.database.read(lambda: calendars.revisions(1)) == before


async def test_an_import_reaches_beyond_the_horizon_and_follows_it(desk: Desk) -> None:
    """By the text that is kept, once less than a week is left, and not before."""
    told = await desk.put(DAILY)
    horizon = desk.salon.now + timedelta(minutes=desk.salon.calendar.company.horizon_minutes)
    assert told.cover_time.ToDatetime() >= (horizon + timedelta(days=14)).replace(tzinfo=None)
    desk.salon.pass_time(timedelta(days=6))
    await desk.busy_times.refresh()
    assert list((await desk.call("ListBusyTime")).calendars) == [told]
    desk.salon.pass_time(timedelta(days=3))
    await desk.busy_times.refresh()
    (later,) = (await desk.call("ListBusyTime")).calendars
    assert later.import_time == told.import_time
    assert later.cover_time.seconds - told.cover_time.seconds == 9 * MINUTES_PER_DAY * 60
    assert later.busy_times[-1].start_time.seconds - told.busy_times[-1].start_time.seconds == 9 * 86_400
    await desk.busy_times.refresh()
    assert len(desk.asked) == 2


@pytest.mark.parametrize("change", [{"horizon_minutes": 120 * MINUTES_PER_DAY}, {"time_zone": "Asia/Tokyo"}])
async def test_an_import_follows_its_company(desk: Desk, change: dict[str, Any]) -> None:
    """A longer horizon, another zone: expanded again."""
    told = await desk.put(event("DTSTART:20261124T100000", "DURATION:PT1H", "RRULE:FREQ=DAILY"))
    await desk.change_company(**change)
    await desk.busy_times.refresh()
    (later,) = (await desk.call("ListBusyTime")).calendars
    moved = later.busy_times[0].start_time.seconds - told.busy_times[0].start_time.seconds
    longer = later.cover_time.seconds - told.cover_time.seconds
    assert (moved, longer) == ((-8 * 3600, 0) if "time_zone" in change else (0, 60 * 86_400))


async def test_a_refresh_never_undoes_an_import(desk: Desk) -> None:
    """What is imported while an older text is expanded stays."""
    await desk.put(DAILY)
    desk.salon.pass_time(timedelta(days=10))
    expand = desk.expand

    async def slow(text: str, zone: str, stretch: Span) -> Spans:
        desk.expand = expand
        await desk.put(name="home")
        return await expand(text, zone, stretch)

    desk.expand = slow
    await desk.busy_times.refresh()
    (told,) = (await desk.call("ListBusyTime")).calendars
    assert list(told.busy_times) == []


async def test_a_calendar_that_cannot_be_expanded_again_stays_and_is_told(desk: Desk) -> None:
    """The others are refreshed all the same."""
    told = await desk.put(DAILY, name="a")
    await desk.put(MORNING, name="b")
    desk.salon.pass_time(timedelta(days=10))
    expand = desk.expand

    async def failing(text: str, zone: str, stretch: Span) -> Spans:
        if text == calendar(DAILY):
            raise CalendarInvalid("is odd")
        return await expand(text, zone, stretch)

    desk.expand = failing
    with capture_logs() as lines:
        await desk.busy_times.refresh()
    assert [(each["calendar"], each["problem"]) for each in lines] == [("a", "is odd")]
    first, second = (await desk.call("ListBusyTime")).calendars
    assert first == told
    assert second.cover_time.seconds > told.cover_time.seconds


async def test_fresh_until_told_to_stop(desk: Desk) -> None:
    """Once at once, and no hour longer than it must."""
    await desk.put(DAILY)
    desk.salon.pass_time(timedelta(days=10))
    stop, expanding, expand = asyncio.Event(), asyncio.Event(), desk.expand

    async def telling(text: str, zone: str, stretch: Span) -> Spans:
        expanding.set()
        return await expand(text, zone, stretch)

    desk.expand = telling
    keeping = asyncio.create_task(desk.busy_times.keep_fresh(stop))
    await expanding.wait()
    stop.set()
    await keeping
    assert len(desk.asked) == 2


RPCS: dict[str, dict[str, str]] = {
    "CreateFeed": {},
    "RevokeFeed": {},
    "ExportCalendar": {},
    "ImportBusyTime": {"calendar_name": "home", "calendar": calendar()},
    "DeleteBusyTime": {"calendar_name": "home"},
    "ListBusyTime": {},
}


@pytest.mark.parametrize("rpc", RPCS)
async def test_who_is_not_there_is_named(desk: Desk, rpc: str) -> None:
    """Company before staff member."""
    assert await refused(desk.call(rpc, **RPCS[rpc], company_id=77)) is CompanyNotFound
    assert await refused(desk.call(rpc, **RPCS[rpc], staff_id=77)) is StaffNotFound
