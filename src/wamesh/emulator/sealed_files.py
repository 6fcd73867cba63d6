"""Files as they travel: encrypted by whoever sends them, kept by a media server that cannot read them.

Owns: a file's keys, encryption and the checks on the way back. Refuses: storing and moving the encrypted file.
Invariant: `decrypt` returns exactly what `encrypt` was given, or raises DamagedMedia.

Facts (read in Baileys 7 and whatsmeow of 2026-08-21): HKDF-SHA256 of the media key (32 bytes) without salt and with
the kind's name as info gives iv (16) || cipher key (32) || MAC key (32) || reference key (32); the encrypted file is
AES-256-CBC with PKCS#7 padding and then the first ten bytes of HMAC-SHA256 over iv || ciphertext.
"""

import hashlib
import hmac
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.padding import PKCS7

from wamesh.emulator.signal.curve import RandomBytes

MEDIA_KEY_BYTES: Final = 32
_MAC_BYTES: Final = 10
_BLOCK_BITS: Final = 128


class DamagedMedia(ValueError):
    """The file is not the one that the message speaks of."""


class MediaKind(Enum):
    """A kind of file; the value is its type in media addresses. Stickers travel as images."""

    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    DOCUMENT = "document"
    APP_STATE = "md-app-state"

    @property
    def info(self) -> bytes:
        """What goes into the key derivation, such as `WhatsApp Image Keys`."""
        name = "App State" if self is MediaKind.APP_STATE else self.value.capitalize()
        return f"WhatsApp {name} Keys".encode()


@dataclass(frozen=True, slots=True)
class Sealed:
    """An encrypted file and what a message must say of it: the hashes have 32 bytes, `length` is the open file's."""

    data: bytes
    media_key: bytes = field(repr=False)
    sha256: bytes
    encrypted_sha256: bytes
    length: int


@dataclass(frozen=True, slots=True)
class _Keys:
    iv: bytes
    cipher: bytes
    mac: bytes

    @classmethod
    def of(cls, media_key: bytes, kind: MediaKind) -> "_Keys":
        expanded = HKDF(SHA256(), 112, None, kind.info).derive(media_key)
        return cls(expanded[:16], expanded[16:48], expanded[48:80])

    def code(self, ciphertext: bytes) -> bytes:
        return hmac.digest(self.mac, self.iv + ciphertext, "sha256")[:_MAC_BYTES]

    def aes(self) -> "Cipher[modes.CBC]":
        return Cipher(algorithms.AES256(self.cipher), modes.CBC(self.iv))


def encrypt(data: bytes, kind: MediaKind, random_bytes: RandomBytes) -> Sealed:
    """Encrypts a file under a new key."""
    media_key = random_bytes(MEDIA_KEY_BYTES)
    keys = _Keys.of(media_key, kind)
    padder, encryptor = PKCS7(_BLOCK_BITS).padder(), keys.aes().encryptor()
    ciphertext = encryptor.update(padder.update(data) + padder.finalize()) + encryptor.finalize()
    sealed = ciphertext + keys.code(ciphertext)
    return Sealed(sealed, media_key, hashlib.sha256(data).digest(), hashlib.sha256(sealed).digest(), len(data))


def decrypt(sealed: bytes, kind: MediaKind, media_key: bytes, sha256: bytes) -> bytes:
    """Decrypts a file whose content has the hash `sha256`; raises DamagedMedia."""
    ciphertext, code = sealed[:-_MAC_BYTES], sealed[-_MAC_BYTES:]
    keys = _Keys.of(media_key, kind)
    if not hmac.compare_digest(keys.code(ciphertext), code):
        raise DamagedMedia("the file's authentication code is wrong")
    data = _decrypted(ciphertext, keys)
    if hashlib.sha256(data).digest() != sha256:
        raise DamagedMedia("the file is not the one that was sent")
    return data


def _decrypted(ciphertext: bytes, keys: _Keys) -> bytes:
    decryptor, unpadder = keys.aes().decryptor(), PKCS7(_BLOCK_BITS).unpadder()
    try:
        return unpadder.update(decryptor.update(ciphertext) + decryptor.finalize()) + unpadder.finalize()
    except ValueError:
        raise DamagedMedia("the file is cut off") from None
