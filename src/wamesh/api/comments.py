"""What the protos' comments say about each rpc, message, field and enum value.

Runtime descriptors carry no comments, so `scripts/generate` writes them to `comments.json` beside this module, by
full name:

    {"wamesh.gateway.v1.Gateway.Send": "Sends one text to one chat, ...", ...}

A package's own name has the comment at the top of its file. Invariant: `scripts/generate --check` proves the file
current.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

# google.type ships without comments.
_FOREIGN: Final[Mapping[str, str]] = {
    "google.type.Money": "An amount of money.",
    "google.type.Money.currency_code": 'ISO 4217, such as "EUR".',
    "google.type.Money.units": "Whole units of the currency.",
    "google.type.Money.nanos": "Billionths of a unit, with the sign of units.",
    "google.type.DayOfWeek": "A day of the week.",
}


def of(full_name: str) -> str:
    """The comment on a declaration, or an empty string."""
    return _all().get(full_name, "")


def summary(full_name: str) -> str:
    """The first sentence of the comment, without its full stop."""
    return of(full_name).partition(". ")[0].partition("\n")[0].removesuffix(".")


@cache
def _all() -> Mapping[str, str]:
    text = files("wamesh.api").joinpath("comments.json").read_text("utf-8")
    return {**_FOREIGN, **json.loads(text)}
