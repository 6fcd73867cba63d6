"""The protobuf encoding."""

import pytest
from google.protobuf import descriptor_pb2, wrappers_pb2
from hypothesis import given
from hypothesis import strategies as st

from wamesh.emulator.signal import fields
from wamesh.emulator.signal.fields import Fields

NUMBERS = st.integers(0, 2**32 - 1)


@given(NUMBERS.filter(bool), st.binary(min_size=1, max_size=300))
def test_encoding_is_that_of_protobuf(number: int, data: bytes) -> None:
    """Google's library writes the same bytes."""
    assert fields.encode(((1, number),)) == wrappers_pb2.UInt32Value(value=number).SerializeToString()
    assert fields.encode(((1, data),)) == wrappers_pb2.BytesValue(value=data).SerializeToString()


@given(st.lists(st.text(max_size=8)), st.integers(0, 2**31 - 1))
def test_decoding_is_that_of_protobuf(names: list[str], end: int) -> None:
    """What Google's library wrote is read, a repeated message in order, and high field numbers as well."""
    reserved = [descriptor_pb2.DescriptorProto.ReservedRange(start=0, end=end)] * 2
    options = descriptor_pb2.MessageOptions(deprecated=True, map_entry=True)
    written = descriptor_pb2.DescriptorProto(reserved_name=names, reserved_range=reserved, options=options)
    found = Fields.decode(written.SerializeToString())
    assert [name.decode() for name in found.repeated(10)] == names
    assert [(part.number(1), part.number(2)) for part in found.messages(9)] == [(0, end)] * 2
    assert [options.number(7) for options in found.messages(7)] == [1]


@given(st.lists(st.tuples(st.integers(1, 40), st.binary(max_size=20)), max_size=10))
def test_roundtrip(written: list[tuple[int, bytes]]) -> None:
    """Whatever is written is read, by number, in order."""
    found = Fields.decode(fields.encode(written))
    for number in range(1, 41):
        expected = [data for other, data in written if other == number]
        assert (found.repeated(number), found.has(number)) == (expected, bool(expected))


def test_absent_fields() -> None:
    """An absent number is 0, an absent repeated field empty, and absent bytes are an error."""
    found = Fields.decode(fields.encode(((1, None),)))
    assert (found.number(1), found.repeated(1), found.messages(1), found.has(1)) == (0, [], [], False)
    with pytest.raises(ValueError, match="field 1"):
        found.data(1)


def test_zero_is_written() -> None:
    """A number 0 stands in the message: the field is there."""
    assert fields.encode(((2, 0),)) == b"\x10\x00"


def test_last_value_counts() -> None:
    """As protobuf says, the last of several values of a plain field counts."""
    found = Fields.decode(fields.encode(((1, 5), (1, 6), (2, b"a"), (2, b"b"))))
    assert (found.number(1), found.data(2)) == (6, b"b")


def test_fixed_fields_are_passed_over() -> None:
    """Fields of 4 and 8 fixed bytes, which no message here has, do not disturb the others."""
    assert Fields.decode(b"\x1d" + bytes(4) + b"\x19" + bytes(8) + b"\x08\x07").number(1) == 7


@pytest.mark.parametrize(
    "data", [b"\x0a", b"\x0a\x05abcd", b"\x08", b"\x08\x80", b"\x0b", b"\x08" + b"\xff" * 10 + b"\x01", b"\x0d123"]
)
def test_malformed_messages_are_refused(data: bytes) -> None:
    """A field that is cut short, a number without end and groups are errors."""
    with pytest.raises(ValueError):
        Fields.decode(data)


@pytest.mark.parametrize("data", [b"\x08\x80\x80\x80\x80\x10", b"\x0a\x01a"])
def test_numbers_have_32_bits(data: bytes) -> None:
    """A larger number, or bytes, are no number."""
    with pytest.raises(ValueError, match="32-bit"):
        Fields.decode(data).number(1)


def test_byte_strings_have_the_length_asked_for() -> None:
    """Bytes of another length, or a number, are not what was asked for."""
    found = Fields.decode(fields.encode(((1, b"abc"), (2, 3))))
    assert found.data(1, 3) == b"abc"
    for number, length in ((1, 4), (2, None)):
        with pytest.raises(ValueError, match="byte string"):
            found.data(number, length)
    with pytest.raises(ValueError, match="byte string"):
        found.repeated(2)
