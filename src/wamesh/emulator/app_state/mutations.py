"""One setting that was set or removed, sealed so that the server learns neither its name nor its value.

A `SyncdMutation` holds: the name as HMAC-SHA256 of the index (32 bytes); the value as IV (16) || AES-256-CBC with
PKCS#7 || MAC (32); the id of the key. The MAC is the first half of HMAC-SHA512 over
operation (1 byte: 1 set, 2 remove) || key id || IV and ciphertext || length of the first two (8 bytes, big-endian).
"""

import hmac
import json
from dataclasses import dataclass
from typing import Any, Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from google.protobuf.message import DecodeError

from wamesh.emulator.app_state.errors import DamagedAppState
from wamesh.emulator.app_state.keys import SyncKey
from wamesh.emulator.messages import SyncActionData, SyncdMutation
from wamesh.emulator.signal import RandomBytes

MAC_BYTES: Final = 32
_IV_BYTES: Final = 16
_BLOCK_BITS: Final = 128


@dataclass(frozen=True, slots=True)
class Mutation:
    """A setting: `index` is its name, such as `("setting_pushName",)` or `("mute", JID)`; `value` a `SyncActionValue`.

    `version` is a constant of the kind of setting.
    """

    index: tuple[str, ...]
    value: Any
    version: int
    remove: bool = False


def seal(mutation: Mutation, key: SyncKey, random_bytes: RandomBytes) -> Any:
    """Returns the `SyncdMutation`."""
    index = json.dumps(mutation.index, ensure_ascii=False, separators=(",", ":")).encode()
    data = SyncActionData(index=index, value=mutation.value, padding=b"", version=mutation.version)
    encrypted = _encrypt(data.SerializeToString(), key, random_bytes(_IV_BYTES))
    operation = SyncdMutation.REMOVE if mutation.remove else SyncdMutation.SET
    sealed = SyncdMutation(operation=operation)
    sealed.record.index.blob = _index_mac(index, key)
    sealed.record.value.blob = encrypted + _value_mac(operation, encrypted, key)
    sealed.record.keyID.ID = key.id
    return sealed


def unseal(sealed: Any, key: SyncKey) -> Mutation:
    """Returns what a `SyncdMutation` says; raises DamagedAppState."""
    encrypted, mac = sealed.record.value.blob[:-MAC_BYTES], value_mac(sealed)
    if key.id != sealed.record.keyID.ID:
        raise DamagedAppState("sealed with an unknown key")
    if not hmac.compare_digest(_value_mac(sealed.operation, encrypted, key), mac):
        raise DamagedAppState("the code of a value is wrong")
    data = _decrypt(encrypted, key)
    if not hmac.compare_digest(_index_mac(data.index, key), sealed.record.index.blob):
        raise DamagedAppState("the code of an index is wrong")
    return Mutation(_names(data.index), data.value, data.version, remove=sealed.operation == SyncdMutation.REMOVE)


def value_mac(sealed: Any) -> bytes:
    """The MAC (32 bytes) at the end of a sealed value, which stands for it in hashes and patches."""
    mac: bytes = sealed.record.value.blob[-MAC_BYTES:]
    return mac


def _names(index: bytes) -> tuple[str, ...]:
    try:
        return tuple(json.loads(index))
    except (ValueError, TypeError) as error:
        raise DamagedAppState("an index is no list") from error


def _index_mac(index: bytes, key: SyncKey) -> bytes:
    return hmac.digest(key.derived.index_mac, index, "sha256")


def _value_mac(operation: int, encrypted: bytes, key: SyncKey) -> bytes:
    associated = bytes([operation + 1]) + key.id
    hashed = associated + encrypted + len(associated).to_bytes(8)
    return hmac.digest(key.derived.value_mac, hashed, "sha512")[:MAC_BYTES]


def _aes(key: SyncKey, iv: bytes) -> "Cipher[modes.CBC]":
    return Cipher(algorithms.AES256(key.derived.value_encryption), modes.CBC(iv))


def _encrypt(data: bytes, key: SyncKey, iv: bytes) -> bytes:
    padder, encryptor = PKCS7(_BLOCK_BITS).padder(), _aes(key, iv).encryptor()
    return iv + encryptor.update(padder.update(data) + padder.finalize()) + encryptor.finalize()


def _decrypt(encrypted: bytes, key: SyncKey) -> Any:
    unpadder = PKCS7(_BLOCK_BITS).unpadder()
    try:
        decryptor = _aes(key, encrypted[:_IV_BYTES]).decryptor()
        padded = decryptor.update(encrypted[_IV_BYTES:]) + decryptor.finalize()
        return SyncActionData.FromString(unpadder.update(padded) + unpadder.finalize())
    except (ValueError, DecodeError) as error:
        raise DamagedAppState("a value is no setting") from error
