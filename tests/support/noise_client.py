"""The client's half of the Noise channel, written from the Noise specification and sharing no code with the server's,
so that the two halves judge each other.

`NoiseClient` is without I/O: `hello()`, then `finish(answer, payload)`, then `seal` and `open`. It checks the server's
certificates as a phone does and raises `UntrustedServer`.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from wamesh.emulator.messages import CertChain, HandshakeMessage, NoiseCertificate
from wamesh.emulator.signal import curve

HEADER = bytes.fromhex("57410603")
_NAME = b"Noise_XX_25519_AESGCM_SHA256\0\0\0\0"


class UntrustedServer(Exception):
    """The certificates do not lead from the root key to the server's static key, or not now."""


@dataclass
class NoiseClient:
    """One connection of a client that trusts `root_public` at the moment `now`."""

    root_public: bytes
    random_bytes: Callable[[int], bytes]
    now: datetime
    header: bytes = HEADER
    static: X25519PrivateKey = field(init=False)
    ephemeral: X25519PrivateKey = field(init=False)

    def __post_init__(self) -> None:
        self.static = X25519PrivateKey.from_private_bytes(self.random_bytes(32))
        self.ephemeral = X25519PrivateKey.from_private_bytes(self.random_bytes(32))
        self._hash = hashlib.sha256(_NAME + HEADER).digest()
        self._chain, self._key, self._counter = _NAME, _NAME, 0
        self._sent = self._received = 0
        self._keys = (b"", b"")

    @property
    def static_public(self) -> bytes:
        """The static public key, 32 bytes, that the server must learn."""
        return self.static.public_key().public_bytes_raw()

    def hello(self) -> bytes:
        """The first bytes of the connection: the header and the client's ephemeral key."""
        public = self.ephemeral.public_key().public_bytes_raw()
        self._absorb(public)
        return self.header + framed(HandshakeMessage(clientHello={"ephemeral": public}).SerializeToString())

    def finish(self, answer: bytes, payload: bytes) -> bytes:
        """Reads the server's frame, checks its certificates, and returns the last frame of the handshake."""
        server = HandshakeMessage.FromString(answer[3:]).serverHello
        self._absorb(server.ephemeral)
        self._mix(self.ephemeral, server.ephemeral)
        server_static = self._decrypt(server.static)
        self._mix(self.ephemeral, server_static)
        self._check(CertChain.FromString(self._decrypt(server.payload)), server_static)
        static = self._encrypt(self.static_public)
        self._mix(self.static, server.ephemeral)
        finish = {"static": static, "payload": self._encrypt(payload)}
        self._keys = self._derive(b"")
        return framed(HandshakeMessage(clientFinish=finish).SerializeToString())

    def seal(self, payload: bytes) -> bytes:
        """The next frame to the server."""
        self._sent += 1
        return framed(AESGCM(self._keys[0]).encrypt(_nonce(self._sent - 1), payload, None))

    def open(self, data: bytes) -> bytes:
        """The payload of the next frame from the server, which must be `data` exactly."""
        assert int.from_bytes(data[:3]) == len(data) - 3
        self._received += 1
        return AESGCM(self._keys[1]).decrypt(_nonce(self._received - 1), data[3:], None)

    def _check(self, chain: Any, server_static: bytes) -> None:
        intermediate = NoiseCertificate.Details.FromString(chain.intermediate.details)
        leaf = NoiseCertificate.Details.FromString(chain.leaf.details)
        if not (
            curve.verify(self.root_public, chain.intermediate.details, chain.intermediate.signature)
            and curve.verify(intermediate.key, chain.leaf.details, chain.leaf.signature)
            and not (chain.intermediate.signature[63] | chain.leaf.signature[63]) & 0x80
            and intermediate.issuerSerial == 0
            and leaf.issuerSerial == intermediate.serial
            and leaf.key == server_static
            and all(link.notBefore <= self.now.timestamp() <= link.notAfter for link in (intermediate, leaf))
        ):
            raise UntrustedServer

    def _absorb(self, data: bytes) -> None:
        self._hash = hashlib.sha256(self._hash + data).digest()

    def _mix(self, private: X25519PrivateKey, public: bytes) -> None:
        shared = private.exchange(X25519PublicKey.from_public_bytes(public))
        (self._chain, self._key), self._counter = self._derive(shared), 0

    def _derive(self, material: bytes) -> tuple[bytes, bytes]:
        """HKDF as the Noise specification spells it, two outputs."""
        secret = hmac.digest(self._chain, material, "sha256")
        first = hmac.digest(secret, b"\x01", "sha256")
        return first, hmac.digest(secret, first + b"\x02", "sha256")

    def _encrypt(self, plaintext: bytes) -> bytes:
        ciphertext = AESGCM(self._key).encrypt(_nonce(self._counter), plaintext, self._hash)
        self._counter += 1
        self._absorb(ciphertext)
        return ciphertext

    def _decrypt(self, ciphertext: bytes) -> bytes:
        plaintext = AESGCM(self._key).decrypt(_nonce(self._counter), ciphertext, self._hash)
        self._counter += 1
        self._absorb(ciphertext)
        return plaintext


def framed(payload: bytes) -> bytes:
    """The payload behind its length."""
    return len(payload).to_bytes(3) + payload


def _nonce(counter: int) -> bytes:
    return bytes(8) + counter.to_bytes(4)
