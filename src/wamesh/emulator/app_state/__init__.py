"""App state: the settings that an account's devices share, encrypted among them; the server only keeps them.

From the inside out: `lthash.py` (a hash of a set that is updated one element at a time), `keys.py` (the key that the
phone shares, and the five derived from it), `mutations.py` (one setting, sealed), `collection.py` (a named set of
settings with its version, and the patches that lead from one version to the next). Pure: no documents, no stanzas.

Facts: read in Baileys 7 (`lib/Utils/chat-utils.js`) and in whatsmeow of 2026-08-21 (`appstate/`); the tests hold both
directions against what Baileys 7 computed.
"""

from wamesh.emulator.app_state.collection import (
    COLLECTIONS,
    CRITICAL_BLOCK,
    CollectionState,
    open_patch,
    seal_patch,
)
from wamesh.emulator.app_state.errors import DamagedAppState
from wamesh.emulator.app_state.keys import SyncKey
from wamesh.emulator.app_state.mutations import Mutation

__all__ = [
    "COLLECTIONS",
    "CRITICAL_BLOCK",
    "CollectionState",
    "DamagedAppState",
    "Mutation",
    "SyncKey",
    "open_patch",
    "seal_patch",
]
