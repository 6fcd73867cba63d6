"""A catalogue file means what it says, or says which value is wrong and why."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wamesh.booking.calendar import Absence, Category, Holidays, Need, Resource, Skill
from wamesh.booking.catalogue.errors import CatalogueInvalid
from wamesh.booking.catalogue.file import parse_catalogue, read_catalogue
from wamesh.console.seed import DEMO_SALON
from wamesh.slots.working import DayPlan

SMALL = """
company: {id: 1, name: Barber, time_zone: Europe/Berlin, language: en, currency: EUR}
services: [{id: 1, name: Haircut, duration_minutes: 30, price: 20}]
staff:
  - id: 1
    name: Ann
    services: [1]
    hours: {mon: 10:00-18:00}
"""


def problems(text: str) -> list[str]:
    """What is wrong with a file."""
    with pytest.raises(CatalogueInvalid) as refused:
        parse_catalogue(text)
    return list(refused.value.problems)


def staff_with(lines: str) -> str:
    """The small file with other hours."""
    return SMALL.replace("    hours: {mon: 10:00-18:00}", lines)


def test_the_demo_salon_is_a_valid_catalogue() -> None:
    """Three people and six services, with names in two languages each."""
    calendar = read_catalogue(DEMO_SALON)
    assert [each.localized_names["en"] for each in calendar.staff] == ["Anna", "Maria", "Oleg"]
    assert len(calendar.services) == 6
    names = [each.localized_names for each in calendar.services] + [each.localized_names for each in calendar.staff]
    assert all(set(each) == {"ru", "en"} for each in names)


def test_a_minimal_file_gets_sensible_rules_of_booking() -> None:
    """A grid of 15 minutes, no notice, 60 days ahead; a plain name is in the company's language."""
    company = parse_catalogue(SMALL).company
    assert (company.step_minutes, company.notice_minutes, company.horizon_minutes) == (15, 0, 60 * 1440)
    assert parse_catalogue(SMALL).services[0].localized_names == {"en": "Haircut"}


@pytest.mark.parametrize(
    ("hours", "weekdays", "ranges"),
    [
        ("{mon-fri: 9:00-17:00}", range(5), ((540, 1020),)),
        ("{sat-mon: 22:00-02:00}", (5, 6, 0), ((1320, 1560),)),
        ("{daily: 00:00-24:00}", range(7), ((0, 1440),)),
        ("{'tue, thu': ['16:00-18:00', '10:00-12:00']}", (1, 3), ((600, 720), (960, 1080))),
        ("{'wed': '10:00-12:00, 16:00–18:00'}", (2,), ((600, 720), (960, 1080))),
        ("{sun: closed}", (), ()),
    ],
)
def test_hours_are_written_as_people_do(
    hours: str, weekdays: range | tuple[int, ...], ranges: tuple[tuple[int, int], ...]
) -> None:
    """Day ranges wrap the week, time ranges wrap midnight, several ranges are sorted."""
    (member,) = parse_catalogue(staff_with(f"    hours: {hours}")).staff
    expected = tuple(DayPlan(ranges) if day in weekdays else DayPlan() for day in range(7))
    assert member.weekly == expected


def test_an_override_keeps_the_breaks_of_its_weekday_unless_it_has_its_own() -> None:
    """2026-11-23 and 2026-11-30 are Mondays."""
    (member,) = parse_catalogue(
        staff_with(
            """
    hours: {mon: 10:00-18:00}
    breaks: {mon: 13:00-14:00}
    overrides:
      - {date: 2026-11-23, hours: 12:00-16:00}
      - {date: 2026-11-30, hours: 12:00-16:00, breaks: closed}
      - {date: 2026-12-07, hours: closed}
"""
        )
    ).staff
    assert list(member.overrides.values()) == [
        DayPlan(((720, 960),), ((780, 840),)),
        DayPlan(((720, 960),), ()),
        DayPlan((), ((780, 840),)),
    ]


