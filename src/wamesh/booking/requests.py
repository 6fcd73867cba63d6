"""From the wire to the room: what a request means, once protovalidate has accepted its fields. Changes are read by
`orders`.

Owns the rules that the schema cannot say (a date that exists, a window of at most 31 days, a duration of whole minutes)
and the naming of the field that breaks one; every violation of a request is reported at once. Refuses to look into a
calendar: whether a service exists is for the search.

Invariant: what comes out is in the room's units (whole minutes, day numbers), and no input raises anything
but InvalidArgument.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from hashlib import sha256
from typing import Final

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from wamesh.booking.appointments import BookingQuery, BookingState, Wish
from wamesh.booking.finder import Grouping, Page, Request
from wamesh.booking.offers import open_hold
from wamesh.booking.search import Dates, Inquiry, Instants
from wamesh.booking.signing import Signer
from wamesh.booking.v1 import booking_pb2 as pb
from wamesh.errors import InvalidArgument, Violation
from wamesh.slots.spans import Span
from wamesh.slots.zones import MINUTES_PER_DAY, day_number

MAX_WINDOW_DAYS = 31
DEFAULT_SUGGESTIONS = 3
DEFAULT_PAGE_SIZE = 100

_FIRST_SECOND = -62_135_596_800  # 0001-01-01T00:00:00Z
_LAST_SECOND = 253_402_300_799  # 9999-12-31T23:59:59Z
_STATES: Final[dict[int, BookingState]] = {
    pb.BOOKING_STATE_CONFIRMED: BookingState.CONFIRMED,
    pb.BOOKING_STATE_CANCELLED: BookingState.CANCELLED,
}
_GROUPINGS: Final = {
    pb.SLOT_GROUPING_UNSPECIFIED: Grouping.BY_START,
    **{pb.SlotGrouping.Value(f"SLOT_GROUPING_{each.name}"): each for each in Grouping},
}


@dataclass(slots=True)
class Violations:
    """Collects what is wrong with one request."""

    found: list[Violation] = field(default_factory=list)

    def add(self, path: str, description: str) -> None:
        """Notes a wrong field."""
        self.found.append(Violation(path, description))

    def refuse(self) -> None:
        """Raises InvalidArgument with everything that was noted, if anything was."""
        if self.found:
            raise InvalidArgument(self.found)


def question_of(request: pb.FindSlotsRequest, after: tuple[int, ...] | None, signer: Signer) -> Request:
    """Returns what FindSlots asks, for the page that follows `after`. Raises InvalidArgument, HoldTokenInvalid."""
    return Request(
        inquiry=_inquiry(request, signer),
        page=Page(request.page_size or DEFAULT_PAGE_SIZE, after),
        grouping=_GROUPINGS[request.grouping],
        max_suggestions=request.max_suggestions or DEFAULT_SUGGESTIONS,
        explain=request.explain,
    )


def _inquiry(request: pb.FindSlotsRequest, signer: Signer) -> Inquiry:
    wrong = Violations()
    inquiry = Inquiry(
        wishes=wishes_of(request.segments, "segments", wrong),
        window=_window(request, wrong),
        weekdays=frozenset(day - 1 for day in request.days_of_week),
        times=tuple(_times(request.time_ranges, wrong)),
        preferred=_optional_minute(request, "preferred_start_time", wrong),
        absent=frozenset(_absent(request, signer)),
        party_size=request.party_size or 1,
    )
    wrong.refuse()
    return inquiry


def _absent(request: pb.FindSlotsRequest, signer: Signer) -> Iterator[int]:
    if request.exclude_booking_id:
        yield request.exclude_booking_id
    if request.hold_token:
        hold_id, _, _ = open_hold(request.company_id, request.hold_token, signer)
        yield hold_id


def wishes_of(segments: Sequence[pb.Segment], path: str, wrong: Violations) -> tuple[Wish, ...]:
    """Returns the segments of a visit."""
    if segments and segments[0].same_staff_as_previous:
        wrong.add(f"{path}[0].same_staff_as_previous", "must be false: no segment comes before the first")
    return tuple(_wish(each, f"{path}[{index}]", wrong) for index, each in enumerate(segments))


def _wish(segment: pb.Segment, path: str, wrong: Violations) -> Wish:
    choice = segment.staff
    minutes, rest = divmod(segment.duration.seconds, 60)
    if rest or segment.duration.nanos:
        wrong.add(f"{path}.duration", "must be whole minutes")
    return Wish(
        segment.service_id,
        only=frozenset(choice.only.staff_ids) if choice.HasField("only") else None,
        excluded=frozenset(getattr(choice, "except").staff_ids),
        same_staff_as_previous=segment.same_staff_as_previous,
        duration_minutes=minutes if segment.HasField("duration") else None,
        path=path,
    )


def _window(request: pb.FindSlotsRequest, wrong: Violations) -> Dates | Instants:
    if request.HasField("dates"):
        return _dates(request.dates, wrong)
    start = _minute_ceil(request.interval.start_time, "interval.start_time", wrong)
    end = _minute_ceil(request.interval.end_time, "interval.end_time", wrong)
    if end - start > MAX_WINDOW_DAYS * MINUTES_PER_DAY:
        wrong.add("interval.end_time", f"must be at most {MAX_WINDOW_DAYS} days after start_time")
    return Instants(start, end)


def _dates(dates: pb.DateRange, wrong: Violations) -> Dates:
    first = _day(dates.first_date, "dates.first_date", wrong)
    last = _day(dates.last_date, "dates.last_date", wrong) if dates.last_date else first
    if last < first:
        wrong.add("dates.last_date", "must not be before first_date")
    elif last - first >= MAX_WINDOW_DAYS:
        wrong.add("dates.last_date", f"must make a range of at most {MAX_WINDOW_DAYS} dates")
    return Dates(first, last)


def _day(text: str, path: str, wrong: Violations) -> int:
    try:
        return day_number(date.fromisoformat(text))
    except ValueError:
        wrong.add(path, f'"{text}" is not a date of the calendar')
        return 0


def _times(ranges: Iterable[pb.TimeRange], wrong: Violations) -> Iterable[Span]:
    for index, each in enumerate(ranges):
        start, end = _time_of_day(each.start), _time_of_day(each.end)
        if start == end:
            wrong.add(f"time_ranges[{index}].end", 'must differ from start; a whole day is "00:00" to "24:00"')
        yield start, end


def _time_of_day(text: str) -> int:
    hours, _, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes)


def _minute_ceil(time: Timestamp, path: str, wrong: Violations) -> int:
    """Returns the first whole minute at or after a timestamp."""
    whole, rest = divmod(_seconds(time, path, wrong), 60)
    return whole + (1 if rest or time.nanos else 0)


def _minute_floor(time: Timestamp, path: str, wrong: Violations) -> int:
    """Returns the last whole minute at or before a timestamp."""
    return _seconds(time, path, wrong) // 60


def exact_minute(time: Timestamp, path: str, wrong: Violations) -> int | None:
    """Returns the minute of a timestamp; None when it lies between two minutes."""
    whole, rest = divmod(_seconds(time, path, wrong), 60)
    return None if rest or time.nanos else whole


def _seconds(time: Timestamp, path: str, wrong: Violations) -> int:
    if _FIRST_SECOND <= time.seconds <= _LAST_SECOND and 0 <= time.nanos < 1_000_000_000:
        return time.seconds
    wrong.add(path, "must be a timestamp from 0001-01-01T00:00:00Z to 9999-12-31T23:59:59Z")
    return 0


def _optional_minute(message: Message, name: str, wrong: Violations) -> int | None:
    return _minute_ceil(getattr(message, name), name, wrong) if message.HasField(name) else None


def booking_query_of(request: pb.ListBookingsRequest) -> BookingQuery:
    """Returns what ListBookings asks, from its first page on. Raises InvalidArgument."""
    wrong = Violations()
    query = BookingQuery(
        company_id=request.company_id,
        limit=request.page_size or DEFAULT_PAGE_SIZE,
        start=_minute_floor(request.start_time, "start_time", wrong) if request.HasField("start_time") else None,
        end=_optional_minute(request, "end_time", wrong),
        state=_STATES.get(request.state),
        chat=request.chat,
        staff_id=request.staff_id,
    )
    wrong.refuse()
    return query


def fingerprint_of(request: Message, *ignored: str) -> str:
    """Returns a digest of a request's content without the ignored fields; equal content gives equal digests, and
    requests of different types different ones.

    CreateBooking's digests are stored since before there were others, and have no type in them.
    """
    content = type(request)()
    content.CopyFrom(request)
    for name in ignored:
        content.ClearField(name)
    kind = "" if isinstance(request, pb.CreateBookingRequest) else request.DESCRIPTOR.name
    return sha256(kind.encode() + content.SerializeToString(deterministic=True)).hexdigest()[:32]
