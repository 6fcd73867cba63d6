"""The contract as an OpenAPI 3.1 document, from the descriptors that also route the requests.

Owns the document; `schemas` and `rules` write the schemas in it. Invariant: each route that the edge serves is in it
once, and it says nothing that the edge does not do.
"""

from collections.abc import Iterable, Sequence
from importlib.metadata import version
from typing import Any, Final

from google.protobuf.descriptor import FieldDescriptor, ServiceDescriptor

from wamesh.api import bindings, comments, intake, problems, scalars, schemas, shape
from wamesh.api.bindings import Binding
from wamesh.api.rules import Schema
from wamesh.api.schemas import Schemas, Side
from wamesh.api.transcode import REQUEST_ID

_ERROR_REASON: Final = "ErrorReason"
_PROBLEM: Final[Schema] = {"$ref": "#/components/responses/Problem"}
_TIMEOUT: Final[Schema] = {"$ref": "#/components/parameters/RequestTimeout"}
_IDEMPOTENCY: Final[Schema] = {"$ref": "#/components/parameters/IdempotencyKey"}

_DESCRIPTION: Final = """\
Every unary rpc of the mesh as REST. Streams (listed under `x-grpc-only`) are gRPC only.

Types are strict: an integer is a JSON integer, never text or a number with a point or exponent; a time is RFC 3339
with offset; a duration is seconds such as "3s"; an enum is the name of a value. A request that breaks this is
refused with every wrong field named.

Names are those of the protos. In a request lowerCamelCase is understood as well, null means absent, and a field of
the path may be repeated in the body when it says the same. In an answer a field that cannot be absent is always
there.

Refusals are problem documents (RFC 9457). Decide by `reason`.\
"""


def document(services: Sequence[ServiceDescriptor], table: Iterable[Binding]) -> dict[str, Any]:
    """The OpenAPI document of the services, whose routes are in the table."""
    routes = sorted(table, key=lambda each: (each.template.source, each.http_method))
    written = Schemas((each.request for each in routes), (each.method.output_type for each in routes))
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.template.source, {})[route.http_method.lower()] = _operation(route, written)
    return {
        "openapi": "3.1.0",
        "info": {"title": "wamesh", "version": version("wamesh"), "description": _DESCRIPTION},
        "tags": [{"name": each.name, "description": comments.of(each.full_name)} for each in services],
        "paths": paths,
        "components": _components(services, written),
        "x-grpc-only": _grpc_only(services),
    }


def _operation(route: Binding, written: Schemas) -> dict[str, Any]:
    method = route.method
    assert method.containing_service is not None
    operation_id = f"{method.containing_service.name}.{method.name}"
    operation: dict[str, Any] = {
        "operationId": f"{operation_id}.{route.ordinal}" if route.ordinal else operation_id,
        "tags": [method.containing_service.name],
        "summary": comments.summary(method.full_name),
        "description": comments.of(method.full_name),
        "parameters": _parameters(route, written),
        "responses": {"200": _answer(route, written), "default": _PROBLEM},
        "x-grpc-method": method.full_name,
    }
    if route.takes_body:
        operation["requestBody"] = _body(route, written)
    return operation


def _parameters(route: Binding, written: Schemas) -> list[Schema]:
    fields = route.request.fields_by_name
    path = [_parameter(name, fields[name], "path", written) for name in route.template.fields]
    if not route.takes_body:
        query = [_parameter(name, field, "query", written) for name, field in _leaves(route.body_fields)]
        return [*path, *query, _TIMEOUT]
    return [*path, _IDEMPOTENCY, _TIMEOUT] if REQUEST_ID in fields else [*path, _TIMEOUT]


def _parameter(name: str, field: FieldDescriptor, place: str, written: Schemas) -> Schema:
    schema = written.field(field, Side.REQUEST)
    description = schema.pop("description")
    required = place == "path" or schemas.is_required(field, Side.REQUEST)
    return {"name": name, "in": place, "required": required, "description": description, "schema": schema}


