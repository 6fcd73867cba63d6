"""Prekey bundles as JSON, their keys in hexadecimal."""

from dataclasses import asdict
from typing import Any

from wamesh.emulator.signal import PreKeyBundle


def bundle_to_json(bundle: PreKeyBundle) -> dict[str, Any]:
    """The bundle for a JSON file or another program."""
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in asdict(bundle).items()}


def bundle_from_json(bundle: dict[str, Any]) -> PreKeyBundle:
    """The bundle that `bundle_to_json`, or the other program, gave."""
    values: dict[str, Any] = {
        name: bytes.fromhex(value) if isinstance(value, str) else value for name, value in bundle.items()
    }
    return PreKeyBundle(**values)
