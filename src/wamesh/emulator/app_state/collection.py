"""A named set of settings at a version, and the patches from each version to the next.

Whoever has the key can check that a patch leads where its author says: the patch carries a MAC over the whole set
after it (LTHash || version || name) and one over itself (that MAC || value MACs || version || name), both HMAC-SHA256,
versions 8 bytes big-endian.

Owns: states and patches. Refuses: keeping them. Invariant: `open_patch` of what `seal_patch` made gives the same
mutations and the same state; of anything else it raises.
"""

import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from wamesh.emulator.app_state import lthash
from wamesh.emulator.app_state.errors import DamagedAppState
from wamesh.emulator.app_state.keys import SyncKey
from wamesh.emulator.app_state.mutations import Mutation, seal, unseal, value_mac
from wamesh.emulator.messages import SyncdMutation, SyncdPatch
from wamesh.emulator.signal import RandomBytes

CRITICAL_BLOCK: Final = "critical_block"
"""What a device needs before all else: the push name, the locale."""

COLLECTIONS: Final = (CRITICAL_BLOCK, "critical_unblock_low", "regular_high", "regular", "regular_low")
"""All there are, in the order in which whatsmeow fetches them."""


@dataclass(frozen=True, slots=True)
class CollectionState:
    """A set of settings, as much of it as the codes need: `value_macs` by the MAC of the index. Begins empty."""

    version: int = 0
    hash: bytes = lthash.EMPTY
    value_macs: Mapping[bytes, bytes] = field(default_factory=lambda: MappingProxyType({}))

    def after(self, mutations: Iterable[Any]) -> "CollectionState":
        """The state one version later. Removing what is not there changes nothing, as at WhatsApp Web."""
        macs, subtract, add = dict(self.value_macs), list[bytes](), list[bytes]()
        for mutation in mutations:
            index_mac = mutation.record.index.blob
            if (earlier := macs.pop(index_mac, None)) is not None:
                subtract.append(earlier)
            if mutation.operation == SyncdMutation.SET:
                macs[index_mac] = value_mac(mutation)
                add.append(macs[index_mac])
        return CollectionState(self.version + 1, lthash.subtract_then_add(self.hash, subtract, add), macs)

    def mac(self, name: str, key: SyncKey) -> bytes:
        """The MAC (32 bytes) over the whole set, of the collection called `name`."""
        return hmac.digest(key.derived.snapshot_mac, self.hash + _ending(self.version, name), "sha256")


def seal_patch(
    name: str, state: CollectionState, mutations: Sequence[Mutation], key: SyncKey, random_bytes: RandomBytes
) -> tuple[Any, CollectionState]:
    """Returns the `SyncdPatch` that changes the collection `name`, without a version, and the state after it."""
    patch = SyncdPatch(mutations=[seal(mutation, key, random_bytes) for mutation in mutations])
    after = state.after(patch.mutations)
    patch.keyID.ID = key.id
    patch.snapshotMAC = after.mac(name, key)
    patch.patchMAC = _patch_mac(patch, name, after.version, key)
    return patch, after


def open_patch(name: str, state: CollectionState, patch: Any, key: SyncKey) -> tuple[list[Mutation], CollectionState]:
    """Returns what a `SyncdPatch` of the version after `state` changes, and the state after it.

    Raises DamagedAppState.
    """
    after = state.after(patch.mutations)
    if patch.version.version != after.version:
        raise DamagedAppState(f"patch {patch.version.version} does not follow version {state.version}")
    if not hmac.compare_digest(patch.snapshotMAC, after.mac(name, key)):
        raise DamagedAppState("the patch does not lead to the state it says")
    if not hmac.compare_digest(patch.patchMAC, _patch_mac(patch, name, after.version, key)):
        raise DamagedAppState("the patch's own code is wrong")
    return [unseal(mutation, key) for mutation in patch.mutations], after


def _patch_mac(patch: Any, name: str, version: int, key: SyncKey) -> bytes:
    parts = (patch.snapshotMAC, *(value_mac(mutation) for mutation in patch.mutations), _ending(version, name))
    return hmac.digest(key.derived.patch_mac, b"".join(parts), "sha256")


def _ending(version: int, name: str) -> bytes:
    return version.to_bytes(8) + name.encode()
