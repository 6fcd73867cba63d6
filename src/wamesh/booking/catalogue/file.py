"""The catalogue of a company as a YAML file that people write and copy: the reading of it.

Owns the shape of the file; `demo/salon.yaml` shows its keys, docs/catalogue.md explains them all, and
`catalogue.writing` is the way back. Refuses to guess: an unknown key, a time that does not exist, a service nobody
defined is an error, and all errors of a file are told at once, each with the path of the value, such as
`staff[id 1].hours.mon: "25:00" is not a time`.

Invariant: what is read is consistent by `catalogue.rules`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

import yaml

from wamesh.booking.calendar import (
    MAX_SERVICE_MINUTES,
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
from wamesh.booking.catalogue.errors import CatalogueInvalid
from wamesh.booking.catalogue.nodes import Node, TextLoader
from wamesh.booking.catalogue.rules import contradictions
from wamesh.booking.catalogue.values import (
    MAX_HORIZON_DAYS,
    MAX_ID,
    MAX_NOTICE_MINUTES,
    MAX_QUANTITY,
    MAX_REMARK,
    Broken,
    absence_of,
    country_of,
    currency_of,
    day_of,
    language_of,
    minutes_range_of,
    moment_of,
    name_in,
    price_micros_of,
    ranges_of,
    weekdays_of,
    zone_of,
)
from wamesh.errors import Violation
from wamesh.slots.spans import Span
from wamesh.slots.working import DayPlan
from wamesh.slots.zones import MINUTES_PER_DAY, weekday_of

T = TypeVar("T")
Week: TypeAlias = dict[int, tuple[Span, ...]]

_DEFAULT_HORIZON_DAYS: Final = 60


def read_catalogue(path: Path) -> Calendar:
    """Returns the calendar that a file describes. Raises CatalogueInvalid, also when it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogueInvalid([Violation("the file", f"cannot be read: {error}")]) from error
    return parse_catalogue(text)


def parse_catalogue(text: str) -> Calendar:
    """Returns the calendar that a YAML text describes. Raises CatalogueInvalid."""
    try:
        root = Node(yaml.load(text, Loader=TextLoader))  # a BaseLoader: makes texts, lists and mappings only
    except yaml.YAMLError as error:
        raise CatalogueInvalid([Violation("the file", f"is not YAML: {' '.join(str(error).split())}")]) from error
    except RecursionError as error:
        raise CatalogueInvalid([Violation("the file", "is nested too deeply")]) from error
    calendar = _calendar(root)
    problems = [*root.problems, *_sound(contradictions(calendar), root.problems)]
    if problems:
        raise CatalogueInvalid(problems)
    return calendar


def _sound(contradictions: list[Violation], problems: list[Violation]) -> list[Violation]:
    """Returns the contradictions that do not come from a value that could not be read."""
    broken = {_thing_of(each.field) for each in problems}
    no_language = "company" in broken
    return [
        each
        for each in contradictions
        if _thing_of(each.field) not in broken and not (no_language and ".name." in each.field)
    ]


def _thing_of(path: str) -> str:
    """Returns the part of a path that names one thing of the file: `services[id 1]` of `services[id 1].price`."""
    return path.partition("].")[0].partition(".")[0].removesuffix("]")


def _calendar(root: Node) -> Calendar:
    if not root:
        root.problem("is empty")
    root.expect_keys("company", "booking", "holidays", "closures", "categories", "resources", "services", "staff")
    company = _company(root.get("company"), root.get("booking"), root.get("holidays"))
    return Calendar(
        company,
        services=_things(root.get("services"), _service, company.language),
        staff=_things(root.get("staff"), _member, company.language),
        closures=_absences(root.get("closures")),
        categories=_things(root.get("categories"), _category, company.language),
        resources=_things(root.get("resources"), _resource, company.language),
    )


def _things(node: Node, read: Callable[[Node, str], T], language: str) -> tuple[T, ...]:
    """Reads a list of things with ids; one whose id cannot be read is left out."""
    things = [(each, read(each, language)) for each in node.items("id")]
    return tuple(thing for each, thing in things if f"{each.path}.id" not in {wrong.field for wrong in node.problems})


def _id(node: Node) -> int:
    return node.get("id").number(1, MAX_ID)


def _company(node: Node, booking: Node, holidays: Node) -> Company:
    node.expect_keys("id", "name", "time_zone", "language", "currency", "address", "archived")
    booking.expect_keys("step_minutes", "notice_minutes", "horizon_days")
    horizon_days = booking.get("horizon_days").number(1, MAX_HORIZON_DAYS, default=_DEFAULT_HORIZON_DAYS)
    return Company(
        company_id=_id(node),
        name=node.get("name").text(),
        time_zone=node.get("time_zone").parsed(zone_of, "UTC", required=True),
        language=node.get("language").parsed(language_of, "en", required=True),
        currency=node.get("currency").parsed(currency_of, "EUR", required=True),
        address=node.get("address").text(default="", most=MAX_REMARK),
        step_minutes=booking.get("step_minutes").number(1, MINUTES_PER_DAY, default=15),
        notice_minutes=booking.get("notice_minutes").number(0, MAX_NOTICE_MINUTES, default=0),
        horizon_minutes=horizon_days * MINUTES_PER_DAY,
        holidays=_holidays(holidays) if holidays else None,
        archived=node.get("archived").flag(),
    )


