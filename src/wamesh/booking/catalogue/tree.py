"""A calendar as the tree of its file: mappings, lists and texts, with nothing abbreviated.

Owns the order of the keys and what is left out because it holds by default. Hours stand by single weekdays, names by
language, an override has its own breaks: what differs between two calendars stands at one place of their trees.
`catalogue.writing` abbreviates a tree for people, `catalogue.changes` compares two.

Invariant: two calendars have equal trees exactly when they are equal, but for what other calendars of the staff tell
(`StaffMember.busy`), which is no part of a file.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

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
from wamesh.booking.catalogue.spelling import absence_ends, day_text, price_text, ranges_text
from wamesh.booking.catalogue.values import WEEKDAYS
from wamesh.slots.spans import Span
from wamesh.slots.working import DayPlan
from wamesh.slots.zones import MINUTES_PER_DAY

Tree: TypeAlias = dict[str, Any]

_STANDARD: Final = Company(0, "", "", "", "")


def tree_of(calendar: Calendar) -> Tree:
    """Returns the calendar's tree."""
    return _without_nothing(
        company=_company(calendar.company),
        booking=_booking(calendar.company),
        holidays=calendar.company.holidays and _holidays(calendar.company.holidays),
        closures=_absences(calendar.closures),
        categories=[_category(each) for each in calendar.categories],
        resources=[_resource(each) for each in calendar.resources],
        services=[_service(each) for each in calendar.services],
        staff=[_member(each) for each in calendar.staff],
    )


def _without_nothing(**content: Any) -> Tree:
    """Leaves out what is empty, None or false."""
    return {key: value for key, value in content.items() if value not in ("", None, False) and value not in ({}, [])}


def _company(company: Company) -> Tree:
    return _without_nothing(
        id=str(company.company_id),
        name=company.name,
        time_zone=company.time_zone,
        language=company.language,
        currency=company.currency,
        address=company.address,
        archived=_flag(company.archived),
    )


def _booking(company: Company) -> Tree:
    return _without_nothing(
        step_minutes=_unless(company.step_minutes, _STANDARD.step_minutes),
        notice_minutes=_unless(company.notice_minutes, _STANDARD.notice_minutes),
        horizon_days=_unless(company.horizon_minutes // MINUTES_PER_DAY, _STANDARD.horizon_minutes // MINUTES_PER_DAY),
    )


def _flag(value: bool) -> str:
    return "true" if value else ""


def _unless(value: int, default: int) -> str:
    return "" if value == default else str(value)


def _holidays(holidays: Holidays) -> Tree:
    return _without_nothing(
        country=holidays.country,
        subdivision=holidays.subdivision,
        open_days=[day_text(day) for day in sorted(holidays.open_days)],
    )


def _absences(absences: Iterable[Absence]) -> list[Tree]:
    return [_absence(each) for each in absences]


def _absence(absence: Absence) -> Tree:
    first, last = absence_ends(absence)
    if absence.whole_days and first == last:
        return _without_nothing(date=first, note=absence.note)
    return {"from": first, "to": last, **_without_nothing(note=absence.note)}


def _category(category: Category) -> Tree:
    return _without_nothing(
        id=str(category.category_id), name=dict(category.localized_names), archived=_flag(category.archived)
    )


def _resource(resource: Resource) -> Tree:
    return _without_nothing(
        id=str(resource.resource_id),
        name=dict(resource.localized_names),
        quantity=_unless(resource.quantity, 1),
        archived=_flag(resource.archived),
    )


def _service(service: Service) -> Tree:
    return _without_nothing(
        id=str(service.service_id),
        name=dict(service.localized_names),
        aliases=list(service.aliases),
        category=_unless(service.category_id, 0),
        duration_minutes=str(service.duration_minutes),
        duration_range=service.duration_range and "{}-{}".format(*service.duration_range),
        buffer_before_minutes=_unless(service.buffer_before_minutes, 0),
        buffer_after_minutes=_unless(service.buffer_after_minutes, 0),
        price=price_text(service.price_micros),
        capacity=_unless(service.capacity, 1),
        needs=[_need(each) for each in service.needs],
        archived=_flag(service.archived),
    )


def _need(need: Need) -> Tree:
    return {"resource": str(need.resource_id), "quantity": str(need.quantity)}


def _member(member: StaffMember) -> Tree:
    weekly = member.weekly
    return _without_nothing(
        id=str(member.staff_id),
        name=dict(member.localized_names),
        services=[_skill(each) for each in member.skills],
        hours=_week(plan.hours for plan in weekly),
        breaks=_week(plan.breaks for plan in weekly),
        overrides=[_override(day, plan) for day, plan in sorted(member.overrides.items())],
        time_off=_absences(member.time_off),
        archived=_flag(member.archived),
    )


def _skill(skill: Skill) -> Tree:
    return _without_nothing(
        id=str(skill.service_id),
        duration_minutes=None if skill.duration_minutes is None else str(skill.duration_minutes),
        price=None if skill.price_micros is None else price_text(skill.price_micros),
    )


def _week(ranges: Iterable[tuple[Span, ...]]) -> Mapping[str, str]:
    return {day: ranges_text(each) for day, each in zip(WEEKDAYS, ranges, strict=True) if each}


def _override(day: int, plan: DayPlan) -> Tree:
    return {"date": day_text(day), "hours": ranges_text(plan.hours), "breaks": ranges_text(plan.breaks)}
