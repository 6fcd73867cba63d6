"""Changes of a catalogue leave alone what they do not name, and mean the same the second time."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from support.catalogue_worlds import calendars

from wamesh.booking.calendar import Absence, Calendar
from wamesh.booking.catalogue.edits import (
    CATEGORIES,
    KINDS,
    RESOURCES,
    SERVICES,
    STAFF,
    Kind,
    archive,
    merged,
    put,
    with_absence,
    with_company,
    without_absence,
)
from wamesh.booking.catalogue.file import parse_catalogue, read_catalogue
from wamesh.booking.catalogue.rules import contradictions
from wamesh.booking.errors import StaffNotFound
from wamesh.console.seed import DEMO_SALON
from wamesh.errors import NotFound

SALON = read_catalogue(DEMO_SALON)
DAY_OFF = Absence(20_812 * 1440, 20_813 * 1440, True, "Christmas")


@settings(max_examples=60, deadline=None)
@given(calendars(), calendars())
def test_loading_a_file_never_removes_a_thing(present: Calendar, file: Calendar) -> None:
    """What the file does not name is archived behind what it does; all ids stay."""
    outcome = merged(present, file)
    for kind in KINDS:
        known, named, now = ({kind.id_of(each) for each in kind.things(of)} for of in (present, file, outcome))
        assert now == known | named
        assert kind.things(outcome)[: len(named)] == kind.things(file)
        assert all(each.archived for each in kind.things(outcome)[len(named) :])


@settings(max_examples=60, deadline=None)
@given(calendars(), calendars())
def test_loading_a_file_again_changes_nothing(present: Calendar, file: Calendar) -> None:
    """Nor does it contradict itself, whatever was there before."""
    once = merged(present, file)
    assert merged(once, file) == once
    assert contradictions(once) == []


def test_naming_a_thing_again_brings_it_back() -> None:
    """As the file has it now."""
    without = replace(SALON, services=SALON.services[:5], staff=tuple(replace(each, skills=()) for each in SALON.staff))
    archived = merged(SALON, without)
    assert archived.services[5] == replace(SALON.services[5], archived=True)
    assert merged(archived, SALON) == SALON


def test_a_file_leaves_what_other_calendars_tell() -> None:
    """It is no part of a file."""
    told = put(SALON, STAFF, replace(SALON.staff[0], busy={"phone": ((0, 60),)}))
    assert merged(told, SALON) == told


@pytest.mark.parametrize(("kind", "known"), [(SERVICES, 2), (STAFF, 3)])
def test_archiving_keeps_a_thing_and_its_place(kind: Kind, known: int) -> None:
    """And putting the thing as it was brings it back."""
    archived = archive(SALON, kind, known)
    assert archived != SALON
    assert [kind.id_of(each) for each in kind.things(archived)] == [kind.id_of(each) for each in kind.things(SALON)]
    assert put(archived, kind, kind.find(SALON, known)) == SALON


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (CATEGORIES, "CATEGORY_NOT_FOUND"),
        (RESOURCES, "RESOURCE_NOT_FOUND"),
        (SERVICES, "SERVICE_NOT_FOUND"),
        (STAFF, "STAFF_NOT_FOUND"),
    ],
)
def test_what_is_not_there_cannot_be_archived(kind: Kind, reason: str) -> None:
    """The refusal names its kind."""
    with pytest.raises(NotFound) as refused:
        archive(SALON, kind, 77)
    assert refused.value.reason == reason


def test_another_language_renames_everything() -> None:
    """Each name is the one in the company's language."""
    english = with_company(SALON, replace(SALON.company, language="en"))
    assert [each.name for each in english.staff] == ["Anna", "Maria", "Oleg"]
    assert contradictions(english) == []
    german = with_company(SALON, replace(SALON.company, language="de"))
    missing = [each.field for each in contradictions(german)]
    assert missing[-3:] == ["staff[id 1].name.de", "staff[id 2].name.de", "staff[id 3].name.de"]


def test_what_is_archived_may_lack_the_companys_language() -> None:
    """It keeps the name it has, so that what is gone does not stand in the way of a new language."""
    archived = archive(SALON, STAFF, 3)
    german = with_company(archived, replace(SALON.company, language="de"))
    assert german.staff[2].name == "Олег"
    assert "staff[id 3].name.de" not in {each.field for each in contradictions(german)}


@pytest.mark.parametrize("staff_id", [0, 1])
def test_an_absence_is_there_once(staff_id: int) -> None:
    """Its note is the one given last; without it everything is as before."""
    once = with_absence(SALON, staff_id, DAY_OFF)
    noted = with_absence(once, staff_id, replace(DAY_OFF, note="Holiday"))
    assert with_absence(once, staff_id, DAY_OFF) == once
    assert without_absence(noted, staff_id, DAY_OFF) == SALON
    assert without_absence(SALON, staff_id, DAY_OFF) == SALON


@pytest.mark.parametrize("edit", [with_absence, without_absence])
def test_an_absence_needs_somebody(edit: Callable[[Calendar, int, Absence], Calendar]) -> None:
    """An unknown staff member is refused."""
    with pytest.raises(StaffNotFound):
        edit(SALON, 77, DAY_OFF)


def test_a_resource_can_go_only_when_nothing_offered_needs_it() -> None:
    """The contradiction names who needs it; an archived service may go on naming it."""
    studio = parse_catalogue("""
company: {id: 1, name: Studio, time_zone: UTC, language: en, currency: EUR}
resources: [{id: 1, name: Chair}]
services: [{id: 4, name: Cut, duration_minutes: 30, price: 20, needs: 1}]
""")
    without_chair = archive(studio, RESOURCES, 1)
    assert [each.field for each in contradictions(without_chair)] == ["services[id 4].needs[resource 1]"]
    assert contradictions(archive(without_chair, SERVICES, 4)) == []
