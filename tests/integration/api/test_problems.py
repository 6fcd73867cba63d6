"""What a caller gets instead of an answer."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from httpx import QueryParams
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.http_edge import BINDINGS, Edge, edge

from wamesh import errors
from wamesh.api import problems
from wamesh.api.bindings import Binding
from wamesh.booking.v1 import booking_pb2 as booking

JSON = {"Content-Type": "application/json"}
SEND = "/v1/companies/7/messages"
SERVICES = "/v1/companies/7/services"
STOP = "/v1/companies/7/session:stop"


@pytest.fixture
async def mesh() -> AsyncIterator[Edge]:
    """Backends that check field rules as the mesh's servers do."""
    async with edge() as found:
        yield found


def raising(error: Exception) -> Any:
    """A behavior that refuses."""

    async def refuse(request: Message, context: Any) -> Message:
        raise error

    return refuse


class Replaced(errors.FailedPrecondition):
    """A refusal as the gateway makes it."""

    reason = "SESSION_REPLACED"


class Paced(errors.ResourceExhausted):
    """A refusal with a time to come back."""

    reason = "PACED"


async def test_a_refusal_keeps_reason_and_metadata(mesh: Edge) -> None:
    """What the server said is told whole, and FAILED_PRECONDITION is a conflict."""
    mesh.recorder.behavior = raising(Replaced("Company 7 is REPLACED.", {"state": "REPLACED"}))
    response = await mesh.http.post(STOP, headers=JSON)
    document = response.json()
    details = document.pop("details")
    assert response.headers["content-type"] == "application/problem+json"
    assert details[0]["@type"] == "google.rpc.PreconditionFailure"
    assert document == {
        "type": "urn:wamesh:problem:SESSION_REPLACED",
        "title": "Session replaced",
        "status": 409,
        "detail": "Company 7 is REPLACED.",
        "code": "FAILED_PRECONDITION",
        "reason": "SESSION_REPLACED",
        "metadata": {"state": "REPLACED"},
    }


async def test_a_time_to_come_back_is_told_in_header_and_document(mesh: Edge) -> None:
    """RetryInfo becomes Retry-After in whole seconds, rounded up, and exact seconds in the document."""
    mesh.recorder.behavior = raising(Paced("Too many messages.", timedelta(seconds=1.5)))
    response = await mesh.http.post(STOP, headers=JSON)
    told = (response.status_code, response.headers["retry-after"], response.json()["retry_after_seconds"])
    assert told == (429, "2", 1.5)


async def test_a_detail_of_ours_is_told_as_an_answer_is(mesh: Edge) -> None:
    """SlotUnavailable carries its fresh suggestions to the HTTP caller."""
    error = Replaced("Taken.")
    error.details = (booking.SlotUnavailable(suggested_slots=[booking.Slot(slot_token="t-1")]),)
    mesh.recorder.behavior = raising(error)
    document = (await mesh.http.get(SERVICES)).json()
    told = [each for each in document["details"] if each["@type"] == "wamesh.booking.v1.SlotUnavailable"]
    assert told[0]["suggested_slots"][0]["slot_token"] == "t-1"


async def test_all_broken_rules_come_at_once(mesh: Edge) -> None:
    """The servers' field violations arrive with their paths."""
    response = await mesh.http.post(SEND, json={"request_id": "!", "text": ""})
    fields = [each["field"] for each in response.json()["violations"]]
    assert (response.status_code, sorted(fields)) == (400, ["recipient", "request_id", "text"])


async def test_all_wrong_types_come_at_once(mesh: Edge) -> None:
    """The edge names every field that is not of its type, in path and body."""
    body = {"text": 5, "queueWhileDisconnected": "yes", "txt": ""}
    response = await mesh.http.post("/v1/companies/x/messages", json=body)
    fields = [each["field"] for each in response.json()["violations"]]
    assert fields == ["company_id", "text", "queue_while_disconnected", "txt"]


