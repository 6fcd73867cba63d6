"""The Calendars service of wamesh.booking.v1: feeds of bookings, and calendars that make people busy.

Owns the way of each request, the tokens of feeds and the versions of their texts. A token is a random key, sealed: the
tables hold the keys of the open feeds only, and without the service's secret they open nothing. Refuses SQL, and what
texts mean (`ical.feed`, `ical.busy`). A method is called with a request that protovalidate has accepted.
"""

import asyncio
import secrets
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final, NamedTuple

from wamesh.booking import wire
from wamesh.booking.appointments import Appointment, BookingQuery
from wamesh.booking.calendar import Calendar, StaffMember
from wamesh.booking.catalogue.edits import STAFF
from wamesh.booking.ical.errors import FeedNotFound
from wamesh.booking.ical.imports import BusyTimes
from wamesh.booking.ical.stores import Feed, FeedStore, Import
from wamesh.booking.signing import Signer
from wamesh.booking.stores import BookingStore, CalendarStore, Steps, Transactions
from wamesh.booking.v1 import calendars_pb2 as pb
from wamesh.booking.v1 import calendars_pb2_grpc
from wamesh.clock import Clock
from wamesh.slots.spans import Spans
from wamesh.slots.zones import MINUTES_PER_DAY, instant_floor, instant_time

PAST: Final = timedelta(days=30)
"""Bookings that ended longer ago are in no feed."""
PAGE_SIZE: Final = 500
_FORMAT: Final = 1
"""Part of each version; to be raised when the same bookings give another text."""
_TOKEN: Final = b"calendar feed"
_REALM: Final = b"calendar realm"
_KEY_BYTES: Final = 16


class _Book(NamedTuple):
    """What a feed is written of."""

    calendar: Calendar
    member: StaffMember
    bookings: list[Appointment]