def test_time_off_is_dates_or_moments() -> None:
    """Dates are inclusive, the last moment is exclusive."""
    (member,) = parse_catalogue(
        staff_with(
            """
    time_off:
      - {date: 1970-01-02}
      - {from: 1970-01-03, to: 1970-01-04, note: away}
      - {from: 1970-01-01 10:00, to: 1970-01-01 12:30}
"""
        )
    ).staff
    assert member.time_off == (
        Absence(600, 750, False),
        Absence(1440, 2880, True),
        Absence(2880, 5760, True, "away"),
    )


def test_a_skill_may_have_terms_of_its_own() -> None:
    """An id alone, or a mapping."""
    text = SMALL.replace("services: [1]", "services: [{id: 1, duration_minutes: 40, price: 22.50}]")
    assert parse_catalogue(text).staff[0].skills == (Skill(1, 40, 22_500_000),)


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ("    hours: {mon: 25:00-26:00}", 'staff[id 1].hours.mon: "25:00" is not a time; write it as 18:30'),
        (
            "    hours: {mon: 10:00}",
            'staff[id 1].hours.mon: "10:00" is not a range of times; write it as 10:00-19:30',
        ),
        (
            "    hours: {mon: 10:00-10:00}",
            'staff[id 1].hours.mon: "10:00-10:00" is empty; a whole day is 00:00-24:00',
        ),
        (
            "    hours: {mon: ['10:00-11:00', nine]}",
            'staff[id 1].hours.mon[1]: "nine" is not a range of times; write it as 10:00-19:30',
        ),
        (
            "    hours: {monday: 10:00-11:00}",
            'staff[id 1].hours.monday: "monday" is not a day of the week; write one of '
            "mon, tue, wed, thu, fri, sat, sun, or mon-fri, or daily",
        ),
        (
            "    hours: {mon-fri: 10:00-11:00, wed: 12:00-13:00}",
            "staff[id 1].hours.wed: names a day of the week that another key names too",
        ),
        ("    hours: 10:00-11:00", "staff[id 1].hours: must be a mapping of keys to values"),
        ("    hour: {}", "staff[id 1].hour: is not a known key; did you mean hours?"),
        (
            "    overrides: [{date: 2026-02-30, hours: closed}]",
            'staff[id 1].overrides[2026-02-30].date: "2026-02-30" is not a date; write it as 2026-12-24',
        ),
        (
            "    overrides: [{date: 2026-02-03}]",
            "staff[id 1].overrides[2026-02-03].hours: is missing; write closed for a day without work",
        ),
        (
            "    time_off: [{from: 2026-02-03, to: 2026-02-01}]",
            "staff[id 1].time_off[2026-02-03 to 2026-02-01]: ends before it begins",
        ),
        (
            "    time_off: [{from: 2026-02-03 10:00, to: 2026-02-04}]",
            "staff[id 1].time_off[2026-02-03 10:00 to 2026-02-04]: "
            "has a date at one end and a moment at the other; write two of a kind",
        ),
    ],
)
def test_a_wrong_value_is_named_by_its_place(lines: str, problem: str) -> None:
    """The path, the value, and what would be right."""
    assert problems(staff_with(lines)) == [problem]


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("id: 1, name: B", "id: 0, name: B", f'company.id: "0" is not a whole number from 1 to {2**63 - 1}'),
        ("id: 1, name: B", "name: B", "company.id: is missing"),
        (
            "Europe/Berlin",
            "Berlin",
            'company.time_zone: "Berlin" is not a time zone; write an IANA name such as Europe/Berlin',
        ),
        ("EUR", "Euro", 'company.currency: "Euro" is not a currency; write an ISO 4217 code such as EUR'),
        ("price: 20", "price: -1", 'services[id 1].price: "-1" is not a price; write an amount such as 35.50'),
        ("price: 20", "price: NaN", 'services[id 1].price: "NaN" is not a price; write an amount such as 35.50'),
        (
            "duration_minutes: 30",
            "duration_minutes: 30m",
            'services[id 1].duration_minutes: "30m" is not a whole number from 1 to 1440',
        ),
        ("services: [1]", "services: [1, 9]", "staff[id 1].services[id 9]: 9 is not the id of a service"),
        ("services: [1]", "services: [1, 1]", "staff[id 1].services[id 1]: 1 stands here twice"),
        ("name: Haircut", "name: {ru: Стрижка}", "services[id 1].name.en: is missing: it is the company's language"),
        ("name: Haircut", "name: [a]", "services[id 1].name: must be a single value"),
    ],
)
def test_every_section_is_checked(old: str, new: str, problem: str) -> None:
    """Company, services and staff alike."""
    assert problems(SMALL.replace(old, new)) == [problem]


