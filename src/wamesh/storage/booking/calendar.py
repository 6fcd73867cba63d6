"""The catalogues of companies in tables.

Owns the tables companies, categories, resources, services, staff, skills, day_plans, absences, busy_times and secrets,
and when they are written: a catalogue is read whole and replaced whole. How each row reads is `booking_catalogue_rows`.

Refuses to change a catalogue in part. Invariant: `replace` raises the revision exactly when the content changes.
"""

from typing import Final

from wamesh.booking.calendar import Calendar, Company
from wamesh.booking.errors import CompanyNotFound
from wamesh.booking.stores import Revisions
from wamesh.storage.booking.catalogue_rows import TABLES, read_calendar, read_companies, replacement, upsert_company
from wamesh.storage.database import Database, Steps, execute

_REVISIONS: Final = "SELECT revision, diary_revision FROM companies WHERE company_id = $1"


class CalendarTables:
    """`booking.stores.CalendarStore` in tables, and the secrets that all replicas of the service share."""

    def __init__(self, database: Database) -> None:
        self._row_lock = database.row_lock
        self._engine = database.engine

    def revisions(self, company_id: int) -> Steps[Revisions]:
        """Reads a company's revisions. Raises CompanyNotFound."""
        return (yield from self._revisions(company_id, _REVISIONS))

    def lock(self, company_id: int) -> Steps[Revisions]:
        """Reads a company's revisions and holds the company until the transaction ends. Raises CompanyNotFound."""
        return (yield from self._revisions(company_id, _REVISIONS + self._row_lock))

    def lock_new(self, company_id: int) -> Steps[bool]:
        """Keeps every other maker of a company waiting. Returns whether it is there meanwhile, and locked."""
        if self._engine == "sqlite":
            return False  # one writer at a time: nobody can have made it
        yield execute("SELECT pg_advisory_xact_lock($1)", company_id)
        try:
            yield from self.lock(company_id)
        except CompanyNotFound:
            return False
        return True

    def read(self, company_id: int) -> Steps[Calendar]:
        """Reads a company's catalogue. Raises CompanyNotFound."""
        return (yield from read_calendar(company_id))

    def companies(self, after_id: int, limit: int, *, archived: bool) -> Steps[list[tuple[Company, int]]]:
        """Reads the companies behind an id, by id, with their catalogues' revisions; archived ones only when asked."""
        return (yield from read_companies(after_id, limit, archived))

    def replace(self, calendar: Calendar) -> Steps[bool]:
        """Puts a calendar in the place of the present one. Returns whether anything changed."""
        company_id = calendar.company.company_id
        try:
            yield from self.lock(company_id)
            if (yield from self.read(company_id)) == calendar:
                return False
        except CompanyNotFound:
            pass
        yield upsert_company(calendar.company)
        for table in TABLES:
            yield execute(f"DELETE FROM {table} WHERE company_id = $1", company_id)
        yield from replacement(calendar)
        return True

    def secret(self, name: str, proposal: bytes) -> Steps[bytes]:
        """Returns the secret of that name; the first caller's proposal becomes it."""
        yield execute(
            "INSERT INTO secrets (name, secret) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING", name, proposal
        )
        rows = yield execute("SELECT secret FROM secrets WHERE name = $1", name)
        return bytes(rows[0][0])

    def _revisions(self, company_id: int, sql: str) -> Steps[Revisions]:
        rows = yield execute(sql, company_id)
        if not rows:
            raise CompanyNotFound(company_id)
        return Revisions(*rows[0])
