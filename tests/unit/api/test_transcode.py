"""Path, query and body brought together."""

from typing import Any

import pytest
from google.protobuf.message import Message
from support.http_edge import BINDINGS

from wamesh.api import query, transcode
from wamesh.api.bindings import Match
from wamesh.booking.v1 import booking_pb2 as booking
from wamesh.errors import InvalidArgument
from wamesh.gateway.v1 import gateway_pb2 as gateway


def read(
    rpc: str, variables: dict[str, str], raw_query: bytes = b"", body: Any = None, key: str | None = None
) -> Message:
    """The message of a request to an rpc's first route."""
    binding = next(each for each in BINDINGS if each.method.name == rpc and each.ordinal == 0)
    return transcode.message(Match(binding, variables), raw_query, {} if body is None else body, key)


def faults(*arguments: Any, **named: Any) -> list[tuple[str, str]]:
    """Field and description of each violation of a request."""
    with pytest.raises(InvalidArgument) as caught:
        read(*arguments, **named)
    return [(each.field, each.description) for each in caught.value.violations]


def test_path_and_body_make_one_message() -> None:
    """The path's field stands beside the body's."""
    body = {"requestId": "a-1", "phone_number": "+12025550123", "text": "hi"}
    meant = gateway.SendRequest(company_id=7, request_id="a-1", phone_number="+12025550123", text="hi")
    assert read("Send", {"company_id": "7"}, body=body) == meant


def test_a_body_may_repeat_the_path() -> None:
    """The same value in the same type is no contradiction."""
    assert read("StopSession", {"company_id": "7"}, body={"companyId": 7}) == gateway.StopSessionRequest(company_id=7)


@pytest.mark.parametrize(
    ("said", "words"), [(8, "the number 8"), ("7", 'the text "7"'), (7.0, "the number 7.0"), (True, "true")]
)
def test_a_body_may_not_contradict_the_path(said: Any, words: str) -> None:
    """Another value, or the same in another type, is a fault."""
    expected = [("company_id", f"is the number 7 in the path and {words} in the body")]
    assert faults("StopSession", {"company_id": "7"}, body={"company_id": said}) == expected


def test_a_query_gives_fields_of_every_kind() -> None:
    """Numbers, enums by name, times and text; either spelling of a name."""
    raw = b"pageSize=5&state=BOOKING_STATE_CONFIRMED&start_time=2026-11-27T10:00:00%2B01:00&chat=12025550123@lid"
    meant = booking.ListBookingsRequest(
        company_id=7, page_size=5, state=booking.BOOKING_STATE_CONFIRMED, chat="12025550123@lid"
    )
    meant.start_time.FromJsonString("2026-11-27T09:00:00Z")
    assert read("ListBookings", {"company_id": "7"}, raw) == meant


@pytest.mark.parametrize(
    ("raw", "field", "words"),
    [
        (b"company_id=7", "company_id", "is part of the path; give it there alone"),
        (b"page_size=1&page_size=1", "page_size", "comes twice"),
        (b"pageSize=1&page_size=1", "page_size", "comes twice"),
        (b"page_size=", "page_size", 'must be an integer, not the text ""'),
        (b"page_size=01", "page_size", 'must be an integer, not the text "01"'),
        (b"page_sise=1", "page_sise", "is not a field of ListBookingsRequest; did you mean page_size?"),
        (b"state=1", "state", 'must be the name of a BookingState, not the text "1"'),
        (b"start_time.seconds=1", "start_time.seconds", "is not a field that a query parameter can name"),
    ],
)
def test_a_wrong_parameter_is_named(raw: bytes, field: str, words: str) -> None:
    """A query is as strict as a body."""
    assert faults("ListBookings", {"company_id": "7"}, raw) == [(field, words)]


def test_nested_and_repeated_parameters_are_read() -> None:
    """Dots go into messages, a repeated name makes a list, and nothing else does."""
    parameters = [("daysOfWeek", "MONDAY"), ("days_of_week", "FRIDAY"), ("dates.first_date", "2026-11-27")]
    document, found = query.document(parameters, booking.FindSlotsRequest.DESCRIPTOR, ())
    assert (document, found) == ({"days_of_week": ["MONDAY", "FRIDAY"], "dates": {"first_date": "2026-11-27"}}, [])


@pytest.mark.parametrize("name", ["segments", "segments.service_id", "dates", "customer.name", "dates.", ".", ""])
def test_what_no_parameter_can_say_is_refused(name: str) -> None:
    """Lists of messages, whole messages and empty names have no spelling in a query."""
    _, found = query.document([(name, "1")], booking.FindSlotsRequest.DESCRIPTOR, ())
    assert [each.field for each in found] == [name]


def test_a_body_takes_no_parameters_beside_it() -> None:
    """A parameter that would be ignored is a fault instead."""
    words = "is a query parameter, and this route takes a body alone"
    assert faults("StopSession", {"company_id": "7"}, b"company_id=8") == [("company_id", words)]


def test_path_body_and_query_are_judged_together() -> None:
    """Every fault of a request comes in one answer."""
    found = faults("CancelBooking", {"company_id": "x", "booking_id": "1.5"}, b"a=b", body={"cancel_reason": 5})
    assert [field for field, _ in found] == ["a", "company_id", "booking_id", "cancel_reason"]


def test_the_idempotency_key_fills_request_id_only() -> None:
    """It stands in where the request has the field and the body does not say it."""
    sent = read("Send", {"company_id": "7"}, body={"request_id": None}, key="k-1")
    said = read("Send", {"company_id": "7"}, body={"requestId": "k-1"}, key="k-1")
    stopped = read("StopSession", {"company_id": "7"}, key="k-1")
    assert (sent, said) == (gateway.SendRequest(company_id=7, request_id="k-1"),) * 2
    assert stopped == gateway.StopSessionRequest(company_id=7)
