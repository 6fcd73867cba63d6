"""How a catalogue reads in tables, and back.

Owns the columns of the catalogue's tables and the JSON of what has no columns of its own: names by language, aliases,
needs, holidays. Lists keep the company's order by `position`. Refuses transactions and revisions (`booking_calendar`).
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from wamesh.booking.calendar import (
    Absence,
    Calendar,
    Category,
    Company,
    Holidays,
    Need,
    Resource,
    Service,
    Skill,
    StaffMember,
)
from wamesh.booking.errors import CompanyNotFound
from wamesh.slots.spans import Span, Spans
from wamesh.slots.working import DayPlan
from wamesh.storage.database import Rows, Statement, Steps, execute

TABLES: Final = ("busy_times", "absences", "day_plans", "skills", "staff", "services", "resources", "categories")
"""What belongs to a company, those that refer before those that are referred to."""

_COMPANY_COLUMNS: Final = """
revision, holidays, archived, company_id, name, time_zone, language, currency, address, step_minutes, notice_minutes,
horizon_minutes"""
_COMPANY = f"SELECT {_COMPANY_COLUMNS} FROM companies WHERE company_id = $1"
_COMPANIES = f"""
SELECT {_COMPANY_COLUMNS} FROM companies
WHERE company_id > $1 AND (NOT archived OR $2) ORDER BY company_id LIMIT $3"""
_CATEGORIES = """
SELECT category_id, name, localized_names, archived FROM categories WHERE company_id = $1 ORDER BY position"""
_RESOURCES = """
SELECT resource_id, name, quantity, localized_names, archived FROM resources WHERE company_id = $1 ORDER BY position"""
_SERVICES = """
SELECT service_id, name, duration_minutes, price_micros, localized_names, aliases, buffer_before_minutes,
       buffer_after_minutes, category_id, capacity, needs, shortest_minutes, longest_minutes, archived
FROM services WHERE company_id = $1 ORDER BY position"""
_STAFF = "SELECT staff_id, name, localized_names, archived FROM staff WHERE company_id = $1 ORDER BY position"
_SKILLS = """
SELECT staff_id, service_id, duration_minutes, price_micros
FROM skills WHERE company_id = $1 ORDER BY staff_id, service_id"""
_DAY_PLANS = """
SELECT staff_id, weekday, day, kind, open_minute, close_minute
FROM day_plans WHERE company_id = $1 ORDER BY staff_id, weekday, day, kind, open_minute, close_minute"""
_ABSENCES = """
SELECT staff_id, start_minute, end_minute, whole_days, note
FROM absences WHERE company_id = $1 ORDER BY staff_id, start_minute, end_minute, note"""
_BUSY_TIMES = """
SELECT staff_id, calendar, start_minute, end_minute
FROM busy_times WHERE company_id = $1 ORDER BY staff_id, calendar, start_minute"""

_UPSERT_COMPANY = """
INSERT INTO companies (company_id, name, time_zone, language, currency, address, step_minutes, notice_minutes,
                       horizon_minutes, holidays, archived, revision, last_booking_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, 1, 0)
ON CONFLICT (company_id) DO UPDATE SET
    name = excluded.name, time_zone = excluded.time_zone, language = excluded.language,
    currency = excluded.currency, address = excluded.address, step_minutes = excluded.step_minutes,
    notice_minutes = excluded.notice_minutes, horizon_minutes = excluded.horizon_minutes,
    holidays = excluded.holidays, archived = excluded.archived, revision = companies.revision + 1"""
_INSERT_CATEGORY = """
INSERT INTO categories (company_id, position, category_id, name, localized_names, archived)
VALUES ($1, $2, $3, $4, $5, $6)"""
_INSERT_RESOURCE = """
INSERT INTO resources (company_id, position, resource_id, name, quantity, localized_names, archived)
VALUES ($1, $2, $3, $4, $5, $6, $7)"""
_INSERT_SERVICE = """
INSERT INTO services (company_id, position, service_id, name, duration_minutes, price_micros, localized_names,
                      aliases, buffer_before_minutes, buffer_after_minutes, category_id, capacity, needs,
                      shortest_minutes, longest_minutes, archived)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"""
_INSERT_STAFF = """
INSERT INTO staff (company_id, position, staff_id, name, localized_names, archived) VALUES ($1, $2, $3, $4, $5, $6)"""
_INSERT_SKILL = """
INSERT INTO skills (company_id, staff_id, service_id, duration_minutes, price_micros)
VALUES ($1, $2, $3, $4, $5)"""
_INSERT_DAY_PLAN = """
INSERT INTO day_plans (company_id, staff_id, weekday, day, kind, open_minute, close_minute)
VALUES ($1, $2, $3, $4, $5, $6, $7)"""
_INSERT_ABSENCE = """
INSERT INTO absences (company_id, staff_id, start_minute, end_minute, whole_days, note)
VALUES ($1, $2, $3, $4, $5, $6)"""
_INSERT_BUSY_TIME = """
INSERT INTO busy_times (company_id, staff_id, calendar, start_minute, end_minute) VALUES ($1, $2, $3, $4, $5)"""


def read_calendar(company_id: int) -> Steps[Calendar]:
    """Reads a company's catalogue. Raises CompanyNotFound."""
    rows = yield execute(_COMPANY, company_id)
    if not rows:
        raise CompanyNotFound(company_id)
    company, revision = _company(*rows[0])
    categories = yield execute(_CATEGORIES, company_id)
    resources = yield execute(_RESOURCES, company_id)
    services = yield execute(_SERVICES, company_id)
    staff = yield execute(_STAFF, company_id)
    skills = _by_staff((yield execute(_SKILLS, company_id)))
    plans = _by_staff((yield execute(_DAY_PLANS, company_id)))
    absences = _by_staff((yield execute(_ABSENCES, company_id)))
    busy = _by_staff((yield execute(_BUSY_TIMES, company_id)))
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
                busy=_busy(busy[staff_id]),
                archived=bool(gone),
            )
            for staff_id, name, names, gone in staff
        ),
        closures=_absences(absences[None]),
        categories=tuple(Category(*[*row, json.loads(names), bool(gone)]) for *row, names, gone in categories),
        resources=tuple(Resource(*[*row, json.loads(names), bool(gone)]) for *row, names, gone in resources),
        revision=revision,
    )


