"""The protobuf encoding, as far as Signal messages and this room's records use it: unsigned numbers and byte strings.

Owns varints and length-delimited fields. Refuses to know any message: `layouts.py` and whoever keeps records
(`own_keys.py`, `peer.py`, `session_record.py`) give the numbers a meaning. Invariant: `Fields.decode(encode(fields))`
gives the fields back, order of a repeated field included.

Fields are written in the order given, and 0 is written too: libsignal's Go port checks a message's MAC over its
own second encoding of the message (read in libsignal-protocol-go), so the bytes must be the usual ones.
"""

from collections.abc import Iterable
from typing import Final, TypeAlias

Value: TypeAlias = int | bytes

_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5
_VARINT_MAX_BITS: Final = 64
_FIXED_SIZES: Final = {_FIXED_64: 8, _FIXED_32: 4}


def encode(fields: Iterable[tuple[int, Value | None]]) -> bytes:
    """Returns the fields (number, value) one after the other; None leaves a field out."""
    out = bytearray()
    for number, value in fields:
        if isinstance(value, int):
            _put_varint(out, number << 3 | _VARINT)
            _put_varint(out, value)
        elif value is not None:
            _put_varint(out, number << 3 | _BYTES)
            _put_varint(out, len(value))
            out += value
    return bytes(out)


class Fields:
    """The fields of one decoded message, by number. Every reader raises ValueError when the field does not fit it."""

    __slots__ = ("_values",)

    def __init__(self, values: dict[int, list[Value]]) -> None:
        self._values = values

    @classmethod
    def decode(cls, data: bytes) -> "Fields":
        """Reads a whole message; fixed-size fields are skipped. Raises ValueError when it is cut short or malformed."""
        values: dict[int, list[Value]] = {}
        position = 0
        while position < len(data):
            tag, position = _varint(data, position)
            if tag & 7 == _VARINT:
                value, position = _varint(data, position)
                values.setdefault(tag >> 3, []).append(value)
            else:
                start, position = _span(data, tag & 7, position)
                values.setdefault(tag >> 3, []).append(data[start:position])
        return cls(values)

    def has(self, number: int) -> bool:
        """Whether the field is there at all."""
        return number in self._values

    def number(self, number: int) -> int:
        """Returns an unsigned number of at most 32 bits; 0 when the field is absent. The last one counts."""
        value = self._values.get(number, (0,))[-1]
        if not isinstance(value, int) or value >> 32:
            raise ValueError(f"field {number} is no 32-bit number")
        return value

    def data(self, number: int, length: int | None = None) -> bytes:
        """Returns a byte string that must be there, of exactly `length` bytes if that is given."""
        value = self._values.get(number, (0,))[-1]
        if not isinstance(value, bytes) or length not in (None, len(value)):
            raise ValueError(f"field {number} is no byte string of the right length")
        return value

    def messages(self, number: int) -> "list[Fields]":
        """Returns a repeated message, in order; empty when absent."""
        return [Fields.decode(data) for data in self.repeated(number)]

    def repeated(self, number: int) -> list[bytes]:
        """Returns a repeated byte string, in order; empty when absent."""
        values = self._values.get(number, [])
        found = [value for value in values if isinstance(value, bytes)]
        if len(found) < len(values):
            raise ValueError(f"field {number} is no byte string")
        return found


def _put_varint(out: bytearray, value: int) -> None:
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """Returns the number at the position, and the position after it."""
    value = 0
    for shift in range(0, _VARINT_MAX_BITS, 7):
        if position == len(data):
            break
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    raise ValueError("a number that does not end")


def _span(data: bytes, wire_type: int, position: int) -> tuple[int, int]:
    """Returns start and end of the bytes of a field whose tag ends at the position."""
    if wire_type == _BYTES:
        length, position = _varint(data, position)
    elif wire_type in _FIXED_SIZES:
        length = _FIXED_SIZES[wire_type]
    else:
        raise ValueError(f"wire type {wire_type}")
    if position + length > len(data):
        raise ValueError("a field longer than its message")
    return position, position + length