async def test_a_bug_in_a_server_tells_nothing(mesh: Edge) -> None:
    """The text of an exception stays in the server's log."""
    mesh.recorder.behavior = raising(RuntimeError("the password is hunter2"))
    response = await mesh.http.get(SERVICES)
    assert (response.status_code, response.json()["code"], "hunter2" in response.text) == (500, "INTERNAL", False)


async def test_a_backend_that_is_gone_is_unavailable(mesh: Edge) -> None:
    """The caller learns which backend, and no address."""
    await mesh.backends["booking"].stop(0)
    response = await mesh.http.get(SERVICES)
    document = response.json()
    assert (response.status_code, document["reason"], "127.0.0.1" in response.text) == (503, "UNAVAILABLE", False)
    assert document["detail"] == "The booking service cannot be reached; try again in a moment."


async def test_the_caller_sets_the_deadline(mesh: Edge) -> None:
    """X-Request-Timeout cuts the rpc, which the server sees."""
    cut = asyncio.Event()
    mesh.recorder.behavior = waiting_until_cut(cut)
    response = await mesh.http.get(SERVICES, headers={"X-Request-Timeout": "0.05"})
    await asyncio.wait_for(cut.wait(), 5)
    assert (response.status_code, response.json()["reason"]) == (504, "DEADLINE_EXCEEDED")


@pytest.mark.parametrize("seconds", ["0", "-1", "61", "soon", "1e1", "nan", ""])
async def test_a_wrong_deadline_is_refused(mesh: Edge, seconds: str) -> None:
    """A deadline is more than nothing and at most a minute; a longer one is not cut in silence."""
    response = await mesh.http.get(SERVICES, headers={"X-Request-Timeout": seconds})
    assert (response.status_code, response.json()["violations"][0]["field"]) == (400, "X-Request-Timeout")


def waiting_until_cut(cut: asyncio.Event) -> Any:
    """A behavior that never answers and notes when it is cancelled."""

    async def wait(request: Message, context: Any) -> Message:
        try:
            return await asyncio.Future[Message]()
        finally:
            cut.set()

    return wait


