"""The catalogues of companies in tables, and the calendars of the companies last asked for in memory.

Owns the tables companies, services, staff, skills, day_plans, absences and secrets. A calendar is read whole,
and kept under its revision: each transaction reads the revision from its own snapshot and takes the calendar
from memory only when it is that one. So the memory can be stale for no transaction, on any number of
replicas.

Refuses to change a catalogue in part. Invariant: `replace` raises the revision exactly when the content
changes.
"""

import json
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from threading import Lock
from typing import Any, Final

from wamesh.booking.calendar import Absence, Calendar, Company, Service, Skill, StaffMember
from wamesh.booking.errors import CompanyNotFound
from wamesh.slots.spans import Span
from wamesh.slots.working import DayPlan
from wamesh.storage.database import Database, Rows, Statement, Steps, execute

_CALENDARS_IN_MEMORY: Final = 1_000

_COMPANY = """
SELECT revision, company_id, name, time_zone, language, currency, address,
       step_minutes, notice_minutes, horizon_minutes
FROM companies WHERE company_id = $1"""
_SERVICES = """
SELECT service_id, name, duration_minutes, price_micros, localized_names, aliases,
       buffer_before_minutes, buffer_after_minutes
FROM services WHERE company_id = $1 ORDER BY position"""
_STAFF = "SELECT staff_id, name, localized_names FROM staff WHERE company_id = $1 ORDER BY position"
_SKILLS = """
SELECT staff_id, service_id, duration_minutes, price_micros
FROM skills WHERE company_id = $1 ORDER BY staff_id, service_id"""
_DAY_PLANS = """
SELECT staff_id, weekday, day, kind, open_minute, close_minute
FROM day_plans WHERE company_id = $1 ORDER BY staff_id, weekday, day, kind, open_minute, close_minute"""
_ABSENCES = """
SELECT staff_id, start_minute, end_minute, whole_days, note
FROM absences WHERE company_id = $1 ORDER BY staff_id, start_minute, end_minute, note"""

_UPSERT_COMPANY = """
INSERT INTO companies (company_id, name, time_zone, language, currency, address,
                       step_minutes, notice_minutes, horizon_minutes, revision, last_booking_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, 0)
ON CONFLICT (company_id) DO UPDATE SET
    name = excluded.name, time_zone = excluded.time_zone, language = excluded.language,
    currency = excluded.currency, address = excluded.address, step_minutes = excluded.step_minutes,
    notice_minutes = excluded.notice_minutes, horizon_minutes = excluded.horizon_minutes,
    revision = companies.revision + 1"""
_INSERT_SERVICE = """
INSERT INTO services (company_id, position, service_id, name, duration_minutes, price_micros, localized_names,
                      aliases, buffer_before_minutes, buffer_after_minutes)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"""
_INSERT_STAFF = """
INSERT INTO staff (company_id, position, staff_id, name, localized_names) VALUES ($1, $2, $3, $4, $5)"""
_INSERT_SKILL = """
INSERT INTO skills (company_id, staff_id, service_id, duration_minutes, price_micros)
VALUES ($1, $2, $3, $4, $5)"""
_INSERT_DAY_PLAN = """
INSERT INTO day_plans (company_id, staff_id, weekday, day, kind, open_minute, close_minute)
VALUES ($1, $2, $3, $4, $5, $6, $7)"""
_INSERT_ABSENCE = """
INSERT INTO absences (company_id, staff_id, start_minute, end_minute, whole_days, note)
VALUES ($1, $2, $3, $4, $5, $6)"""
_CATALOGUE_TABLES: Final = ("absences", "day_plans", "skills", "staff", "services")


class CalendarTables:
    """`booking.stores.CalendarStore` over a database, and the secrets that all replicas of the service share."""

    def __init__(self, database: Database) -> None:
        self._row_lock = database.row_lock
        self._memory = _Memory(_CALENDARS_IN_MEMORY)

    def load(self, company_id: int) -> Steps[Calendar]:
        """Reads a company's calendar and remembers it. Runs in a read. Raises CompanyNotFound."""
        calendar = yield from self._read(company_id, _COMPANY)
        self._memory.put(calendar)
        return calendar

    def lock(self, company_id: int) -> Steps[Calendar]:
        """Reads a company's calendar and holds the company until the transaction ends. Raises CompanyNotFound.

        Remembers nothing: a write may see a revision that is never committed, and whose number comes again.
        """
        return (yield from self._read(company_id, _COMPANY + self._row_lock))

    def replace(self, calendar: Calendar) -> Steps[bool]:
        """Puts a calendar in the place of the present one. Returns whether anything changed."""
        try:
            if (yield from self.lock(calendar.company.company_id)) == calendar:
                return False
        except CompanyNotFound:
            pass
        yield from _replacement(calendar)
        return True

    def secret(self, name: str, proposal: bytes) -> Steps[bytes]:
        """Returns the secret of that name; the first caller's proposal becomes it."""
        yield execute(
            "INSERT INTO secrets (name, secret) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING", name, proposal
        )
        rows = yield execute("SELECT secret FROM secrets WHERE name = $1", name)
        return bytes(rows[0][0])

    def _read(self, company_id: int, sql: str) -> Steps[Calendar]:
        rows = yield execute(sql, company_id)
        if not rows:
            raise CompanyNotFound(company_id)
        revision, *fields = rows[0]
        known = self._memory.get(company_id, revision)
        return known or (yield from _read_catalogue(Company(*fields), revision))


