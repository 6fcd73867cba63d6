"""Feeds that go out and calendars that came in, in tables.

Owns the tables feeds and imports. Refuses what texts tell: that is written with the catalogue (`booking_calendar`).
Invariant: a staff member has at most one feed, and one calendar of each name.
"""

from typing import Any, Final

from wamesh.booking.ical.stores import Feed, Import
from wamesh.clock import from_epoch_microseconds, to_epoch_microseconds
from wamesh.storage.database import Steps, execute

_FEED_COLUMNS: Final = "company_id, staff_id, feed_key, create_time"
_OPEN = f"INSERT INTO feeds ({_FEED_COLUMNS}) VALUES ($1, $2, $3, $4) ON CONFLICT (company_id, staff_id) DO NOTHING"
_OPENED = f"SELECT {_FEED_COLUMNS} FROM feeds WHERE company_id = $1 AND staff_id = $2"
_FIND = f"SELECT {_FEED_COLUMNS} FROM feeds WHERE feed_key = $1"
_CLOSE = "DELETE FROM feeds WHERE company_id = $1 AND staff_id = $2"

_IMPORT_COLUMNS: Final = "i.company_id, i.staff_id, i.calendar, i.time_zone, i.import_time, i.cover_until"
_KEEP = """
INSERT INTO imports (company_id, staff_id, calendar, time_zone, import_time, cover_until, content)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (company_id, staff_id, calendar) DO UPDATE SET
    time_zone = excluded.time_zone, import_time = excluded.import_time, cover_until = excluded.cover_until,
    content = excluded.content"""
_FORGET = "DELETE FROM imports WHERE company_id = $1 AND staff_id = $2 AND calendar = $3"
_TEXT = """
SELECT content FROM imports WHERE company_id = $1 AND staff_id = $2 AND calendar = $3 AND import_time = $4"""
_LIST = f"SELECT {_IMPORT_COLUMNS} FROM imports i WHERE company_id = $1 AND staff_id = $2 ORDER BY calendar"
_DUE = f"""
SELECT {_IMPORT_COLUMNS} FROM imports i JOIN companies c USING (company_id)
WHERE i.cover_until < CAST($1 AS BIGINT) + c.horizon_minutes OR i.time_zone <> c.time_zone
ORDER BY i.company_id, i.staff_id, i.calendar"""


class FeedTables:
    """`booking.ical.stores.FeedStore` in tables."""

    def open(self, feed: Feed) -> Steps[Feed]:
        """Stores a feed unless one is open for its staff member. Returns the one that is open now."""
        time = to_epoch_microseconds(feed.create_time)
        yield execute(_OPEN, feed.company_id, feed.staff_id, feed.key, time)
        rows = yield execute(_OPENED, feed.company_id, feed.staff_id)
        return _feed(*rows[0])

    def close(self, company_id: int, staff_id: int) -> Steps[None]:
        """Forgets the feed of a staff member, if there is one."""
        yield execute(_CLOSE, company_id, staff_id)

    def find(self, key: bytes) -> Steps[Feed | None]:
        """Reads the open feed with this key."""
        rows = yield execute(_FIND, key)
        return _feed(*rows[0]) if rows else None


class ImportTables:
    """`booking.ical.stores.ImportStore` in tables."""

    def keep(self, imported: Import, text: str) -> Steps[None]:
        """Stores a calendar in the place of the one of its name."""
        time = to_epoch_microseconds(imported.import_time)
        yield execute(_KEEP, *_key(imported), imported.time_zone, time, imported.cover_until, text)

    def forget(self, company_id: int, staff_id: int, name: str) -> Steps[None]:
        """Forgets a calendar, if there is one of the name."""
        yield execute(_FORGET, company_id, staff_id, name)

    def text(self, imported: Import) -> Steps[str | None]:
        """Reads the text of an import; None when another one has taken its place, or it is forgotten."""
        rows = yield execute(_TEXT, *_key(imported), to_epoch_microseconds(imported.import_time))
        return rows[0][0] if rows else None

    def due(self, now: int, margin_minutes: int) -> Steps[list[Import]]:
        """Reads the calendars that cover less than their company's horizon and the margin, or were expanded in another
        zone than its own.
        """
        rows = yield execute(_DUE, now + margin_minutes)
        return [_import(*row) for row in rows]

    def list(self, company_id: int, staff_id: int) -> Steps[list[Import]]:
        """Reads the calendars of a staff member, by name."""
        rows = yield execute(_LIST, company_id, staff_id)
        return [_import(*row) for row in rows]


def _key(imported: Import) -> tuple[int, int, str]:
    return imported.company_id, imported.staff_id, imported.name


def _feed(company_id: int, staff_id: int, key: Any, created: int) -> Feed:
    return Feed(company_id, staff_id, bytes(key), from_epoch_microseconds(created))


def _import(company_id: int, staff_id: int, name: str, time_zone: str, imported: int, cover_until: int) -> Import:
    return Import(company_id, staff_id, name, time_zone, from_epoch_microseconds(imported), cover_until)
