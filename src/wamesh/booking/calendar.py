"""What a company is: its zone, what it offers, who does it, and when they work.

Owns the nouns of the catalogue as plain values, and what they mean to the slot engine: the duties of a
service, the schedule of a staff member. Refuses wire types, tables and files. Money is whole micros of the
company's currency (35.50 EUR is 35_500_000), times of day are minutes since local midnight, days are day
numbers (`slots.zones`).

Invariant: a Calendar is complete and consistent. Every skill names a service of the company, ids are unique,
and two calendars with the same content are equal, whatever their revision.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from wamesh.booking.errors import CompanyNotFound, ServiceNotFound, StaffNotFound
from wamesh.booking.holidays import closed_days
from wamesh.slots.engine import Duty
from wamesh.slots.spans import Span, Spans, canonical, union
from wamesh.slots.working import DayPlan, Schedule, working_instants
from wamesh.slots.zones import MINUTES_PER_DAY, Offsets, day_date, local_days, offsets_between

MAX_SERVICE_MINUTES: Final = 1440
"""The longest service, and the longest buffer on either side of it."""

_STRETCHES_IN_MEMORY: Final = 8


@dataclass(frozen=True, slots=True)
class Holidays:
    """The public holidays on which a company is closed: those of a country (ISO 3166-1, "DE") and perhaps one of its
    subdivisions ("BE"), but for the day numbers in `open_days`.
    """

    country: str
    subdivision: str = ""
    open_days: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Company:
    """A company and its rules of booking.

    Visits start on the grid of `step_minutes`, not before now + `notice_minutes` and not after now +
    `horizon_minutes`. `language` is BCP 47, `currency` ISO 4217, `time_zone` an IANA name. Who is archived is found by
    no customer, and keeps its bookings.
    """

    company_id: int
    name: str
    time_zone: str
    language: str
    currency: str
    address: str = ""
    step_minutes: int = 15
    notice_minutes: int = 0
    horizon_minutes: int = 60 * MINUTES_PER_DAY
    holidays: Holidays | None = None
    archived: bool = False


@dataclass(frozen=True, slots=True)
class Category:
    """A group of services, for people who choose."""

    category_id: int
    name: str
    localized_names: Mapping[str, str] = field(default_factory=dict)
    archived: bool = False


@dataclass(frozen=True, slots=True)
class Resource:
    """A pool of `quantity` rooms, chairs or machines that are as good as each other; a room of its own has 1."""

    resource_id: int
    name: str
    quantity: int
    localized_names: Mapping[str, str] = field(default_factory=dict)
    archived: bool = False


class Need(NamedTuple):
    """That a service takes `quantity` of a resource, from its buffer before to its buffer after."""

    resource_id: int
    quantity: int


@dataclass(frozen=True, slots=True)
class Service:
    """Something that can be booked; durations, buffers and price hold for everybody without terms of their
    own.

    A service with a `capacity` above 1 is a class: several bookings share one start, staff member and set of resources
    until its seats are taken. With `duration_range` = (shortest, longest) minutes a customer may choose how long.
    `category_id` 0 is none; `needs` go by resource id.
    """

    service_id: int
    name: str
    duration_minutes: int
    price_micros: int
    localized_names: Mapping[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    buffer_before_minutes: int = 0
    buffer_after_minutes: int = 0
    category_id: int = 0
    capacity: int = 1
    needs: tuple[Need, ...] = ()
    duration_range: tuple[int, int] | None = None
    archived: bool = False


@dataclass(frozen=True, slots=True)
class Skill:
    """That a staff member does a service, and where they differ in it (None: as everybody)."""

    service_id: int
    duration_minutes: int | None = None
    price_micros: int | None = None


@dataclass(frozen=True, slots=True, order=True)
class Absence:
    """Time off or a closure: the local minutes `[start, end)`.

    With `whole_days` both are midnights, and the shifts that open on those dates do not take place, their
    hours after midnight included; the tail of the shift of the night before does.
    """

    start: int
    end: int
    whole_days: bool
    note: str = ""

    @property
    def days(self) -> range:
        """The day numbers of whole days."""
        return range(self.start // MINUTES_PER_DAY, self.end // MINUTES_PER_DAY)


@dataclass(frozen=True, slots=True)
class StaffMember:
    """Somebody who does services, and when. `weekly` has seven plans, Monday first; `overrides` go by day
    number. `busy` is a canonical set of instants that other calendars of theirs tell, by the name of each calendar.
    """

    staff_id: int
    name: str
    skills: tuple[Skill, ...]
    weekly: tuple[DayPlan, ...]
    localized_names: Mapping[str, str] = field(default_factory=dict)
    overrides: Mapping[int, DayPlan] = field(default_factory=dict)
    time_off: tuple[Absence, ...] = ()
    busy: Mapping[str, Spans] = field(default_factory=dict)
    archived: bool = False

    def schedule(self, closures: Collection[Absence], holidays: frozenset[int] = frozenset()) -> Schedule:
        """Returns when they work, given the company's closures and holidays (day numbers)."""
        away = [*closures, *self.time_off]
        return Schedule(
            weekly=self.weekly,
            overrides=self.overrides,
            days_off=holidays.union(day for each in away if each.whole_days for day in each.days),
            absences=tuple(canonical((each.start, each.end) for each in away if not each.whole_days)),
        )


