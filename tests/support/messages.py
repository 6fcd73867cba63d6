"""Hypothesis strategies that draw any message of the contract from its descriptor."""

from typing import Any, Final

from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import strategies as st

_INTEGERS: Final = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
}
_FIRST_SECOND: Final = -62135596800  # 0001-01-01
_LAST_SECOND: Final = 253402300799  # 9999-12-31
_LONGEST: Final = 315_576_000_000


@st.composite
def messages(draw: st.DrawFn, descriptor: Descriptor, open_enums: bool = False) -> Message:
    """A message with any fields set to any legal values; with `open_enums` also numbers that no enum value has."""
    message = GetMessageClass(descriptor)()
    chosen = {oneof.name: draw(st.sampled_from([None, *oneof.fields])) for oneof in descriptor.oneofs}
    for field in descriptor.fields:
        oneof = field.containing_oneof
        if oneof is None or chosen[oneof.name] is field:
            _set(draw, message, field, open_enums)
    return message


def _set(draw: st.DrawFn, message: Message, field: FieldDescriptor, open_enums: bool) -> None:
    place = getattr(message, field.name)
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        entries = (field.message_type.fields_by_name[name] for name in ("key", "value"))
        place.update(draw(st.dictionaries(*(_values(each, open_enums) for each in entries), max_size=3)))
    elif field.is_repeated:
        place.extend(draw(st.lists(_values(field, open_enums), max_size=3)))
    elif field.message_type is None:
        setattr(message, field.name, draw(_values(field, open_enums)))
    elif field.containing_oneof is not None or draw(st.booleans()):
        place.CopyFrom(draw(_values(field, open_enums)))


def _values(field: FieldDescriptor, open_enums: bool) -> st.SearchStrategy[Any]:
    if field.message_type is not None:
        return _submessages(field.message_type, open_enums)
    if field.enum_type is not None:
        return _enum_numbers(field.enum_type, open_enums)
    if field.cpp_type in _INTEGERS:
        least, most = _INTEGERS[field.cpp_type]
        return st.integers(least, most)
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return st.booleans()
    assert field.type == FieldDescriptor.TYPE_STRING, f"{field.full_name} needs a strategy"
    return st.text(max_size=12)


def _enum_numbers(descriptor: EnumDescriptor, open_enums: bool) -> st.SearchStrategy[int]:
    known = st.sampled_from([each.number for each in descriptor.values])
    return known | st.just(99) if open_enums else known


def _submessages(descriptor: Descriptor, open_enums: bool) -> st.SearchStrategy[Message]:
    nanos = st.integers(0, 999_999_999)
    if descriptor.full_name == Timestamp.DESCRIPTOR.full_name:
        return st.builds(Timestamp, seconds=st.integers(_FIRST_SECOND, _LAST_SECOND), nanos=nanos)
    if descriptor.full_name == Duration.DESCRIPTOR.full_name:
        return st.builds(_duration, st.integers(0, _LONGEST - 1), nanos, st.sampled_from((1, -1)))
    return messages(descriptor, open_enums)


def _duration(seconds: int, nanos: int, sign: int) -> Duration:
    return Duration(seconds=sign * seconds, nanos=sign * nanos)
