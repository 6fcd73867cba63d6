"""Bookings in tables: what occupies whose time, and the requests that made it so.

Owns the tables bookings and booking_segments. Times are epoch microseconds there and whole minutes in the
room. Behind the room's predicate stands the database's own: an exclusion constraint on PostgreSQL, a trigger
on SQLite, so that no two bookings ever share a minute of one staff member, whoever writes.

Invariant: a cancelled booking's segments block nothing, and are never revived.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from wamesh.booking.appointments import (
    Appointment,
    BookedSegment,
    BookingQuery,
    BookingState,
    Customer,
    RecordedRequest,
)
from wamesh.booking.errors import BookingNotFound
from wamesh.clock import from_epoch_microseconds, to_epoch_microseconds
from wamesh.slots.spans import Span
from wamesh.storage.database import Database, Rows, Steps, execute

_MINUTE: Final = 60_000_000
_LONGEST_OCCUPANCY: Final = 3 * 24 * 60 * _MINUTE
_FEW_STAFF: Final = 8
_BEGINNING: Final = -(2**62)
_END: Final = 2**62

_BUSY = """
SELECT staff_id, occupied_from, occupied_until FROM booking_segments
WHERE blocking AND company_id = $1 AND occupied_from > $2 AND occupied_from < $3 AND occupied_until > $4
AND booking_id <> $5"""

_COLUMNS = """
b.company_id, b.booking_id, b.state, b.price_micros, b.currency, b.customer_name, b.customer_phone_number,
b.customer_chat, b.note, b.create_time, b.cancel_time, b.cancel_reason, b.fingerprint,
s.service_id, s.staff_id, s.start_time, s.end_time, s.occupied_from, s.occupied_until"""

_ONE = f"""
SELECT {_COLUMNS} FROM bookings b JOIN booking_segments s USING (company_id, booking_id)
WHERE b.company_id = $1 AND b.booking_id = $2 ORDER BY s.position"""

_BY_REQUEST = f"""
SELECT {_COLUMNS} FROM bookings b JOIN booking_segments s USING (company_id, booking_id)
WHERE b.company_id = $1 AND b.request_id = $2 ORDER BY s.position"""

_PAGE = f"""
SELECT {_COLUMNS} FROM (
    SELECT * FROM bookings
    WHERE company_id = $1 AND end_time > $2 AND start_time < $3
    AND (CAST($4 AS TEXT) = '' OR state = $4) AND (CAST($5 AS TEXT) = '' OR customer_chat = $5)
    AND (start_time, booking_id) > ($6, $7)
    ORDER BY start_time, booking_id LIMIT $8
) b JOIN booking_segments s USING (company_id, booking_id)
ORDER BY b.start_time, b.booking_id, s.position"""

_NEXT_ID = """
UPDATE companies SET last_booking_id = last_booking_id + 1 WHERE company_id = $1 RETURNING last_booking_id"""

_INSERT_BOOKING = """
INSERT INTO bookings (company_id, booking_id, state, request_id, fingerprint, start_time, end_time, price_micros,
                      currency, customer_name, customer_phone_number, customer_chat, note, create_time, cancel_reason)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, '')"""

_INSERT_SEGMENT = """
INSERT INTO booking_segments (company_id, booking_id, position, service_id, staff_id, start_time, end_time,
                              occupied_from, occupied_until, blocking)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, TRUE)"""

_CANCEL = """
UPDATE bookings SET state = 'cancelled', cancel_time = $3, cancel_reason = $4
WHERE company_id = $1 AND booking_id = $2 AND state <> 'cancelled'"""

_FREE = "UPDATE booking_segments SET blocking = FALSE WHERE company_id = $1 AND booking_id = $2"


class BookingTables:
    """`booking.stores.BookingStore` over a database."""

    def __init__(self, database: Database) -> None:
        self._engine = database.engine

    def busy(
        self, company_id: int, staff_ids: Collection[int], within: Span, exclude_booking_id: int = 0
    ) -> Steps[Mapping[int, list[Span]]]:
        """Reads what confirmed bookings occupy, by staff id: the spans that meet `within`, in any order."""
        start, end = within[0] * _MINUTE, within[1] * _MINUTE
        if start >= end or not staff_ids:
            return {}
        few = sorted(staff_ids) if len(staff_ids) <= _FEW_STAFF else []
        rows = yield execute(
            _busy_sql(len(few)), company_id, start - _LONGEST_OCCUPANCY, end, start, exclude_booking_id, *few
        )
        busy: defaultdict[int, list[Span]] = defaultdict(list)
        for staff_id, occupied_from, occupied_until in rows:
            busy[staff_id].append((occupied_from // _MINUTE, occupied_until // _MINUTE))
        return busy

    def find_request(self, company_id: int, request_id: str) -> Steps[RecordedRequest | None]:
        """Reads the outcome of an earlier request id."""
        rows = yield execute(_BY_REQUEST, company_id, request_id)
        return RecordedRequest(rows[0][12], _appointment(rows)) if rows else None

    def get(self, company_id: int, booking_id: int) -> Steps[Appointment]:
        """Reads a booking. Raises BookingNotFound."""
        rows = yield execute(_ONE, company_id, booking_id)
        if not rows:
            raise BookingNotFound(booking_id)
        return _appointment(rows)

    def next_id(self, company_id: int) -> Steps[int]:
        """Takes the next booking id of a company."""
        rows = yield execute(_NEXT_ID, company_id)
        return int(rows[0][0])

    def add(self, booking: Appointment, request_id: str, fingerprint: str) -> Steps[None]:
        """Stores a new booking."""
        yield execute(
            _INSERT_BOOKING,
            booking.company_id,
            booking.booking_id,
            booking.state.value,
            request_id,
            fingerprint,
            booking.start * _MINUTE,
            booking.end * _MINUTE,
            booking.price_micros,
            booking.currency,
            booking.customer.name,
            booking.customer.phone_number,
            booking.customer.chat,
            booking.note,
            to_epoch_microseconds(booking.create_time),
        )
        for position, each in enumerate(booking.segments):
            times = (each.start, each.end, each.occupied_from, each.occupied_until)
            yield execute(
                _INSERT_SEGMENT,
                booking.company_id,
                booking.booking_id,
                position,
                each.service_id,
                each.staff_id,
                *(minute * _MINUTE for minute in times),
            )

    def cancel(self, company_id: int, booking_id: int, time: datetime, reason: str) -> Steps[None]:
        """Marks a booking as cancelled and frees its time."""
        yield execute(_CANCEL, company_id, booking_id, to_epoch_microseconds(time), reason)
        yield execute(_FREE, company_id, booking_id)

    def list(self, query: BookingQuery) -> Steps[list[Appointment]]:
        """Reads a page of bookings by start, then id."""
        after = query.after
        rows = yield execute(
            _PAGE,
            query.company_id,
            _BEGINNING if query.start is None else query.start * _MINUTE,
            _END if query.end is None else query.end * _MINUTE,
            query.state.value if query.state else "",
            query.chat,
            _BEGINNING if after is None else after[0] * _MINUTE,
            0 if after is None else after[1],
            query.limit,
        )
        return [_appointment(list(group)) for _, group in groupby(rows, key=lambda row: row[1])]


def _busy_sql(staff_count: int) -> str:
    """The query for so many staff members; 0 is all of them, which costs less than naming many."""
    if not staff_count:
        return _BUSY
    return f"{_BUSY} AND staff_id IN ({', '.join(f'${6 + index}' for index in range(staff_count))})"


def _appointment(rows: Rows) -> Appointment:
    """Makes one booking of its rows, one a segment."""
    (company_id, booking_id, state, price, currency, name, phone_number, chat, note, created, cancelled, reason) = rows[
        0
    ][:12]
    return Appointment(
        company_id=company_id,
        booking_id=booking_id,
        state=BookingState(state),
        segments=tuple(_segment(*row[13:]) for row in rows),
        price_micros=price,
        currency=currency,
        customer=Customer(name, phone_number, chat),
        note=note,
        create_time=from_epoch_microseconds(created),
        cancel_time=None if cancelled is None else from_epoch_microseconds(cancelled),
        cancel_reason=reason,
    )


def _segment(service_id: int, staff_id: int, *times: Any) -> BookedSegment:
    start, end, occupied_from, occupied_until = (time // _MINUTE for time in times)
    return BookedSegment(service_id, staff_id, start, end, occupied_from, occupied_until)
