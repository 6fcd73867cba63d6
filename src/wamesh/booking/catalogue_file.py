"""The catalogue of a company as a YAML file that people write and copy.

Owns the shape of the file and the loading of its content; `demo/salon.yaml` shows every key. Refuses to
guess: an unknown key, a time that does not exist, a service nobody defined is an error, and all errors of a
file are told at once, each with the path of the value, such as `staff[1].hours.mon: "25:00" is not a time`.

Invariant: loading is idempotent. The same file a second time changes nothing; a changed file replaces the
company's whole catalogue and leaves its bookings.
"""

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Literal, TypeAlias

import yaml

from wamesh.booking.calendar import (
    MAX_SERVICE_MINUTES,
    Absence,
    Calendar,
    Company,
    Service,
    Skill,
    StaffMember,
)
from wamesh.booking.catalogue_values import (
    MAX_ID,
    Node,
    TextLoader,
    currency_of,
    day_of,
    language_of,
    moment_of,
    price_micros_of,
    ranges_of,
    weekdays_of,
    zone_of,
)
from wamesh.booking.stores import CalendarStore, Transactions
from wamesh.slots.spans import Span
from wamesh.slots.working import DayPlan
from wamesh.slots.zones import MINUTES_PER_DAY, weekday_of

Outcome: TypeAlias = Literal["loaded", "unchanged"]
Week: TypeAlias = dict[int, tuple[Span, ...]]

_MAX_HORIZON_DAYS = 730


