"""JSON documents against the contract's messages."""

from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor
from hypothesis import given
from hypothesis import strategies as st
from support.messages import messages

from wamesh.api import answers, shape
from wamesh.booking.v1 import booking_pb2 as booking
from wamesh.errors import Violation
from wamesh.gateway.v1 import gateway_pb2 as gateway

SEND = gateway.SendRequest.DESCRIPTOR
FIND = booking.FindSlotsRequest.DESCRIPTOR
SERVICE = booking.Service.DESCRIPTOR
LIST = booking.ListBookingsRequest.DESCRIPTOR


@pytest.mark.parametrize(
    ("message", "document", "field", "words"),
    [
        (SEND, [], "(body)", "must be an object, not a list"),
        (SEND, {"company_id": "12"}, "company_id", 'must be an integer, not the text "12"'),
        (SEND, {"company_id": 1.5}, "company_id", "must be an integer, not the number 1.5"),
        (SEND, {"company_id": 1.0}, "company_id", "must be an integer, not the number 1.0"),
        (SEND, {"company_id": True}, "company_id", "must be an integer, not true"),
        (SEND, {"company_id": {}}, "company_id", "must be an integer, not an object"),
        (SEND, {"companyId": [7]}, "company_id", "must be an integer, not a list"),
        (SEND, {"company_id": 2**63}, "company_id", "must lie between -9223372036854775808 and 9223372036854775807"),
        (LIST, {"page_size": 2**31}, "page_size", "must lie between -2147483648 and 2147483647"),
        (SEND, {"text": 5}, "text", "must be text, not the number 5"),
        (SEND, {"text": "\ud800"}, "text", "has half of a surrogate pair, which is no character"),
        (SEND, {"queue_while_disconnected": 0}, "queue_while_disconnected", "must be true or false, not the number 0"),
        (SEND, {"compnay_id": 7}, "compnay_id", "is not a field of SendRequest; did you mean company_id?"),
        (SEND, {"x": 7}, "x", "is not a field of SendRequest"),
        (SEND, {"company_id": 7, "companyId": 7}, "company_id", "comes twice, as company_id and as companyId"),
        (SEND, {"chat": "a", "phone_number": "b"}, "recipient", "only one of phone_number, chat may be given"),
        (LIST, {"state": 1}, "state", "must be the name of a BookingState, not the number 1"),
        (
            LIST,
            {"state": "BOOKING_STATE_CONFIRMD"},
            "state",
            'must be the name of a BookingState, not the text "BOOKING_STATE_CONFIRMD"'
            "; did you mean BOOKING_STATE_CONFIRMED?",
        ),
        (
            LIST,
            {"start_time": "2026-11-27"},
            "start_time",
            'must be a time with offset such as "2026-11-27T18:30:00+01:00", not the text "2026-11-27"',
        ),
        (SERVICE, {"duration": "3"}, "duration", 'must be a duration in seconds such as "3s", not the text "3"'),
        (SERVICE, {"duration": 3}, "duration", 'must be a duration in seconds such as "3s", not the number 3'),
        (FIND, {"segments": {}}, "segments", "must be a list, not an object"),
        (FIND, {"segments": [None]}, "segments[0]", "must be an object, not null"),
        (
            FIND,
            {"segments": [{}, {"service_id": "1"}]},
            "segments[1].service_id",
            'must be an integer, not the text "1"',
        ),
        (
            FIND,
            {"segments": [{"staff": {"only": {"staffIds": [1, "2"]}}}]},
            "segments[0].staff.only.staff_ids[1]",
            'must be an integer, not the text "2"',
        ),
        (SERVICE, {"localized_names": {"ru": 1}}, 'localized_names["ru"]', "must be text, not the number 1"),
        (SERVICE, {"localized_names": []}, "localized_names", "must be an object, not a list"),
    ],
)
def test_a_wrong_value_is_named(message: Descriptor, document: Any, field: str, words: str) -> None:
    """The fault has the contract's path, what would be right, and what was got."""
    assert shape.violations(document, message) == [Violation(field, words)]


@pytest.mark.parametrize(
    "moment",
    [
        "2026-13-01T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-11-27T25:00:00Z",
        "0000-01-01T00:00:00Z",
        "٢٠٢٦-11-27T10:00:00Z",
        "2026-11-27 10:00:00Z",
        "2026-11-27T10:00:00",
        "9999-12-31T23:59:59-14:00",
    ],
)
def test_a_time_that_cannot_be_is_refused(moment: str) -> None:
    """A timestamp exists in the calendar, has an offset, and lies in the range of protobuf."""
    assert [each.field for each in shape.violations({"start_time": moment}, LIST)] == ["start_time"]


@pytest.mark.parametrize("duration", ["s", "1 s", "1m", "1e3s", "315576000001s", "-s", "+1s"])
def test_a_duration_that_cannot_be_is_refused(duration: str) -> None:
    """A duration is seconds, within 10,000 years."""
    assert [each.field for each in shape.violations({"duration": duration}, SERVICE)] == ["duration"]


def test_all_faults_come_at_once() -> None:
    """One round trip tells a caller everything."""
    document = {"segments": [{"service_id": "1"}, 2], "page_size": "many", "dates": {"firstDate": 5}}
    found = [each.field for each in shape.violations(document, FIND)]
    assert found == ["segments[0].service_id", "segments[1]", "page_size", "dates.first_date"]


def test_faults_are_counted_to_a_hundred() -> None:
    """A megabyte of mistakes makes no megabyte of answer."""
    assert len(shape.violations({f"x{index}": 1 for index in range(10_000)}, SEND)) == shape.MAX_VIOLATIONS


def test_null_is_absence() -> None:
    """A field, and a member of a oneof, that is null is not there."""
    assert shape.violations({"company_id": None, "chat": None, "phone_number": "b"}, SEND) == []


@given(st.sampled_from([SEND, FIND, SERVICE, LIST]).flatmap(messages))
def test_a_document_without_fault_is_parsed(message: Any) -> None:
    """Every message of the contract has a document that fits, in both spellings of names, and reads back equal."""
    document = answers.document(message)
    camel = json_format.MessageToDict(message)
    assert shape.violations(document, message.DESCRIPTOR) == []
    assert json_format.ParseDict(document, type(message)()) == message
    assert json_format.ParseDict(camel, type(message)()) == message


@given(st.sampled_from([SEND, FIND, SERVICE, LIST]), st.data())
def test_no_fault_means_that_protobuf_takes_it(message: Descriptor, data: st.DataObject) -> None:
    """What passes the walk never fails in the parser behind it."""
    names = st.sampled_from(sorted(name for each in (SEND, FIND, SERVICE, LIST) for name in each.fields_by_name))
    leaves = (
        st.none()
        | st.booleans()
        | st.integers()
        | st.text(max_size=3)
        | st.sampled_from(["3s", "2026-11-27T10:00:00Z"])
    )
    values = st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=3), max_leaves=6
    )
    document = data.draw(st.dictionaries(names, values, max_size=3))
    if not shape.violations(document, message):
        json_format.ParseDict(document, message._concrete_class())  # type: ignore[attr-defined]
