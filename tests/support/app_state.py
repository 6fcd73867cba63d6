"""Settings for tests of app state: one key, and a collection's life in four patches, the same bytes in every run."""

from typing import Any, Final

from support.randomness import seeded_bytes

from wamesh.emulator.app_state import CollectionState, Mutation, SyncKey, seal_patch
from wamesh.emulator.messages import SyncActionValue

COLLECTION: Final = "critical_block"
KEY: Final = SyncKey(bytes.fromhex("000000000835"), seeded_bytes("key")(32))
TIMESTAMP: Final = 1767268800000
"""2026-01-01 12:00 UTC, in milliseconds."""


def name_setting(name: str) -> Mutation:
    """The account's push name."""
    value = SyncActionValue(timestamp=TIMESTAMP)
    value.pushNameSetting.name = name
    return Mutation(("setting_pushName",), value, 1)


def mute_setting(*, remove: bool = False) -> Mutation:
    """A muted chat, or its removal."""
    value = SyncActionValue(timestamp=TIMESTAMP)
    value.muteAction.muted = not remove
    return Mutation(("mute", "12025550111@s.whatsapp.net"), value, 2, remove=remove)


CHANGES: Final = (
    (name_setting("Salon"), mute_setting()),
    (name_setting('Café "Ü" <&>'),),
    (mute_setting(remove=True),),
    (mute_setting(),),
)
"""What each patch changes."""


def our_patches() -> list[bytes]:
    """The patches that the emulator makes of `CHANGES`, encoded, with their versions."""
    draw, state = seeded_bytes("ours"), CollectionState()
    patches: list[Any] = []
    for changes in CHANGES:
        patch, state = seal_patch(COLLECTION, state, changes, KEY, draw)
        patch.version.version = state.version
        patches.append(patch.SerializeToString())
    return patches
