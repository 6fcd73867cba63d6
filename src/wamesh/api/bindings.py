"""The HTTP routes of a service, read from its descriptor.

Owns the reading of `google.api.http` from method options, and the table that finds the rpc for an HTTP request.
Refuses at start-up, with BindingError, whatever the annotation language allows and this edge does not do: a body that
is one field, a response body, custom methods, path fields that are not scalars, and two rpcs behind one route.

Streaming rpcs have no route here; they are gRPC only.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from google.api import annotations_pb2, http_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor, ServiceDescriptor

from wamesh.api import httprule
from wamesh.api.httprule import Template

_VERBS: Final = ("get", "put", "post", "delete", "patch")


class BindingError(ValueError):
    """The contract has an annotation that this edge cannot serve."""


@dataclass(frozen=True, slots=True)
class Binding:
    """One HTTP route of one rpc."""

    method: MethodDescriptor
    http_method: str
    template: Template
    takes_body: bool
    ordinal: int
    """0 for the annotation itself, then 1, 2, ... for its additional bindings."""

    @property
    def request(self) -> Descriptor:
        """The rpc's request message."""
        return self.method.input_type

    @property
    def body_fields(self) -> list[FieldDescriptor]:
        """The request's fields that the path does not carry."""
        return [each for each in self.request.fields if each.name not in self.template.fields]


@dataclass(frozen=True, slots=True)
class Match:
    """A route found for a request, with the path's values as sent."""

    binding: Binding
    variables: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Missed:
    """No route; `allowed` are the HTTP methods that the path has, sorted, none when nobody knows the path."""

    allowed: tuple[str, ...]


class Table:
    """All routes of some services."""

    def __init__(self, services: Iterable[ServiceDescriptor]) -> None:
        found = [each for service in services for each in bindings_of(service)]
        self.bindings: Sequence[Binding] = sorted(found, key=lambda each: each.template.preference)
        _refuse_twins(self.bindings)

    def find(self, http_method: str, raw_path: str) -> Match | Missed:
        """The route of a request. HEAD is answered where GET is."""
        wanted = "GET" if http_method == "HEAD" else http_method
        allowed = set()
        for binding in self.bindings:
            variables = binding.template.match(raw_path)
            if variables is None:
                continue
            if binding.http_method == wanted:
                return Match(binding, variables)
            allowed |= {"GET", "HEAD"} if binding.http_method == "GET" else {binding.http_method}
        return Missed(tuple(sorted(allowed)))


def bindings_of(service: ServiceDescriptor) -> list[Binding]:
    """The routes of a service's unary rpcs, in the contract's order. Raises BindingError, TemplateError."""
    return [
        _binding(method, rule, ordinal)
        for method in service.methods
        if is_unary(method)
        for ordinal, rule in enumerate(_rules(method))
    ]


def is_unary(method: MethodDescriptor) -> bool:
    """One request, one response."""
    return not (method.client_streaming or method.server_streaming)


def _rules(method: MethodDescriptor) -> list[http_pb2.HttpRule]:
    options = method.GetOptions()
    if not options.HasExtension(annotations_pb2.http):
        return []
    rule = options.Extensions[annotations_pb2.http]
    return [rule, *rule.additional_bindings]


def _binding(method: MethodDescriptor, rule: http_pb2.HttpRule, ordinal: int) -> Binding:
    kind = rule.WhichOneof("pattern")
    if kind not in _VERBS or rule.body not in ("", "*") or rule.response_body:
        raise BindingError(
            f"{method.full_name}: only get, put, post, delete and patch with body '*' or none are served"
        )
    template = httprule.parse(getattr(rule, kind))
    for name in template.fields:
        _refuse_path_field(method, name)
    return Binding(method, kind.upper(), template, rule.body == "*", ordinal)


def _refuse_path_field(method: MethodDescriptor, name: str) -> None:
    field = method.input_type.fields_by_name.get(name)
    if field is None or field.is_repeated or field.message_type is not None:
        raise BindingError(f"{method.full_name}: the path field {name} is not a scalar field of the request")


def _refuse_twins(bindings: Iterable[Binding]) -> None:
    seen: dict[tuple[str, str], Binding] = {}
    for binding in bindings:
        twin = seen.setdefault((binding.http_method, binding.template.shape), binding)
        if twin is not binding:
            raise BindingError(
                f"{binding.method.full_name} and {twin.method.full_name} share {binding.template.source}"
            )
