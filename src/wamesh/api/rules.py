"""protovalidate's field rules as JSON Schema.

Owns the reading of `buf.validate` options, whose bytes lie in our descriptors without their extension being
registered, and their translation as far as JSON Schema has a word for them. A rule in CEL has none; its message joins
the description.

The servers decide; a schema only tells beforehand.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

import protovalidate
from google.protobuf import descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2
from google.protobuf.descriptor import FieldDescriptor, OneofDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

Schema = dict[str, Any]
Rules = Any
"""A `buf.validate.FieldRules` message of a pool of its own; hence without a static type."""

_IMPORTS: Final = (descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2)
_NUMBER_KEYWORDS: Final = {
    "gt": "exclusiveMinimum",
    "gte": "minimum",
    "lt": "exclusiveMaximum",
    "lte": "maximum",
    "const": "const",
}
_STRING_KEYWORDS: Final = {"min_len": "minLength", "max_len": "maxLength", "pattern": "pattern", "const": "const"}
_REPEATED_KEYWORDS: Final = {"min_items": "minItems", "max_items": "maxItems", "unique": "uniqueItems"}
_MAP_KEYWORDS: Final = {"min_pairs": "minProperties", "max_pairs": "maxProperties"}
_INTEGERS: Final = (
    "int32",
    "int64",
    "uint32",
    "uint64",
    "sint32",
    "sint64",
    "fixed32",
    "fixed64",
    "sfixed32",
    "sfixed64",
)


def of(field: FieldDescriptor) -> Rules:
    """The rules of a field; an empty message where it has none."""
    options = _options("google.protobuf.FieldOptions").FromString(field.GetOptions().SerializeToString())
    return options.Extensions[_extension("buf.validate.field")]


def is_required_oneof(oneof: OneofDescriptor) -> bool:
    """True when one member of the oneof has to be given."""
    options = _options("google.protobuf.OneofOptions").FromString(oneof.GetOptions().SerializeToString())
    return bool(options.Extensions[_extension("buf.validate.oneof")].required)


def keywords(rules: Rules, field: FieldDescriptor) -> Schema:
    """JSON Schema keywords of the rules for one value (an element, where the rules are those of a list's items)."""
    kind = rules.WhichOneof("type")
    translate = _TRANSLATIONS.get(kind)
    return {} if translate is None else translate(getattr(rules, kind), field)


def item_rules(rules: Rules) -> Rules:
    """The rules for the elements of a repeated field."""
    return rules.repeated.items


def sentences(rules: Rules) -> list[str]:
    """What rules in CEL say, in the contract's words."""
    return [each.message for each in rules.cel if each.message]


def refuses_absence(field: FieldDescriptor) -> bool:
    """True when a request without the field is refused: it is required, or its zero value breaks a rule."""
    rules = of(field)
    return bool(rules.required) or (not field.has_presence and _refuses_zero(keywords(rules, field)))


def _refuses_zero(schema: Mapping[str, Any]) -> bool:
    least = max(schema.get("exclusiveMinimum", -1), schema.get("minimum", 0) - 1)
    sizes = schema.get("minLength", 0) + schema.get("minItems", 0) + schema.get("minProperties", 0)
    return least >= 0 or sizes > 0 or not re.search(schema.get("pattern", ""), "")


def _chosen(table: Mapping[str, str]) -> Callable[[Any, FieldDescriptor], Schema]:
    def translate(rules: Any, _: FieldDescriptor) -> Schema:
        return {word: getattr(rules, name) for name, word in table.items() if rules.HasField(name)}

    return translate


def _enum(rules: Any, field: FieldDescriptor) -> Schema:
    assert field.enum_type is not None
    refused = [field.enum_type.values_by_number[number].name for number in rules.not_in]
    return {"not": {"enum": refused}} if refused else {}


_TRANSLATIONS: Final[Mapping[str, Callable[[Any, FieldDescriptor], Schema]]] = {
    **dict.fromkeys((*_INTEGERS, "float", "double"), _chosen(_NUMBER_KEYWORDS)),
    "string": _chosen(_STRING_KEYWORDS),
    "bool": _chosen({"const": "const"}),
    "repeated": _chosen(_REPEATED_KEYWORDS),
    "map": _chosen(_MAP_KEYWORDS),
    "enum": _enum,
}


@cache
def _pool() -> DescriptorPool:
    """A pool with protovalidate's extensions; the process's own pool stays without them, as the stubs promise."""
    pool = DescriptorPool()
    for module in _IMPORTS:
        pool.AddSerializedFile(module.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(protovalidate.ViolationsPb.desc().file.proto.to_binary())
    return pool


@cache
def _options(full_name: str) -> Any:
    return GetMessageClass(_pool().FindMessageTypeByName(full_name))


@cache
def _extension(full_name: str) -> Any:
    return _pool().FindExtensionByName(full_name)