def _leaves(fields: Iterable[FieldDescriptor], prefix: str = "") -> Iterable[tuple[str, FieldDescriptor]]:
    """The fields that a query parameter can give, each with its dotted name."""
    for field in fields:
        name = shape.joined(prefix, field.name)
        if field.message_type is None or scalars.is_well_known(field):
            yield name, field
        elif not field.is_repeated:
            yield from _leaves(field.message_type.fields, name)


def _body(route: Binding, written: Schemas) -> Schema:
    schema = written.message(route.body_fields, Side.REQUEST, optional=(REQUEST_ID,))
    required = bool(schema.get("required") or schema.get("allOf"))
    return {"required": required, "content": {"application/json": {"schema": schema}}}


def _answer(route: Binding, written: Schemas) -> Schema:
    output = route.method.output_type
    schema = written.reference(output, Side.ANSWER)
    return {"description": comments.of(output.full_name), "content": {"application/json": {"schema": schema}}}


def _components(services: Sequence[ServiceDescriptor], written: Schemas) -> dict[str, Any]:
    problem = {"$ref": "#/components/schemas/Problem"}
    return {
        "schemas": {**dict(sorted(written.components.items())), "Problem": _problem(_reasons(services))},
        "responses": {
            "Problem": {"description": "A refusal.", "content": {problems.MEDIA_TYPE: {"schema": problem}}},
        },
        "parameters": {
            "RequestTimeout": _header(
                intake.TIMEOUT_HEADER,
                {"type": "number", "exclusiveMinimum": 0, "maximum": intake.MAX_TIMEOUT_SECONDS},
                "Seconds until the call is given up with DEADLINE_EXCEEDED.",
            ),
            "IdempotencyKey": _header(
                intake.IDEMPOTENCY_HEADER, {"type": "string"}, "Stands in for request_id when the body has none."
            ),
        },
    }


def _header(name: str, schema: Schema, description: str) -> Schema:
    return {"name": name, "in": "header", "required": False, "description": description, "schema": schema}


def _problem(reasons: dict[str, str]) -> Schema:
    text: Schema = {"type": "string"}
    violation = {
        "type": "object",
        "required": ["field", "description"],
        "properties": {"field": text, "description": text},
    }
    detail = {"type": "object", "required": ["@type"], "properties": {"@type": text}}
    return {
        "type": "object",
        "title": "Problem",
        "description": "A refusal, as RFC 9457 writes it.",
        "required": ["type", "title", "status", "detail", "code", "reason"],
        "properties": {
            "type": {"type": "string", "description": "urn:wamesh:problem: and the reason."},
            "title": {"type": "string", "description": "The reason in words."},
            "status": {"type": "integer", "description": "The HTTP status."},
            "detail": {"type": "string", "description": "What is wrong and what to do, for people."},
            "code": {"type": "string", "enum": list(problems.STATUS_OF_CODE), "description": "The gRPC code."},
            "reason": {"type": "string", "description": "Stable; the set grows.", "x-enum-descriptions": reasons},
            "violations": {"type": "array", "items": violation, "description": "Every wrong field."},
            "metadata": {"type": "object", "additionalProperties": text, "description": "The words of the detail."},
            "details": {"type": "array", "items": detail, "description": "More, each by the name of its message."},
            "retry_after_seconds": {"type": "number", "minimum": 0, "description": "When to call again."},
        },
    }


def _reasons(services: Iterable[ServiceDescriptor]) -> dict[str, str]:
    """Every reason with what it means: the edge's own, then those of the services."""
    enums = [each.file.enum_types_by_name.get(_ERROR_REASON) for each in services]
    told = {
        value.name: comments.of(f"{enum.full_name}.{value.name}")
        for enum in enums
        if enum is not None
        for value in enum.values
        if value.number
    }
    return {**problems.REASONS, **told}


def _grpc_only(services: Iterable[ServiceDescriptor]) -> dict[str, str]:
    streams = (method for service in services for method in service.methods if not bindings.is_unary(method))
    return {method.full_name: comments.of(method.full_name) for method in streams}