class _Memory:
    """The calendars last used, at most one a company; safe from any thread."""

    def __init__(self, most: int) -> None:
        self._calendars: OrderedDict[int, Calendar] = OrderedDict()
        self._most = most
        self._lock = Lock()

    def get(self, company_id: int, revision: int) -> Calendar | None:
        """Returns the calendar if it is of this very revision."""
        with self._lock:
            known = self._calendars.get(company_id)
            if known is None or known.revision != revision:
                return None
            self._calendars.move_to_end(company_id)
            return known

    def put(self, calendar: Calendar) -> None:
        """Keeps a calendar in the place of another revision, and forgets the one longest unused."""
        with self._lock:
            self._calendars[calendar.company.company_id] = calendar
            self._calendars.move_to_end(calendar.company.company_id)
            if len(self._calendars) > self._most:
                self._calendars.popitem(last=False)


def _read_catalogue(company: Company, revision: int) -> Steps[Calendar]:
    company_id = company.company_id
    services = yield execute(_SERVICES, company_id)
    staff = yield execute(_STAFF, company_id)
    skills = _by_staff((yield execute(_SKILLS, company_id)))
    plans = _by_staff((yield execute(_DAY_PLANS, company_id)))
    absences = _by_staff((yield execute(_ABSENCES, company_id)))
    return Calendar(
        company=company,
        services=tuple(_service(*row) for row in services),
        staff=tuple(
            StaffMember(
                staff_id=staff_id,
                name=name,
                localized_names=json.loads(names),
                skills=tuple(Skill(*row) for row in skills[staff_id]),
                weekly=_weekly(plans[staff_id]),
                overrides=_overrides(plans[staff_id]),
                time_off=_absences(absences[staff_id]),
            )
            for staff_id, name, names in staff
        ),
        closures=_absences(absences[None]),
        revision=revision,
    )


def _by_staff(rows: Rows) -> Mapping[int | None, Rows]:
    """Groups rows by their first column, which is dropped."""
    groups: defaultdict[int | None, Rows] = defaultdict(list)
    for staff_id, *rest in rows:
        groups[staff_id].append(tuple(rest))
    return groups


def _service(
    service_id: int, name: str, duration: int, price: int, names: str, aliases: str, before: int, after: int
) -> Service:
    return Service(service_id, name, duration, price, json.loads(names), tuple(json.loads(aliases)), before, after)


def _weekly(rows: Rows) -> tuple[DayPlan, ...]:
    return tuple(_plan(row for row in rows if row[0] == weekday) for weekday in range(7))


def _overrides(rows: Rows) -> dict[int, DayPlan]:
    days = sorted({row[1] for row in rows if row[1] is not None})
    return {day: _plan(row for row in rows if row[1] == day) for day in days}


def _plan(rows: Iterable[tuple[Any, ...]]) -> DayPlan:
    ranges: dict[str, list[Span]] = {"hours": [], "break": [], "closed": []}
    for _weekday, _day, kind, open_minute, close_minute in rows:
        ranges[kind].append((open_minute, close_minute))
    return DayPlan(tuple(ranges["hours"]), tuple(ranges["break"]))


def _absences(rows: Rows) -> tuple[Absence, ...]:
    return tuple(Absence(start, end, bool(whole_days), note) for start, end, whole_days, note in rows)


def _replacement(calendar: Calendar) -> Steps[None]:
    """Yields what makes the tables hold this calendar and nothing else of the company's catalogue."""
    company = calendar.company
    company_id = company.company_id
    yield execute(
        _UPSERT_COMPANY,
        company_id,
        company.name,
        company.time_zone,
        company.language,
        company.currency,
        company.address,
        company.step_minutes,
        company.notice_minutes,
        company.horizon_minutes,
    )
    for table in _CATALOGUE_TABLES:
        yield execute(f"DELETE FROM {table} WHERE company_id = $1", company_id)
    for position, service in enumerate(calendar.services):
        yield _insert_service(company_id, position, service)
    for position, member in enumerate(calendar.staff):
        yield from _insert_member(company_id, position, member)
    for absence in calendar.closures:
        yield _insert_absence(company_id, None, absence)


def _insert_service(company_id: int, position: int, service: Service) -> Statement:
    return execute(
        _INSERT_SERVICE,
        company_id,
        position,
        service.service_id,
        service.name,
        service.duration_minutes,
        service.price_micros,
        _json(service.localized_names),
        _json(service.aliases),
        service.buffer_before_minutes,
        service.buffer_after_minutes,
    )


def _insert_member(company_id: int, position: int, member: StaffMember) -> Steps[None]:
    staff_id = member.staff_id
    yield execute(_INSERT_STAFF, company_id, position, staff_id, member.name, _json(member.localized_names))
    for skill in member.skills:
        yield execute(_INSERT_SKILL, company_id, staff_id, skill.service_id, skill.duration_minutes, skill.price_micros)
    for weekday, plan in enumerate(member.weekly):
        for kind, span in _ranges(plan):
            yield execute(_INSERT_DAY_PLAN, company_id, staff_id, weekday, None, kind, *span)
    for day, plan in member.overrides.items():
        for kind, span in [*_ranges(plan)] or [("closed", (0, 0))]:
            yield execute(_INSERT_DAY_PLAN, company_id, staff_id, None, day, kind, *span)
    for absence in member.time_off:
        yield _insert_absence(company_id, staff_id, absence)


def _ranges(plan: DayPlan) -> Iterator[tuple[str, Span]]:
    yield from (("hours", span) for span in plan.hours)
    yield from (("break", span) for span in plan.breaks)


def _insert_absence(company_id: int, staff_id: int | None, absence: Absence) -> Statement:
    return execute(_INSERT_ABSENCE, company_id, staff_id, absence.start, absence.end, absence.whole_days, absence.note)


def _json(value: Any) -> str:
    plain = dict(value) if isinstance(value, Mapping) else list(value)
    return json.dumps(plain, ensure_ascii=False)
