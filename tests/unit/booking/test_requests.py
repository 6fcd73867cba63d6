"""What a request means, and which field is named when it means nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wamesh.booking import requests
from wamesh.booking.appointments import Wish
from wamesh.booking.search import Dates, Inquiry, Instants
from wamesh.booking.signing import Signer
from wamesh.booking.v1 import booking_pb2 as pb
from wamesh.errors import InvalidArgument
from wamesh.rpc import validation

SIGNER = Signer(b"k" * 32)


def find() -> pb.FindSlotsRequest:
    """A question that is fine."""
    request = pb.FindSlotsRequest(company_id=1, segments=[pb.Segment(service_id=1)])
    request.dates.first_date = "2026-11-24"
    return request


def inquiry_of(request: pb.FindSlotsRequest) -> Inquiry:
    """What the question asks."""
    return requests.question_of(request, None, SIGNER).inquiry


def fields_of(request: pb.FindSlotsRequest) -> list[str]:
    """The fields that are refused."""
    with pytest.raises(InvalidArgument) as refused:
        inquiry_of(request)
    return [each.field for each in refused.value.violations]


def test_one_date_is_a_window_of_one_date() -> None:
    """Day numbers, both inclusive."""
    assert inquiry_of(find()).window == Dates(20781, 20781)


def test_an_interval_is_rounded_to_the_minutes_it_holds() -> None:
    """[00:00:01, 00:02:01) holds the minutes 1 and 2."""
    request = find()
    request.interval.start_time.seconds, request.interval.end_time.seconds = 1, 121
    assert inquiry_of(request).window == Instants(1, 3)


def test_a_staff_choice_becomes_a_wish() -> None:
    """Any is everybody; only and except are sets."""
    request = find()
    del request.segments[:]
    request.segments.add(service_id=1).staff.any = True
    request.segments.add(service_id=2).staff.only.staff_ids.extend([5, 4])
    third = request.segments.add(service_id=3, same_staff_as_previous=True)
    getattr(third.staff, "except").staff_ids.append(6)
    assert inquiry_of(request).wishes == (
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
        inquiry_of(request)
    else:
        assert fields_of(request) == ["dates.last_date"]


def test_an_interval_is_at_most_31_days() -> None:
    """And its end is named."""
    request = find()
    request.interval.start_time.seconds = 0
    request.interval.end_time.seconds = 31 * 86_400
    inquiry_of(request)
    request.interval.end_time.seconds += 1
    assert fields_of(request) == ["interval.end_time"]


def test_a_chosen_duration_is_whole_minutes() -> None:
    """Absent is the service's own."""
    request = find()
    assert inquiry_of(request).wishes[0].duration_minutes is None
    request.segments[0].duration.seconds = 90 * 60
    assert inquiry_of(request).wishes[0].duration_minutes == 90
    request.segments[0].duration.nanos = 1
    assert fields_of(request) == ["segments[0].duration"]


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
        inquiry_of(request)
    except InvalidArgument:
        pass


def test_a_fingerprint_is_of_the_content_alone() -> None:
    """The page token is not part of the question; everything else is."""
    one, other = find(), find()
    other.page_token = "next"
    assert requests.fingerprint_of(one, "page_token") == requests.fingerprint_of(other, "page_token")
    other.company_id = 2
    assert requests.fingerprint_of(one, "page_token") != requests.fingerprint_of(other, "page_token")


def test_a_fingerprint_tells_one_rpc_from_another() -> None:
    """Two requests that look alike in bytes are not the same request."""
    booking = pb.GetBookingRequest(company_id=1, booking_id=2)
    staff = pb.ListStaffRequest.FromString(booking.SerializeToString())
    assert staff.SerializeToString() == booking.SerializeToString()
    assert requests.fingerprint_of(booking) != requests.fingerprint_of(staff)
