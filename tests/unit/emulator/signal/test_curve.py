"""Curve25519: key agreement and signatures."""

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from support.randomness import seeded_bytes
from xeddsa import bindings

from wamesh.emulator.signal import curve

SECRETS = st.binary(min_size=32, max_size=32)


@given(SECRETS, SECRETS)
def test_keys_are_those_of_other_libraries(first: bytes, second: bytes) -> None:
    """Public keys and shared secrets are what OpenSSL makes of the same private keys."""
    ours, theirs = curve.KeyPair.from_private(first), X25519PrivateKey.from_private_bytes(second)
    expected = theirs.exchange(X25519PublicKey.from_public_bytes(ours.public))
    assert X25519PrivateKey.from_private_bytes(first).public_key().public_bytes_raw() == ours.public
    assert curve.agree(ours.private, theirs.public_key().public_bytes_raw()) == expected


@given(SECRETS)
def test_private_keys_are_clamped(secret: bytes) -> None:
    """The number behind a private key is a multiple of 8 with its 255th bit set and no higher one."""
    number = int.from_bytes(curve.KeyPair.from_private(secret).private, "little")
    assert (number % 8, number >> 254) == (0, 1)


@pytest.mark.parametrize("public", [bytes(32), (1).to_bytes(32, "little"), b"short"])
def test_unusable_public_keys_are_refused(public: bytes) -> None:
    """Points of low order and keys of another length agree on nothing."""
    with pytest.raises(ValueError):
        curve.agree(curve.generate(seeded_bytes("pair")).private, public)


def test_private_keys_have_32_bytes() -> None:
    """A private key of another length is refused."""
    with pytest.raises(ValueError, match="32 bytes, not 31"):
        curve.KeyPair.from_private(bytes(31))


def test_private_key_is_not_shown() -> None:
    """The text of a pair, as logs and failed tests show it, has the public key only."""
    pair = curve.generate(seeded_bytes("pair"))
    assert repr(pair) == f"KeyPair(public={pair.public!r})"


@given(SECRETS, st.binary(max_size=200))
def test_signature_is_verified(secret: bytes, message: bytes) -> None:
    """A signature verifies with the signer's public key, and its top bit is clear."""
    pair = curve.KeyPair.from_private(secret)
    signature = curve.sign(pair.private, message, seeded_bytes("nonce"))
    assert (curve.verify(pair.public, message, signature), signature[-1] >> 7) == (True, 0)


@given(st.integers(0, 511), st.integers(0, 255), st.integers(0, 7))
def test_every_bit_counts(signature_bit: int, key_bit: int, message_bit: int) -> None:
    """A signature with one bit changed in it, in the key or in the message is refused."""
    pair = curve.generate(seeded_bytes("pair"))
    signature = curve.sign(pair.private, b"m", seeded_bytes("nonce"))
    assert not curve.verify(pair.public, b"m", _flipped(signature, signature_bit))
    assert not curve.verify(pair.public, _flipped(b"m", message_bit), signature)
    if key_bit != 255:  # X25519 ignores the top bit of a public key
        assert not curve.verify(_flipped(pair.public, key_bit), b"m", signature)


@given(SECRETS)
def test_sign_of_the_key_may_stand_in_the_top_bit(secret: bytes) -> None:
    """A signature as libsignal makes it verifies: by the unchanged key, whose sign is in the signature's top bit."""
    private = curve.KeyPair.from_private(secret).private
    sign_bit = bindings.priv_to_ed25519_pub(private)[-1] & 0x80
    signature = bytearray(bindings.ed25519_priv_sign(private, b"message", bytes(64)))
    signature[-1] |= sign_bit
    assert curve.verify(bindings.priv_to_curve25519_pub(private), b"message", bytes(signature))


@pytest.mark.parametrize(("public_length", "signature_length"), [(32, 63), (32, 65), (31, 64), (0, 0)])
def test_lengths_are_checked(public_length: int, signature_length: int) -> None:
    """Nothing is verified by a key or a signature of another length."""
    assert not curve.verify(bytes(public_length), b"", bytes(signature_length))


def _flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)
