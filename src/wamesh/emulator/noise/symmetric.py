"""The symmetric half of Noise_XX_25519_AESGCM_SHA256 (https://noiseprotocol.org/noise.html, revision 34).

Owns: the chain of hashes and keys, and the counters of nonces. Refuses: curves and the order of messages (`channel`).
Invariant: no key encrypts twice with one nonce; a new key starts a new counter.
"""

import hashlib
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from wamesh.emulator.noise.errors import NoiseError

PROTOCOL_NAME: Final = b"Noise_XX_25519_AESGCM_SHA256".ljust(32, b"\x00")
"""32 bytes, so that it is the first hash itself."""

_NONCE: Final = 12


class Cipher:
    """AES-256-GCM under one key; the nonce is a counter, big-endian in 12 bytes."""

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(key)
        self._counter = 0

    def encrypt(self, plaintext: bytes, associated: bytes = b"") -> bytes:
        """Returns the ciphertext with its tag of 16 bytes."""
        return self._aead.encrypt(self._next_nonce(), plaintext, associated)

    def decrypt(self, ciphertext: bytes, associated: bytes = b"") -> bytes:
        """Returns the plaintext; raises NoiseError when it is not the one ciphertext whose turn it is."""
        try:
            return self._aead.decrypt(self._next_nonce(), ciphertext, associated)
        except InvalidTag:
            raise NoiseError("a ciphertext that was cut, changed, replayed or made with another key") from None

    def _next_nonce(self) -> bytes:
        nonce = self._counter.to_bytes(_NONCE)
        self._counter += 1
        return nonce


class Handshake:
    """The hash `h` of everything said so far and the chaining key, as both sides compute them."""

    def __init__(self, prologue: bytes) -> None:
        self._hash = self._chaining_key = PROTOCOL_NAME
        self._cipher = Cipher(PROTOCOL_NAME)
        self.mix_hash(prologue)

    def mix_hash(self, data: bytes) -> None:
        """Binds what was said in clear."""
        self._hash = hashlib.sha256(self._hash + data).digest()

    def mix_key(self, shared_secret: bytes) -> None:
        """Binds a shared secret of 32 bytes; what follows is encrypted with a new key."""
        self._chaining_key, key = self._derive(shared_secret)
        self._cipher = Cipher(key)

    def encrypt(self, plaintext: bytes) -> bytes:
        """Encrypts and binds the ciphertext."""
        ciphertext = self._cipher.encrypt(plaintext, self._hash)
        self.mix_hash(ciphertext)
        return ciphertext

    def decrypt(self, ciphertext: bytes) -> bytes:
        """Decrypts and binds the ciphertext; raises NoiseError."""
        plaintext = self._cipher.decrypt(ciphertext, self._hash)
        self.mix_hash(ciphertext)
        return plaintext

    def split(self) -> tuple[Cipher, Cipher]:
        """Returns the ciphers of the finished channel: client to server, server to client."""
        to_server, to_client = self._derive(b"")
        return Cipher(to_server), Cipher(to_client)

    def _derive(self, material: bytes) -> tuple[bytes, bytes]:
        output = HKDF(SHA256(), length=64, salt=self._chaining_key, info=b"").derive(material)
        return output[:32], output[32:]
