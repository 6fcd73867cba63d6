"""The messages between phones as bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wamesh.emulator.signal.errors import UndecryptableMessage
from wamesh.emulator.signal.layouts import PreKeySignalMessage, SealedMessage, SignalMessage

KEYS = st.builds(lambda start, end: start + bytes([end]), st.binary(min_size=31, max_size=31), st.integers(0, 127))
NUMBERS = st.integers(0, 2**32 - 1)


def test_layout_of_a_message() -> None:
    """Version 0x33, then the ratchet key with its type byte, counter, previous counter (zeros too) and ciphertext."""
    message = SignalMessage(ratchet_key=b"k" * 32, counter=0, previous_counter=300, ciphertext=b"cc")
    assert message.encode() == b"\x33\x0a\x21\x05" + b"k" * 32 + b"\x10\x00\x18\xac\x02\x22\x02cc"


def test_layout_of_a_prekey_message() -> None:
    """Version 0x33, then the fields in the order of their numbers."""
    message = PreKeySignalMessage(
        registration_id=9, prekey_id=1, signed_prekey_id=2, base_key=b"b" * 32, identity=b"i" * 32, message=b"m"
    )
    expected = b"\x33\x08\x01\x12\x21\x05" + b"b" * 32 + b"\x1a\x21\x05" + b"i" * 32 + b"\x22\x01m\x28\x09\x30\x02"
    assert message.encode() == expected


@given(st.builds(SignalMessage, KEYS, NUMBERS, NUMBERS, st.binary()), st.binary(min_size=8, max_size=8))
def test_message_roundtrip(message: SignalMessage, mac: bytes) -> None:
    """A message is read as it was written, with the bytes its MAC covers."""
    covered = message.encode()
    assert SealedMessage.decode(covered + mac) == SealedMessage(message, covered, mac)


@given(st.builds(PreKeySignalMessage, NUMBERS, st.none() | NUMBERS, NUMBERS, KEYS, KEYS, st.binary()))
def test_prekey_message_roundtrip(message: PreKeySignalMessage) -> None:
    """A prekey message is read as it was written; prekey 0 differs from none."""
    assert PreKeySignalMessage.decode(message.encode()) == message


@given(st.binary() | st.binary().map(lambda data: b"\x33" + data))
def test_bad_input_is_undecryptable(data: bytes) -> None:
    """Arbitrary bytes are read or undecryptable, nothing else."""
    for decode in (SealedMessage.decode, PreKeySignalMessage.decode):
        try:
            decode(data)
        except UndecryptableMessage:
            continue


@pytest.mark.parametrize("first", [b"\x23", b"\x43", b"\x03", b""])
def test_other_versions_are_undecryptable(first: bytes) -> None:
    """Only version 3 is spoken, whatever newer version the sender knows as well."""
    rest = SignalMessage(b"k" * 32, 1, 1, b"c").encode()[1:] + bytes(8)
    assert SealedMessage.decode(b"\x34" + rest).message.counter == 1
    with pytest.raises(UndecryptableMessage):
        SealedMessage.decode(first + rest)


@pytest.mark.parametrize("key", [b"\x04" + b"k" * 32, b"\x05" + b"k" * 31, b"k" * 32, b"\x05" + b"\xff" * 32])
def test_other_keys_are_undecryptable(key: bytes) -> None:
    """A key of another type or length, or with the bit set that X25519 ignores, is no key."""
    with pytest.raises(UndecryptableMessage):
        SealedMessage.decode(b"\x33\x0a" + bytes([len(key)]) + key + b"\x22\x01c" + bytes(8))
