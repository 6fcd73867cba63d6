"""Codes on screens, and identities that an account vouches for."""

import hmac
from base64 import b64encode
from datetime import UTC, datetime

import pytest
from support.randomness import seeded_bytes

from wamesh.emulator.messages import ADVDeviceIdentity, ADVSignedDeviceIdentity, ADVSignedDeviceIdentityHMAC
from wamesh.emulator.phones import linking
from wamesh.emulator.phones.linking import QrCode
from wamesh.emulator.signal import curve

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
KEYS = [bytes([number]) * 32 for number in (1, 2, 3)]
BARE = ",".join(["2@ref", *(b64encode(key).decode() for key in KEYS)])


@pytest.mark.parametrize(
    "text",
    [
        BARE,
        BARE + ",1",
        "https://wa.me/settings/linked_devices#" + BARE + ",1",
        "https://wa.me/settings/linked_devices#" + BARE,
    ],
)
def test_every_form_of_a_code_is_read(text: str) -> None:
    """With or without the address in front and the platform behind."""
    assert QrCode.parse(text) == QrCode(b"2@ref", *KEYS)


@pytest.mark.parametrize(
    "text",
    ["", "hello", "2@ref,AAAA", "," + BARE[6:], BARE.replace("AQEB", "AQE", 1), BARE.replace("A", "?")],
)
def test_anything_else_is_no_code(text: str) -> None:
    """A code has a ref and three keys of 32 bytes."""
    with pytest.raises(ValueError):
        QrCode.parse(text)


def test_an_account_vouches_for_a_device() -> None:
    """Signature and HMAC are over what clients check them over."""
    account = curve.generate(seeded_bytes("account"))
    signed = linking.signed_identity(account, KEYS[1], 3, NOW, seeded_bytes("signature"))
    outside = ADVSignedDeviceIdentityHMAC.FromString(linking.container(signed, KEYS[2]))
    assert hmac.digest(KEYS[2], outside.details, "sha256") == outside.HMAC
    identity = ADVSignedDeviceIdentity.FromString(outside.details)
    assert identity.accountSignatureKey == account.public
    assert curve.verify(account.public, b"\x06\x00" + identity.details + KEYS[1], identity.accountSignature)
    details = ADVDeviceIdentity.FromString(identity.details)
    assert (details.keyIndex, details.timestamp) == (3, int(NOW.timestamp()))
    assert details.rawID
