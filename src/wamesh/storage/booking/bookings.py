"""Bookings and holds in tables: what occupies whose time, what happened to it, and the requests that made it so.

Owns the tables visits, segments, claims, changes and requests. Behind the room's predicate stand the database's own
constraints (migration 0002), whoever writes.

Every change raises the company's diary revision and stamps with it the segments that it wrote or freed. Invariant: what
was changed after a revision is found by its stamp, and a segment that blocks nothing is never revived.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from wamesh.booking.appointments import Appointment, BookingQuery, BookingState, Change, RecordedRequest
from wamesh.booking.diary import Visit
from wamesh.booking.errors import BookingNotFound
from wamesh.clock import to_epoch_microseconds
from wamesh.storage.booking.rows import (
    MINUTE,
    SEGMENT,
    VISIT,
    appointment_of,
    change_of,
    microseconds,
    needs_text,
    segments_text,
    visit_of,
)
from wamesh.storage.database import Statement, Steps, execute

_BEGINNING: Final = -(2**62)
_END: Final = 2**62
_TOMBSTONES_KEPT: Final = timedelta(days=1)
"""So long after its end a hold's rows stay, for diaries that have not heard of it."""

_ONE = f"""
SELECT {VISIT}, {SEGMENT} FROM visits v JOIN segments s USING (company_id, visit_id)
WHERE v.company_id = $1 AND v.visit_id = $2 AND v.state IN ('confirmed', 'cancelled') ORDER BY s.position"""
_BY_REQUEST = f"""
SELECT r.fingerprint, {VISIT}, {SEGMENT}
FROM requests r JOIN visits v USING (company_id, visit_id) JOIN segments s USING (company_id, visit_id)
WHERE r.company_id = $1 AND r.request_id = $2 ORDER BY s.position"""
_PAGE = f"""
SELECT {VISIT}, {SEGMENT} FROM (
    SELECT * FROM visits
    WHERE company_id = $1 AND end_time > $2 AND start_time < $3 AND state IN ('confirmed', 'cancelled')
    AND (CAST($4 AS TEXT) = '' OR state = $4) AND (CAST($5 AS TEXT) = '' OR customer_chat = $5)
    AND (CAST($6 AS BIGINT) = 0 OR EXISTS (
        SELECT 1 FROM segments t
        WHERE t.company_id = visits.company_id AND t.visit_id = visits.visit_id AND t.staff_id = $6))
    AND (start_time, visit_id) > ($7, $8)
    ORDER BY start_time, visit_id LIMIT $9
) v JOIN segments s USING (company_id, visit_id)
ORDER BY v.start_time, v.visit_id, s.position"""
_BLOCKING = f"""
SELECT s.visit_id, s.blocking, s.seats, s.expire_time, {SEGMENT} FROM segments s
WHERE s.blocking AND s.company_id = $1 AND s.occupied_until > $2 ORDER BY s.visit_id, s.position"""
_CHANGED = f"""
SELECT s.visit_id, s.blocking, s.seats, s.expire_time, {SEGMENT} FROM segments s
WHERE s.company_id = $1 AND s.diary_revision > $2 ORDER BY s.visit_id, s.position"""
_HISTORY = """
SELECT revision, kind, change_time, actor, reason, segments, price_micros, currency FROM changes
WHERE company_id = $1 AND visit_id = $2 ORDER BY revision"""

_NEXT_ID = """
UPDATE companies SET last_booking_id = last_booking_id + 1 WHERE company_id = $1 RETURNING last_booking_id"""
_NEXT_REVISION = """
UPDATE companies SET diary_revision = diary_revision + 1 WHERE company_id = $1 RETURNING diary_revision"""
_INSERT_VISIT = """
INSERT INTO visits (company_id, visit_id, state, revision, party_size, start_time, end_time, price_micros, currency,
                    customer_name, customer_phone_number, customer_chat, note, create_time, update_time, cancel_time,
                    cancel_reason, expire_time)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)"""
_UPDATE_VISIT = """
UPDATE visits SET state = $3, revision = $4, party_size = $5, start_time = $6, end_time = $7, price_micros = $8,
                  currency = $9, update_time = $10, cancel_time = $11, cancel_reason = $12
WHERE company_id = $1 AND visit_id = $2"""
_INSERT_SEGMENT = """
INSERT INTO segments (company_id, visit_id, position, service_id, staff_id, session_id, seats, start_time, end_time,
                      occupied_from, occupied_until, needs, expire_time, blocking, diary_revision)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"""
