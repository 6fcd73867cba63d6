"""What a catalogue may not say: the contradictions between its parts.

Owns the rules that no single value breaks; the limits of single values are `catalogue.values`'. Files and rpcs are
checked by the same rules, over the whole calendar, since a change of one thing may break another. What is archived may
name what is archived; what is offered needs what there is.

Paths are those of the file, with ids: `services[id 3].needs[resource 1]`.
"""

from collections.abc import Iterable, Iterator
from itertools import chain

from wamesh.booking.calendar import (
    Absence,
    Calendar,
    Category,
    Holidays,
    Need,
    Resource,
    Service,
    StaffMember,
)
from wamesh.booking.catalogue.spelling import absence_ends
from wamesh.booking.holidays import known_country, known_subdivisions
from wamesh.errors import Violation


def contradictions(calendar: Calendar) -> list[Violation]:
    """Returns all that is wrong with a calendar, in the order of the file; nothing when it is consistent."""
    language = calendar.company.language
    services = {each.service_id for each in calendar.services}
    return [
        *(_holidays(calendar.company.holidays) if calendar.company.holidays else ()),
        *_absences("closures", calendar.closures),
        *chain.from_iterable(_names("categories", each.category_id, each, language) for each in calendar.categories),
        *chain.from_iterable(_names("resources", each.resource_id, each, language) for each in calendar.resources),
        *chain.from_iterable(_service(each, calendar) for each in calendar.services),
        *chain.from_iterable(_member(each, services, language) for each in calendar.staff),
        *_twice("categories[id {}].id", (each.category_id for each in calendar.categories)),
        *_twice("resources[id {}].id", (each.resource_id for each in calendar.resources)),
        *_twice("services[id {}].id", (each.service_id for each in calendar.services)),
        *_twice("staff[id {}].id", (each.staff_id for each in calendar.staff)),
    ]


def _twice(path: str, ids: Iterable[object]) -> Iterator[Violation]:
    """Yields what stands more than once."""
    seen: set[object] = set()
    for each in ids:
        if each in seen:
            yield Violation(path.format(each), f"{each} stands here twice")
        seen.add(each)


def _holidays(holidays: Holidays) -> Iterator[Violation]:
    country, subdivision = holidays.country, holidays.subdivision
    if not known_country(country):
        yield Violation("holidays.country", f'"{country}" has no known holidays; write an ISO 3166-1 code such as DE')
    elif subdivision and subdivision not in (known := known_subdivisions(country)):
        right = f"those of {country} are {', '.join(known)}" if known else f"{country} has none; leave it out"
        yield Violation("holidays.subdivision", f'"{subdivision}" is not a known subdivision; {right}')


def _absences(path: str, absences: Iterable[Absence]) -> Iterator[Violation]:
    return _twice(f"{path}[{{}}]", (_time_of(each) for each in absences))


def _time_of(absence: Absence) -> str:
    first, last = absence_ends(absence)
    return first if absence.whole_days and first == last else f"{first} to {last}"


def _names(
    section: str, thing_id: int, thing: Category | Resource | Service | StaffMember, language: str
) -> Iterator[Violation]:
    if language not in thing.localized_names and not thing.archived:
        path = f"{section}[id {thing_id}].name.{language}"
        yield Violation(path, "is missing: it is the company's language")


def _service(service: Service, calendar: Calendar) -> Iterator[Violation]:
    path = f"services[id {service.service_id}]"
    yield from _names("services", service.service_id, service, calendar.company.language)
    yield from _category(service, calendar, f"{path}.category")
    yield from _duration(service, f"{path}.duration_range")
    for need in service.needs:
        yield from _need(service, need, calendar, f"{path}.needs[resource {need.resource_id}]")
    yield from _twice(f"{path}.needs[resource {{}}]", (each.resource_id for each in service.needs))


def _category(service: Service, calendar: Calendar, path: str) -> Iterator[Violation]:
    category_id = service.category_id
    category = next((each for each in calendar.categories if each.category_id == category_id), None)
    if category_id and category is None:
        yield Violation(path, f"{category_id} is not the id of a category")
    elif category and category.archived and not service.archived:
        yield Violation(path, f"category {category_id} is archived")


def _duration(service: Service, path: str) -> Iterator[Violation]:
    if service.duration_range is None:
        return
    shortest, longest = service.duration_range
    if service.capacity > 1:
        yield Violation(path, "a class has one duration; leave the range out")
    elif not shortest <= service.duration_minutes <= longest:
        yield Violation(path, f"{shortest}-{longest} must hold the usual duration, {service.duration_minutes}")


def _need(service: Service, need: Need, calendar: Calendar, path: str) -> Iterator[Violation]:
    resource = next((each for each in calendar.resources if each.resource_id == need.resource_id), None)
    if resource is None:
        yield Violation(path, f"{need.resource_id} is not the id of a resource")
    elif service.archived:
        return
    elif resource.archived:
        yield Violation(path, f"resource {need.resource_id} is archived")
    elif need.quantity > resource.quantity:
        yield Violation(f"{path}.quantity", f"{need.quantity} is more than there are, {resource.quantity}")


def _member(member: StaffMember, services: set[int], language: str) -> Iterator[Violation]:
    path = f"staff[id {member.staff_id}]"
    skills = [each.service_id for each in member.skills]
    yield from _names("staff", member.staff_id, member, language)
    for service_id in skills:
        if service_id not in services:
            yield Violation(f"{path}.services[id {service_id}]", f"{service_id} is not the id of a service")
    yield from _twice(f"{path}.services[id {{}}]", skills)
    yield from _absences(f"{path}.time_off", member.time_off)
