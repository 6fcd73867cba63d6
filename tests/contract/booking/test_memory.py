"""Companies in memory, over both databases: never stale, read once however many ask, bounded."""

import asyncio
import gc
import weakref
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from support.booking_service import ANNA, HAIRCUT, MONDAY_MORNING, Salon, open_salon, serve
from support.databases import OpenRoom

from wamesh.booking.calendar import Absence
from wamesh.booking.memory import Salons
from wamesh.booking.stores import Steps
from wamesh.slots.zones import MINUTES_PER_DAY
from wamesh.storage.booking.bookings import BookingTables
from wamesh.storage.booking.calendar import CalendarTables
from wamesh.storage.database import Database

T = TypeVar("T")

DAY = "2026-11-24"


@pytest.fixture
async def database(room_database: OpenRoom) -> Database:
    """An empty database of the room."""
    return await room_database("booking")


@pytest.fixture
async def salon(database: Database) -> Salon:
    """The demo salon."""
    return await open_salon(database)


class Counted:
    """A store whose calls are counted."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.calls: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            self.calls[name] += 1
            return getattr(self._store, name)(*args)

        return call


async def test_a_writers_next_question_sees_its_change(salon: Salon, database: Database) -> None:
    """And so does every other replica's, though both had the company in memory."""
    replica = serve(database, salon.calendar)
    for _ in range(5):
        slots = await salon.find_on(DAY, HAIRCUT, ANNA)
        assert await replica.find_on(DAY, HAIRCUT, ANNA) == slots
        booking = await salon.book(slots[0])
        assert slots[0] not in await salon.find_on(DAY, HAIRCUT, ANNA)
        assert slots[0] not in await replica.find_on(DAY, HAIRCUT, ANNA)
        await replica.cancel(booking.booking_id)
        assert await salon.find_on(DAY, HAIRCUT, ANNA) == slots
        await salon.book(slots[1])


async def test_a_change_of_the_catalogue_is_seen_at_once(salon: Salon, database: Database) -> None:
    """By who had the company in memory."""
    assert await salon.find_on(DAY, HAIRCUT, ANNA)
    closed = replace(salon.calendar, staff=tuple(replace(each, archived=True) for each in salon.calendar.staff))
    await database.write(lambda: CalendarTables(database).replace(closed))
    assert await salon.find_on(DAY) == []


async def test_a_warm_company_costs_one_row(salon: Salon, database: Database) -> None:
    """Neither catalogue nor bookings are read again while their revisions stay."""
    calendars, bookings = Counted(CalendarTables(database)), Counted(BookingTables())
    salons = Salons(database, calendars, bookings)
    await salons.now(1, MONDAY_MORNING)
    before = calendars.calls + bookings.calls
    for _ in range(3):
        await salons.now(1, MONDAY_MORNING)
    assert calendars.calls + bookings.calls - before == Counter(revisions=3)


async def test_a_cold_company_is_read_once_however_many_ask(salon: Salon, database: Database) -> None:
    """Those who come meanwhile wait for the first."""
    calendars, bookings = Counted(CalendarTables(database)), Counted(BookingTables())
    salons = Salons(database, calendars, bookings)
    found = await asyncio.gather(*(salons.now(1, MONDAY_MORNING) for _ in range(20)))
    assert (calendars.calls["read"], bookings.calls["visits"]) == (1, 1)
    assert {each.revision for each in found} == {found[0].revision}


async def test_memory_is_bounded(database: Database) -> None:
    """Of more companies than fit, those longest unused are read again."""
    for company_id in range(1, 6):
        await open_salon(database, company_id)
    calendars, bookings = Counted(CalendarTables(database)), Counted(BookingTables())
    weight = (await Salons(database, CalendarTables(database), BookingTables()).now(1, MONDAY_MORNING)).weight
    salons = Salons(database, calendars, bookings, most_weight=3 * weight)
    for company_id in (1, 2, 3, 1, 4, 5, 1):
        await salons.now(company_id, MONDAY_MORNING)
    assert calendars.calls["read"] == 5
    await salons.now(2, MONDAY_MORNING)
    assert calendars.calls["read"] == 6


async def test_what_is_forgotten_is_freed_at_once(salon: Salon, database: Database) -> None:
    """Nothing of a company holds itself in memory: Python looks for such cycles only rarely here (`booking.main`)."""
    await salon.book((await salon.find_on(DAY))[0])
    before = (await salon.service._salons.now(1, salon.now)).calendar
    freed = weakref.ref(before)
    gc.disable()
    try:
        await salon.find(salon.question(DAY, explain=True))
        await salon.cancel(1)
        closed = replace(before, closures=(Absence(0, MINUTES_PER_DAY, True),))
        await database.write(lambda: CalendarTables(database).replace(closed))
        salon.calendar = before = closed
        assert await salon.find_on(DAY)
        assert freed() is None
    finally:
        gc.enable()


async def test_what_has_passed_is_forgotten_after_a_day(salon: Salon, database: Database) -> None:
    """A diary is read anew, without the visits that ended days ago."""
    salons = Salons(database, CalendarTables(database), BookingTables())
    await salon.book((await salon.find_on(DAY))[0])
    assert len((await salons.now(1, MONDAY_MORNING)).diary.visits) == 1
    assert len((await salons.now(1, MONDAY_MORNING + timedelta(days=6))).diary.visits) == 0


async def test_a_write_that_fails_leaves_no_trace(salon: Salon, database: Database) -> None:
    """What a transaction saw before it was rolled back is not kept."""
    salons = Salons(database, CalendarTables(database), BookingTables())
    bookings = BookingTables()
    before = await salons.now(1, MONDAY_MORNING)

    def failing() -> Steps[None]:
        yield from salons.locked(1, MONDAY_MORNING)
        yield from bookings.next_id(1)
        raise LookupError

    with pytest.raises(LookupError):
        await database.write(failing)
    after = await salons.now(1, MONDAY_MORNING)
    assert (after.revision, after.diary.visits) == (before.revision, before.diary.visits)
