"""What two catalogues differ in is told in the words of the file."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from support.catalogue_worlds import calendars

from wamesh.booking.calendar import Calendar
from wamesh.booking.catalogue.changes import CatalogueChange, changes_between
from wamesh.booking.catalogue.file import parse_catalogue, read_catalogue
from wamesh.console.seed import DEMO_SALON

STUDIO = """
company: {id: 1, name: Studio, time_zone: Europe/Berlin, language: en, currency: EUR}
closures: [{date: 2026-12-25, note: Christmas}]
resources: [{id: 1, name: Chair, quantity: 2}]
services:
  - {id: 1, name: Cut, duration_minutes: 30, price: 20, needs: [{resource: 1, quantity: 1}]}
  - {id: 2, name: Dye, duration_minutes: 60, price: 50}
staff:
  - id: 1
    name: Ann
    services: [1, {id: 2, price: 55}]
    hours: {mon-fri: 10:00-18:00}
    overrides: [{date: 2026-12-24, hours: 10:00-14:00}]
"""


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ("name: Studio", "name: Shop", [("company.name", "Studio", "Shop")]),
        ("price: 20", "price: 20.50", [("services[id 1].price", "20", "20.50")]),
        ("name: Cut", "name: {en: Cut, de: Schnitt}", [("services[id 1].name.de", "", "Schnitt")]),
        ("quantity: 1}]", "quantity: 2}]", [("services[id 1].needs[resource 1].quantity", "1", "2")]),
        (", {id: 2, price: 55}", "", [("staff[id 1].services[id 2]", "{id: 2, price: 55}", "")]),
        ("{id: 2, price: 55}", "2", [("staff[id 1].services[id 2].price", "55", "")]),
        (
            "{mon-fri: 10:00-18:00}",
            "{mon-wed: 9:00-18:00, fri: 10:00-18:00, sun: 10:00-12:00}",
            [
                ("staff[id 1].hours.mon-wed", "10:00-18:00", "09:00-18:00"),
                ("staff[id 1].hours.thu", "10:00-18:00", ""),
                ("staff[id 1].hours.sun", "", "10:00-12:00"),
            ],
        ),
        (
            "hours: 10:00-14:00",
            "hours: 10:00-14:00, breaks: 12:00-12:30",
            [("staff[id 1].overrides[2026-12-24].breaks", "closed", "12:00-12:30")],
        ),
        (
            "{date: 2026-12-25, note: Christmas}",
            "{from: 2026-12-25, to: 2026-12-26}",
            [
                ("closures[2026-12-25 to 2026-12-26]", "", "{from: 2026-12-25, to: 2026-12-26}"),
                ("closures[2026-12-25]", "{date: 2026-12-25, note: Christmas}", ""),
            ],
        ),
        (
            "staff:",
            "  - {id: 3, name: Wax, duration_minutes: 15, price: 9}\nstaff:",
            [("services[id 3]", "", "{id: 3, name: Wax, duration_minutes: 15, price: 9}")],
        ),
    ],
)  # fmt: skip
def test_a_difference_is_told_where_it_lies(old: str, new: str, changes: list[tuple[str, str, str]]) -> None:
    """With the text before and after; neighbouring days of one difference together."""
    before, after = parse_catalogue(STUDIO), parse_catalogue(STUDIO.replace(old, new))
    assert changes_between(before, after) == [CatalogueChange(*each) for each in changes]


def test_another_order_is_a_difference() -> None:
    """Customers see services and staff in the company's order."""
    salon = read_catalogue(DEMO_SALON)
    turned = replace(salon, services=salon.services[::-1])
    assert changes_between(salon, turned) == [
        CatalogueChange("services", "id 1, id 2, id 3, id 4, id 5, id 6", "id 6, id 5, id 4, id 3, id 2, id 1")
    ]


def test_a_new_company_is_told_whole() -> None:
    """Each thing on one line, the company field by field."""
    changes = changes_between(None, parse_catalogue(STUDIO))
    assert [each.path for each in changes] == [
        "company.id",
        "company.name",
        "company.time_zone",
        "company.language",
        "company.currency",
        "closures[2026-12-25]",
        "resources[id 1]",
        "services[id 1]",
        "services[id 2]",
        "staff[id 1]",
    ]
    assert {each.before for each in changes} == {""}


def test_what_other_calendars_tell_is_no_difference() -> None:
    """It is no part of a file."""
    before = parse_catalogue(STUDIO)
    busy = replace(before.staff[0], busy={"phone": ((0, 60),)})
    assert changes_between(before, replace(before, staff=(busy,))) == []


@settings(max_examples=60, deadline=None)
@given(calendars(), calendars())
def test_there_is_no_difference_exactly_between_equals(one: Calendar, other: Calendar) -> None:
    """For whatever two calendars, and for each and itself."""
    assert changes_between(one, one) == []
    assert (changes_between(one, other) == []) == (one == other)


@settings(max_examples=60, deadline=None)
@given(calendars(), calendars())
def test_a_difference_has_a_path_of_its_own_and_two_texts_that_differ(one: Calendar, other: Calendar) -> None:
    """No path is told twice."""
    changes = changes_between(one, other)
    assert len({each.path for each in changes}) == len(changes)
    assert all(each.before != each.after for each in changes)
