"""Query parameters as the JSON document that they mean.

Owns names and nesting: `page_size=10`, `state=BOOKING_STATE_CONFIRMED`, `window.start_time=...`; a repeated field is
given by repeating its name. A message in a list, or a map, cannot be written as a parameter and is refused.
"""

from collections.abc import Collection, Iterable
from typing import Any
from urllib.parse import parse_qsl

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from wamesh.api import scalars, shape
from wamesh.errors import Violation


class MalformedQuery(ValueError):
    """The query string cannot be read at all."""


def read(raw: bytes) -> list[tuple[str, str]]:
    """Name and value of each parameter, in their order. Raises MalformedQuery when they are not UTF-8."""
    try:
        return parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict")
    except ValueError:
        raise MalformedQuery("The query string is not percent-encoded UTF-8.") from None


def document(
    parameters: Iterable[tuple[str, str]], message: Descriptor, taken: Collection[str]
) -> tuple[dict[str, Any], list[Violation]]:
    """The document of the parameters, for a message of which the fields `taken` come from elsewhere, and their faults.

    A value that is not of its field's type stays in the document as text, where `shape` finds it.
    """
    root: dict[str, Any] = {}
    faults: list[Violation] = []
    for name, text in parameters:
        fault = _put(root, message, name.split("."), text, taken)
        if fault is not None and len(faults) < shape.MAX_VIOLATIONS:
            faults.append(Violation(name, fault))
    return root, faults


def _put(root: dict[str, Any], message: Descriptor, names: list[str], text: str, taken: Collection[str]) -> str | None:
    """Writes one parameter into the document; returns what is wrong with its name instead."""
    place, owner = root, message
    for name in names[:-1]:
        field = shape.field_of(owner, name)
        if field is None or field.message_type is None or field.is_repeated or scalars.is_well_known(field):
            return "is not a field that a query parameter can name" if field else shape.unknown_field(owner, name)
        place = place.setdefault(field.name, {})
        owner = field.message_type
    leaf = shape.field_of(owner, names[-1])
    if leaf is None:
        return shape.unknown_field(owner, names[-1])
    if owner is message and leaf.name in taken:
        return "is part of the path; give it there alone"
    return _put_value(place, leaf, text)


def _put_value(place: dict[str, Any], field: FieldDescriptor, text: str) -> str | None:
    if field.message_type is not None and not scalars.is_well_known(field):
        return "is a message; name one of its fields, as in name.field=value"
    value = scalars.from_text(field, text)
    if field.is_repeated:
        place.setdefault(field.name, []).append(value)
    elif field.name in place:
        return "comes twice"
    else:
        place[field.name] = value
    return None
