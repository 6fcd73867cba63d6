"""Linking by pair code, the phone's side of `link_code_companion_reg`.

The eight characters on the client's screen are a key that both sides type or show: each encrypts an ephemeral public
key under it. What the two ephemeral keys agree on then carries the client's identity and a random value to the phone,
and all of it together gives the secret that a QR code would have shown.

Owns: that cryptography. Refuses: stanzas and order. Invariant: only the holder of the same code gets the same secret;
a wrong code raises WrongCode, and never anything else.

Facts (names, figures and order read in Baileys 7 and whatsmeow of 2026-08-21): PBKDF2-HMAC-SHA256 with 2 << 16 rounds
over the code's letters; a wrapped key is salt (32) || iv (16) || AES-256-CTR of the key (32); the bundle is salt (32)
|| nonce (12) || AES-256-GCM of client identity (32) || phone identity (32) || random (32), its key HKDF-SHA256.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from wamesh.emulator.server.registration import WRAPPED_BYTES
from wamesh.emulator.signal import curve
from wamesh.emulator.signal.curve import KeyPair, RandomBytes

ROUNDS: Final = 2 << 16
BUNDLE_BYTES: Final = 156

_KEY: Final = 32
_IV: Final = 16
_NONCE: Final = 12
_BUNDLE_INFO: Final = b"link_code_pairing_key_bundle_encryption_key"
_SECRET_INFO: Final = b"adv_secret"


class WrongCode(ValueError):
    """What the other side sent does not fit the code that was typed."""


def normalize(code: str) -> str:
    """The code as both sides feed it to the key derivation: capitals, without the dash."""
    return code.replace("-", "").upper()


def wrap(code: str, public_key: bytes, random_bytes: RandomBytes) -> bytes:
    """`public_key` (32 bytes) under the code: 80 bytes. Takes some 50 ms of the processor, as it should."""
    salt, iv = random_bytes(_KEY), random_bytes(_IV)
    return salt + iv + _stream(code, salt, iv, public_key)


def unwrap(code: str, wrapped: bytes) -> bytes:
    """The public key (32 bytes) inside; another key when the code is wrong. Raises WrongCode for a wrong length."""
    if len(wrapped) != WRAPPED_BYTES:
        raise WrongCode(f"a wrapped key of {len(wrapped)} bytes")
    salt, iv, sealed = wrapped[:_KEY], wrapped[_KEY : _KEY + _IV], wrapped[_KEY + _IV :]
    return _stream(code, salt, iv, sealed)


def _stream(code: str, salt: bytes, iv: bytes, data: bytes) -> bytes:
    key = hashlib.pbkdf2_hmac("sha256", normalize(code).encode(), salt, ROUNDS, _KEY)
    cipher = Cipher(algorithms.AES256(key), modes.CTR(iv)).encryptor()
    return cipher.update(data) + cipher.finalize()


@dataclass(frozen=True, slots=True)
class PhoneHalf:
    """The phone's half of one pairing: `wrapped` (80 bytes) goes to the client, whose answer `finish` reads."""

    account: KeyPair
    wrapped: bytes
    _shared: bytes = field(repr=False)

    @classmethod
    def begin(cls, code: str, client_wrapped: bytes, account: KeyPair, random_bytes: RandomBytes) -> "PhoneHalf":
        """Answers the client's ephemeral key (80 bytes, wrapped) with an own one. Raises WrongCode, though most wrong
        codes show at the end only.
        """
        ephemeral = curve.generate(random_bytes)
        shared = _agree(ephemeral, unwrap(code, client_wrapped))
        return cls(account, wrap(code, ephemeral.public, random_bytes), shared)

    def finish(self, bundle: bytes, client_identity: bytes) -> bytes:
        """Returns the secret (32 bytes) that both sides now share; raises WrongCode.

        `client_identity` (32 bytes) is what the client says it is, and must stand in the bundle.
        """
        inside = _decrypt(bundle, self._shared)
        random = inside[2 * _KEY :]
        if inside != client_identity + self.account.public + random:
            raise WrongCode("the key bundle is for other identities")
        return _derive(self._shared + _agree(self.account, client_identity) + random, None, _SECRET_INFO)


def _agree(own: KeyPair, public_key: bytes) -> bytes:
    try:
        return curve.agree(own.private, public_key)
    except ValueError as error:
        raise WrongCode("an unusable public key") from error


def _decrypt(bundle: bytes, ephemeral_secret: bytes) -> bytes:
    if len(bundle) != BUNDLE_BYTES:
        raise WrongCode(f"a key bundle of {len(bundle)} bytes")
    salt, nonce, sealed = bundle[:_KEY], bundle[_KEY : _KEY + _NONCE], bundle[_KEY + _NONCE :]
    try:
        return AESGCM(_derive(ephemeral_secret, salt, _BUNDLE_INFO)).decrypt(nonce, sealed, None)
    except InvalidTag:
        raise WrongCode("the key bundle does not open") from None


def _derive(secret: bytes, salt: bytes | None, info: bytes) -> bytes:
    return HKDF(SHA256(), _KEY, salt, info).derive(secret)
