"""The page that browses the OpenAPI document: three files of our own, served from memory, nothing from the network.

Owns their paths and the headers that keep the page to itself: its Content-Security-Policy lets it load and call this
origin alone, and no other page may frame it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files as resources
from typing import Final

HEADERS: Final[Mapping[str, str]] = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class File:
    """A file of the page."""

    content: bytes
    media_type: str


def files() -> Mapping[str, File]:
    """The page's files by their path."""
    return {
        "/docs": _file("index.html", "text/html"),
        "/docs/page.js": _file("page.js", "text/javascript"),
        "/docs/page.css": _file("page.css", "text/css"),
    }


def _file(name: str, media_type: str) -> File:
    content = resources("wamesh.api").joinpath("documentation", name).read_bytes()
    return File(content, media_type)
