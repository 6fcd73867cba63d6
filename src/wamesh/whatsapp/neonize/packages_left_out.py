"""neonize without the packages that a session process never calls.

The library imports them when it is imported, for files, stickers, link previews, contact cards, codes drawn in a
terminal, and to download its native code, none of which is done here (neonize 0.5.2: 17 MB of each session's memory,
and half of the time that its process takes to start, measured). Its own code is untouched: it finds names that can be
imported and annotated with, and whoever calls one is told.

Owns: what stands for those packages. Refuses: to stand for one that is loaded already. Invariant: once the library is
imported, nobody else in the process finds a stand-in.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any, Final, NoReturn, cast

UNCALLED: Final = ("PIL", "httpx", "linkpreview", "magic", "phonenumbers", "requests", "segno", "tqdm")


class PackageLeftOut(Exception):
    """The library was asked for something that needs a package which was not loaded."""


class _Name(type):
    """A package or a name in one; a class, since annotations join it to others with `|`."""

    def __getattr__(cls, name: str) -> "_Name":
        if name.startswith("__"):
            raise AttributeError(name)
        return _Name(f"{cls.__name__}.{name}", (), {})

    def __call__(cls, *_: Any, **__: Any) -> NoReturn:
        raise PackageLeftOut(f"{cls.__name__} is not loaded in a session process")


@contextmanager
def packages_left_out() -> Iterator[None]:
    """What is imported meanwhile finds stand-ins for `UNCALLED`, and keeps them."""
    missing = [name for name in UNCALLED if name not in sys.modules]
    sys.modules.update({name: cast(ModuleType, _Name(name, (), {})) for name in missing})
    try:
        yield
    finally:
        for name in missing:
            del sys.modules[name]
