"""From secrets to keys: every derivation of the Signal protocol, version 3, and nothing else.

Owns the labels and constants (read in libsignal's Java source, and in its Node port, which Baileys uses):

    master secret   HKDF-SHA256, salt 32 x 0x00, "WhisperText"         -> root key (32), a chain key nobody uses (32)
    ratchet step    HKDF-SHA256, salt root key,  "WhisperRatchet"      -> root key (32), chain key (32)
    chain step      HMAC-SHA256(chain key, 0x01) -> message seed, HMAC-SHA256(chain key, 0x02) -> next chain key
    message         HKDF-SHA256, salt 32 x 0x00, "WhisperMessageKeys"  -> cipher key (32), MAC key (32), IV (16)

Refuses state. Invariant: pure functions of bytes.
"""

import hmac
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NO_SALT: Final = bytes(32)


class MessageKeys(NamedTuple):
    """What one message is encrypted with: AES-256-CBC key (32 bytes), HMAC-SHA256 key (32) and IV (16)."""

    cipher_key: bytes
    mac_key: bytes
    iv: bytes


def root_key(master_secret: bytes) -> bytes:
    """Returns the first root key (32 bytes) of the session that X3DH's master secret begins."""
    return _derive(master_secret, _NO_SALT, b"WhisperText", 64)[:32]


def ratchet_step(root: bytes, shared_secret: bytes) -> tuple[bytes, bytes]:
    """Returns the next root key and a new chain key (32 bytes each)."""
    derived = _derive(shared_secret, root, b"WhisperRatchet", 64)
    return derived[:32], derived[32:]


def message_seed(chain_key: bytes) -> bytes:
    """Returns the seed (32 bytes) of the keys of the message whose turn it is in the chain."""
    return hmac.digest(chain_key, b"\x01", "sha256")


def next_chain_key(chain_key: bytes) -> bytes:
    """Returns the chain key (32 bytes) after that message."""
    return hmac.digest(chain_key, b"\x02", "sha256")


def message_keys(seed: bytes) -> MessageKeys:
    """Returns the keys that a message seed stands for."""
    derived = _derive(seed, _NO_SALT, b"WhisperMessageKeys", 80)
    return MessageKeys(derived[:32], derived[32:64], derived[64:])


def _derive(secret: bytes, salt: bytes, label: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=label).derive(secret)
