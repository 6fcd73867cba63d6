"""What a new client brings, as values: its keys, its halves of a pair code, its signature.

Owns: reading and checking them. Refuses: the order in which they come (`pairing`). Invariant: a `Device` made here has
signed, with the identity key it brought, what the account signed.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

from google.protobuf.message import DecodeError

from wamesh.emulator.codec import Node
from wamesh.emulator.messages import ADVDeviceIdentity, ADVSignedDeviceIdentity, ADVSignedDeviceIdentityHMAC
from wamesh.emulator.server.effects import BadStanza
from wamesh.emulator.server.people import Device, Person
from wamesh.emulator.signal import curve

WRAPPED_BYTES: Final = 80

_KEY_LENGTHS: Final = {"eRegid": 4, "eIdent": 32, "eSkeyID": 3, "eSkeyVal": 32, "eSkeySig": 64}
"""Of the fields of a `devicePairingData` that are keys (measured with neonize 0.5.2)."""

_DEVICE_SIGNATURE: Final = b"\x06\x01"
_DISPLAY_NAME: Final = re.compile(rb"[^()]+ \([^()]+\)")


@dataclass(frozen=True, slots=True)
class Registration:
    """The public keys a new client brings, raw, 32 bytes each."""

    noise_key: bytes
    identity: bytes
    registration_id: int
    signed_prekey_id: int
    signed_prekey: bytes
    signature: bytes

    @classmethod
    def read(cls, data: Any, noise_key: bytes) -> Self:
        """The keys of a `devicePairingData`, with the static key of its connection.

        Raises BadStanza for one of another length: others would be handed what no bundle can hold.
        """
        for name, length in _KEY_LENGTHS.items():
            if len(getattr(data, name)) != length:
                raise BadStanza(f"{name} has {len(getattr(data, name))} bytes, not {length}")
        return cls(
            noise_key,
            data.eIdent,
            int.from_bytes(data.eRegid),
            int.from_bytes(data.eSkeyID),
            data.eSkeyVal,
            data.eSkeySig,
        )

    def device(self, person: Person, number: int, signed: Any, now: datetime) -> Device:
        """Returns the device with these keys and this complete ADVSignedDeviceIdentity."""
        return Device(
            person=person,
            number=number,
            identity=self.identity,
            registration_id=self.registration_id,
            signed_prekey_id=self.signed_prekey_id,
            signed_prekey=self.signed_prekey,
            signature=self.signature,
            link_time=now,
            noise_key=self.noise_key,
            key_index=ADVDeviceIdentity.FromString(signed.details).keyIndex,
            signed_identity=signed.SerializeToString(),
        )


@dataclass(frozen=True, slots=True)
class CompanionHello:
    """What a client tells that wants to be linked by code."""

    phone_number: str
    """Whose code it shows, E.164."""
    wrapped_ephemeral: bytes
    """Its ephemeral public key under the code: salt 32, counter 16, key 32 bytes."""
    noise_key: bytes
    platform: str

    @classmethod
    def read(cls, stage: Node) -> Self:
        """Reads a `companion_hello`. Raises BadStanza, CodecError.

        A display name must be `Browser (System)`: WhatsApp refuses others (read in whatsmeow).
        """
        address = stage.address("jid")
        wrapped = child_data(stage, "link_code_pairing_wrapped_companion_ephemeral_pub")
        named = _DISPLAY_NAME.fullmatch(child_data(stage, "companion_platform_display"))
        if address is None or len(wrapped) != WRAPPED_BYTES or not named:
            raise BadStanza("a hello without a number, a wrapped key or a display name")
        return cls(
            f"+{address.user}",
            wrapped,
            child_data(stage, "companion_server_auth_key_pub"),
            child_data(stage, "companion_platform_id").decode(errors="replace"),
        )


@dataclass(frozen=True, slots=True)
class CompanionFinish:
    """What the client answers to the phone's half of a pair code."""

    wrapped_key_bundle: bytes
    """Salt 32, nonce 12, then the encrypted bundle of 96 + 16 bytes."""
    companion_identity: bytes

    @classmethod
    def read(cls, stage: Node) -> Self:
        """Reads a `companion_finish`."""
        return cls(
            child_data(stage, "link_code_pairing_wrapped_key_bundle"), child_data(stage, "companion_identity_public")
        )


def countersigned(container: bytes, answer: Node, identity: bytes) -> Any:
    """Returns the complete ADVSignedDeviceIdentity of a container (ADVSignedDeviceIdentityHMAC) with the signature that
    the client answered; None when it did not sign that with `identity`, the key it brought.
    """
    signature = answer.child("pair-device-sign")
    try:
        signed = ADVSignedDeviceIdentity.FromString(ADVSignedDeviceIdentityHMAC.FromString(container).details)
        theirs = ADVSignedDeviceIdentity.FromString(child_data(signature, "device-identity") if signature else b"")
    except DecodeError:
        return None
    message = _DEVICE_SIGNATURE + signed.details + identity + signed.accountSignatureKey
    if not curve.verify(identity, message, theirs.deviceSignature):
        return None
    signed.deviceSignature = theirs.deviceSignature
    return signed


def child_data(node: Node, tag: str) -> bytes:
    """Returns what a child holds; empty when there is no such child."""
    child = node.child(tag)
    return child.data if child is not None else b""
