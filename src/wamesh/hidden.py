"""Hides an installed package from one that imports it when it can, and is as good without it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def hidden(package: str) -> Iterator[None]:
    """Importing `package` fails meanwhile as if it were not installed; one that is loaded already stays."""
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment]  # what the import system knows as "not to be found"
    try:
        yield
    finally:
        del sys.modules[package]
