"""Routes read from descriptors."""

import pytest
from google.api import annotations_pb2
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.descriptor_pool import DescriptorPool

from wamesh.api.bindings import BindingError, Match, Missed, Table, bindings_of
from wamesh.booking.v1 import booking_pb2
from wamesh.gateway.v1 import gateway_pb2

SERVICES = (
    gateway_pb2.DESCRIPTOR.services_by_name["Gateway"],
    booking_pb2.DESCRIPTOR.services_by_name["Booking"],
)
TABLE = Table(SERVICES)


@pytest.mark.parametrize(
    ("method", "path", "rpc"),
    [
        ("POST", "/v1/companies/7/messages", "Send"),
        ("GET", "/v1/companies/7/messages/a:b", "GetMessage"),
        ("HEAD", "/v1/companies/7/messages/a", "GetMessage"),
        ("GET", "/v1/companies/7/health", "Health"),
        ("GET", "/v1/health", "Health"),
        ("POST", "/v1/companies/7/session:start", "StartSession"),
        ("GET", "/v1/companies/7/session", "GetSession"),
        ("POST", "/v1/companies/7/slots:find", "FindSlots"),
        ("POST", "/v1/companies/7/bookings/9:cancel", "CancelBooking"),
        ("GET", "/v1/companies/7/bookings", "ListBookings"),
    ],
)
def test_a_request_finds_its_rpc(method: str, path: str, rpc: str) -> None:
    """The annotations decide, additional bindings included."""
    found = TABLE.find(method, path)
    assert isinstance(found, Match)
    assert found.binding.method.name == rpc


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v1/companies/7/bookings", ("GET", "HEAD", "POST")),
        ("GET", "/v1/companies/7/session:start", ("POST",)),
        ("GET", "/v1/companies/7/session:unknown", ()),
        ("GET", "/nothing", ()),
    ],
)
def test_a_request_without_route_learns_what_there_is(method: str, path: str, allowed: tuple[str, ...]) -> None:
    """The methods of a known path, or none for an unknown one."""
    assert TABLE.find(method, path) == Missed(allowed)


def test_streams_have_no_route() -> None:
    """Pair and Receive are gRPC only."""
    assert {"Pair", "Receive"} & {each.method.name for each in TABLE.bindings} == set()


def service(*rules: dict[str, str]) -> ServiceDescriptor:
    """A service `S` with one rpc a rule; its request has the fields id (int64), list and request (itself)."""
    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="s.proto", package="s", syntax="proto3")
    request = file.message_type.add(name="Request")
    request.field.add(name="id", number=1, type=kinds.TYPE_INT64, label=kinds.LABEL_OPTIONAL)
    request.field.add(name="list", number=2, type=kinds.TYPE_INT64, label=kinds.LABEL_REPEATED)
    request.field.add(
        name="request", number=3, type=kinds.TYPE_MESSAGE, label=kinds.LABEL_OPTIONAL, type_name=".s.Request"
    )
    declared = file.service.add(name="S")
    for index, rule in enumerate(rules):
        method = declared.method.add(name=f"M{index}", input_type=".s.Request", output_type=".s.Request")
        for name, value in rule.items():
            setattr(method.options.Extensions[annotations_pb2.http], name, value)
    pool = DescriptorPool()
    pool.Add(file)
    return pool.FindServiceByName("s.S")


@pytest.mark.parametrize(
    "rule",
    [
        {"post": "/v1/{id}", "body": "request"},
        {"get": "/v1/{id}", "response_body": "request"},
        {"get": "/v1/{list}"},
        {"get": "/v1/{request}"},
        {"get": "/v1/{unknown}"},
    ],
)
def test_an_annotation_that_cannot_be_served_stops_the_start(rule: dict[str, str]) -> None:
    """A route is served as annotated or not at all."""
    with pytest.raises(BindingError):
        bindings_of(service(rule))


def test_two_rpcs_behind_one_route_stop_the_start() -> None:
    """Names of variables make no difference to a path."""
    with pytest.raises(BindingError, match=r"s\.S\.M1 and s\.S\.M0 share"):
        Table([service({"get": "/v1/{id}"}, {"get": "/v1/{id}"})])


def test_an_rpc_without_annotation_has_no_route() -> None:
    """Nothing is exposed by default."""
    assert bindings_of(service({})) == []
