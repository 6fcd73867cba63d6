"""X3DH: how two phones that never met get the same root key, one of them absent.

Owns the key agreement of https://signal.org/docs/specifications/x3dh/ as libsignal does it: the master secret is
32 x 0xFF || DH(IK_A, SPK_B) || DH(EK_A, IK_B) || DH(EK_A, SPK_B) [|| DH(EK_A, OPK_B)], where A begins, EK is A's
base key, and IK, SPK and OPK are identity, signed prekey and one-time prekey. Refuses to know where keys come from.
Invariant: `initiate` and `respond` with the two sides of the same keys give the same root key.
"""

from dataclasses import dataclass
from typing import Final

from wamesh.emulator.signal import curve, key_derivation
from wamesh.emulator.signal.curve import KeyPair, RandomBytes
from wamesh.emulator.signal.errors import InvalidBundle
from wamesh.emulator.signal.layouts import typed_key

_PREFIX: Final = b"\xff" * 32


@dataclass(frozen=True, slots=True)
class PreKeyBundle:
    """What a phone publishes so that others can write to it: public keys of 32 bytes, the signature has 64.

    `registration_id` has at most 14 bits, key ids 24. `prekey_id` and `prekey` are both there or both None.
    """

    registration_id: int
    identity: bytes
    signed_prekey_id: int
    signed_prekey: bytes
    signature: bytes
    prekey_id: int | None
    prekey: bytes | None

    def check(self) -> None:
        """Raises InvalidBundle unless the identity signed the signed prekey."""
        if not curve.verify(self.identity, typed_key(self.signed_prekey), self.signature):
            raise InvalidBundle("the identity did not sign the signed prekey")


def sign_prekey(identity: KeyPair, signed_prekey: bytes, random_bytes: RandomBytes) -> bytes:
    """Returns the signature (64 bytes) that goes with a signed prekey into a bundle: over 0x05 || key."""
    return curve.sign(identity.private, typed_key(signed_prekey), random_bytes)


def initiate(identity: KeyPair, base: KeyPair, bundle: PreKeyBundle) -> bytes:
    """Returns the root key (32 bytes) of who begins. Raises ValueError when a key of the bundle is unusable."""
    secrets = [
        curve.agree(identity.private, bundle.signed_prekey),
        curve.agree(base.private, bundle.identity),
        curve.agree(base.private, bundle.signed_prekey),
    ]
    if bundle.prekey is not None:
        secrets.append(curve.agree(base.private, bundle.prekey))
    return key_derivation.root_key(_PREFIX + b"".join(secrets))


def respond(
    identity: KeyPair, signed_prekey: KeyPair, prekey: KeyPair | None, peer_identity: bytes, peer_base: bytes
) -> bytes:
    """Returns the root key (32 bytes) of who is written to. Raises ValueError when a key of the peer is unusable."""
    secrets = [
        curve.agree(signed_prekey.private, peer_identity),
        curve.agree(identity.private, peer_base),
        curve.agree(signed_prekey.private, peer_base),
    ]
    if prekey is not None:
        secrets.append(curve.agree(prekey.private, peer_base))
    return key_derivation.root_key(_PREFIX + b"".join(secrets))