_INSERT_CLAIM = """
INSERT INTO claims (company_id, visit_id, position, resource_id, quantity, session_id, occupied_from, occupied_until)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"""
_DROP_SEGMENTS = "DELETE FROM segments WHERE company_id = $1 AND visit_id = $2"
_DROP_CLAIMS = "DELETE FROM claims WHERE company_id = $1 AND visit_id = $2"
_INSERT_CHANGE = """
INSERT INTO changes (company_id, visit_id, revision, kind, change_time, actor, reason, segments, price_micros, currency)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"""
_INSERT_REQUEST = "INSERT INTO requests (company_id, request_id, fingerprint, visit_id) VALUES ($1, $2, $3, $4)"

_HOLD = "SELECT state FROM visits WHERE company_id = $1 AND visit_id = $2"
_EXPIRED = "SELECT visit_id FROM visits WHERE company_id = $1 AND expire_time <= $2 AND state = 'held'"
_RELEASE = """
UPDATE visits SET state = 'released', revision = revision + 1, update_time = $3
WHERE company_id = $1 AND visit_id = $2"""
_FREE = """
UPDATE segments SET blocking = FALSE, diary_revision = $3 WHERE company_id = $1 AND visit_id = $2"""
_BURIED = """
SELECT visit_id FROM visits WHERE company_id = $1 AND expire_time <= $2 AND update_time <= $2 AND state = 'released'"""
_DROP_VISIT = "DELETE FROM visits WHERE company_id = $1 AND visit_id = $2"
_DROP_REQUEST = "DELETE FROM requests WHERE company_id = $1 AND visit_id = $2"