def _holidays(node: Node) -> Holidays:
    node.expect_keys("country", "subdivision", "open_days")
    return Holidays(
        country=node.get("country").parsed(country_of, "", required=True),
        subdivision=node.get("subdivision").text(default=""),
        open_days=frozenset(each.parsed(day_of, 0) for each in node.get("open_days").texts()),
    )


def _category(node: Node, language: str) -> Category:
    node.expect_keys("id", "name", "archived")
    names = _names(node.get("name"), language)
    return Category(_id(node), name_in(names, language), names, node.get("archived").flag())


def _resource(node: Node, language: str) -> Resource:
    node.expect_keys("id", "name", "quantity", "archived")
    names = _names(node.get("name"), language)
    quantity = node.get("quantity").number(1, MAX_QUANTITY, default=1)
    return Resource(_id(node), name_in(names, language), quantity, names, node.get("archived").flag())


def _service(node: Node, language: str) -> Service:
    node.expect_keys(
        "id",
        "name",
        "aliases",
        "category",
        "duration_minutes",
        "duration_range",
        "buffer_before_minutes",
        "buffer_after_minutes",
        "price",
        "capacity",
        "needs",
        "archived",
    )
    names = _names(node.get("name"), language)
    duration_range = node.get("duration_range")
    return Service(
        service_id=_id(node),
        name=name_in(names, language),
        localized_names=names,
        aliases=tuple(each.text() for each in node.get("aliases").texts()),
        category_id=node.get("category").number(1, MAX_ID) if node.get("category") else 0,
        duration_minutes=node.get("duration_minutes").number(1, MAX_SERVICE_MINUTES),
        duration_range=duration_range.parsed(minutes_range_of, (1, MAX_SERVICE_MINUTES)) if duration_range else None,
        buffer_before_minutes=node.get("buffer_before_minutes").number(0, MAX_SERVICE_MINUTES, default=0),
        buffer_after_minutes=node.get("buffer_after_minutes").number(0, MAX_SERVICE_MINUTES, default=0),
        price_micros=node.get("price").parsed(price_micros_of, 0, required=True),
        capacity=node.get("capacity").number(1, MAX_QUANTITY, default=1),
        needs=tuple(sorted(_need(each) for each in node.get("needs").items("resource"))),
        archived=node.get("archived").flag(),
    )


def _need(node: Node) -> Need:
    """Reads a resource's id, or a mapping with the id and how many."""
    if not isinstance(node.value, dict):
        return Need(node.number(1, MAX_ID), 1)
    node.expect_keys("resource", "quantity")
    return Need(node.get("resource").number(1, MAX_ID), node.get("quantity").number(1, MAX_QUANTITY, default=1))


def _names(node: Node, language: str) -> dict[str, str]:
    """Reads a name: a text in the company's language, or texts by language."""
    if not isinstance(node.value, dict):
        return {language: node.text()}
    for key, each in node.entries():
        Node(key, each.path, each.problems).parsed(language_of, "")
    return {key: each.text() for key, each in node.entries()}


def _member(node: Node, language: str) -> StaffMember:
    node.expect_keys("id", "name", "services", "hours", "breaks", "overrides", "time_off", "archived")
    names = _names(node.get("name"), language)
    hours, breaks = _week(node.get("hours")), _week(node.get("breaks"))
    weekly = tuple(DayPlan(hours.get(day, ()), breaks.get(day, ())) for day in range(7))
    return StaffMember(
        staff_id=_id(node),
        name=name_in(names, language),
        localized_names=names,
        skills=tuple(sorted((_skill(each) for each in node.get("services").items("id")), key=_service_id)),
        weekly=weekly,
        overrides=_overrides(node.get("overrides"), weekly),
        time_off=_absences(node.get("time_off")),
        archived=node.get("archived").flag(),
    )


def _service_id(skill: Skill) -> int:
    return skill.service_id


def _skill(node: Node) -> Skill:
    """Reads a service's id, or a mapping with the id and what differs."""
    if not isinstance(node.value, dict):
        return Skill(node.number(1, MAX_ID))
    node.expect_keys("id", "duration_minutes", "price")
    duration, price = node.get("duration_minutes"), node.get("price")
    return Skill(
        _id(node),
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
    for each in node.items("date"):
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
    return tuple(sorted(_absence(each) for each in node.items("date", "from")))


def _absence(node: Node) -> Absence:
    """Reads a date, or `from` and `to`: dates, both inclusive, or moments, the last exclusive."""
    node.expect_keys("date", "from", "to", "note")
    note = node.get("note").text(default="", most=MAX_REMARK)
    nothing: tuple[int, bool] = (0, True)
    if node.get("date"):
        start = end = (node.get("date").parsed(day_of, 0) * MINUTES_PER_DAY, True)
    else:
        start = node.get("from").parsed(moment_of, nothing, required=True)
        end = node.get("to").parsed(moment_of, nothing, required=True)
    try:
        return absence_of(start, end, note)
    except Broken as error:
        node.problem(str(error))
        return Absence(0, MINUTES_PER_DAY, True)
