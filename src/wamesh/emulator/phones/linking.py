"""Linking by QR code, the phone's side: what the code says, and the signed identity that the phone answers with.

Owns: the code's text form and the container of a new device's identity. Refuses: pairing's order, which is the
server's. Invariant: a container verifies for exactly the device identity and the secret that stand in the code.

Facts: the code's text measured with neonize 0.5.2 (with the `wa.me` address in front) and read in Baileys 7; the order
of signature and HMAC measured with neonize 0.5.2, which verifies both.
"""

import hashlib
import hmac
from base64 import b64decode
from binascii import Error as Base64Error
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from wamesh.emulator.messages import ADVDeviceIdentity, ADVSignedDeviceIdentity, ADVSignedDeviceIdentityHMAC
from wamesh.emulator.signal import curve
from wamesh.emulator.signal.curve import KeyPair, RandomBytes

_ACCOUNT_SIGNATURE: Final = b"\x06\x00"
_KEY_BYTES: Final = 32
_KEY_COUNT: Final = 3


@dataclass(frozen=True, slots=True)
class QrCode:
    """What a client shows: the server's `ref` for its connection, and three values of 32 bytes."""

    ref: bytes
    noise_key: bytes
    identity: bytes
    secret: bytes = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> "QrCode":
        """Reads `REF,NOISE,IDENTITY,SECRET[,PLATFORM]`, the keys in base64, bare or behind an address and `#`.

        Raises ValueError for anything else.
        """
        ref, *rest = text.rpartition("#")[2].strip().split(",")
        keys = [_key(part) for part in rest[:_KEY_COUNT]]
        if not ref or len(keys) != _KEY_COUNT:
            raise ValueError("not a code for linking a device")
        return cls(ref.encode(), *keys)


def _key(text: str) -> bytes:
    try:
        key = b64decode(text, validate=True)
    except Base64Error:
        raise ValueError("a key of the code is not base64") from None
    if len(key) != _KEY_BYTES:
        raise ValueError(f"a key of the code has {len(key)} bytes instead of {_KEY_BYTES}")
    return key


def raw_id(account: bytes) -> int:
    """Returns the 32 bits that name an account's list of devices; here they follow from its key (32 bytes)."""
    return int.from_bytes(hashlib.sha256(account).digest()[:4])


def signed_identity(
    account: KeyPair, identity: bytes, number: int, moment: datetime, random_bytes: RandomBytes
) -> bytes:
    """An encoded ADVSignedDeviceIdentity for a device: the account vouches for its identity key (32 bytes).

    `number` is the device's; it is its key index too. `moment` is aware, kept in whole seconds.
    """
    details = ADVDeviceIdentity(
        rawID=raw_id(account.public), timestamp=int(moment.timestamp()), keyIndex=number
    ).SerializeToString()
    signature = curve.sign(account.private, _ACCOUNT_SIGNATURE + details + identity, random_bytes)
    signed = ADVSignedDeviceIdentity(details=details, accountSignatureKey=account.public, accountSignature=signature)
    encoded: bytes = signed.SerializeToString()
    return encoded


def container(signed: bytes, secret: bytes) -> bytes:
    """An encoded ADVSignedDeviceIdentityHMAC around `signed`, for the client that holds `secret` (32 bytes)."""
    mac = hmac.digest(secret, signed, "sha256")
    encoded: bytes = ADVSignedDeviceIdentityHMAC(details=signed, HMAC=mac).SerializeToString()
    return encoded