class CalendarsService(calendars_pb2_grpc.CalendarsServicer):
    """Exchanges calendars with the programs of the staff."""

    def __init__(
        self,
        database: Transactions,
        calendars: CalendarStore,
        bookings: BookingStore,
        feeds: FeedStore,
        busy_times: BusyTimes,
        signer: Signer,
        clock: Clock,
        page_size: int = PAGE_SIZE,
    ) -> None:
        self._database = database
        self._calendars = calendars
        self._bookings = bookings
        self._feeds = feeds
        self._busy_times = busy_times
        self._signer = signer
        self._realm = signer.seal(_REALM, b"")
        self._clock = clock
        self._page_size = page_size

    async def CreateFeed(self, request: pb.CreateFeedRequest, context: Any) -> pb.CreateFeedResponse:
        """Opens the feed of a staff member, or tells the one that is open."""
        proposal = Feed(request.company_id, request.staff_id, secrets.token_bytes(_KEY_BYTES), self._clock())
        feed = await self._database.write(lambda: self._opened(proposal))
        token = self._signer.seal(_TOKEN, feed.key)
        return pb.CreateFeedResponse(
            path=f"/v1/feeds/{token}.ics", token=token, create_time=wire.timestamp_of(feed.create_time)
        )

    async def RevokeFeed(self, request: pb.RevokeFeedRequest, context: Any) -> pb.RevokeFeedResponse:
        """Closes the feed of a staff member."""
        await self._database.write(lambda: self._closed(request.company_id, request.staff_id))
        return pb.RevokeFeedResponse()

    async def ReadFeed(self, request: pb.ReadFeedRequest, context: Any) -> pb.ReadFeedResponse:
        """Reads a feed by its token."""
        key = self._signer.open(_TOKEN, request.token)
        if key is None:
            raise FeedNotFound
        since = self._window_start()
        version, book = await self._database.read(lambda: self._changed(key, since, request.known_version))
        return pb.ReadFeedResponse(version=version, calendar=await self._text(book) if book else "")

    async def ExportCalendar(self, request: pb.ExportCalendarRequest, context: Any) -> pb.ExportCalendarResponse:
        """Returns the bookings of a staff member as a calendar."""
        since = self._window_start()
        book = await self._database.read(lambda: self._book(request.company_id, request.staff_id, since))
        return pb.ExportCalendarResponse(calendar=await self._text(book))

    async def ImportBusyTime(self, request: pb.ImportBusyTimeRequest, context: Any) -> pb.ImportBusyTimeResponse:
        """Makes a staff member busy as a calendar of theirs tells."""
        told = await self._busy_times.put(request.company_id, request.staff_id, request.calendar_name, request.calendar)
        return pb.ImportBusyTimeResponse(calendar=_busy_calendar(*told))

    async def DeleteBusyTime(self, request: pb.DeleteBusyTimeRequest, context: Any) -> pb.DeleteBusyTimeResponse:
        """Forgets what a calendar told."""
        await self._busy_times.delete(request.company_id, request.staff_id, request.calendar_name)
        return pb.DeleteBusyTimeResponse()

    async def ListBusyTime(self, request: pb.ListBusyTimeRequest, context: Any) -> pb.ListBusyTimeResponse:
        """Lists the calendars of a staff member."""
        told = await self._busy_times.told(request.company_id, request.staff_id)
        return pb.ListBusyTimeResponse(calendars=[_busy_calendar(*each) for each in told])

    def _window_start(self) -> int:
        """Returns the begin of a UTC day, so that a version lasts for a day."""
        return instant_floor(self._clock() - PAST) // MINUTES_PER_DAY * MINUTES_PER_DAY

    async def _text(self, book: _Book) -> str:
        from wamesh.booking.ical.feed import feed_text  # 0.1 s to import, which processes without feeds do not pay

        return await asyncio.to_thread(feed_text, book.calendar, book.member, book.bookings, self._realm)

    def _opened(self, proposal: Feed) -> Steps[Feed]:
        yield from self._expect_member(proposal.company_id, proposal.staff_id)
        return (yield from self._feeds.open(proposal))

    def _closed(self, company_id: int, staff_id: int) -> Steps[None]:
        yield from self._expect_member(company_id, staff_id)
        yield from self._feeds.close(company_id, staff_id)

    def _expect_member(self, company_id: int, staff_id: int) -> Steps[None]:
        """Locks the company. Raises CompanyNotFound, StaffNotFound."""
        yield from self._calendars.lock(company_id)
        STAFF.find((yield from self._calendars.read(company_id)), staff_id)

    def _changed(self, key: bytes, since: int, known_version: str) -> Steps[tuple[str, _Book | None]]:
        """Reads the version of a feed, and what it is written of unless the version is known. Raises FeedNotFound."""
        feed = yield from self._feeds.find(key)
        if feed is None:
            raise FeedNotFound
        revisions = yield from self._calendars.revisions(feed.company_id)
        version = f"{_FORMAT}.{revisions.catalogue}.{revisions.diary}.{since // MINUTES_PER_DAY}"
        if version == known_version:
            return version, None
        return version, (yield from self._book(feed.company_id, feed.staff_id, since))

    def _book(self, company_id: int, staff_id: int, since: int) -> Steps[_Book]:
        calendar = yield from self._calendars.read(company_id)
        member: StaffMember = STAFF.find(calendar, staff_id)
        bookings: list[Appointment] = []
        query = BookingQuery(company_id, self._page_size, start=since, staff_id=staff_id)
        while page := (yield from self._bookings.list(query)):
            bookings += page
            query = replace(query, after=(page[-1].start, page[-1].booking_id))
        return _Book(calendar, member, bookings)


def _busy_calendar(imported: Import, spans: Spans) -> pb.BusyCalendar:
    return pb.BusyCalendar(
        calendar_name=imported.name,
        import_time=wire.timestamp_of(imported.import_time),
        cover_time=wire.timestamp_of(instant_time(imported.cover_until)),
        busy_times=[
            pb.BusyTime(start_time=wire.timestamp(start), end_time=wire.timestamp(end)) for start, end in spans
        ],
    )
