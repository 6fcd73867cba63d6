"""A JSON document against a message of the contract: every way in which it does not fit, at once.

Owns the walk; what one value may be is told by `scalars`. Runs before anything is parsed into a message, because
protobuf's own reader stops at the first fault, and coerces.

Field names may be the contract's (`company_id`) or ProtoJSON's (`companyId`), never both. null means that the field
is absent; as an element of a list it is a fault.

Paths in violations use the contract's names, as the servers' do: `segments[1].staff.only.staff_ids[0]`.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from wamesh.api import scalars
from wamesh.errors import Violation

MAX_VIOLATIONS: Final = 100
"""Faults named at most; one document may hold a million of them."""


def violations(document: Any, message: Descriptor) -> list[Violation]:
    """The faults of a document, in its order, at most MAX_VIOLATIONS; none means that ParseDict takes it as it is."""
    return list(islice(_message(document, message, ""), MAX_VIOLATIONS))


def field_of(message: Descriptor, name: str) -> FieldDescriptor | None:
    """The field that a JSON key or query name means, by either of its names."""
    return message.fields_by_name.get(name) or message.fields_by_camelcase_name.get(name)


def joined(path: str, name: str) -> str:
    """The path of a field inside of the message at `path`."""
    return f"{path}.{name}" if path else name


def is_map(field: FieldDescriptor) -> bool:
    """True for a `map<key, value>` field."""
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def unknown_field(message: Descriptor, name: str) -> str:
    """The description of a name that the message does not have."""
    return f"is not a field of {message.name}{scalars.nearest(name, [each.name for each in message.fields])}"


def _message(document: Any, message: Descriptor, path: str) -> Iterator[Violation]:
    if not isinstance(document, dict):
        yield Violation(path or "(body)", f"must be an object, not {scalars.described(document)}")
        return
    given: dict[str, str] = {}
    for key, value in document.items():
        field = field_of(message, key)
        if field is None:
            yield Violation(joined(path, key), unknown_field(message, key))
        elif given.setdefault(field.name, key) != key:
            yield Violation(joined(path, field.name), f"comes twice, as {given[field.name]} and as {key}")
        elif value is not None:
            yield from _field(value, field, joined(path, field.name))
    yield from _oneofs(document, message, given, path)


def _field(value: Any, field: FieldDescriptor, path: str) -> Iterator[Violation]:
    if is_map(field):
        yield from _map(value, field, path)
    elif field.is_repeated:
        yield from _list(value, field, path)
    else:
        yield from _single(value, field, path)


def _single(value: Any, field: FieldDescriptor, path: str) -> Iterator[Violation]:
    if field.message_type is not None and not scalars.is_well_known(field):
        yield from _message(value, field.message_type, path)
        return
    complaint = scalars.complaint(field, value)
    if complaint is not None:
        yield Violation(path, complaint)


def _list(value: Any, field: FieldDescriptor, path: str) -> Iterator[Violation]:
    if not isinstance(value, list):
        yield Violation(path, f"must be a list, not {scalars.described(value)}")
        return
    for index, element in enumerate(value):
        yield from _single(element, field, f"{path}[{index}]")


def _map(value: Any, field: FieldDescriptor, path: str) -> Iterator[Violation]:
    if not isinstance(value, dict):
        yield Violation(path, f"must be an object, not {scalars.described(value)}")
        return
    assert field.message_type is not None
    key_field, value_field = (field.message_type.fields_by_name[name] for name in ("key", "value"))
    for key, element in value.items():
        complaint = scalars.complaint(key_field, scalars.from_text(key_field, key))
        if complaint is not None:
            yield Violation(f'{path}["{key}"]', f"the key {complaint}")
        yield from _single(element, value_field, f'{path}["{key}"]')


def _oneofs(
    document: Mapping[str, Any], message: Descriptor, given: Mapping[str, str], path: str
) -> Iterator[Violation]:
    """Faults of oneofs; `given` maps a field's name to the key by which the document says it."""
    present = {name for name, key in given.items() if document[key] is not None}
    for oneof in message.oneofs:
        members = [each.name for each in oneof.fields if each.name in present]
        if len(members) > 1:
            yield Violation(joined(path, oneof.name), f"only one of {', '.join(members)} may be given")
