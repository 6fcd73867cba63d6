"""The OpenAPI document: complete, consistent, and true to what the edge does."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor
from hypothesis import given, settings
from hypothesis import strategies as st
from support.http_edge import BINDINGS, SERVICES, UNARY
from support.messages import messages

from wamesh.api import answers, comments, openapi, page, rules
from wamesh.api.bindings import Binding
from wamesh.booking.v1 import booking_pb2 as booking
from wamesh.gateway.v1 import gateway_pb2 as gateway

DOCUMENT = openapi.document(tuple(SERVICES.values()), BINDINGS)
ALL_ROUTES = pytest.mark.parametrize("route", BINDINGS, ids=lambda each: f"{each.http_method} {each.template.source}")


def operation(route: Binding) -> dict[str, Any]:
    """The operation of a route."""
    found: dict[str, Any] = DOCUMENT["paths"][route.template.source][route.http_method.lower()]
    return found


def walk(value: Any) -> Iterator[Any]:
    """A JSON value and everything in it."""
    yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner:
        yield from walk(each)


def test_every_reference_resolves() -> None:
    """No `$ref` points to nothing, and no component is an orphan."""
    named = {each["$ref"] for each in walk(DOCUMENT) if isinstance(each, dict) and "$ref" in each}
    there = {
        f"#/components/{kind}/{name}" for kind, components in DOCUMENT["components"].items() for name in components
    }
    assert named == there


def test_every_route_is_there_once() -> None:
    """The document and the router are made of one table."""
    documented = {(path, method.upper()) for path, item in DOCUMENT["paths"].items() for method in item}
    assert documented == {(each.template.source, each.http_method) for each in BINDINGS}


def test_operation_ids_are_unique() -> None:
    """Generators of clients make one function of each."""
    ids = [operation(each)["operationId"] for each in BINDINGS]
    assert len(set(ids)) == len(BINDINGS)


def test_the_document_is_json() -> None:
    """Nothing in it is a Python or protobuf value."""
    assert json.loads(json.dumps(DOCUMENT)) == DOCUMENT


@ALL_ROUTES
def test_a_route_documents_every_field(route: Binding) -> None:
    """Path, query and body together name each field of the request, once."""
    told = operation(route)
    named = [each["name"] for each in told["parameters"] if each.get("in") in ("path", "query")]
    if route.takes_body:
        named += told["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert sorted(named) == sorted(each.name for each in route.request.fields)


@ALL_ROUTES
def test_every_operation_says_what_it_does(route: Binding) -> None:
    """The comments of the contract reach the reader."""
    told = operation(route)
    assert (bool(told["summary"]), bool(told["description"])) == (True, True)


def test_every_schema_says_what_it_is() -> None:
    """Every message, field and enum value of the contract has its comment in the document."""
    schemas = {name: each for name, each in DOCUMENT["components"]["schemas"].items() if name.startswith("wamesh.")}
    silent = [name for name, each in schemas.items() if not each["description"]]
    silent += [
        f"{name}.{field}"
        for name, each in schemas.items()
        for field, inner in each.get("properties", {}).items()
        if not inner["description"]
    ]
    assert silent == []


def test_streams_are_named_as_grpc_only() -> None:
    """A reader of the document learns that there is more."""
    gateway = "wamesh.gateway.v1.Gateway"
    assert set(DOCUMENT["x-grpc-only"]) == {f"{gateway}.{rpc}" for rpc in ("Pair", "Receive", "WatchEvents")}


def test_rules_become_keywords() -> None:
    """What protovalidate checks is told as far as JSON Schema has a word for it."""
    send = operation(next(each for each in BINDINGS if each.method.name == "Send"))
    schema = send["requestBody"]["content"]["application/json"]["schema"]
    text = schema["properties"]["text"]
    assert send["parameters"][0]["schema"] == {"type": "integer", "format": "int64", "exclusiveMinimum": 0}
    assert (text["minLength"], text["maxLength"]) == (1, 4096)
    assert "must contain more than white space" in text["description"]
    assert schema["required"] == ["text"]
    assert schema["allOf"] == [{"oneOf": [{"required": ["phone_number"]}, {"required": ["chat"]}]}]


@pytest.mark.parametrize(
    ("message", "field", "refused"),
    [
        (gateway.SendRequest.DESCRIPTOR, "company_id", True),
        (gateway.SendRequest.DESCRIPTOR, "quoted_message_id", False),
        (gateway.HealthRequest.DESCRIPTOR, "company_id", False),
        (booking.FindSlotsRequest.DESCRIPTOR, "segments", True),
        (booking.FindSlotsRequest.DESCRIPTOR, "page_size", False),
        (booking.DateRange.DESCRIPTOR, "first_date", True),
        (booking.DateRange.DESCRIPTOR, "last_date", False),
        (booking.Interval.DESCRIPTOR, "start_time", True),
        (booking.CreateBookingRequest.DESCRIPTOR, "customer", True),
    ],
)
def test_a_field_is_required_when_its_absence_is_refused(message: Descriptor, field: str, refused: bool) -> None:
    """Absent without presence is zero; required is whatever refuses that zero."""
    assert rules.refuses_absence(message.fields_by_name[field]) is refused


@pytest.mark.parametrize("method", UNARY, ids=lambda each: each.name)
@settings(max_examples=25)
@given(data=st.data())
def test_an_answer_has_the_documented_fields(method: Any, data: st.DataObject) -> None:
    """What the schema requires is there, and nothing is there that the schema lacks."""
    schema = DOCUMENT["components"]["schemas"][method.output_type.full_name]
    document = answers.document(data.draw(messages(method.output_type)))
    assert set(schema.get("required", [])) <= set(document) <= set(schema["properties"])


def test_the_comments_are_those_of_the_contract() -> None:
    """Full names find sentences; an unknown one finds nothing."""
    assert (
        comments.summary("wamesh.booking.v1.Booking.ListStaff")
        == "Lists the staff of a company, in the company's order"
    )
    assert comments.of("wamesh.booking.v1.Nothing") == ""


def test_the_page_has_its_files() -> None:
    """Every file that the page asks for is served, and no path is a surprise."""
    files = page.files()
    asked = re.findall(r'(?:href|src)="(/docs/[^"]+)"', files["/docs"].content.decode())
    assert {"/docs", *asked} == set(files)
