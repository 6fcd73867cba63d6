"""How bookings and holds read in tables, and back: one row a visit, one row a segment.

Owns the columns and their order, and the JSON of what has no columns of its own: a segment's needs, and the segments of
a history entry. Times are epoch microseconds in tables, whole minutes in the room and in JSON. Refuses statements.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from wamesh.booking.appointments import Appointment, BookedSegment, BookingState, Change, ChangeKind, Customer
from wamesh.booking.calendar import Need
from wamesh.booking.diary import Visit
from wamesh.clock import from_epoch_microseconds, to_epoch_microseconds
from wamesh.storage.database import Rows

MINUTE: Final = 60_000_000

VISIT: Final = """
v.company_id, v.visit_id, v.state, v.revision, v.party_size, v.price_micros, v.currency, v.customer_name,
v.customer_phone_number, v.customer_chat, v.note, v.create_time, v.update_time, v.cancel_time, v.cancel_reason,
v.expire_time"""
SEGMENT: Final = """
s.service_id, s.staff_id, s.start_time, s.end_time, s.occupied_from, s.occupied_until, s.session_id, s.needs"""

_VISIT_COLUMNS: Final = 16


def appointment_of(rows: Rows) -> Appointment:
    """Makes one booking or hold of its rows (`VISIT`, then `SEGMENT`), one a segment."""
    (
        company_id, visit_id, state, revision, party_size, price, currency, name, phone_number, chat, note,
        created, updated, cancelled, reason, expires,
    ) = rows[0][:_VISIT_COLUMNS]  # fmt: skip
    return Appointment(
        company_id=company_id,
        booking_id=visit_id,
        state=BookingState(state),
        segments=tuple(segment_of(row[_VISIT_COLUMNS:]) for row in rows),
        price_micros=price,
        currency=currency,
        customer=Customer(name, phone_number, chat),
        note=note,
        create_time=from_epoch_microseconds(created),
        update_time=from_epoch_microseconds(updated),
        party_size=party_size,
        revision=revision,
        cancel_time=_time(cancelled),
        cancel_reason=reason,
        expire_time=_time(expires),
    )


def segment_of(row: Sequence[Any]) -> BookedSegment:
    """Makes a segment of its columns (`SEGMENT`)."""
    service_id, staff_id, start, end, occupied_from, occupied_until, session_id, needs = row
    return BookedSegment(
        service_id,
        staff_id,
        start // MINUTE,
        end // MINUTE,
        occupied_from // MINUTE,
        occupied_until // MINUTE,
        session_id,
        _needs(json.loads(needs)) if needs != "[]" else (),
    )


def visit_of(visit_id: int, rows: Rows) -> Visit:
    """Makes what the diary keeps of a visit of its rows: blocking, seats, expiry, then `SEGMENT`."""
    blocking = [row for row in rows if row[0]]
    _, party_size, expires, *_ = rows[0]
    return Visit(visit_id, tuple(segment_of(row[3:]) for row in blocking), party_size, _time(expires))


def needs_text(segment: BookedSegment) -> str:
    """Writes what a segment takes of resources."""
    return json.dumps(segment.needs, separators=(",", ":")) if segment.needs else "[]"


def segments_text(segments: Sequence[BookedSegment]) -> str:
    """Writes the segments of a history entry."""
    return json.dumps(segments, separators=(",", ":"))


def change_of(row: Sequence[Any]) -> Change:
    """Makes a history entry of its columns."""
    revision, kind, time, actor, reason, segments, price, currency = row
    return Change(
        revision=revision,
        kind=ChangeKind(kind),
        time=from_epoch_microseconds(time),
        actor=actor,
        reason=reason,
        segments=tuple(BookedSegment(*times)._replace(needs=_needs(needs)) for *times, needs in json.loads(segments)),
        price_micros=price,
        currency=currency,
    )


def microseconds(time: datetime | None) -> int | None:
    """Writes a moment that may be absent."""
    return None if time is None else to_epoch_microseconds(time)


def _time(stored: int | None) -> datetime | None:
    return None if stored is None else from_epoch_microseconds(stored)


def _needs(pairs: Sequence[Sequence[int]]) -> tuple[Need, ...]:
    return tuple(Need(*each) for each in pairs)
