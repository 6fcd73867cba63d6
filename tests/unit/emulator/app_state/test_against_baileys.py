"""What Baileys 7.0.0-rc14 computed when it was recorded (`baileys_node/record.py`) is what comes out here."""

import json
from pathlib import Path
from typing import Any, Final

import pytest
from support.app_state import CHANGES, COLLECTION, KEY, our_patches

from wamesh.emulator.app_state import CollectionState, lthash, open_patch
from wamesh.emulator.messages import SyncdPatch

VECTORS: Final[dict[str, Any]] = json.loads((Path(__file__).parent / "baileys_node" / "vectors.json").read_text())


def test_keys_are_derived_alike() -> None:
    """The five keys of a sync key."""
    assert [key.hex() for key in KEY.derived] == VECTORS["keys"]


@pytest.mark.parametrize("vector", VECTORS["hashes"], ids=range(len(VECTORS["hashes"])))
def test_sets_are_hashed_alike(vector: dict[str, Any]) -> None:
    """Adding, subtracting, and both, also where words overflow."""
    subtract, add = ([bytes.fromhex(element) for element in vector[which]] for which in ("subtract", "add"))
    assert lthash.subtract_then_add(bytes.fromhex(vector["base"]), subtract, add).hex() == vector["hash"]


def test_its_patches_are_read() -> None:
    """A name set, a chat muted, the name changed, the mute removed: every code holds, every state is the same."""
    state = CollectionState()
    for vector in VECTORS["theirs"]:
        (mutation,), state = open_patch(COLLECTION, state, SyncdPatch.FromString(bytes.fromhex(vector["patch"])), KEY)
        assert (list(mutation.index), mutation.remove) == (vector["index"], vector["remove"])
        assert mutation.value.pushNameSetting.name == vector["name"]
        assert (state.version, state.hash.hex()) == (vector["version"], vector["hash"])


def test_our_patches_are_those_it_read() -> None:
    """The bytes that it checked and read are made again, and it read what they say."""
    assert [patch.hex() for patch in our_patches()] == [vector["patch"] for vector in VECTORS["ours"]]
    said = [[[list(each.index), each.value.pushNameSetting.name] for each in changes] for changes in CHANGES]
    assert [vector["read"] for vector in VECTORS["ours"]] == said


def test_its_states_after_our_patches_are_ours() -> None:
    """Versions and hashes."""
    state = CollectionState()
    for patch, vector in zip(our_patches(), VECTORS["ours"], strict=True):
        _, state = open_patch(COLLECTION, state, SyncdPatch.FromString(patch), KEY)
        assert (state.version, state.hash.hex()) == (vector["version"], vector["hash"])
