"""The keyring says to libsignal's Node implementation (6.0.0, the one Baileys uses) what it said when recorded."""

import json
from pathlib import Path
from typing import Any

import pytest
from support.randomness import seeded_bytes
from support.signal_bundles import bundle_from_json, bundle_to_json

from wamesh.emulator.signal import Keyring

PEER = "libsignal"
SCENARIOS: dict[str, list[dict[str, Any]]] = json.loads(
    (Path(__file__).parent / "libsignal_node" / "vectors.json").read_text()
)


@pytest.mark.parametrize("name", SCENARIOS)
def test_talk_with_libsignal_is_repeated(name: str) -> None:
    """What libsignal encrypted is decrypted, and what it once decrypted is encrypted again, byte for byte."""
    keyring = Keyring.create(seeded_bytes(name))
    for line in SCENARIOS[name]:
        assert _repeat(keyring, line) == line


@pytest.mark.parametrize("name", SCENARIOS)
def test_talk_survives_a_restart_before_each_message(name: str) -> None:
    """A keyring that is written down and loaded again each time says the same."""
    random_bytes = seeded_bytes(name)
    keyring = Keyring.create(random_bytes)
    for line in SCENARIOS[name]:
        sessions = {PEER: keyring.session_record(PEER)} if keyring.has_session(PEER) else {}
        keyring = Keyring.load(random_bytes, keyring.keys_record(), sessions)
        assert _repeat(keyring, line) == line


def _repeat(keyring: Keyring, line: dict[str, Any]) -> dict[str, Any]:
    """Does again what a line of `record.py` says, and returns the line it makes this time."""
    if line["do"] == "start":
        keyring.start_session(PEER, bundle_from_json(line["bundle"]))
        return line
    if line["do"] == "bundle":
        return {**line, "bundle": bundle_to_json(keyring.bundle(one_time=line["one_time"]))}
    if line["do"] == "encrypt":
        kind, data = keyring.encrypt(PEER, bytes.fromhex(line["plaintext"]))
        return {**line, "kind": kind, "data": data.hex()}
    plaintext = keyring.decrypt(PEER, line["kind"], bytes.fromhex(line["data"]))
    return {**line, "plaintext": plaintext.hex()}
