"""Changes of a catalogue, each a function from a calendar to a calendar.

Owns what a change leaves alone: the order of things, what is archived, schedules and time off of staff members, what
their other calendars tell. Refuses to judge: whether the outcome is consistent is for `catalogue.rules`.

Invariant: doing a change twice is doing it once, and nothing is ever removed that a booking can refer to.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias, TypeVar

from wamesh.booking.calendar import Absence, Calendar, Category, Company, Resource, Service, StaffMember
from wamesh.booking.catalogue.errors import CategoryNotFound, ResourceNotFound
from wamesh.booking.catalogue.values import name_in
from wamesh.booking.errors import ServiceNotFound, StaffNotFound
from wamesh.errors import NotFound

Thing: TypeAlias = Category | Resource | Service | StaffMember
T = TypeVar("T", Category, Resource, Service, StaffMember)


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the lists of a calendar: its name there and in the file, that of its ids, and the refusal of a wrong
    one.
    """

    section: str
    id_name: str
    missing: type[NotFound]

    def things(self, calendar: Calendar) -> Sequence[Any]:
        """Returns the list."""
        things: Sequence[Any] = getattr(calendar, self.section)
        return things

    def id_of(self, thing: Thing) -> int:
        """Returns a thing's id."""
        thing_id: int = getattr(thing, self.id_name)
        return thing_id

    def find(self, calendar: Calendar, thing_id: int) -> Any:
        """Returns the thing with this id, archived or not. Raises the kind's NotFound."""
        for each in self.things(calendar):
            if self.id_of(each) == thing_id:
                return each
        raise self.missing(thing_id)  # type: ignore[call-arg, arg-type]

    def replaced(self, calendar: Calendar, things: Iterable[Thing]) -> Calendar:
        """Returns the calendar with another list."""
        return replace(calendar, **{self.section: tuple(things)})  # type: ignore[arg-type]


CATEGORIES: Final = Kind("categories", "category_id", CategoryNotFound)
RESOURCES: Final = Kind("resources", "resource_id", ResourceNotFound)
SERVICES: Final = Kind("services", "service_id", ServiceNotFound)
STAFF: Final = Kind("staff", "staff_id", StaffNotFound)
KINDS: Final = (CATEGORIES, RESOURCES, SERVICES, STAFF)


def put(calendar: Calendar, kind: Kind, thing: Thing) -> Calendar:
    """Returns the calendar with a thing in the place of the one with its id, or at the end of its list."""
    things = kind.things(calendar)
    if any(kind.id_of(each) == kind.id_of(thing) for each in things):
        return kind.replaced(calendar, (thing if kind.id_of(each) == kind.id_of(thing) else each for each in things))
    return kind.replaced(calendar, (*things, thing))


def archive(calendar: Calendar, kind: Kind, thing_id: int) -> Calendar:
    """Returns the calendar with a thing archived. Raises the kind's NotFound."""
    return put(calendar, kind, replace(kind.find(calendar, thing_id), archived=True))


def with_company(calendar: Calendar, company: Company) -> Calendar:
    """Returns the calendar with another company; names are those in its language, where there is one."""
    changed = replace(calendar, company=company)
    for kind in KINDS:
        changed = kind.replaced(changed, (_named(each, company.language) for each in kind.things(changed)))
    return changed


def archived_company(calendar: Calendar) -> Calendar:
    """Returns the calendar with its company archived."""
    return replace(calendar, company=replace(calendar.company, archived=True))


def _named(thing: T, language: str) -> T:
    return replace(thing, name=name_in(thing.localized_names, language))


def with_absence(calendar: Calendar, staff_id: int, absence: Absence) -> Calendar:
    """Returns the calendar with time off of a staff member, or a closure when staff_id is 0; its note replaces that of
    one for the same time. Raises StaffNotFound.
    """
    others = absences_of(without_absence(calendar, staff_id, absence), staff_id)
    return _with_absences(calendar, staff_id, (*others, absence))


def without_absence(calendar: Calendar, staff_id: int, absence: Absence) -> Calendar:
    """Returns the calendar without time off, or a closure, of this time. Raises StaffNotFound."""
    others = (each for each in absences_of(calendar, staff_id) if _time_of(each) != _time_of(absence))
    return _with_absences(calendar, staff_id, others)


def absences_of(calendar: Calendar, staff_id: int) -> tuple[Absence, ...]:
    """Returns the time off of a staff member, or the closures when staff_id is 0. Raises StaffNotFound."""
    if not staff_id:
        return calendar.closures
    member: StaffMember = STAFF.find(calendar, staff_id)
    return member.time_off


def _with_absences(calendar: Calendar, staff_id: int, absences: Iterable[Absence]) -> Calendar:
    ordered = tuple(sorted(absences))
    if not staff_id:
        return replace(calendar, closures=ordered)
    return put(calendar, STAFF, replace(STAFF.find(calendar, staff_id), time_off=ordered))


def _time_of(absence: Absence) -> tuple[int, int, bool]:
    return absence.start, absence.end, absence.whole_days


def merged(present: Calendar, file: Calendar) -> Calendar:
    """Returns the calendar of a file with, archived, what the file no longer names, behind what it does. What other
    calendars of staff members tell is kept.
    """
    known = {each.staff_id: each.busy for each in present.staff}
    staff = [replace(each, busy=known.get(each.staff_id, each.busy)) for each in file.staff]
    outcome = replace(file, staff=tuple(staff), revision=present.revision)
    for kind in KINDS:
        outcome = kind.replaced(outcome, (*kind.things(outcome), *_left_over(kind, present, file)))
    return outcome


def _left_over(kind: Kind, present: Calendar, file: Calendar) -> list[Thing]:
    named, language = {kind.id_of(each) for each in kind.things(file)}, file.company.language
    left_over = (each for each in kind.things(present) if kind.id_of(each) not in named)
    return [_named(replace(each, archived=True), language) for each in left_over]
