"""Patches: made, followed, and refused when anything in them is not as its author made it."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.app_state import COLLECTION, KEY, mute_setting, name_setting
from support.randomness import seeded_bytes

from wamesh.emulator.app_state import CollectionState, DamagedAppState, SyncKey, lthash, open_patch, seal_patch
from wamesh.emulator.messages import SyncdMutation

OTHER_KEY = SyncKey(KEY.id, seeded_bytes("another key")(32))
EMPTY = CollectionState()


def sealed(*changes: Any, state: CollectionState = EMPTY) -> tuple[Any, CollectionState]:
    """A patch with its version, and the state after it."""
    patch, after = seal_patch(COLLECTION, state, changes, KEY, seeded_bytes("patch"))
    patch.version.version = after.version
    return patch, after


@settings(max_examples=50)
@given(st.lists(st.lists(st.text(max_size=20), min_size=1, max_size=3), max_size=4))
def test_patches_are_followed(names: list[list[str]]) -> None:
    """Whoever opens the patches in their order reads what was set, and comes to the author's states."""
    ours = theirs = EMPTY
    for patch_names in names:
        changes = [name_setting(name) for name in patch_names]
        patch, ours = sealed(*changes, state=ours)
        read, theirs = open_patch(COLLECTION, theirs, patch, KEY)
        assert (read, theirs) == (changes, ours)


def test_last_value_is_what_counts() -> None:
    """A setting that is set again replaces its value in the hash: the set has one element."""
    _, first = sealed(name_setting("Salon"))
    patch, second = sealed(name_setting("Studio"), state=first)
    (value_mac,) = second.value_macs.values()
    assert value_mac == patch.mutations[0].record.value.blob[-32:]
    assert second.hash == lthash.subtract_then_add(lthash.EMPTY, [], [value_mac])


def test_removing_the_only_setting_leaves_nothing() -> None:
    """The hash is that of the empty set; removing what is not there changes nothing."""
    _, state = sealed(mute_setting())
    for version in (2, 3):
        _, state = sealed(mute_setting(remove=True), state=state)
        assert (state.version, state.hash, dict(state.value_macs)) == (version, lthash.EMPTY, {})


def spoil_value(patch: Any) -> None:
    blob = bytearray(patch.mutations[0].record.value.blob)
    blob[20] ^= 1
    patch.mutations[0].record.value.blob = bytes(blob)


def spoil_index(patch: Any) -> None:
    patch.mutations[0].record.index.blob = bytes(32)


def turn_into_removal(patch: Any) -> None:
    patch.mutations[0].operation = SyncdMutation.REMOVE


def skip_a_version(patch: Any) -> None:
    patch.version.version += 1


def spoil_snapshot_mac(patch: Any) -> None:
    patch.snapshotMAC = bytes(32)


def spoil_patch_mac(patch: Any) -> None:
    patch.patchMAC = bytes(32)


def name_another_key(patch: Any) -> None:
    patch.mutations[0].record.keyID.ID = b"another"


@pytest.mark.parametrize(
    "spoil",
    [
        spoil_value,
        spoil_index,
        turn_into_removal,
        skip_a_version,
        spoil_snapshot_mac,
        spoil_patch_mac,
        name_another_key,
    ],
)
def test_spoiled_patch_is_refused(spoil: Callable[[Any], None]) -> None:
    """Nothing in a patch can be changed unseen."""
    patch, _ = sealed(name_setting("Salon"))
    spoil(patch)
    with pytest.raises(DamagedAppState):
        open_patch(COLLECTION, EMPTY, patch, KEY)


def test_patch_is_for_its_collection_and_its_key() -> None:
    """It is refused under another name or another key."""
    patch, _ = sealed(name_setting("Salon"))
    for name, key in (("regular", KEY), (COLLECTION, OTHER_KEY)):
        with pytest.raises(DamagedAppState):
            open_patch(name, EMPTY, patch, key)


def test_keys_do_not_show() -> None:
    """A key's bytes are in no text about it."""
    assert KEY.data.hex() not in repr(KEY)
    assert repr(KEY.data) not in repr(KEY)
