"""Whatever a file can say, the store keeps; whoever writes beside it."""

import asyncio
from dataclasses import replace
from functools import partial

from hypothesis import HealthCheck, given, settings
from support.booking_service import SALON_FILE
from support.catalogue_worlds import calendars
from support.databases import OpenRoom
from support.inline_database import InlineDatabase, inline_database

from wamesh.booking.calendar import Calendar
from wamesh.booking.catalogue.changing import load_catalogue
from wamesh.booking.catalogue.file import parse_catalogue
from wamesh.storage.booking.calendar import CalendarTables


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


async def test_makers_of_a_new_company_follow_each_other(room_database: OpenRoom) -> None:
    """The later ones change what the first has made, as they would a minute later: nobody's staff is lost."""
    database, calendar = await room_database("booking"), parse_catalogue(SALON_FILE.read_text())
    store = CalendarTables(database)
    member = calendar.staff[0]
    for company_id in range(1, 6):
        company = replace(calendar.company, company_id=company_id)
        files = [replace(calendar, company=company, staff=(replace(member, staff_id=each),)) for each in range(1, 5)]
        outcomes = await asyncio.gather(*(load_catalogue(each, database, store) for each in files))
        assert sum(each.is_new for each in outcomes) == 1
        kept_staff = (await database.read(partial(store.read, company_id))).staff
        assert sorted(each.staff_id for each in kept_staff) == [1, 2, 3, 4]
        assert sum(not each.archived for each in kept_staff) == 1
