"""The two messages that travel between phones, byte for byte.

Owns the layouts of libsignal's SignalMessage and PreKeySignalMessage, version 3 (field numbers read in libsignal's
WhisperTextProtocol.proto):

    msg      0x33 || SignalMessage || MAC (8 bytes)
    pkmsg    0x33 || PreKeySignalMessage, whose `message` is a whole msg

The version byte holds the message's version in its high half and the sender's newest in its low half. Public keys
have their type byte 0x05 here, and only here and in signatures. Refuses to check the MAC: that needs a session; and
keys with the top bit set, which X25519 would ignore: a prekey message must not come twice under two names.
Invariant: whatever bytes come in, the outcome is a message or UndecryptableMessage.
"""

from dataclasses import dataclass
from typing import Final

from wamesh.emulator.signal import fields
from wamesh.emulator.signal.curve import KEY_LENGTH
from wamesh.emulator.signal.errors import UndecryptableMessage

MAC_LENGTH: Final = 8
KEY_TYPE: Final = b"\x05"
"""Of a Curve25519 key."""

_VERSION: Final = 3
_VERSION_BYTE: Final = bytes([_VERSION << 4 | _VERSION])
_UNUSED_BIT: Final = 0x80


def typed_key(public: bytes) -> bytes:
    """Returns the public key with its type byte: 33 bytes."""
    return KEY_TYPE + public


@dataclass(frozen=True, slots=True)
class SignalMessage:
    """One encrypted message: `ratchet_key` 32 bytes, `counter` its number in the chain of that key, from 0.

    `previous_counter` is the last counter of the sender's chain before (0 as well when that chain is empty).
    """

    ratchet_key: bytes
    counter: int
    previous_counter: int
    ciphertext: bytes

    def encode(self) -> bytes:
        """Returns the version byte and the message: all that the MAC covers of it."""
        return _VERSION_BYTE + fields.encode(
            (
                (1, typed_key(self.ratchet_key)),
                (2, self.counter),
                (3, self.previous_counter),
                (4, self.ciphertext),
            )
        )


@dataclass(frozen=True, slots=True)
class SealedMessage:
    """A msg as it came: the message, the bytes its MAC covers (version byte included) and the MAC."""

    message: SignalMessage
    covered: bytes
    mac: bytes

    @classmethod
    def decode(cls, data: bytes) -> "SealedMessage":
        """Reads a msg. Raises UndecryptableMessage when it is none."""
        covered, mac = data[:-MAC_LENGTH], data[-MAC_LENGTH:]
        try:
            found = fields.Fields.decode(_without_version(covered))
            message = SignalMessage(_public_key(found, 1), found.number(2), found.number(3), found.data(4))
        except ValueError as error:
            raise UndecryptableMessage(f"no Signal message: {error}") from error
        return cls(message, covered, mac)


@dataclass(frozen=True, slots=True)
class PreKeySignalMessage:
    """The first messages of a session, until the peer has answered: all it needs to make the same session.

    `base_key` and `identity` are the sender's (32 bytes each); the prekey ids name keys of the recipient.
    `message` is a whole msg.
    """

    registration_id: int
    prekey_id: int | None
    signed_prekey_id: int
    base_key: bytes
    identity: bytes
    message: bytes

    def encode(self) -> bytes:
        """Returns the whole pkmsg."""
        return _VERSION_BYTE + fields.encode(
            (
                (1, self.prekey_id),
                (2, typed_key(self.base_key)),
                (3, typed_key(self.identity)),
                (4, self.message),
                (5, self.registration_id),
                (6, self.signed_prekey_id),
            )
        )

    @classmethod
    def decode(cls, data: bytes) -> "PreKeySignalMessage":
        """Reads a pkmsg. Raises UndecryptableMessage when it is none."""
        try:
            found = fields.Fields.decode(_without_version(data))
            return cls(
                registration_id=found.number(5),
                prekey_id=found.number(1) if found.has(1) else None,
                signed_prekey_id=found.number(6),
                base_key=_public_key(found, 2),
                identity=_public_key(found, 3),
                message=found.data(4),
            )
        except ValueError as error:
            raise UndecryptableMessage(f"no prekey Signal message: {error}") from error


def _without_version(data: bytes) -> bytes:
    if not data or data[0] >> 4 != _VERSION:
        raise ValueError(f"not of version {_VERSION}")
    return data[1:]


def _public_key(found: fields.Fields, number: int) -> bytes:
    key = found.data(number, len(KEY_TYPE) + KEY_LENGTH)
    if key[:1] != KEY_TYPE or key[-1] & _UNUSED_BIT:
        raise ValueError(f"field {number} is no Curve25519 key")
    return key[1:]
