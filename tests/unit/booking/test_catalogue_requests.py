"""Messages mean what the same words in a file mean, or name the field that is wrong."""

from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st
from support.catalogue_worlds import calendars
from support.messages import messages

from wamesh.booking.calendar import Calendar, Company
from wamesh.booking.catalogue import requests, wire
from wamesh.booking.catalogue.file import parse_catalogue
from wamesh.booking.catalogue.rules import contradictions
from wamesh.booking.catalogue.writing import write_catalogue
from wamesh.booking.v1 import catalogue_pb2 as pb
from wamesh.errors import InvalidArgument, Violation
from wamesh.rpc import validation

SHOP = Company(1, "Shop", "Europe/Berlin", "en", "EUR")
SERVICE: dict[str, Any] = {
    "service_id": 5,
    "name": "Cut",
    "duration": "1800s",
    "price": {"currency_code": "EUR", "units": 20},
}


def service_entry(**changes: Any) -> pb.ServiceEntry:
    """A right service with some fields changed."""
    return json_format.ParseDict({**SERVICE, **changes}, pb.ServiceEntry())


def staff_entry(**changes: Any) -> pb.StaffEntry:
    """A right staff member with some fields changed."""
    return json_format.ParseDict({"staff_id": 3, "name": "Ann", **changes}, pb.StaffEntry())


@settings(max_examples=60, deadline=None)
@given(calendars())
def test_a_catalogue_survives_the_wire(calendar: Calendar) -> None:
    """Each thing is read back as it was, but for whether it is archived; the field rules accept what is answered."""
    message = wire.catalogue_message(calendar)
    company, _ = requests.company_of(calendar.company.company_id, message.company)
    for part in (message.company, *message.services, *message.staff, *message.categories, *message.closures):
        validation.check(part)
    entries: list[Any] = [
        *(wire.category_entry(requests.category_of(each, company.language)) for each in message.categories),
        *(wire.resource_entry(requests.resource_of(each, company.language)) for each in message.resources),
        *(wire.service_entry(requests.service_of(each, company), company.currency) for each in message.services),
    ]
    things: list[Any] = [*message.categories, *message.resources, *message.services]
    for before, after in zip(things, entries, strict=True):
        after.archived = before.archived
        assert after == before
    for before_member, member in zip(message.staff, calendar.staff, strict=True):
        read = requests.member_of(before_member, company, member)
        again = wire.staff_entry(read, company.currency)
        again.archived = before_member.archived
        assert again == before_member
    assert [requests.absence_from(each) for each in message.closures] == list(calendar.closures)
    assert parse_catalogue(message.yaml) == calendar


def altered(right: Message, data: st.DataObject) -> Message:
    """A right message with some fields changed to anything."""
    descriptor: Any = right.DESCRIPTOR
    other = data.draw(messages(descriptor))
    for field in data.draw(st.lists(st.sampled_from(list(descriptor.fields)), max_size=2, unique=True)):
        change = type(right)()
        change.CopyFrom(other)
        for unwanted in descriptor.fields:
            if unwanted is not field:
                change.ClearField(unwanted.name)
        right.ClearField(field.name)
        right.MergeFrom(change)
    return right


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_what_an_rpc_accepts_a_file_can_say(data: st.DataObject) -> None:
    """A service, staff member or company of any message is refused by name, or can be written and read back."""
    calendar = Calendar(SHOP, (), ())
    right = pb.CompanyEntry(name="Shop", time_zone="UTC", language="en", currency_code="EUR")
    message = altered(data.draw(st.sampled_from([right, service_entry(), staff_entry()])), data)
    try:
        validation.check(message)
        if isinstance(message, pb.CompanyEntry):
            calendar = Calendar(requests.company_of(1, message)[0], (), ())
        elif isinstance(message, pb.ServiceEntry):
            calendar = Calendar(SHOP, (requests.service_of(message, SHOP),), ())
        elif isinstance(message, pb.StaffEntry):
            calendar = Calendar(SHOP, (), (requests.member_of(message, SHOP, None),))
    except InvalidArgument as refused:
        assert all(each.field for each in refused.violations)
        return
    if not contradictions(calendar):
        assert parse_catalogue(write_catalogue(calendar)) == calendar


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": " "}, "service.name"),
        ({"localized_names": {"en": "Trim"}}, 'service.localized_names["en"]'),
        ({"aliases": ["cut", "\u2028"]}, "service.aliases[1]"),
        ({"duration": "90s"}, "service.duration"),
        ({"buffer_after_duration": "0.5s"}, "service.buffer_after_duration"),
        ({"price": {"currency_code": "USD", "units": 1}}, "service.price.currency_code"),
        ({"price": {"currency_code": "EUR", "units": -1}}, "service.price"),
        ({"price": {"currency_code": "EUR", "nanos": 1}}, "service.price"),
        ({"price": {"currency_code": "EUR", "nanos": 1_000_000_000}}, "service.price"),
        ({"price": {"currency_code": "EUR", "units": 2**63 - 1}}, "service.price"),
        ({"shortest_duration": "600s"}, "service.shortest_duration"),
    ],
)
def test_a_wrong_field_of_a_service_is_named(changes: dict[str, Any], field: str) -> None:
    """What the schema cannot say."""
    with pytest.raises(InvalidArgument) as refused:
        requests.service_of(service_entry(**changes), SHOP)
    assert [each.field for each in refused.value.violations] == [field]


