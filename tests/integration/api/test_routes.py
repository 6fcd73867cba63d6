"""Every route of the contract, through real grpc.aio servers."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import pytest
from google.protobuf import json_format
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from support.http_edge import BINDINGS, UNARY, Edge, edge
from support.messages import messages

from wamesh.api import answers
from wamesh.api.bindings import Binding

ALL_ROUTES = pytest.mark.parametrize("route", BINDINGS, ids=lambda each: f"{each.http_method} {each.template.source}")
SOME_EXAMPLES = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture
async def lenient() -> AsyncIterator[Edge]:
    """Backends that take any message."""
    async with edge(rules=False) as found:
        yield found


def test_every_unary_rpc_has_a_route() -> None:
    """An rpc without an HTTP annotation is a gap in the contract; only streams have none."""
    assert {each.full_name for each in UNARY} == {each.method.full_name for each in BINDINGS}


@ALL_ROUTES
@SOME_EXAMPLES
@given(data=st.data())
async def test_a_request_arrives_as_it_was_written(lenient: Edge, route: Binding, data: st.DataObject) -> None:
    """Path, query and body together give the message that the caller meant, in every field."""
    meant = data.draw(messages(route.request))
    assume(all(str(getattr(meant, name)) not in ("", ".", "..") for name in route.template.fields))
    assume(
        all(meant.HasField(name) for name in route.template.fields if route.request.fields_by_name[name].has_presence)
    )
    lenient.recorder.requests.clear()
    response = await lenient.http.request(route.http_method, **http_request(route, meant))
    assert (response.status_code, lenient.recorder.requests) == (200, [meant]), response.text


@ALL_ROUTES
@SOME_EXAMPLES
@given(data=st.data())
async def test_an_answer_is_the_message_that_was_sent(lenient: Edge, route: Binding, data: st.DataObject) -> None:
    """The JSON of an answer, read as ProtoJSON, is the backend's response in every field."""
    sent = data.draw(messages(route.method.output_type))

    async def answer(request: Message, context: Any) -> Message:
        return sent

    lenient.recorder.behavior = answer
    example = GetMessageClass(route.request)(**dict.fromkeys(route.template.fields, 1) | named(route))
    response = await lenient.http.request(route.http_method, **http_request(route, example))
    read = json_format.ParseDict(response.json(), type(sent)())
    assert (response.status_code, read) == (200, sent)


def named(route: Binding) -> dict[str, str]:
    """A request id, a subscription or a token where the path carries one."""
    names = {"request_id": "a-1", "subscription": "worker", "token": "t"}
    return {field: name for field, name in names.items() if field in route.template.fields}


def http_request(route: Binding, meant: Message) -> dict[str, Any]:
    """The HTTP request that means a message, as httpx takes it."""
    document = answers.document(meant)
    path = route.template.source
    for name in route.template.fields:
        path = path.replace(f"{{{name}}}", quote(str(document.pop(name)), safe=""))
    if route.takes_body:
        return {"url": path, "json": document}
    return {"url": path, "params": list(parameters(document))}


def parameters(document: dict[str, Any], prefix: str = "") -> Any:
    """Query parameters of a document: dotted names, a repeated field by repeating its name."""
    for name, value in document.items():
        if isinstance(value, dict):
            yield from parameters(value, f"{prefix}{name}.")
        else:
            texts = value if isinstance(value, list) else [value]
            yield from ((prefix + name, text(each)) for each in texts)


def text(value: Any) -> str:
    """A JSON value as the text of a query."""
    return str(value).lower() if isinstance(value, bool) else str(value)
