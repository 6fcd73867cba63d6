"""A package may be hidden from another that is imported."""

import sys

import pytest

from wamesh.hidden import hidden


def test_hidden_package_cannot_be_imported() -> None:
    """The importing package finds what it would find without an installation."""
    with hidden("wave"), pytest.raises(ImportError):
        import wave  # noqa: F401


def test_others_find_the_package() -> None:
    """Afterwards it is there for everyone."""
    with hidden("wave"):
        pass
    import wave

    assert wave.__name__ == "wave"


def test_loaded_package_stays() -> None:
    """What the process has loaded already is not taken from it."""
    with hidden("json"):
        import json
    assert sys.modules["json"] is json