def read_companies(after_id: int, limit: int, archived: bool) -> Steps[list[tuple[Company, int]]]:
    """Reads the companies behind an id, by id, with their revisions; archived ones only when asked."""
    rows = yield execute(_COMPANIES, after_id, archived, limit)
    return [_company(*row) for row in rows]


def _company(revision: int, holidays: str, archived: int, *fields: Any) -> tuple[Company, int]:
    return Company(*[*fields, _holidays(holidays), bool(archived)]), revision


def _by_staff(rows: Rows) -> Mapping[int | None, Rows]:
    """Groups rows by their first column, which is dropped."""
    groups: defaultdict[int | None, Rows] = defaultdict(list)
    for staff_id, *rest in rows:
        groups[staff_id].append(tuple(rest))
    return groups


def _holidays(text: str) -> Holidays | None:
    if not text:
        return None
    country, subdivision, open_days = json.loads(text)
    return Holidays(country, subdivision, frozenset(open_days))


def _service(
    service_id: int,
    name: str,
    duration: int,
    price: int,
    names: str,
    aliases: str,
    before: int,
    after: int,
    category_id: int,
    capacity: int,
    needs: str,
    shortest: int | None,
    longest: int | None,
    archived: int,
) -> Service:
    return Service(
        service_id,
        name,
        duration,
        price,
        localized_names=json.loads(names),
        aliases=tuple(json.loads(aliases)),
        buffer_before_minutes=before,
        buffer_after_minutes=after,
        category_id=category_id,
        capacity=capacity,
        needs=tuple(Need(*each) for each in json.loads(needs)),
        duration_range=None if shortest is None or longest is None else (shortest, longest),
        archived=bool(archived),
    )


def _weekly(rows: Rows) -> tuple[DayPlan, ...]:
    plans = [_plan(row for row in rows if row[0] == weekday) for weekday in range(7)]
    return tuple(plans[plans.index(each)] for each in plans)  # days that are alike share a plan


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


def _busy(rows: Rows) -> Mapping[str, Spans]:
    calendars: defaultdict[str, list[Span]] = defaultdict(list)
    for calendar, start, end in rows:
        calendars[calendar].append((start, end))
    return {name: tuple(spans) for name, spans in calendars.items()}


def replacement(calendar: Calendar) -> Iterator[Statement]:
    """Yields what fills a company's empty tables (`TABLES`) with this calendar; its own row is there already."""
    company_id = calendar.company.company_id
    for position, category in enumerate(calendar.categories):
        names = _json(category.localized_names)
        yield execute(
            _INSERT_CATEGORY, company_id, position, category.category_id, category.name, names, category.archived
        )
    for position, resource in enumerate(calendar.resources):
        yield _insert_resource(company_id, position, resource)
    for position, service in enumerate(calendar.services):
        yield _insert_service(company_id, position, service)
    for position, member in enumerate(calendar.staff):
        yield from _insert_member(company_id, position, member)
    for absence in calendar.closures:
        yield _insert_absence(company_id, None, absence)


def upsert_company(company: Company) -> Statement:
    """Writes a company's own row, and raises its revision."""
    holidays = company.holidays
    return execute(
        _UPSERT_COMPANY,
        company.company_id,
        company.name,
        company.time_zone,
        company.language,
        company.currency,
        company.address,
        company.step_minutes,
        company.notice_minutes,
        company.horizon_minutes,
        _json([holidays.country, holidays.subdivision, sorted(holidays.open_days)]) if holidays else "",
        company.archived,
    )


def _insert_resource(company_id: int, position: int, resource: Resource) -> Statement:
    return execute(
        _INSERT_RESOURCE,
        company_id,
        position,
        resource.resource_id,
        resource.name,
        resource.quantity,
        _json(resource.localized_names),
        resource.archived,
    )


def _insert_service(company_id: int, position: int, service: Service) -> Statement:
    shortest, longest = service.duration_range or (None, None)
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
        service.category_id,
        service.capacity,
        _json(service.needs),
        shortest,
        longest,
        service.archived,
    )


def _insert_member(company_id: int, position: int, member: StaffMember) -> Iterator[Statement]:
    staff_id = member.staff_id
    names = _json(member.localized_names)
    yield execute(_INSERT_STAFF, company_id, position, staff_id, member.name, names, member.archived)
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
    for name, spans in member.busy.items():
        for start, end in spans:
            yield execute(_INSERT_BUSY_TIME, company_id, staff_id, name, start, end)


def _ranges(plan: DayPlan) -> Iterator[tuple[str, Span]]:
    yield from (("hours", span) for span in plan.hours)
    yield from (("break", span) for span in plan.breaks)


def _insert_absence(company_id: int, staff_id: int | None, absence: Absence) -> Statement:
    return execute(_INSERT_ABSENCE, company_id, staff_id, absence.start, absence.end, absence.whole_days, absence.note)


def _json(value: Any) -> str:
    plain = dict(value) if isinstance(value, Mapping) else list(value)
    return json.dumps(plain, ensure_ascii=False)