class BookingTables:
    """`booking.stores.BookingStore` in tables."""

    def visits(self, company_id: int, after_revision: int, ends_after: int) -> Steps[list[Visit]]:
        """Reads the bookings and holds that changed after a revision of the diary; after 0 those that block and end
        after a minute.
        """
        if after_revision:
            rows = yield execute(_CHANGED, company_id, after_revision)
        else:
            rows = yield execute(_BLOCKING, company_id, ends_after * MINUTE)
        grouped = groupby(rows, key=lambda row: row[0])
        return [visit_of(visit_id, [row[1:] for row in group]) for visit_id, group in grouped]

    def find_request(self, company_id: int, request_id: str) -> Steps[RecordedRequest | None]:
        """Reads the outcome of an earlier request id."""
        rows = yield execute(_BY_REQUEST, company_id, request_id)
        return RecordedRequest(rows[0][0], appointment_of([row[1:] for row in rows])) if rows else None

    def record_request(self, company_id: int, request_id: str, fingerprint: str, booking_id: int) -> Steps[None]:
        """Keeps what a request id stands for."""
        yield execute(_INSERT_REQUEST, company_id, request_id, fingerprint, booking_id)

    def get(self, company_id: int, booking_id: int) -> Steps[Appointment]:
        """Reads a booking, not a hold. Raises BookingNotFound."""
        rows = yield execute(_ONE, company_id, booking_id)
        if not rows:
            raise BookingNotFound(booking_id)
        return appointment_of(rows)

    def history(self, company_id: int, booking_id: int) -> Steps[Sequence[Change]]:
        """Reads what happened to a booking, oldest first."""
        rows = yield execute(_HISTORY, company_id, booking_id)
        return [change_of(row) for row in rows]

    def list(self, query: BookingQuery) -> Steps[list[Appointment]]:
        """Reads a page of bookings by start, then id."""
        after = query.after
        rows = yield execute(
            _PAGE,
            query.company_id,
            _BEGINNING if query.start is None else query.start * MINUTE,
            _END if query.end is None else query.end * MINUTE,
            query.state.value if query.state else "",
            query.chat,
            query.staff_id,
            _BEGINNING if after is None else after[0] * MINUTE,
            0 if after is None else after[1],
            query.limit,
        )
        return [appointment_of([*group]) for _, group in groupby(rows, key=lambda row: row[1])]

    def next_id(self, company_id: int) -> Steps[int]:
        """Takes the next id of a booking, a hold or a class session of a company."""
        rows = yield execute(_NEXT_ID, company_id)
        return int(rows[0][0])

    def add(self, booking: Appointment) -> Steps[None]:
        """Stores a new booking or hold. Raises ConstraintViolated when its time, seats or resources are taken."""
        yield execute(
            _INSERT_VISIT,
            booking.company_id,
            booking.booking_id,
            booking.state.value,
            booking.revision,
            booking.party_size,
            booking.start * MINUTE,
            booking.end * MINUTE,
            booking.price_micros,
            booking.currency,
            booking.customer.name,
            booking.customer.phone_number,
            booking.customer.chat,
            booking.note,
            to_epoch_microseconds(booking.create_time),
            to_epoch_microseconds(booking.update_time),
            microseconds(booking.cancel_time),
            booking.cancel_reason,
            microseconds(booking.expire_time),
        )
        yield from self._occupy(booking)

    def change(self, booking: Appointment) -> Steps[None]:
        """Stores a booking in the place of what it was. Raises ConstraintViolated as `add`."""
        key = booking.company_id, booking.booking_id
        yield execute(
            _UPDATE_VISIT,
            *key,
            booking.state.value,
            booking.revision,
            booking.party_size,
            booking.start * MINUTE,
            booking.end * MINUTE,
            booking.price_micros,
            booking.currency,
            to_epoch_microseconds(booking.update_time),
            microseconds(booking.cancel_time),
            booking.cancel_reason,
        )
        yield execute(_DROP_CLAIMS, *key)
        yield execute(_DROP_SEGMENTS, *key)
        yield from self._occupy(booking)

    def write_history(self, company_id: int, booking_id: int, change: Change) -> Steps[None]:
        """Adds an entry to a booking's history."""
        yield execute(
            _INSERT_CHANGE,
            company_id,
            booking_id,
            change.revision,
            change.kind.value,
            to_epoch_microseconds(change.time),
            change.actor,
            change.reason,
            segments_text(change.segments),
            change.price_micros,
            change.currency,
        )

    def release(self, company_id: int, hold_id: int, time: datetime) -> Steps[bool]:
        """Frees what a hold keeps, if it still keeps it. Returns whether the hold is known."""
        rows = yield execute(_HOLD, company_id, hold_id)
        yield from self._release(company_id, [hold_id for (state,) in rows if state == BookingState.HELD.value], time)
        return bool(rows)

    def expire(self, company_id: int, time: datetime) -> Steps[None]:
        """Frees what expired holds keep, and forgets holds that ended more than a day ago."""
        rows = yield execute(_EXPIRED, company_id, to_epoch_microseconds(time))
        yield from self._release(company_id, [visit_id for (visit_id,) in rows], time)
        rows = yield execute(_BURIED, company_id, to_epoch_microseconds(time - _TOMBSTONES_KEPT))
        for (visit_id,) in rows:
            for statement in (_DROP_SEGMENTS, _DROP_REQUEST, _DROP_VISIT):
                yield execute(statement, company_id, visit_id)

    def _release(self, company_id: int, hold_ids: Sequence[int], time: datetime) -> Steps[None]:
        if not hold_ids:
            return
        stamp = yield from self._stamp(company_id)
        for hold_id in hold_ids:
            yield execute(_RELEASE, company_id, hold_id, to_epoch_microseconds(time))
            yield execute(_FREE, company_id, hold_id, stamp)
            yield execute(_DROP_CLAIMS, company_id, hold_id)

    def _stamp(self, company_id: int) -> Steps[int]:
        """Raises the revision of the diary, and returns it."""
        rows = yield execute(_NEXT_REVISION, company_id)
        return int(rows[0][0])

    def _occupy(self, booking: Appointment) -> Steps[None]:
        """Writes the segments of a booking or hold, which block unless it is cancelled, and their claims."""
        stamp = yield from self._stamp(booking.company_id)
        yield from _segments(booking, stamp)
        if booking.state is not BookingState.CANCELLED:
            yield from _claims(booking)


def _segments(booking: Appointment, stamp: int) -> Iterator[Statement]:
    for position, each in enumerate(booking.segments):
        times = (each.start, each.end, each.occupied_from, each.occupied_until)
        yield execute(
            _INSERT_SEGMENT,
            booking.company_id,
            booking.booking_id,
            position,
            each.service_id,
            each.staff_id,
            each.session_id,
            booking.party_size,
            *(minute * MINUTE for minute in times),
            needs_text(each),
            microseconds(booking.expire_time),
            booking.state is not BookingState.CANCELLED,
            stamp,
        )


def _claims(booking: Appointment) -> Iterator[Statement]:
    for position, each in enumerate(booking.segments):
        for need in each.needs:
            yield execute(
                _INSERT_CLAIM,
                booking.company_id,
                booking.booking_id,
                position,
                need.resource_id,
                need.quantity,
                each.session_id,
                each.occupied_from * MINUTE,
                each.occupied_until * MINUTE,
            )