@pytest.mark.parametrize(
    ("schedule", "field"),
    [
        ({"weekly": [{"day_of_week": 1}, {"day_of_week": 1}]}, "staff.schedule.weekly[1].day_of_week"),
        (
            {"weekly": [{"day_of_week": 1, "hours": [{"start": "10:00", "end": "10:00"}]}]},
            "staff.schedule.weekly[0].hours[0].end",
        ),
        ({"overrides": [{"date": "2026-02-30"}]}, "staff.schedule.overrides[0].date"),
        ({"overrides": [{"date": "2026-02-03"}, {"date": "2026-02-03"}]}, "staff.schedule.overrides[1].date"),
    ],
)
def test_a_wrong_schedule_is_named(schedule: dict[str, Any], field: str) -> None:
    """By the index in its list."""
    with pytest.raises(InvalidArgument) as refused:
        requests.member_of(staff_entry(schedule=schedule), SHOP, None)
    assert [each.field for each in refused.value.violations] == [field]


@pytest.mark.parametrize(
    ("absence", "field"),
    [
        ({"dates": {"first_date": "2026-02-30"}}, "absence.dates.first_date"),
        ({"dates": {"first_date": "2026-02-03", "last_date": "2026-02-01"}}, "absence.dates.last_date"),
        ({"dates": {"first_date": "2026-02-03", "last_date": "2036-02-01"}}, "absence.dates.last_date"),
        (
            {"moments": {"local_start": "2026-02-03T10:00", "local_end": "2026-02-03T10:00"}},
            "absence.moments.local_end",
        ),
    ],
)
def test_a_wrong_absence_is_named(absence: dict[str, Any], field: str) -> None:
    """A day that does not exist, an end before the begin, a decade."""
    with pytest.raises(InvalidArgument) as refused:
        requests.absence_from(json_format.ParseDict(absence, pb.AbsenceEntry()))
    assert [each.field for each in refused.value.violations] == [field]


def test_a_company_has_rules_of_whole_minutes_and_days() -> None:
    """All wrong ones at once."""
    entry = pb.CompanyEntry(name="Shop", time_zone="Mars", language="en", currency_code="EUR")
    entry.step_duration.seconds, entry.horizon_duration.seconds = 61, 86_460
    with pytest.raises(InvalidArgument) as refused:
        requests.company_of(1, entry)
    assert {each.field for each in refused.value.violations} == {
        "company.horizon_duration",
        "company.step_duration",
        "company.time_zone",
    }


def test_an_absent_schedule_is_as_before() -> None:
    """So are time off and what other calendars tell; a given one replaces hours and overrides."""
    schedule = {"weekly": [{"day_of_week": 1, "hours": [{"start": "10:00", "end": "18:00"}]}]}
    present = requests.member_of(staff_entry(schedule=schedule), SHOP, None)
    assert requests.member_of(staff_entry(), SHOP, present) == present
    nobody = requests.member_of(staff_entry(), SHOP, None)
    assert requests.member_of(staff_entry(schedule={}), SHOP, present) == nobody


def test_contradictions_have_the_path_of_the_requests_field() -> None:
    """Those elsewhere in the catalogue keep their own."""
    entry = service_entry(category_id=9, needs=[{"resource_id": 8}, {"resource_id": 7}], longest_duration="60s")
    broken = contradictions(Calendar(SHOP, (requests.service_of(service_entry(category_id=9), SHOP),), ()))
    needs = [Violation(f"services[id 5].needs[resource {each}]", "") for each in (7, 8)]
    elsewhere = Violation("services[id 55].category", "")
    found = requests.located([*broken, *needs, elsewhere], requests.places_of_service(entry))
    assert [each.field for each in found] == [
        "service.category_id",
        "service.needs[1].resource_id",
        "service.needs[0].resource_id",
        "services[id 55].category",
    ]