@dataclass(frozen=True)
class Calendar:
    """A company's whole catalogue; all but the closures in the company's order, archived ones included. `revision`
    grows with each change.
    """

    company: Company
    services: tuple[Service, ...]
    staff: tuple[StaffMember, ...]
    closures: tuple[Absence, ...] = ()
    categories: tuple[Category, ...] = ()
    resources: tuple[Resource, ...] = ()
    revision: int = field(default=0, compare=False)

    @cached_property
    def zone(self) -> ZoneInfo:
        """The company's time zone."""
        return ZoneInfo(self.company.time_zone)

    def working(self, stretch: Span) -> tuple[Offsets, Mapping[int, Spans]]:
        """Returns the zone's offsets within a stretch of instants, and when each staff member works, by id.

        The stretches last asked for are remembered: a search of the next minute asks for the same days.
        """
        found = self._workings.get(stretch)
        if found is None:
            if len(self._workings) >= _STRETCHES_IN_MEMORY:
                self._workings.clear()
            found = self._workings[stretch] = self._working(stretch)
        return found

    def expect_open(self) -> None:
        """Raises CompanyNotFound when the company is archived, as customers know none that is."""
        if self.company.archived:
            raise CompanyNotFound(self.company.company_id)

    @property
    def offered_services(self) -> list[Service]:
        """The services that are not archived, in the company's order."""
        return [each for each in self.services if not each.archived]

    @property
    def present_staff(self) -> list[StaffMember]:
        """The staff members who are not archived, in the company's order."""
        return [each for each in self.staff if not each.archived]

    def service(self, service_id: int) -> Service:
        """Returns a service that is offered. Raises ServiceNotFound, also for one that is archived."""
        service = self._services.get(service_id)
        if service is None or service.archived:
            raise ServiceNotFound(service_id)
        return service

    def member(self, staff_id: int) -> StaffMember:
        """Returns a staff member who is present. Raises StaffNotFound, also for one who is archived."""
        member = self._staff.get(staff_id)
        if member is None or member.archived:
            raise StaffNotFound(staff_id)
        return member

    def resource(self, resource_id: int) -> Resource:
        """Returns a resource, archived or not; a service's needs name no others."""
        return self._resources[resource_id]

    def staff_of(self, service_id: int) -> list[int]:
        """Returns who does a service, ascending."""
        return sorted(self._duties.get(service_id, ()))

    def duties(self, service_id: int) -> Mapping[int, Duty]:
        """Returns what the service takes of each staff member who does it, by staff id. Raises
        ServiceNotFound.
        """
        return self._duties.get(self.service(service_id).service_id, {})

    def busy(self, staff_id: int) -> list[Span]:
        """Returns the instants that other calendars of a staff member tell as busy."""
        return self._busy[staff_id]

    def price_micros(self, service_id: int, staff_id: int) -> int:
        """Returns what the service costs when this staff member does it."""
        return self._prices[staff_id, service_id]

    @cached_property
    def _workings(self) -> dict[Span, tuple[Offsets, Mapping[int, Spans]]]:
        """By stretch. Not a cached method, which is a cycle and outlives its company until Python looks for those."""
        return {}

    def _working(self, stretch: Span) -> tuple[Offsets, Mapping[int, Spans]]:
        offsets = offsets_between(self.zone, *stretch)
        holidays = self._holidays(local_days(offsets))
        schedules = ((each.staff_id, each.schedule(self.closures, holidays)) for each in self.staff)
        return offsets, {staff_id: working_instants(schedule, offsets) for staff_id, schedule in schedules}

    def _holidays(self, days: range) -> frozenset[int]:
        """The day numbers of the company's holidays in all years that the days, or the one before them, touch."""
        if self.company.holidays is None:
            return frozenset()
        years = range(day_date(days.start - 1).year, day_date(days.stop).year + 1)
        return closed_days(self.company.holidays, years)

    @cached_property
    def _busy(self) -> Mapping[int, list[Span]]:
        return {each.staff_id: union(each.busy.values()) for each in self.staff}

    @cached_property
    def _duties(self) -> Mapping[int, Mapping[int, Duty]]:
        duties: dict[int, dict[int, Duty]] = {}
        for (staff_id, service_id), skill in self._skills.items():
            if self._staff[staff_id].archived:
                continue
            service = self._services[service_id]
            duration = skill.duration_minutes or service.duration_minutes
            duty = Duty(duration, service.buffer_before_minutes, service.buffer_after_minutes)
            duties.setdefault(service_id, {})[staff_id] = duty
        return duties

    @cached_property
    def _prices(self) -> Mapping[tuple[int, int], int]:
        def price(service_id: int, own: int | None) -> int:
            return self._services[service_id].price_micros if own is None else own

        return {each: price(each[1], skill.price_micros) for each, skill in self._skills.items()}

    @cached_property
    def _services(self) -> Mapping[int, Service]:
        return {each.service_id: each for each in self.services}

    @cached_property
    def _staff(self) -> Mapping[int, StaffMember]:
        return {each.staff_id: each for each in self.staff}

    @cached_property
    def _resources(self) -> Mapping[int, Resource]:
        return {each.resource_id: each for each in self.resources}

    @cached_property
    def _skills(self) -> Mapping[tuple[int, int], Skill]:
        return {(member.staff_id, each.service_id): each for member in self.staff for each in member.skills}