def test_all_problems_are_told_at_once() -> None:
    """In the order of the file; then what contradicts something else."""
    text = SMALL.replace("EUR", "x").replace("price: 20", "price: x").replace("services: [1]", "services: [9]")
    paths = [each.partition(":")[0] for each in problems(text)]
    assert paths == ["company.currency", "services[id 1].price", "staff[id 1].services[id 9]"]


def test_an_unreadable_value_is_told_once() -> None:
    """A thing with a wrong value is not compared with others: what contradicts what is open until it is right."""
    text = SMALL.replace("language: en", "language: English").replace("{id: 1, name: H", "{id: x, name: H")
    assert [each.partition(":")[0] for each in problems(text)] == [
        "company.language",
        "services[id x].id",
        "staff[id 1].services[id 1]",
    ]


WHOLE = """
company: {id: 1, name: Studio, time_zone: Europe/Berlin, language: en, currency: EUR, archived: true}
holidays: {country: DE, subdivision: BE, open_days: [2026-12-25, 2026-12-26]}
categories: [{id: 1, name: Hair}, {id: 2, name: {en: Old, de: Alt}, archived: true}]
resources: [{id: 1, name: Chair, quantity: 2}, {id: 2, name: Room}]
services:
  - {id: 1, name: Cut, duration_minutes: 30, duration_range: 30-90, price: 20, category: 1, needs: [2, {resource: 1}]}
  - {id: 2, name: Course, duration_minutes: 60, price: 10, capacity: 12, needs: {resource: 1, quantity: 2}}
  - {id: 3, name: Perm, duration_minutes: 60, price: 10, category: 2, archived: true}
staff: [{id: 1, name: Ann, services: [3], archived: true}]
"""


