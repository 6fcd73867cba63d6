"""What bad input gets from Booking, through a blocking stub of pytest-grpc and the production bootstrap."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
from google.protobuf import json_format
from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.grpc_server import LoopThread, _grpc_server, grpc_addr, loop_thread
from support.messages import messages

from wamesh.booking.main import booking_services
from wamesh.booking.v1 import booking_pb2 as pb
from wamesh.booking.v1 import booking_pb2_grpc
from wamesh.console.seed import DEMO_SALON, load_salon
from wamesh.rpc.errors import Refusal, refusal_of
from wamesh.settings import BookingSettings
from wamesh.storage.database import room_database

__all__ = ["_grpc_server", "grpc_addr", "loop_thread"]

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ANSWERS = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.ALREADY_EXISTS,
    grpc.StatusCode.FAILED_PRECONDITION,
}
DAY = {"first_date": "2026-11-24"}
VISIT = {"segments": [{"service_id": 1}], "start_time": "2026-11-24T12:00:00Z"}
CUSTOMER = {"name": "Alex", "phone_number": "+12025550123"}

# For each rpc a request that is right, so that one wrong field is the only reason for a refusal.
RIGHT: dict[str, dict[str, Any]] = {
    "FindSlots": {"company_id": 1, "segments": [{"service_id": 1}], "dates": DAY},
    "CreateBooking": {"company_id": 1, "request_id": "a-1", "visit": VISIT, "customer": CUSTOMER},
    "HoldSlot": {"company_id": 1, "request_id": "h-1", "visit": VISIT},
    "RescheduleBooking": {"company_id": 1, "request_id": "m-1", "booking_id": 1, "start_time": VISIT["start_time"]},
    "CancelBooking": {"company_id": 1, "booking_id": 1},
    "GetBooking": {"company_id": 1, "booking_id": 1},
    "ListBookings": {"company_id": 1},
    "ListServices": {"company_id": 1},
    "ListStaff": {"company_id": 1},
}


@pytest.fixture(scope="module")
def grpc_add_to_server() -> Callable[..., None]:
    """pytest-grpc: how the servicer is registered."""
    return booking_pb2_grpc.add_BookingServicer_to_server


@pytest.fixture(scope="module")
def grpc_servicer(loop_thread: LoopThread, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """pytest-grpc: the production servicer over a database with the demo salon."""
    booking = BookingSettings(data_directory=tmp_path_factory.mktemp("booking"))
    loop_thread.run(load_salon(DEMO_SALON, booking))
    opened = room_database(booking.room_database_url("booking"), "booking")
    database = loop_thread.run(opened.__aenter__())
    yield loop_thread.run(booking_services(database, lambda: NOW))[0].servicer
    loop_thread.run(opened.__aexit__(None, None, None))


@pytest.fixture(scope="module")
def grpc_stub_cls() -> type[booking_pb2_grpc.BookingStub]:
    """pytest-grpc: the stub."""
    return booking_pb2_grpc.BookingStub


def request_of(method: str, changes: dict[str, Any]) -> Message:
    """The right request of a method with some fields changed; None removes one."""
    content = {key: value for key, value in {**RIGHT[method], **changes}.items() if value is not None}
    request: Message = getattr(pb, f"{method}Request")()
    return json_format.ParseDict(content, request)


def refused(stub: Any, method: str, changes: dict[str, Any]) -> Refusal:
    """What the server refuses the changed request with."""
    with pytest.raises(grpc.RpcError) as caught:
        getattr(stub, method)(request_of(method, changes))
    return refusal_of(caught.value)  # type: ignore[arg-type]


@pytest.mark.parametrize("method", RIGHT)
@pytest.mark.parametrize("company_id", [None, 0, -1, -(2**63)])
def test_a_company_id_that_cannot_be_is_refused(grpc_stub: Any, method: str, company_id: int | None) -> None:
    """Absent, zero and negative ids are refused with the field named, by every rpc."""
    refusal = refused(grpc_stub, method, {"company_id": company_id})
    assert refusal.code == grpc.StatusCode.INVALID_ARGUMENT
    assert [each.field for each in refusal.violations] == ["company_id"]


@pytest.mark.parametrize("method", RIGHT)
def test_an_unknown_company_is_not_found(grpc_stub: Any, method: str) -> None:
    """NOT_FOUND names the company."""
    refusal = refused(grpc_stub, method, {"company_id": 404})
    assert refusal.code == grpc.StatusCode.NOT_FOUND
    assert refusal.reason == "COMPANY_NOT_FOUND"
    assert refusal.metadata["resource_name"] == "404"


@pytest.mark.parametrize("value", ["12", 1.5, {}, True])
def test_python_itself_refuses_other_types(value: object) -> None:
    """A string, fraction, object or bool never becomes a company id in a message."""
    with pytest.raises(TypeError):
        pb.ListStaffRequest(company_id=value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("method", "changes", "fields"),
    [
        ("FindSlots", {"segments": []}, {"segments"}),
        ("FindSlots", {"segments": [{"service_id": 0}]}, {"segments[0].service_id"}),
        ("FindSlots", {"dates": {"first_date": "tomorrow"}}, {"dates.first_date"}),
        ("FindSlots", {"dates": {"first_date": "2026-02-30"}}, {"dates.first_date"}),
        ("FindSlots", {"dates": {"first_date": "2026-11-24", "last_date": "2026-11-23"}}, {"dates.last_date"}),
        ("FindSlots", {"dates": {"first_date": "2026-11-24", "last_date": "2027-11-24"}}, {"dates.last_date"}),
        ("FindSlots", {"page_token": "forged"}, {"page_token"}),
        ("FindSlots", {"time_ranges": [{"start": "25:00", "end": "24:00"}]}, {"time_ranges[0].start"}),
        ("CreateBooking", {"request_id": None}, {"request_id"}),
        ("CreateBooking", {"customer": None}, {"customer"}),
        ("CreateBooking", {"customer": {"phone_number": "+1202"}}, {"customer.phone_number"}),
        ("CreateBooking", {"customer": {"phone_number": "12"}}, {"customer.phone_number"}),
        ("CreateBooking", {"visit": None, "slot_token": "forged"}, {"slot_token"}),
        ("CreateBooking", {"note": "x" * 1001}, {"note"}),
        ("CancelBooking", {"booking_id": 0}, {"booking_id"}),
        ("ListBookings", {"chat": "nobody"}, {"chat"}),
    ],
)  # fmt: skip
def test_a_wrong_field_is_named(grpc_stub: Any, method: str, changes: dict[str, Any], fields: set[str]) -> None:
    """INVALID_ARGUMENT with the path of each wrong field, and of no other."""
    refusal = refused(grpc_stub, method, changes)
    assert refusal.code == grpc.StatusCode.INVALID_ARGUMENT
    assert {each.field for each in refusal.violations} == fields


def test_a_phone_number_is_refused_with_the_reason(grpc_stub: Any) -> None:
    """The message says why the number cannot be."""
    refusal = refused(grpc_stub, "CreateBooking", {"customer": {"phone_number": "+1202"}})
    assert refusal.reason == "PHONE_NUMBER_IMPOSSIBLE"
    assert "short" in refusal.violations[0].description


@pytest.mark.parametrize("method", RIGHT)
def test_the_right_requests_are_not_refused_for_their_fields(grpc_stub: Any, method: str) -> None:
    """The requests that the other tests spoil are right."""
    try:
        getattr(grpc_stub, method)(request_of(method, {}))
    except grpc.RpcError as error:
        assert refusal_of(error).reason == "BOOKING_NOT_FOUND"  # type: ignore[arg-type]


@pytest.mark.parametrize("method", RIGHT)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_request_is_answered_or_refused(grpc_stub: Any, method: str, data: st.DataObject) -> None:
    """Invariant 20: a right request with any fields changed to anything never meets a bug: no INTERNAL, no UNKNOWN."""
    request = request_of(method, {})
    descriptor: Any = request.DESCRIPTOR
    other: Any = data.draw(messages(descriptor))
    names = [field.name for field in descriptor.fields]
    for name in data.draw(st.lists(st.sampled_from(names), max_size=4, unique=True)):
        change = type(request)()
        change.CopyFrom(other)
        for unwanted in set(names) - {name}:
            change.ClearField(unwanted)
        request.ClearField(name)
        request.MergeFrom(change)
    try:
        getattr(grpc_stub, method)(request)
    except grpc.RpcError as error:
        assert refusal_of(error).code in ANSWERS, request  # type: ignore[arg-type]


def bytes_like(request: Message) -> st.SearchStrategy[bytes]:
    """Bytes of any kind, or those of a request with a stretch of them replaced."""
    right = request.SerializeToString()
    places = st.tuples(st.integers(0, len(right)), st.integers(0, 8), st.binary(max_size=12))
    return st.binary(max_size=300) | places.map(lambda each: right[: each[0]] + each[2] + right[each[0] + each[1] :])


@pytest.mark.parametrize("method", [*RIGHT, "ReleaseHold"])
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_bytes_are_answered_or_refused(grpc_channel: grpc.Channel, method: str, data: st.DataObject) -> None:
    """Invariant 20: whether they are a message or not."""
    request = request_of(method, {}) if method in RIGHT else pb.ReleaseHoldRequest(company_id=1, hold_token="x")
    call: Any = grpc_channel.unary_unary(f"/wamesh.booking.v1.Booking/{method}")
    body = data.draw(bytes_like(request))
    try:
        call(body)
    except grpc.RpcError as error:
        assert refusal_of(error).code in ANSWERS, body  # type: ignore[arg-type]
