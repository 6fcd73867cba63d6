"""Whatever a file can say, the store keeps; whoever writes beside it."""

import asyncio

from hypothesis import HealthCheck, given, settings
from support.booking_service import SALON_FILE
from support.catalogue_worlds import calendars
from support.databases import OpenRoom
from support.inline_database import InlineDatabase, inline_database

from wamesh.booking.calendar import Calendar
from wamesh.booking.catalogue.file import parse_catalogue
from wamesh.storage.booking_calendar import CalendarTables


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(calendars(), calendars())
def test_a_catalogue_survives_the_store(one: Calendar, other: Calendar) -> None:
    """Also in the place of another; the second time nothing changes."""
    database = inline_database("booking")
    store = CalendarTables(database)
    for calendar in (one, other, one):
        asyncio.run(database.write(lambda calendar=calendar: store.replace(calendar)))  # type: ignore[misc]
        assert kept(database, store, calendar.company.company_id) == calendar
    assert not asyncio.run(database.write(lambda: store.replace(one)))


def kept(database: InlineDatabase, store: CalendarTables, company_id: int) -> Calendar:
    """What the store has of a company."""
    return asyncio.run(database.read(lambda: store.read(company_id)))


async def test_writers_of_a_new_company_follow_each_other(room_database: OpenRoom) -> None:
    """None of those who find no such company fails."""
    database, calendar = await room_database("booking"), parse_catalogue(SALON_FILE.read_text())
    store = CalendarTables(database)
    await asyncio.gather(*(database.write(lambda: store.replace(calendar)) for _ in range(4)))
    assert await database.read(lambda: store.read(calendar.company.company_id)) == calendar
