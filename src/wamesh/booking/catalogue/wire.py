"""From the values of a calendar to messages of catalogue.proto.

Owns the shapes of responses. Invariant: `catalogue.requests` reads each message back to the same value.
"""

from collections.abc import Iterable, Mapping

from google.protobuf.duration_pb2 import Duration

from wamesh.booking.calendar import Absence, Calendar, Category, Company, Resource, Service, StaffMember
from wamesh.booking.catalogue.changes import CatalogueChange
from wamesh.booking.catalogue.spelling import absence_ends, day_text, time_range_ends
from wamesh.booking.catalogue.writing import write_catalogue
from wamesh.booking.v1 import booking_pb2, catalogue_pb2
from wamesh.booking.wire import money
from wamesh.slots.spans import Span
from wamesh.slots.working import DayPlan


def catalogue_message(calendar: Calendar) -> catalogue_pb2.GetCatalogueResponse:
    """The whole catalogue."""
    company = calendar.company
    return catalogue_pb2.GetCatalogueResponse(
        company_id=company.company_id,
        company=company_entry(company),
        categories=[category_entry(each) for each in calendar.categories],
        resources=[resource_entry(each) for each in calendar.resources],
        services=[service_entry(each, company.currency) for each in calendar.services],
        staff=[staff_entry(each, company.currency) for each in calendar.staff],
        closures=absence_entries(calendar.closures),
        revision=calendar.revision,
        yaml=write_catalogue(calendar),
    )


def company_entry(company: Company) -> catalogue_pb2.CompanyEntry:
    """A company and its rules."""
    message = catalogue_pb2.CompanyEntry(
        name=company.name,
        time_zone=company.time_zone,
        language=company.language,
        currency_code=company.currency,
        address=company.address,
        step_duration=_duration(company.step_minutes),
        notice_duration=_duration(company.notice_minutes),
        horizon_duration=_duration(company.horizon_minutes),
        archived=company.archived,
    )
    if company.holidays:
        message.holidays.country_code = company.holidays.country
        message.holidays.subdivision_code = company.holidays.subdivision
        message.holidays.open_dates.extend(day_text(day) for day in sorted(company.holidays.open_days))
    return message


def company_summary(company: Company, revision: int) -> catalogue_pb2.CompanySummary:
    """A company in a list."""
    return catalogue_pb2.CompanySummary(
        company_id=company.company_id,
        name=company.name,
        time_zone=company.time_zone,
        archived=company.archived,
        revision=revision,
    )


def category_entry(category: Category) -> catalogue_pb2.CategoryEntry:
    """A group of services."""
    return catalogue_pb2.CategoryEntry(
        category_id=category.category_id,
        name=category.name,
        localized_names=category.localized_names,
        archived=category.archived,
    )


def resource_entry(resource: Resource) -> catalogue_pb2.ResourceEntry:
    """A pool of rooms, chairs or machines."""
    return catalogue_pb2.ResourceEntry(
        resource_id=resource.resource_id,
        name=resource.name,
        localized_names=resource.localized_names,
        quantity=resource.quantity,
        archived=resource.archived,
    )


def service_entry(service: Service, currency: str) -> catalogue_pb2.ServiceEntry:
    """Something that can be booked."""
    message = catalogue_pb2.ServiceEntry(
        service_id=service.service_id,
        name=service.name,
        localized_names=service.localized_names,
        aliases=service.aliases,
        duration=_duration(service.duration_minutes),
        buffer_before_duration=_duration(service.buffer_before_minutes),
        buffer_after_duration=_duration(service.buffer_after_minutes),
        price=money(service.price_micros, currency),
        category_id=service.category_id,
        capacity=service.capacity,
        needs=[
            catalogue_pb2.ResourceNeed(resource_id=each.resource_id, quantity=each.quantity) for each in service.needs
        ],
        archived=service.archived,
    )
    if service.duration_range:
        shortest, longest = service.duration_range
        message.shortest_duration.CopyFrom(_duration(shortest))
        message.longest_duration.CopyFrom(_duration(longest))
    return message


def staff_entry(member: StaffMember, currency: str) -> catalogue_pb2.StaffEntry:
    """Somebody who does services, and when."""
    return catalogue_pb2.StaffEntry(
        staff_id=member.staff_id,
        name=member.name,
        localized_names=member.localized_names,
        skills=[
            catalogue_pb2.StaffSkill(
                service_id=each.service_id,
                duration=None if each.duration_minutes is None else _duration(each.duration_minutes),
                price=None if each.price_micros is None else money(each.price_micros, currency),
            )
            for each in member.skills
        ],
        schedule=schedule_message(member.weekly, member.overrides),
        absences=absence_entries(member.time_off),
        archived=member.archived,
    )


def schedule_message(weekly: Iterable[DayPlan], overrides: Mapping[int, DayPlan]) -> catalogue_pb2.StaffSchedule:
    """When a staff member works."""
    return catalogue_pb2.StaffSchedule(
        weekly=[
            catalogue_pb2.WeekdayPlan(
                day_of_week=weekday,
                hours=_ranges(plan.hours),
                breaks=_ranges(plan.breaks),
            )
            for weekday, plan in enumerate(weekly, start=1)
            if plan.hours or plan.breaks
        ],
        overrides=[
            catalogue_pb2.DatePlan(date=day_text(day), hours=_ranges(plan.hours), breaks=_ranges(plan.breaks))
            for day, plan in sorted(overrides.items())
        ],
    )


def _ranges(ranges: Iterable[Span]) -> list[booking_pb2.TimeRange]:
    return [booking_pb2.TimeRange(start=start, end=end) for start, end in map(time_range_ends, ranges)]


def absence_entries(absences: Iterable[Absence]) -> list[catalogue_pb2.AbsenceEntry]:
    """Time off or closures."""
    return [_absence_entry(each) for each in absences]


def _absence_entry(absence: Absence) -> catalogue_pb2.AbsenceEntry:
    first, last = absence_ends(absence)
    message = catalogue_pb2.AbsenceEntry(note=absence.note)
    if absence.whole_days:
        message.dates.first_date, message.dates.last_date = first, last
    else:
        message.moments.local_start, message.moments.local_end = first.replace(" ", "T"), last.replace(" ", "T")
    return message


def change_messages(changes: Iterable[CatalogueChange]) -> list[catalogue_pb2.CatalogueChange]:
    """The differences between two catalogues."""
    return [catalogue_pb2.CatalogueChange(path=each.path, before=each.before, after=each.after) for each in changes]


def _duration(minutes: int) -> Duration:
    return Duration(seconds=minutes * 60)
