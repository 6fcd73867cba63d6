"""Messages and enums of the contract as JSON Schema (the 2020-12 dialect that OpenAPI 3.1 uses).

A message is written twice where it stands in requests and in answers, because they differ: a request lists what may
not be absent and refuses unknown fields; an answer lists what is always there and may grow. The variant for requests
then has the suffix `.Input`.
"""

from collections.abc import Iterable, Mapping
from enum import Enum, auto
from typing import Final

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from wamesh.api import comments, rules, shape
from wamesh.api.rules import Schema

DURATION_PATTERN: Final = r"^-?[0-9]{1,12}(\.[0-9]{1,9})?s$"

_OF_CPP_TYPE: Final[Mapping[int, Schema]] = {
    FieldDescriptor.CPPTYPE_INT32: {"type": "integer", "format": "int32"},
    FieldDescriptor.CPPTYPE_INT64: {"type": "integer", "format": "int64"},
    FieldDescriptor.CPPTYPE_UINT32: {"type": "integer", "minimum": 0, "maximum": 2**32 - 1},
    FieldDescriptor.CPPTYPE_UINT64: {"type": "integer", "minimum": 0, "maximum": 2**64 - 1},
    FieldDescriptor.CPPTYPE_FLOAT: {"type": "number", "format": "float"},
    FieldDescriptor.CPPTYPE_DOUBLE: {"type": "number", "format": "double"},
    FieldDescriptor.CPPTYPE_BOOL: {"type": "boolean"},
    FieldDescriptor.CPPTYPE_STRING: {"type": "string"},
}
_OF_WELL_KNOWN: Final[Mapping[str, Schema]] = {
    "google.protobuf.Timestamp": {"type": "string", "format": "date-time"},
    "google.protobuf.Duration": {"type": "string", "pattern": DURATION_PATTERN},
}


class Side(Enum):
    """Where a schema stands."""

    REQUEST = auto()
    ANSWER = auto()


class Schemas:
    """The schemas of some requests and answers; `components` fills as references are made."""

    def __init__(self, requests: Iterable[Descriptor], answers: Iterable[Descriptor]) -> None:
        self._twofold = _reachable(requests) & _reachable(answers)
        self.components: dict[str, Schema] = {}

    def reference(self, declared: Descriptor | EnumDescriptor, side: Side) -> Schema:
        """A `$ref` to the schema of a message or enum, which is in `components` from then on."""
        twofold = side is Side.REQUEST and declared.full_name in self._twofold
        name = f"{declared.full_name}.Input" if twofold else declared.full_name
        if name not in self.components:
            self.components[name] = {}  # the place is taken before the walk goes on: a message may contain itself
            self.components[name].update(self._declared(declared, side))
        return {"$ref": f"#/components/schemas/{name}"}

    def message(self, fields: Iterable[FieldDescriptor], side: Side, optional: Iterable[str] = ()) -> Schema:
        """The schema of an object with some fields of a message; `optional` ones are not required on either side."""
        fields = list(fields)
        required = [each.name for each in fields if is_required(each, side) and each.name not in optional]
        schema: Schema = {"type": "object", "properties": {each.name: self.field(each, side) for each in fields}}
        if required:
            schema["required"] = required
        if side is Side.REQUEST:
            schema["additionalProperties"] = False
            choices = _choices(fields)
            schema |= {"allOf": choices} if choices else {}
        return schema

    def field(self, field: FieldDescriptor, side: Side) -> Schema:
        """The schema of a field's value, with its comment and its rules."""
        own = rules.of(field)
        schema = self._value(field, side) if not field.is_repeated else self._collection(field, own, side)
        schema |= rules.keywords(own, field)
        told = [comments.of(field.full_name), *rules.sentences(own)]
        return schema | {"description": "\n\n".join(filter(None, told))}

    def _declared(self, declared: Descriptor | EnumDescriptor, side: Side) -> Schema:
        schema = _enum(declared, side) if isinstance(declared, EnumDescriptor) else self.message(declared.fields, side)
        return {"title": declared.name, "description": comments.of(declared.full_name), **schema}

    def _collection(self, field: FieldDescriptor, own: rules.Rules, side: Side) -> Schema:
        if shape.is_map(field):
            assert field.message_type is not None
            return {
                "type": "object",
                "additionalProperties": self._value(field.message_type.fields_by_name["value"], side),
            }
        items = self._value(field, side) | rules.keywords(rules.item_rules(own), field)
        return {"type": "array", "items": items}

    def _value(self, field: FieldDescriptor, side: Side) -> Schema:
        if field.enum_type is not None:
            return self.reference(field.enum_type, side)
        if field.message_type is None:
            encoding = {"contentEncoding": "base64"} if field.type == FieldDescriptor.TYPE_BYTES else {}
            return {**_OF_CPP_TYPE[field.cpp_type], **encoding}
        well_known = _OF_WELL_KNOWN.get(field.message_type.full_name)
        return dict(well_known) if well_known else self.reference(field.message_type, side)


def is_required(field: FieldDescriptor, side: Side) -> bool:
    """True when a request may not leave the field out, or an answer always has it."""
    return not field.has_presence if side is Side.ANSWER else rules.refuses_absence(field)


def _enum(descriptor: EnumDescriptor, side: Side) -> Schema:
    """In a request the names; in an answer also the number of a value that this version does not know."""
    named: Schema = {"type": "string", "enum": [each.name for each in descriptor.values]}
    told = {each.name: comments.of(f"{descriptor.full_name}.{each.name}") for each in descriptor.values}
    named |= {"x-enum-descriptions": told} if any(told.values()) else {}
    return named if side is Side.REQUEST else {"anyOf": [named, {"type": "integer"}]}


def _choices(fields: Iterable[FieldDescriptor]) -> list[Schema]:
    """One schema for each oneof: exactly one member of a required one, at most one of any other."""
    groups: dict[str, list[FieldDescriptor]] = {}
    for field in fields:
        if field.containing_oneof is not None:
            groups.setdefault(field.containing_oneof.name, []).append(field)
    return [_choice(group) for group in groups.values() if len(group) > 1]


def _choice(group: list[FieldDescriptor]) -> Schema:
    oneof = group[0].containing_oneof
    assert oneof is not None
    members: list[Schema] = [{"required": [each.name]} for each in group]
    if not rules.is_required_oneof(oneof):
        members.append({"not": {"anyOf": list(members)}})
    return {"oneOf": members}


def _reachable(roots: Iterable[Descriptor]) -> set[str]:
    """The full names of messages and enums in the roots, and in what they contain."""
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        message = waiting.pop()
        if message.full_name in found:
            continue
        found.add(message.full_name)
        found |= {each.enum_type.full_name for each in message.fields if each.enum_type is not None}
        waiting += [each.message_type for each in message.fields if each.message_type is not None]
    return found
