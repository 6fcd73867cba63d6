"""A catalogue file means what it says, or says which value is wrong and why."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.booking_service import SALON_FILE

from wamesh.booking.calendar import Absence, Skill
from wamesh.booking.catalogue_file import CatalogueInvalid, parse_catalogue, read_catalogue
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
    calendar = read_catalogue(SALON_FILE)
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
        ("    hours: {mon: 25:00-26:00}", 'staff[0].hours.mon: "25:00" is not a time; write it as 18:30'),
        (
            "    hours: {mon: 10:00}",
            'staff[0].hours.mon: "10:00" is not a range of times; write it as 10:00-19:30',
        ),
        (
            "    hours: {mon: 10:00-10:00}",
            'staff[0].hours.mon: "10:00-10:00" is empty; a whole day is 00:00-24:00',
        ),
        (
            "    hours: {mon: ['10:00-11:00', nine]}",
            'staff[0].hours.mon[1]: "nine" is not a range of times; write it as 10:00-19:30',
        ),
        (
            "    hours: {monday: 10:00-11:00}",
            'staff[0].hours.monday: "monday" is not a day of the week; write one of '
            "mon, tue, wed, thu, fri, sat, sun, or mon-fri, or daily",
        ),
        (
            "    hours: {mon-fri: 10:00-11:00, wed: 12:00-13:00}",
            "staff[0].hours.wed: names a day of the week that another key names too",
        ),
        ("    hours: 10:00-11:00", "staff[0].hours: must be a mapping of keys to values"),
        ("    hour: {}", "staff[0].hour: is not a known key; did you mean hours?"),
        (
            "    overrides: [{date: 2026-02-30, hours: closed}]",
            'staff[0].overrides[0].date: "2026-02-30" is not a date; write it as 2026-12-24',
        ),
        (
            "    overrides: [{date: 2026-02-03}]",
            "staff[0].overrides[0].hours: is missing; write closed for a day without work",
        ),
        (
            "    time_off: [{from: 2026-02-03, to: 2026-02-01}]",
            "staff[0].time_off[0]: ends before it begins",
        ),
        (
            "    time_off: [{from: 2026-02-03 10:00, to: 2026-02-04}]",
            "staff[0].time_off[0]: has a date at one end and a moment at the other; write two of a kind",
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
        ("price: 20", "price: -1", 'services[0].price: "-1" is not a price; write an amount such as 35.50'),
        ("price: 20", "price: NaN", 'services[0].price: "NaN" is not a price; write an amount such as 35.50'),
        (
            "duration_minutes: 30",
            "duration_minutes: 30m",
            'services[0].duration_minutes: "30m" is not a whole number from 1 to 1440',
        ),
        ("services: [1]", "services: [1, 9]", "staff[0].services[1]: 9 is not the id of a service in this file"),
        ("services: [1]", "services: [1, 1]", "staff[0].services[1]: 1 stands here twice"),
        ("name: Haircut", "name: {ru: Стрижка}", "services[0].name.en: is missing: it is the company's language"),
        ("name: Haircut", "name: [a]", "services[0].name: must be a single value"),
    ],
)
def test_every_section_is_checked(old: str, new: str, problem: str) -> None:
    """Company, services and staff alike."""
    assert problems(SMALL.replace(old, new)) == [problem]


def test_all_problems_are_told_at_once() -> None:
    """In the order of the file, each with the name of the file."""
    with pytest.raises(CatalogueInvalid) as refused:
        parse_catalogue(SMALL.replace("EUR", "x").replace("price: 20", "price: x"), "my.yaml")
    paths = [line.partition(' "')[0] for line in str(refused.value).splitlines()]
    assert paths == ["my.yaml: company.currency:", "my.yaml: services[0].price:"]


NO_CATALOGUES = ("", "- a", "a: [", "a: 1\na: 2", "? [x]\n: 1", "staff: &a [*a]", "x: !!python/name:os.x")


@pytest.mark.parametrize("text", NO_CATALOGUES)
def test_a_text_that_is_no_catalogue_is_refused(text: str) -> None:
    """Empty, not a mapping, not YAML, a key twice, a loop."""
    assert problems(text)


def test_an_id_may_stand_once() -> None:
    """In services and in staff."""
    twice = SMALL.replace("services: [{", "services: [{id: 1, name: Cut, duration_minutes: 1, price: 1}, {")
    assert problems(twice) == ["services[1].id: 1 is the id of another one already"]


@given(st.text(max_size=60))
def test_no_text_fails_otherwise(text: str) -> None:
    """Whatever stands in a file, the answer is a catalogue or a list of problems."""
    for written in (text, staff_with(f"    hours: {text}"), SMALL.replace("Europe/Berlin", text)):
        try:
            parse_catalogue(written)
        except CatalogueInvalid as error:
            assert error.problems


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    """With its name and the reason."""
    with pytest.raises(CatalogueInvalid, match=r"missing\.yaml: cannot be read"):
        read_catalogue(tmp_path / "missing.yaml")
