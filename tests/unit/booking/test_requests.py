"""What a request means, and which field is named when it means nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wamesh.booking import requests
from wamesh.booking.appointments import Wish
from wamesh.booking.errors import PhoneNumberImpossible
from wamesh.booking.search import Dates, Instants
from wamesh.booking.v1 import booking_pb2 as pb
from wamesh.errors import InvalidArgument
from wamesh.rpc import validation


def find() -> pb.FindSlotsRequest:
    """A question that is fine."""
    request = pb.FindSlotsRequest(company_id=1, segments=[pb.Segment(service_id=1)])
    request.dates.first_date = "2026-11-24"
    return request


def fields_of(request: pb.FindSlotsRequest) -> list[str]:
    """The fields that are refused."""
    with pytest.raises(InvalidArgument) as refused:
        requests.inquiry_of(request)
    return [each.field for each in refused.value.violations]


def test_one_date_is_a_window_of_one_date() -> None:
    """Day numbers, both inclusive."""
    assert requests.inquiry_of(find()).window == Dates(20781, 20781)


def test_an_interval_is_rounded_to_the_minutes_it_holds() -> None:
    """[00:00:01, 00:02:01) holds the minutes 1 and 2."""
    request = find()
    request.interval.start_time.seconds, request.interval.end_time.seconds = 1, 121
    assert requests.inquiry_of(request).window == Instants(1, 3)


def test_a_staff_choice_becomes_a_wish() -> None:
    """Any is everybody; only and except are sets."""
    request = find()
    del request.segments[:]
    request.segments.add(service_id=1).staff.any = True
    request.segments.add(service_id=2).staff.only.staff_ids.extend([5, 4])
    third = request.segments.add(service_id=3, same_staff_as_previous=True)
    getattr(third.staff, "except").staff_ids.append(6)
    assert requests.inquiry_of(request).wishes == (
        Wish(1),
        Wish(2, only=frozenset({4, 5})),
        Wish(3, excluded=frozenset({6}), same_staff_as_previous=True),
    )


def test_every_broken_rule_is_told_at_once() -> None:
    """In the order of the fields."""
    request = find()
    request.segments[0].same_staff_as_previous = True
    request.dates.first_date, request.dates.last_date = "2026-02-30", "2026-02-31"
    request.time_ranges.add(start="10:00", end="11:00")
    request.time_ranges.add(start="10:00", end="10:00")
    request.preferred_start_time.seconds = 2**60
    assert fields_of(request) == [
        "segments[0].same_staff_as_previous",
        "dates.first_date",
        "dates.last_date",
        "time_ranges[1].end",
        "preferred_start_time",
    ]


@pytest.mark.parametrize(("last", "good"), [("2026-12-24", True), ("2026-12-25", False), ("2026-11-23", False)])
def test_dates_are_in_order_and_at_most_31(last: str, good: bool) -> None:
    """2026-11-24 to 2026-12-24 are 31 dates."""
    request = find()
    request.dates.last_date = last
    if good:
        requests.inquiry_of(request)
    else:
        assert fields_of(request) == ["dates.last_date"]


def test_an_interval_is_at_most_31_days() -> None:
    """And its end is named."""
    request = find()
    request.interval.start_time.seconds = 0
    request.interval.end_time.seconds = 31 * 86_400
    requests.inquiry_of(request)
    request.interval.end_time.seconds += 1
    assert fields_of(request) == ["interval.end_time"]


@pytest.mark.parametrize(
    ("written", "answered"),
    [("+1 202-555-0142", "+12025550142"), ("+44 7700 900123", "+447700900123"), ("", ""), ("  ", "")],
)
def test_a_phone_number_is_answered_in_e164(written: str, answered: str) -> None:
    """Without spaces and hyphens; none is fine."""
    assert requests.customer_of(pb.Customer(phone_number=written)).phone_number == answered


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("+1202", "is too short for a number of country code 1"),
        ("+1202555014299999", "is too long for a number of country code 1"),
        ("2025550142", "is not a telephone number in international form, such as +12025550142"),
        ("+", "is not a telephone number in international form, such as +12025550142"),
        ("call me", "is not a telephone number in international form, such as +12025550142"),
    ],
)
def test_a_phone_number_that_cannot_be_is_refused(written: str, problem: str) -> None:
    """PHONE_NUMBER_IMPOSSIBLE names the field and says why."""
    with pytest.raises(PhoneNumberImpossible) as refused:
        requests.customer_of(pb.Customer(phone_number=written))
    assert [(each.field, each.description) for each in refused.value.violations] == [
        ("customer.phone_number", f"{written} {problem}")
    ]
    assert refused.value.metadata == {"phone_number": written, "problem": problem}


@given(st.text(max_size=32))
def test_no_text_as_a_phone_number_fails_otherwise(written: str) -> None:
    """Accepted or refused, never anything else."""
    try:
        number = requests.customer_of(pb.Customer(phone_number=written)).phone_number
    except PhoneNumberImpossible:
        return
    assert number == "" or number.startswith("+")


@given(st.binary(max_size=200))
def test_no_bytes_as_a_question_fail_otherwise(raw: bytes) -> None:
    """Whatever parses is understood or refused as INVALID_ARGUMENT."""
    request = find()
    try:
        request.MergeFromString(raw)
    except Exception:  # noqa: BLE001 (protobuf's own errors; such bytes never reach a servicer)
        return
    try:
        validation.check(request)
        requests.inquiry_of(request)
    except InvalidArgument:
        pass


def test_a_fingerprint_is_of_the_content_alone() -> None:
    """The page token is not part of the question; everything else is."""
    one, other = find(), find()
    other.page_token = "next"
    assert requests.fingerprint_of(one, "page_token") == requests.fingerprint_of(other, "page_token")
    other.company_id = 2
    assert requests.fingerprint_of(one, "page_token") != requests.fingerprint_of(other, "page_token")
