"""What calendars need of a database: the open feeds, and the texts of imported calendars.

What an imported calendar tells is part of its staff member (`StaffMember.busy`) and kept with the catalogue; its text
is kept here, since the company's horizon moves on and the text has more to tell then.

Owns the ports. Invariant: whatever changes something is called by a transaction that has locked the company.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from wamesh.booking.stores import Steps


@dataclass(frozen=True, slots=True)
class Feed:
    """An open feed. `key` is random, and what its token seals."""

    company_id: int
    staff_id: int
    key: bytes
    create_time: datetime


@dataclass(frozen=True, slots=True)
class Import:
    """A calendar that was imported for a staff member.

    `time_zone` is that of the company when it was expanded, `cover_until` the instant (minutes) up to which that was
    done.
    """

    company_id: int
    staff_id: int
    name: str
    time_zone: str
    import_time: datetime
    cover_until: int


class FeedStore(Protocol):
    """The open feeds, at most one for each staff member."""

    def open(self, feed: Feed) -> Steps[Feed]:
        """Stores a feed unless one is open for its staff member. Returns the one that is open now."""

    def close(self, company_id: int, staff_id: int) -> Steps[None]:
        """Forgets the feed of a staff member, if there is one."""

    def find(self, key: bytes) -> Steps[Feed | None]:
        """Reads the open feed with this key."""


class ImportStore(Protocol):
    """The imported calendars and their texts."""

    def keep(self, imported: Import, text: str) -> Steps[None]:
        """Stores a calendar in the place of the one of its name."""

    def forget(self, company_id: int, staff_id: int, name: str) -> Steps[None]:
        """Forgets a calendar, if there is one of the name."""

    def text(self, imported: Import) -> Steps[str | None]:
        """Reads the text of an import; None when another one has taken its place, or it is forgotten."""

    def due(self, now: int, margin_minutes: int) -> Steps[list[Import]]:
        """Reads the calendars of all companies that cover less than the company's horizon from the instant `now` and
        the margin, or were expanded in another zone than the company's.
        """

    def list(self, company_id: int, staff_id: int) -> Steps[list[Import]]:
        """Reads the calendars of a staff member, by name."""
