"""Messages as the JSON that this edge answers with.

It is ProtoJSON with three decisions, each so that an answer can be sent back as it came:

- names are the contract's: `company_id`, as in the proto, in grpcurl's text format and in violations
- an int64 is a JSON integer, not text. A reader in JavaScript is exact up to 2^53, far above any id of the mesh
- a field that cannot be absent is always there, with its zero (`0`, `""`, `[]`, the enum's first name); a message, or
  a field of a oneof or marked optional, is there when it was set

An enum value that this process does not know, since the server is newer, is its number.
"""

import base64
import math
from collections.abc import Sequence
from typing import Any, cast

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from wamesh.api import scalars, shape


def document(message: Message) -> dict[str, Any]:
    """The JSON document of a message."""
    fields = cast(Sequence[FieldDescriptor], message.DESCRIPTOR.fields)
    return {
        field.name: _field(field, getattr(message, field.name))
        for field in fields
        if not field.has_presence or message.HasField(field.name)
    }


def _field(field: FieldDescriptor, value: Any) -> Any:
    if shape.is_map(field):
        assert field.message_type is not None
        value_field = field.message_type.fields_by_name["value"]
        return {_key(key): _single(value_field, value[key]) for key in value}
    if field.is_repeated:
        return [_single(field, each) for each in value]
    return _single(field, value)


def _key(key: Any) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def _single(field: FieldDescriptor, value: Any) -> Any:
    if scalars.is_well_known(field):
        return value.ToJsonString()
    if field.message_type is not None:
        return document(value)
    if field.enum_type is not None:
        known = field.enum_type.values_by_number.get(value)
        return value if known is None else known.name
    if field.type == FieldDescriptor.TYPE_BYTES:
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, float) and not math.isfinite(value):
        return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
    return value
