"""One JSON value against one field of the contract: is it of the field's type?

Owns the rules for everything that is not a message of our own: numbers, text, enums, timestamps and durations.

| field | JSON | text of a path or query |
|---|---|---|
| int32, int64, ... | an integer literal in range; never `"12"`, `1.0`, `1e3`, `true` | `-?(0|[1-9][0-9]*)` |
| bool | `true`, `false` | `true`, `false` |
| string | text that UTF-8 can carry | as it is |
| enum | the name of a value | the name of a value |
| Timestamp | RFC 3339 with offset, `"2026-11-27T18:30:00+01:00"` | the same |
| Duration | seconds, `"3s"`, `"1.5s"` | the same |

This is narrower than ProtoJSON, which takes an int64 as text and an enum as number. Both are refused here on purpose:
the edge has one spelling for each value, the one in which it answers.
"""

import base64
import binascii
import math
import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, Final

from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

Complaint = str
"""What would be right, and what was got instead; a violation's description."""

WELL_KNOWN: Final = ("google.protobuf.Timestamp", "google.protobuf.Duration")
"""Messages that JSON writes as one string."""

_BITS: Final = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}
_LARGEST_FLOAT: Final = {
    FieldDescriptor.CPPTYPE_FLOAT: 3.4028234663852886e38,
    FieldDescriptor.CPPTYPE_DOUBLE: 1.7976931348623157e308,
}
_INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]*)")
_NUMBER: Final = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_TIMESTAMP: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})"
)
_DURATION: Final = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,9})?s")
_LONGEST_QUOTE: Final = 40
_LONGEST_GUESSED_NAME: Final = 64


def complaint(field: FieldDescriptor, value: Any) -> Complaint | None:
    """What is wrong with one JSON value (an element, when the field is repeated), or None."""
    return _CHECKS[field.cpp_type](field, value)


def from_text(field: FieldDescriptor, text: str) -> Any:
    """The JSON value that text of a path or query means; text that means none comes back as it is, for `complaint`."""
    if field.cpp_type in _BITS and _INTEGER.fullmatch(text) and len(text) <= _LONGEST_QUOTE:
        return int(text)
    if field.cpp_type in _LARGEST_FLOAT and _NUMBER.fullmatch(text):
        return float(text)
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL and text in ("true", "false"):
        return text == "true"
    return text


def is_well_known(field: FieldDescriptor) -> bool:
    """True for a message field whose JSON is one string."""
    return field.message_type is not None and field.message_type.full_name in WELL_KNOWN


def described(value: Any) -> str:
    """The value in a sentence: `the text "12"`, `the number 1.5`, `an object`."""
    if isinstance(value, str):
        short = value if len(value) <= _LONGEST_QUOTE else value[:_LONGEST_QUOTE] + "..."
        return f'the text "{short}"'
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, int | float):
        return f"the number {value}"
    return "a list" if isinstance(value, list) else "an object"


def nearest(word: str, known: list[str]) -> str:
    """A hint with the known word that is most alike, or an empty string."""
    if len(word) > _LONGEST_GUESSED_NAME:
        return ""
    close = get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _integer(field: FieldDescriptor, value: Any) -> Complaint | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return f"must be an integer, not {described(value)}"
    least, most = _BITS[field.cpp_type]
    return None if least <= value <= most else f"must lie between {least} and {most}"


def _float(field: FieldDescriptor, value: Any) -> Complaint | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return f"must be a number, not {described(value)}"
    if abs(value) > _LARGEST_FLOAT[field.cpp_type] or not math.isfinite(value):
        return "is too large a number"
    return None


def _bool(_: FieldDescriptor, value: Any) -> Complaint | None:
    return None if isinstance(value, bool) else f"must be true or false, not {described(value)}"


def _text(field: FieldDescriptor, value: Any) -> Complaint | None:
    if not isinstance(value, str):
        return f"must be text, not {described(value)}"
    if field.type == FieldDescriptor.TYPE_BYTES:
        return _base64(value)
    return None if _encodable(value) else "has half of a surrogate pair, which is no character"


def _base64(text: str) -> Complaint | None:
    try:
        base64.b64decode(text.translate(_FROM_URL_SAFE), validate=True)
    except (binascii.Error, ValueError):
        return "must be base64"
    return None


_FROM_URL_SAFE: Final = str.maketrans("-_", "+/")


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _enum(field: FieldDescriptor, value: Any) -> Complaint | None:
    descriptor = field.enum_type
    assert isinstance(descriptor, EnumDescriptor)
    names = [each.name for each in descriptor.values]
    if value in names:
        return None
    hint = nearest(value, names) if isinstance(value, str) else ""
    return f"must be the name of a {descriptor.name}, not {described(value)}{hint}"


def _well_known(field: FieldDescriptor, value: Any) -> Complaint | None:
    assert field.message_type is not None
    pattern, parse, sample = _OF_WELL_KNOWN[field.message_type.full_name]
    if isinstance(value, str) and pattern.fullmatch(value) and _parses(parse, value):
        return None
    return f"must be {sample}, not {described(value)}"


def _parses(parse: Callable[[str], None], text: str) -> bool:
    try:
        parse(text)
    except (ValueError, OverflowError):
        return False
    return True


_OF_WELL_KNOWN: Final[Mapping[str, tuple[re.Pattern[str], Callable[[str], None], str]]] = {
    "google.protobuf.Timestamp": (
        _TIMESTAMP,
        lambda text: Timestamp().FromJsonString(text),
        'a time with offset such as "2026-11-27T18:30:00+01:00"',
    ),
    "google.protobuf.Duration": (
        _DURATION,
        lambda text: Duration().FromJsonString(text),
        'a duration in seconds such as "3s"',
    ),
}

_CHECKS: Final[Mapping[int, Callable[[FieldDescriptor, Any], Complaint | None]]] = {
    FieldDescriptor.CPPTYPE_INT32: _integer,
    FieldDescriptor.CPPTYPE_INT64: _integer,
    FieldDescriptor.CPPTYPE_UINT32: _integer,
    FieldDescriptor.CPPTYPE_UINT64: _integer,
    FieldDescriptor.CPPTYPE_FLOAT: _float,
    FieldDescriptor.CPPTYPE_DOUBLE: _float,
    FieldDescriptor.CPPTYPE_BOOL: _bool,
    FieldDescriptor.CPPTYPE_STRING: _text,
    FieldDescriptor.CPPTYPE_ENUM: _enum,
    FieldDescriptor.CPPTYPE_MESSAGE: _well_known,
}