@pytest.mark.parametrize(
    ("method", "path", "headers", "content", "status", "reason"),
    [
        ("GET", "/v1/nothing", {}, b"", 404, "ROUTE_NOT_FOUND"),
        ("GET", "/v1/companies/7/messages/", {}, b"", 404, "ROUTE_NOT_FOUND"),
        ("GET", "//v1/sessions", {}, b"", 404, "ROUTE_NOT_FOUND"),
        ("POST", "/wamesh.gateway.v1.Gateway/Pair", JSON, b"{}", 404, "ROUTE_NOT_FOUND"),
        ("DELETE", SEND, {}, b"", 405, "METHOD_NOT_ALLOWED"),
        ("OPTIONS", SEND, {}, b"", 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/healthz", {}, b"", 405, "METHOD_NOT_ALLOWED"),
        ("POST", STOP, {}, b"", 415, "CONTENT_TYPE_UNSUPPORTED"),
        ("POST", STOP, {"Content-Type": "text/plain"}, b"{}", 415, "CONTENT_TYPE_UNSUPPORTED"),
        ("POST", SEND, JSON, b" " * (1024 * 1024 + 1), 413, "BODY_TOO_LARGE"),
        ("POST", SEND, JSON, b'{"text": "a", "text": "b"}', 400, "JSON_MALFORMED"),
        ("POST", SEND, JSON, b'{"text": NaN}', 400, "JSON_MALFORMED"),
        ("POST", SEND, JSON, b'{"text": "\xff"}', 400, "JSON_MALFORMED"),
        ("POST", SEND, JSON, b"[" * 100_000, 400, "JSON_MALFORMED"),
        ("POST", SEND, JSON, b"9" * 10_000, 400, "JSON_MALFORMED"),
        ("POST", SEND, JSON, b"[]", 400, "FIELD_RULE_BROKEN"),
        ("POST", SEND + "?text=a", JSON, b"{}", 400, "FIELD_RULE_BROKEN"),
        ("GET", SERVICES, {}, b"{}", 400, "BODY_UNEXPECTED"),
        ("GET", SERVICES + "?a=%ff", {}, b"", 400, "QUERY_MALFORMED"),
        ("GET", "/v1/companies/7/messages/%ff", {}, b"", 400, "FIELD_RULE_BROKEN"),
    ],
)
async def test_a_request_that_means_nothing_is_a_problem(
    mesh: Edge, method: str, path: str, headers: dict[str, str], content: bytes, status: int, reason: str
) -> None:
    """Each way of being no request has a status and a stable reason, and reaches no servicer."""
    response = await mesh.http.request(method, path, headers=headers, content=content)
    assert (response.status_code, response.json()["reason"], mesh.recorder.requests) == (status, reason, [])
    assert response.headers["content-type"] == "application/problem+json"


async def test_a_wrong_method_lists_the_right_ones(mesh: Edge) -> None:
    """405 carries Allow; HEAD is there wherever GET is."""
    response = await mesh.http.delete("/v1/companies/7/bookings")
    assert response.headers["allow"] == "GET, HEAD, POST"


async def test_the_idempotency_key_names_the_request(mesh: Edge) -> None:
    """The header stands in for request_id, with or without quotes; a contradiction is refused."""
    body = {"text": "hi", "phone_number": "+12025550123"}
    for key in ("a-1", '"a-1"'):
        await mesh.http.post(SEND, json=body, headers={"Idempotency-Key": key})
    wrong = await mesh.http.post(SEND, json={**body, "request_id": "b"}, headers={"Idempotency-Key": "a-1"})
    assert [each.request_id for each in mesh.recorder.requests] == ["a-1", "a-1"]  # type: ignore[attr-defined]
    assert wrong.json()["violations"][0]["field"] == "request_id"


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def near_bodies(route: Binding) -> st.SearchStrategy[Any]:
    """JSON with the route's own field names and any values, so that the walk goes deep."""
    names = st.sampled_from(sorted(_names(route)) or ["company_id"])
    values = st.recursive(
        ANY_JSON | st.sampled_from(["2026-11-27T10:00:00Z", "3s", "BOOKING_STATE_CONFIRMED", 7]),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=5),
        max_leaves=20,
    )
    return st.dictionaries(names, values, max_size=6)


def _names(route: Binding) -> set[str]:
    found, waiting = set(), [route.request]
    while waiting:
        for field in waiting.pop().fields:
            found |= {field.name, field.camelcase_name}
            waiting += [field.message_type] if field.message_type is not None else []
    return found


@pytest.mark.parametrize("route", [each for each in BINDINGS if each.takes_body], ids=lambda each: each.method.name)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
async def test_no_body_makes_the_edge_fail(mesh: Edge, route: Binding, data: st.DataObject) -> None:
    """Any JSON is an answer or a 4xx; the edge has no bug that a body can find."""
    body = data.draw(ANY_JSON | near_bodies(route))
    path = route.template.source.replace("{company_id}", "7").replace("{booking_id}", "1")
    response = await mesh.http.request(route.http_method, path, content=json.dumps(body), headers=JSON)
    assert response.status_code in (200, 400), response.text


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
async def test_no_query_makes_the_edge_fail(mesh: Edge, data: st.DataObject) -> None:
    """Any query string is an answer or a 4xx."""
    names = st.sampled_from(
        ["page_size", "state", "startTime", "end_time", "chat", "company_id", "end_time.seconds", "."]
    )
    pairs = data.draw(st.lists(st.tuples(names | st.text(max_size=5), st.text(max_size=20)), max_size=5))
    response = await mesh.http.get("/v1/companies/7/bookings", params=QueryParams(tuple(pairs)))
    assert response.status_code in (200, 400), response.text


def test_every_code_has_a_status() -> None:
    """No gRPC code but OK is without HTTP status."""
    assert set(problems.STATUS_OF_CODE) == {each.name for each in grpc.StatusCode} - {"OK"}
