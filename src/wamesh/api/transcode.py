"""An HTTP request to the message that it means.

Owns the merge of path, query and body into one JSON document, its check, and the parsing. Path and body may both say
a field when they say the same. Invariant: `message` returns exactly what the caller wrote, or raises with every
fault.
"""

from collections.abc import Mapping
from typing import Any, Final

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from wamesh.api import httprule, query, scalars, shape
from wamesh.api.bindings import Match
from wamesh.errors import InvalidArgument, Violation

REQUEST_ID: Final = "request_id"


def message(match: Match, raw_query: bytes, body: Any, idempotency_key: str | None = None) -> Message:
    """The request message of a matched HTTP request.

    `body` is the JSON document, `{}` where the route takes none. `idempotency_key` stands in for `request_id` where
    the request has that field and neither path nor body says it. Raises InvalidArgument, and query.MalformedQuery.
    """
    binding = match.binding
    if not isinstance(body, dict):
        raise InvalidArgument(shape.violations(body, binding.request))
    document, faults = _document(match, raw_query, body)
    if binding.takes_body and idempotency_key is not None:
        faults += _name_request(document, binding.request, idempotency_key)
    faults += shape.violations(document, binding.request)
    if faults:
        raise InvalidArgument(faults[: shape.MAX_VIOLATIONS])
    return parsed(document, binding.request)


def parsed(document: dict[str, Any], descriptor: Descriptor) -> Message:
    """The message of a document in which `shape` found no fault."""
    return json_format.ParseDict(document, GetMessageClass(descriptor)())


def _document(match: Match, raw_query: bytes, body: dict[str, Any]) -> tuple[dict[str, Any], list[Violation]]:
    """Path, query and body as one document, with the faults of bringing them together."""
    request, path = match.binding.request, _path_values(match)
    parameters = query.read(raw_query)
    if not match.binding.takes_body:
        asked, faults = query.document(parameters, request, path)
        return path | asked, faults
    document, faults = _merged(path, body, request)
    strays = [Violation(name, "is a query parameter, and this route takes a body alone") for name, _ in parameters]
    return document, faults + strays


def _path_values(match: Match) -> dict[str, Any]:
    fields = match.binding.request.fields_by_name
    return {name: _path_value(fields[name], raw) for name, raw in match.variables.items()}


def _path_value(field: FieldDescriptor, raw: str) -> Any:
    try:
        return scalars.from_text(field, httprule.decode(raw))
    except ValueError:
        raise InvalidArgument([Violation(field.name, "is not percent-encoded UTF-8 in the path")]) from None


def _merged(
    path: Mapping[str, Any], body: Mapping[str, Any], request: Descriptor
) -> tuple[dict[str, Any], list[Violation]]:
    """The body with the path's fields; where both say a field, the path's, and a fault unless they say the same."""
    document, faults = dict(path), []
    for key, value in body.items():
        field = shape.field_of(request, key)
        if field is None or field.name not in path:
            document[key] = value
        elif value is not None and not _same(value, path[field.name]):
            said = f"{scalars.described(path[field.name])} in the path and {scalars.described(value)} in the body"
            faults.append(Violation(field.name, f"is {said}"))
    return document, faults


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _name_request(document: dict[str, Any], request: Descriptor, key: str) -> list[Violation]:
    """Puts the Idempotency-Key header's value into the document; a fault when the document says another."""
    field = request.fields_by_name.get(REQUEST_ID)
    if field is None:
        return []
    said = document.get(field.name, document.get(field.camelcase_name))
    if said is None:
        document.pop(field.camelcase_name, None)
        document[field.name] = key
    elif said != key:
        return [Violation(REQUEST_ID, "differs from the Idempotency-Key header; give one, or the same in both")]
    return []
