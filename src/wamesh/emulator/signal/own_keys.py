"""The keys a phone has before it knows anybody: identity, signed prekey, one-time prekeys.

Owns their making, their bundles and their record. Refuses sessions (`keyring.py`) and never rotates the signed
prekey: a virtual phone does not live that long. Invariant: a one-time prekey is in at most one bundle, and gone once
a message used it.
"""

from dataclasses import dataclass, field
from typing import Final

from wamesh.emulator.signal import curve, fields
from wamesh.emulator.signal.curve import KEY_LENGTH, SIGNATURE_LENGTH, KeyPair, RandomBytes
from wamesh.emulator.signal.fields import Fields
from wamesh.emulator.signal.x3dh import PreKeyBundle, sign_prekey

PREKEYS_MAX: Final = 812
"""How many one-time prekeys wait for use at most, the oldest giving way: as many as WhatsApp's clients upload."""

_SIGNED_PREKEY_ID: Final = 1
_PREKEY_ID_MAX: Final = 0xFFFFFE
_REGISTRATION_ID_MAX: Final = 16380


@dataclass(slots=True)
class OwnKeys:
    """`prekeys` are those in some bundle and not used yet, by id, oldest first; `last_prekey_id` is 0 before any."""

    identity: KeyPair
    registration_id: int
    signed_prekey: KeyPair
    signature: bytes
    last_prekey_id: int = 0
    prekeys: dict[int, KeyPair] = field(default_factory=dict)

    @classmethod
    def generate(cls, random_bytes: RandomBytes, identity: KeyPair | None = None) -> "OwnKeys":
        """Draws new keys, with a new identity unless one is given."""
        identity = identity or curve.generate(random_bytes)
        registration_id = int.from_bytes(random_bytes(2)) % _REGISTRATION_ID_MAX + 1
        signed_prekey = curve.generate(random_bytes)
        signature = sign_prekey(identity, signed_prekey.public, random_bytes)
        return cls(identity, registration_id, signed_prekey, signature)

    def bundle(self) -> PreKeyBundle:
        """Returns the bundle without a one-time prekey."""
        return self._bundle(None, None)

    def one_time_bundle(self, random_bytes: RandomBytes) -> PreKeyBundle:
        """Returns a bundle with a one-time prekey made for it."""
        prekey = curve.generate(random_bytes)
        self.last_prekey_id = self.last_prekey_id % _PREKEY_ID_MAX + 1
        self.prekeys[self.last_prekey_id] = prekey
        if len(self.prekeys) > PREKEYS_MAX:
            del self.prekeys[next(iter(self.prekeys))]
        return self._bundle(self.last_prekey_id, prekey.public)

    def prekeys_of(self, signed_prekey_id: int, prekey_id: int | None) -> tuple[KeyPair, KeyPair | None]:
        """Returns the signed and the one-time prekey with these ids. Raises KeyError when one is not here any more."""
        if signed_prekey_id != _SIGNED_PREKEY_ID:
            raise KeyError(signed_prekey_id)
        return self.signed_prekey, None if prekey_id is None else self.prekeys[prekey_id]

    def _bundle(self, prekey_id: int | None, prekey: bytes | None) -> PreKeyBundle:
        return PreKeyBundle(
            registration_id=self.registration_id,
            identity=self.identity.public,
            signed_prekey_id=_SIGNED_PREKEY_ID,
            signed_prekey=self.signed_prekey.public,
            signature=self.signature,
            prekey_id=prekey_id,
            prekey=prekey,
        )

    def encode(self) -> bytes:
        """Returns the record, in protobuf's encoding.

        1 identity (a key pair), 2 registration id, 3 signed prekey (a key pair), 4 its signature, 5 last prekey id,
        6 prekeys (1 id, 2 key pair), oldest first. A key pair is private || public.
        """
        return fields.encode(
            (
                (1, _encode_pair(self.identity)),
                (2, self.registration_id),
                (3, _encode_pair(self.signed_prekey)),
                (4, self.signature),
                (5, self.last_prekey_id),
                *((6, fields.encode(((1, key), (2, _encode_pair(pair))))) for key, pair in self.prekeys.items()),
            )
        )

    @classmethod
    def decode(cls, record: bytes) -> "OwnKeys":
        """Restores the keys of a record. Raises ValueError when it is none."""
        found = Fields.decode(record)
        return cls(
            identity=_decode_pair(found, 1),
            registration_id=found.number(2),
            signed_prekey=_decode_pair(found, 3),
            signature=found.data(4, SIGNATURE_LENGTH),
            last_prekey_id=found.number(5),
            prekeys={prekey.number(1): _decode_pair(prekey, 2) for prekey in found.messages(6)},
        )


def _encode_pair(pair: KeyPair) -> bytes:
    return pair.private + pair.public


def _decode_pair(found: Fields, number: int) -> KeyPair:
    pair = found.data(number, 2 * KEY_LENGTH)
    return KeyPair(pair[:KEY_LENGTH], pair[KEY_LENGTH:])