class CatalogueInvalid(Exception):
    """The file cannot be loaded; `problems` says why, one sentence each."""

    def __init__(self, source: str, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{source}: {each}" for each in self.problems))


async def load_catalogue(path: Path, database: Transactions, calendars: CalendarStore) -> tuple[Calendar, Outcome]:
    """Loads a file into the database, in one transaction. Raises CatalogueInvalid."""
    calendar = read_catalogue(path)
    changed = await database.write(lambda: calendars.replace(calendar))
    return calendar, "loaded" if changed else "unchanged"


def read_catalogue(path: Path) -> Calendar:
    """Returns the calendar that a file describes. Raises CatalogueInvalid, also when it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogueInvalid(str(path), [f"cannot be read: {error}"]) from error
    return parse_catalogue(text, str(path))


def parse_catalogue(text: str, source: str = "catalogue") -> Calendar:
    """Returns the calendar that a YAML text describes. Raises CatalogueInvalid."""
    try:
        root = Node(yaml.load(text, Loader=TextLoader))  # a BaseLoader: makes texts, lists and mappings only
    except yaml.YAMLError as error:
        raise CatalogueInvalid(source, [f"is not YAML: {' '.join(str(error).split())}"]) from error
    calendar = _calendar(root)
    if root.problems:
        raise CatalogueInvalid(source, root.problems)
    return calendar


def _calendar(root: Node) -> Calendar:
    if not root:
        root.problem("is empty")
    root.expect_keys("company", "booking", "closures", "services", "staff")
    company = _company(root.get("company"), root.get("booking"))
    services = tuple(_service(each, company.language) for each in root.get("services").items())
    _expect_unique(root.get("services"), [each.service_id for each in services])
    known = {each.service_id for each in services}
    staff = tuple(_member(each, company.language, known) for each in root.get("staff").items())
    _expect_unique(root.get("staff"), [each.staff_id for each in staff])
    return Calendar(company, services, staff, _absences(root.get("closures")))


def _expect_unique(node: Node, ids: list[int]) -> None:
    for index, each in enumerate(node.items()):
        if ids[index] in ids[:index]:
            each.get("id").problem(f"{ids[index]} is the id of another one already")


def _company(node: Node, booking: Node) -> Company:
    node.expect_keys("id", "name", "time_zone", "language", "currency", "address")
    booking.expect_keys("step_minutes", "notice_minutes", "horizon_days")
    return Company(
        company_id=node.get("id").number(1, MAX_ID),
        name=node.get("name").text(),
        time_zone=node.get("time_zone").parsed(zone_of, "UTC", required=True),
        language=node.get("language").parsed(language_of, "en", required=True),
        currency=node.get("currency").parsed(currency_of, "EUR", required=True),
        address=node.get("address").text(default=""),
        step_minutes=booking.get("step_minutes").number(1, MINUTES_PER_DAY, default=15),
        notice_minutes=booking.get("notice_minutes").number(0, 60 * MINUTES_PER_DAY, default=0),
        horizon_minutes=booking.get("horizon_days").number(1, _MAX_HORIZON_DAYS, default=60) * MINUTES_PER_DAY,
    )


def _service(node: Node, language: str) -> Service:
    node.expect_keys(
        "id",
        "name",
        "aliases",
        "duration_minutes",
        "buffer_before_minutes",
        "buffer_after_minutes",
        "price",
    )
    names = _names(node.get("name"), language)
    return Service(
        service_id=node.get("id").number(1, MAX_ID),
        name=names.get(language, ""),
        localized_names=names,
        aliases=tuple(each.text() for each in node.get("aliases").texts()),
        duration_minutes=node.get("duration_minutes").number(1, MAX_SERVICE_MINUTES),
        buffer_before_minutes=node.get("buffer_before_minutes").number(0, MAX_SERVICE_MINUTES, default=0),
        buffer_after_minutes=node.get("buffer_after_minutes").number(0, MAX_SERVICE_MINUTES, default=0),
        price_micros=node.get("price").parsed(price_micros_of, 0, required=True),
    )


def _names(node: Node, language: str) -> dict[str, str]:
    """Reads a name: a text in the company's language, or texts by language with that one among them."""
    if not isinstance(node.value, dict):
        return {language: node.text()}
    for key, each in node.entries():
        Node(key, each.path, each.problems).parsed(language_of, "")
    if language not in node.value:
        node.get(language).problem("is missing: it is the company's language")
    return {key: each.text() for key, each in node.entries()}


def _member(node: Node, language: str, known_services: Collection[int]) -> StaffMember:
    node.expect_keys("id", "name", "services", "hours", "breaks", "overrides", "time_off")
    names = _names(node.get("name"), language)
    hours, breaks = _week(node.get("hours")), _week(node.get("breaks"))
    weekly = tuple(DayPlan(hours.get(day, ()), breaks.get(day, ())) for day in range(7))
    return StaffMember(
        staff_id=node.get("id").number(1, MAX_ID),
        name=names.get(language, ""),
        localized_names=names,
        skills=_skills(node.get("services"), known_services),
        weekly=weekly,
        overrides=_overrides(node.get("overrides"), weekly),
        time_off=_absences(node.get("time_off")),
    )


def _skills(node: Node, known_services: Collection[int]) -> tuple[Skill, ...]:
    skills: dict[int, Skill] = {}
    for each in node.items():
        skill = _skill(each)
        if skill.service_id not in known_services:
            each.problem(f"{skill.service_id} is not the id of a service in this file")
        if skill.service_id in skills:
            each.problem(f"{skill.service_id} stands here twice")
        skills[skill.service_id] = skill
    return tuple(skills[service_id] for service_id in sorted(skills))


def _skill(node: Node) -> Skill:
    """Reads a service's id, or a mapping with the id and what differs."""
    if not isinstance(node.value, dict):
        return Skill(node.number(1, MAX_ID))
    node.expect_keys("id", "duration_minutes", "price")
    duration, price = node.get("duration_minutes"), node.get("price")
    return Skill(
        node.get("id").number(1, MAX_ID),
        duration.number(1, MAX_SERVICE_MINUTES) if duration else None,
        price.parsed(price_micros_of, 0) if price else None,
    )


def _week(node: Node) -> Week:
    """Reads ranges by weekday; each weekday may be named once."""
    week: Week = {}
    for key, each in node.entries():
        no_days: tuple[int, ...] = ()
        for day in Node(key, each.path, each.problems).parsed(weekdays_of, no_days):
            if day in week:
                each.problem("names a day of the week that another key names too")
            week[day] = _ranges(each)
    return week


def _ranges(node: Node) -> tuple[Span, ...]:
    none: tuple[Span, ...] = ()
    return tuple(sorted(span for each in node.texts() for span in each.parsed(ranges_of, none)))


def _overrides(node: Node, weekly: tuple[DayPlan, ...]) -> dict[int, DayPlan]:
    """Reads the dates with hours of their own; without `breaks` of their own they keep those of the weekday."""
    overrides: dict[int, DayPlan] = {}
    for each in node.items():
        each.expect_keys("date", "hours", "breaks")
        day = each.get("date").parsed(day_of, 0, required=True)
        if day in overrides:
            each.get("date").problem("stands here twice")
        if not each.get("hours"):
            each.get("hours").problem("is missing; write closed for a day without work")
        breaks = _ranges(each.get("breaks")) if each.get("breaks") else weekly[weekday_of(day)].breaks
        overrides[day] = DayPlan(_ranges(each.get("hours")), breaks)
    return overrides


def _absences(node: Node) -> tuple[Absence, ...]:
    return tuple(sorted(_absence(each) for each in node.items()))


def _absence(node: Node) -> Absence:
    """Reads a date, or `from` and `to`: dates, both inclusive, or moments, the last exclusive."""
    node.expect_keys("date", "from", "to", "note")
    note = node.get("note").text(default="")
    if node.get("date"):
        start = node.get("date").parsed(day_of, 0) * MINUTES_PER_DAY
        return Absence(start, start + MINUTES_PER_DAY, True, note)
    nothing: tuple[int, bool] = (0, True)
    start, whole_start = node.get("from").parsed(moment_of, nothing, required=True)
    end, whole_end = node.get("to").parsed(moment_of, nothing, required=True)
    if whole_start != whole_end:
        node.problem("has a date at one end and a moment at the other; write two of a kind")
    end += MINUTES_PER_DAY if whole_end else 0
    if end <= start:
        node.problem("ends before it begins")
    return Absence(start, end, whole_start and whole_end, note)
