"""Field rules whose meaning is easily lost in a proto."""

import pytest

from wamesh.booking.v1 import booking_pb2
from wamesh.errors import InvalidArgument
from wamesh.gateway.v1 import gateway_pb2
from wamesh.rpc.validation import check


def send(text: str) -> gateway_pb2.SendRequest:
    """A right request, but for the text."""
    return gateway_pb2.SendRequest(company_id=1, request_id="a", phone_number="+12025550123", text=text)


@pytest.mark.parametrize("text", ["да", "👍", "👨‍👩‍👧", " . ", "a\u00a0", "x" * 4096])
def test_text_that_shows_something_may_be_sent(text: str) -> None:
    """Letters, emoji and marks of any script."""
    check(send(text))


@pytest.mark.parametrize("text", ["", " ", "\n\t", "\u00a0\u2003", "\u200b\u200d", "a\x00b", "x" * 4097])
def test_text_that_shows_nothing_or_cannot_be_stored_is_refused(text: str) -> None:
    """Blank in any script, NUL, or too long: the field is named."""
    with pytest.raises(InvalidArgument) as caught:
        check(send(text))
    assert {each.field for each in caught.value.violations} == {"text"}


def test_paths_lead_to_the_wrong_field() -> None:
    """Repeated and nested fields are named as a caller would write them."""
    ids = booking_pb2.StaffIds(staff_ids=[1, 0])
    segment = booking_pb2.Segment(service_id=1, staff=booking_pb2.StaffChoice(only=ids))
    request = booking_pb2.FindSlotsRequest(
        company_id=1, dates=booking_pb2.DateRange(first_date="2026-11-24"), segments=[segment]
    )
    with pytest.raises(InvalidArgument) as caught:
        check(request)
    assert [each.field for each in caught.value.violations] == ["segments[0].staff.only.staff_ids[1]"]
