"""The key that an account's phone shares with its devices, and what is derived from it.

HKDF-SHA256 (no salt, info `WhatsApp Mutation Keys`) stretches the 32 bytes of a sync key to five keys of 32 bytes (read
in whatsmeow; Baileys 7 computes the same).
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES: Final = 32
_INFO: Final = b"WhatsApp Mutation Keys"


class MutationKeys(NamedTuple):
    """Five keys of 32 bytes: for the names of settings, for their values, and for the codes over all levels."""

    index_mac: bytes
    value_encryption: bytes
    value_mac: bytes
    snapshot_mac: bytes
    patch_mac: bytes


@dataclass(frozen=True)
class SyncKey:
    """A key as the phone shares it: `id` (6 bytes at WhatsApp) names it in everything that it sealed."""

    id: bytes
    data: bytes = field(repr=False)

    @cached_property
    def derived(self) -> MutationKeys:
        """What seals and opens."""
        expanded = HKDF(SHA256(), KEY_BYTES * len(MutationKeys._fields), None, _INFO).derive(self.data)
        return MutationKeys(*(expanded[start : start + KEY_BYTES] for start in range(0, len(expanded), KEY_BYTES)))