def test_a_file_has_categories_resources_classes_and_holidays() -> None:
    """A resource has one unit, a need takes one, unless the file says more; what is archived may name what is."""
    calendar = parse_catalogue(WHOLE)
    assert calendar.categories == (
        Category(1, "Hair", {"en": "Hair"}),
        Category(2, "Old", {"en": "Old", "de": "Alt"}, archived=True),
    )
    assert calendar.resources == (Resource(1, "Chair", 2, {"en": "Chair"}), Resource(2, "Room", 1, {"en": "Room"}))
    cut, course, perm = calendar.services
    assert (cut.category_id, cut.duration_range, cut.needs) == (1, (30, 90), (Need(1, 1), Need(2, 1)))
    assert (course.capacity, course.needs) == (12, (Need(1, 2),))
    assert (perm.archived, calendar.staff[0].archived, calendar.company.archived) == (True, True, True)
    assert calendar.company.holidays == Holidays("DE", "BE", frozenset({20_812, 20_813}))


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("category: 1", "category: 7", "services[id 1].category: 7 is not the id of a category"),
        ("category: 1", "category: 2", "services[id 1].category: category 2 is archived"),
        ("needs: [2,", "needs: [9,", "services[id 1].needs[resource 9]: 9 is not the id of a resource"),
        ("needs: [2,", "needs: [1,", "services[id 1].needs[resource 1]: 1 stands here twice"),
        (
            "name: Room}",
            "name: Room, archived: true}",
            "services[id 1].needs[resource 2]: resource 2 is archived",
        ),
        (
            "quantity: 2}}",
            "quantity: 3}}",
            "services[id 2].needs[resource 1].quantity: 3 is more than there are, 2",
        ),
        (
            "duration_range: 30-90",
            "duration_range: 45-90",
            "services[id 1].duration_range: 45-90 must hold the usual duration, 30",
        ),
        (
            "duration_range: 30-90",
            "duration_range: 90-45",
            'services[id 1].duration_range: "90-45" is not a range of minutes from 1 to 1440; write it as 30-90',
        ),
        (
            "capacity: 12",
            "capacity: 12, duration_range: 60-90",
            "services[id 2].duration_range: a class has one duration; leave the range out",
        ),
        (
            "country: DE",
            "country: XX",
            'holidays.country: "XX" has no known holidays; write an ISO 3166-1 code such as DE',
        ),
        (
            "de: Alt}, archived: true",
            "de: Alt}, archived: yes",
            'categories[id 2].archived: "yes" is neither true nor false',
        ),
        ("{id: 2, name: Room}", "{id: 1, name: Room}", "resources[id 1].id: 1 stands here twice"),
        ("name: Hair}", "name: {de: Haar}}", "categories[id 1].name.en: is missing: it is the company's language"),
        ("name: Chair", 'name: "a\\0b"', "resources[id 1].name: must be one line without control characters"),
        ("name: Chair", f"name: {'x' * 201}", "resources[id 1].name: must have at most 200 characters"),
    ],
)  # fmt: skip
def test_a_contradiction_is_named_by_its_place(old: str, new: str, problem: str) -> None:
    """With the ids of the things that do not fit together."""
    assert problem in problems(WHOLE.replace(old, new, 1))


def test_a_subdivision_must_be_one_of_its_country() -> None:
    """The sentence has all of them."""
    (problem,) = problems(WHOLE.replace("subdivision: BE", "subdivision: Berlin"))
    assert problem.startswith('holidays.subdivision: "Berlin" is not a known subdivision; those of DE are BB, BE, ')


NO_CATALOGUES = (
    "",
    "- a",
    "a: [",
    "a: 1\na: 2",
    "? [x]\n: 1",
    "staff: &a [*a]",
    "x: !!python/name:os.x",
    pytest.param("[" * 20_000, id="deep"),
)


@pytest.mark.parametrize("text", NO_CATALOGUES)
def test_a_text_that_is_no_catalogue_is_refused(text: str) -> None:
    """Empty, not a mapping, not YAML, a key twice, a loop, a thousand levels."""
    assert problems(text)


def test_an_id_may_stand_once() -> None:
    """In services and in staff."""
    twice = SMALL.replace("services: [{", "services: [{id: 1, name: Cut, duration_minutes: 1, price: 1}, {")
    assert problems(twice) == ["services[id 1].id: 1 stands here twice"]


def test_an_absence_may_stand_once_and_lasts_at_most_five_years() -> None:
    """So that two files differ in what they mean, and no search looks at a century."""
    twice = "closures: [{date: 2026-12-24}, {date: 2026-12-24, note: Eve}]"
    assert problems(SMALL + twice) == ["closures[2026-12-24]: 2026-12-24 stands here twice"]
    century = "closures: [{from: 2026-12-24, to: 2126-12-24}]"
    assert problems(SMALL + century) == ["closures[2026-12-24 to 2126-12-24]: lasts longer than 5 years"]


@given(st.text(max_size=60))
def test_no_text_fails_otherwise(text: str) -> None:
    """Whatever stands in a file, the answer is a catalogue or a list of problems."""
    for written in (text, staff_with(f"    hours: {text}"), SMALL.replace("Europe/Berlin", text)):
        try:
            parse_catalogue(written)
        except CatalogueInvalid as error:
            assert error.problems


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """With the reason."""
    with pytest.raises(CatalogueInvalid, match="the file: cannot be read"):
        read_catalogue(tmp_path / "missing.yaml")
