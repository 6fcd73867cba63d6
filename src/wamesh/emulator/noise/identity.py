"""Who the server is: its static key and the certificates that vouch for it.

A client knows the public root key and nothing else of the server. Root signs an intermediate key, the intermediate key
signs the static one; both signatures are XEdDSA over the encoded details (the form that neonize 0.5.2 and Baileys 7
check; measured with both).

Owns: making the chain, and its stored form. Refuses: keeping the two signing keys, which nobody needs again.
Invariant: the chain leads from `root_public` to `static`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from wamesh.emulator.messages import CertChain, NoiseCertificate
from wamesh.emulator.signal import curve
from wamesh.emulator.signal.curve import KEY_LENGTH, KeyPair, RandomBytes

_ROOT_SERIAL: Final = 0
_INTERMEDIATE_SERIAL: Final = 1
_LEAF_SERIAL: Final = 2
_BEFORE: Final = timedelta(days=1)
_AFTER: Final = timedelta(days=3653)


@dataclass(frozen=True, slots=True)
class ServerIdentity:
    """The public root key (32 bytes), the server's static key pair, and the encoded certificate chain."""

    root_public: bytes
    static: KeyPair
    certificates: bytes

    @classmethod
    def create(cls, random_bytes: RandomBytes, now: datetime) -> "ServerIdentity":
        """Makes all keys; the certificates are valid from a day before `now` to ten years after it."""
        root, intermediate, static = (curve.generate(random_bytes) for _ in range(3))
        chain = CertChain(
            intermediate=_certify(
                _details(_INTERMEDIATE_SERIAL, _ROOT_SERIAL, intermediate.public, now), root.private, random_bytes
            ),
            leaf=_certify(
                _details(_LEAF_SERIAL, _INTERMEDIATE_SERIAL, static.public, now), intermediate.private, random_bytes
            ),
        )
        return cls(root.public, static, chain.SerializeToString())

    def record(self) -> bytes:
        """The stored form: root key (32 bytes), private static key (32 bytes), chain. It is a secret."""
        return self.root_public + self.static.private + self.certificates

    @classmethod
    def from_record(cls, record: bytes) -> "ServerIdentity":
        """Reads what `record` wrote; raises ValueError when it is too short."""
        static_end = 2 * KEY_LENGTH
        static = KeyPair.from_private(record[KEY_LENGTH:static_end])
        return cls(record[:KEY_LENGTH], static, record[static_end:])


def _details(serial: int, issuer_serial: int, key: bytes, now: datetime) -> bytes:
    return bytes(
        NoiseCertificate.Details(
            serial=serial,
            issuerSerial=issuer_serial,
            key=key,
            notBefore=int((now - _BEFORE).timestamp()),
            notAfter=int((now + _AFTER).timestamp()),
        ).SerializeToString()
    )


def _certify(details: bytes, issuer_private: bytes, random_bytes: RandomBytes) -> Any:
    return NoiseCertificate(details=details, signature=curve.sign(issuer_private, details, random_bytes))
