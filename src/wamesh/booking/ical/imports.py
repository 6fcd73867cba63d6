"""Other calendars of staff members as time at which they are busy.

A calendar is expanded when it is imported: it would take seconds at a question, and a wrong one is refused to whoever
can repair it. Since the company's horizon moves on every day, it is expanded `MARGIN` beyond it, its text is kept, and
what gets short of time is expanded again (`keep_fresh`).

Owns how far a calendar is expanded and when again. Refuses what its text means (`ical.busy`). Invariant: a staff member
is busy as the last text of each calendar tells, up to the horizon; only for the hour after a horizon was raised or a
zone changed may it be as before.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, TypeAlias

import structlog

from wamesh.booking.calendar import Calendar, Company, StaffMember
from wamesh.booking.catalogue.edits import STAFF, put
from wamesh.booking.ical.errors import CalendarInvalid
from wamesh.booking.ical.stores import Import, ImportStore
from wamesh.booking.stores import CalendarStore, Steps, Transactions
from wamesh.clock import Clock
from wamesh.errors import Unavailable
from wamesh.slots.spans import Span, Spans
from wamesh.slots.zones import MINUTES_PER_DAY, instant_floor

Expand: TypeAlias = Callable[[str, str, Span], Awaitable[Spans]]
"""Gives the busy minutes of a text in a zone and a stretch (`ical.expansion`)."""

PAST_DAYS: Final = 2
MARGIN: Final = timedelta(days=14)
"""So far beyond the horizon a calendar is expanded."""
SPARE: Final = timedelta(days=7)
"""A calendar with less than this beyond the horizon is expanded again."""
_PAUSE_SECONDS: Final = 3600.0

_log = structlog.get_logger("booking")


class BusyTimes:
    """Imports calendars."""

    def __init__(
        self,
        database: Transactions,
        calendars: CalendarStore,
        imports: ImportStore,
        expand: Expand,
        clock: Clock,
    ) -> None:
        self._database = database
        self._calendars = calendars
        self._imports = imports
        self._expand = expand
        self._clock = clock

    async def put(self, company_id: int, staff_id: int, name: str, text: str) -> tuple[Import, Spans]:
        """Makes a staff member busy as a calendar tells, in the place of what the one of this name told.

        Raises CompanyNotFound, StaffNotFound, CalendarInvalid.
        """
        now = self._clock()
        calendar = await self._database.read(lambda: self._calendars.read(company_id))
        STAFF.find(calendar, staff_id)
        zone, stretch = calendar.company.time_zone, _stretch(calendar.company, now)
        spans = await self._expand(text, zone, stretch)
        imported = Import(company_id, staff_id, name, zone, now, stretch[1])
        await self._database.write(lambda: self._put(imported, text, spans))
        return imported, spans

    async def delete(self, company_id: int, staff_id: int, name: str) -> None:
        """Forgets a calendar, if there is one of the name. Raises CompanyNotFound, StaffNotFound."""
        await self._database.write(lambda: self._delete(company_id, staff_id, name))

    async def told(self, company_id: int, staff_id: int) -> list[tuple[Import, Spans]]:
        """Returns the calendars of a staff member by name, each with when it makes them busy.

        Raises CompanyNotFound, StaffNotFound.
        """
        return await self._database.read(lambda: self._told(company_id, staff_id))

    async def refresh(self) -> None:
        """Expands again what covers too little, by the texts that are kept."""
        now = self._clock()
        margin = SPARE // timedelta(minutes=1)
        for each in await self._database.read(lambda: self._imports.due(instant_floor(now), margin)):
            try:
                await self._refresh(each, now)
            except CalendarInvalid as invalid:
                about = {"company_id": each.company_id, "staff_id": each.staff_id, "calendar": each.name}
                _log.warning("an imported calendar cannot be expanded again", problem=invalid.problem, **about)

    async def keep_fresh(self, stop: asyncio.Event) -> None:
        """Refreshes every hour, until `stop`."""
        while not stop.is_set():
            try:
                await self.refresh()
            except Unavailable as outage:
                _log.warning("imported calendars wait", problem=outage.message)
            except Exception:  # noqa: BLE001 - one calendar that breaks this program must not end it for all others
                _log.exception("imported calendars wait")
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _PAUSE_SECONDS)

    async def _refresh(self, old: Import, now: datetime) -> None:
        text, calendar = await self._database.read(lambda: self._kept(old))
        if text is None:
            return
        zone, stretch = calendar.company.time_zone, _stretch(calendar.company, now)
        spans = await self._expand(text, zone, stretch)
        imported = replace(old, time_zone=zone, cover_until=stretch[1])
        await self._database.write(lambda: self._replace(old, imported, text, spans))

    def _kept(self, imported: Import) -> Steps[tuple[str | None, Calendar]]:
        text = yield from self._imports.text(imported)
        calendar = yield from self._calendars.read(imported.company_id)
        return text, calendar

    def _replace(self, old: Import, imported: Import, text: str, spans: Spans) -> Steps[None]:
        """Stores what an import tells now, unless a later one has taken its place meanwhile."""
        yield from self._calendars.lock(old.company_id)
        if (yield from self._imports.text(old)) is not None:
            yield from self._put(imported, text, spans)

    def _put(self, imported: Import, text: str, spans: Spans) -> Steps[None]:
        yield from self._tell(imported.company_id, imported.staff_id, imported.name, spans)
        yield from self._imports.keep(imported, text)

    def _delete(self, company_id: int, staff_id: int, name: str) -> Steps[None]:
        yield from self._tell(company_id, staff_id, name, ())
        yield from self._imports.forget(company_id, staff_id, name)

    def _tell(self, company_id: int, staff_id: int, name: str, spans: Spans) -> Steps[None]:
        yield from self._calendars.lock(company_id)
        calendar = yield from self._calendars.read(company_id)
        yield from self._calendars.replace(_with_busy(calendar, staff_id, name, spans))

    def _told(self, company_id: int, staff_id: int) -> Steps[list[tuple[Import, Spans]]]:
        calendar = yield from self._calendars.read(company_id)
        member: StaffMember = STAFF.find(calendar, staff_id)
        imports = yield from self._imports.list(company_id, staff_id)
        return [(each, member.busy.get(each.name, ())) for each in imports]


def _stretch(company: Company, now: datetime) -> Span:
    """Returns the instants over which a company's imports are expanded: whole days in UTC, so that the same text tells
    the same all day.
    """
    today = instant_floor(now) // MINUTES_PER_DAY * MINUTES_PER_DAY
    beyond = MARGIN // timedelta(minutes=1) + MINUTES_PER_DAY
    return today - PAST_DAYS * MINUTES_PER_DAY, today + company.horizon_minutes + beyond


def _with_busy(calendar: Calendar, staff_id: int, name: str, spans: Spans) -> Calendar:
    """Returns the calendar with what another one tells of a staff member; nothing at all without spans."""
    member: StaffMember = STAFF.find(calendar, staff_id)
    others = {each: told for each, told in member.busy.items() if each != name}
    return put(calendar, STAFF, replace(member, busy={**others, name: tuple(spans)} if spans else others))
