"""Curve25519: key pairs, key agreement (X25519) and signatures (XEdDSA), over libxeddsa.

Owns the one place that touches the curve. Public and private keys are raw, 32 bytes; the type byte 0x05 that
stands before a public key in some encodings is the affair of those encodings. Refuses to choose randomness:
whoever calls hands it in. Invariant: private keys are clamped, so every library reads the same number in them.

XEdDSA as https://signal.org/docs/specifications/xeddsa/ has it, with one point left open by it: libsignal puts
the sign of the signer's Edwards key into the signature's top bit, where plain XEdDSA has 0. `sign` leaves it 0
(both kinds of verifier accept that) and `verify` reads it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from xeddsa import bindings

KEY_LENGTH: Final = 32
SIGNATURE_LENGTH: Final = 64

RandomBytes: TypeAlias = Callable[[int], bytes]
"""Returns that many random bytes; a test hands in a seeded generator."""

_NONCE_LENGTH: Final = 64
_SIGN_BIT: Final = 0x80


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A Curve25519 key pair: 32 bytes each, the private one clamped."""

    private: bytes = field(repr=False)
    public: bytes

    @classmethod
    def from_private(cls, private: bytes) -> "KeyPair":
        """Returns the pair of a private key of 32 bytes (raises ValueError otherwise), clamped if it was not."""
        clamped = _clamp(private)
        return cls(clamped, bindings.priv_to_curve25519_pub(clamped))


def generate(random_bytes: RandomBytes) -> KeyPair:
    """Draws a new key pair from 32 random bytes."""
    return KeyPair.from_private(random_bytes(KEY_LENGTH))


def agree(private: bytes, public: bytes) -> bytes:
    """Returns the shared secret of 32 bytes.

    Raises ValueError for a key of another length or a public key of low order.
    """
    try:
        return bindings.x25519(private, public)
    except bindings.XEdDSAException as error:
        raise ValueError("a public key of low order") from error


def sign(private: bytes, message: bytes, random_bytes: RandomBytes) -> bytes:
    """Returns the XEdDSA signature of 64 bytes, its top bit clear; draws 64 random bytes."""
    return bindings.ed25519_priv_sign(bindings.priv_force_sign(private, False), message, random_bytes(_NONCE_LENGTH))


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the private key of `public` (32 bytes) signed the message; False when a length is wrong."""
    if len(public) != KEY_LENGTH or len(signature) != SIGNATURE_LENGTH:
        return False
    edwards = bindings.curve25519_pub_to_ed25519_pub(public, bool(signature[-1] & _SIGN_BIT))
    unsigned = signature[:-1] + bytes([signature[-1] & ~_SIGN_BIT])
    return bindings.ed25519_verify(unsigned, edwards, message)


def _clamp(private: bytes) -> bytes:
    if len(private) != KEY_LENGTH:
        raise ValueError(f"a private key has {KEY_LENGTH} bytes, not {len(private)}")
    return bytes([private[0] & 0xF8, *private[1:31], private[31] & 0x7F | 0x40])
