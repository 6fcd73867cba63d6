"""The numbers of the binary XML: type bytes and the token table.

Owns `tokens.json` (its source and licence stand inside) and reads it once, when the first stanza is encoded or
decoded. Invariant: no word stands in the table twice, so `words()` and `codes()` are each other's inverse.
"""

import json
from functools import cache
from importlib.resources import files
from typing import Final

LIST_EMPTY: Final = 0
DICTIONARY_0: Final = 236
DICTIONARY_3: Final = 239
INTEROP_JID: Final = 245
FB_JID: Final = 246
AD_JID: Final = 247
LIST_8: Final = 248
LIST_16: Final = 249
JID_PAIR: Final = 250
HEX_8: Final = 251
BINARY_8: Final = 252
BINARY_20: Final = 253
BINARY_32: Final = 254
NIBBLE_8: Final = 255

DOMAIN_SERVERS: Final = {0: "s.whatsapp.net", 1: "lid", 128: "hosted", 129: "hosted.lid"}
"""The server that the domain byte of an AD-JID stands for (read in Baileys 7)."""

NIBBLE_DIGITS: Final = "0123456789-."
"""What the half bytes of a nibble text mean, by value; 15 fills an odd one."""


@cache
def words() -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Returns the one-byte words by code (0 is unused), and the four dictionaries of 256 two-byte words."""
    table = json.loads(files(__package__).joinpath("tokens.json").read_text("utf-8"))
    return tuple(table["single"]), tuple(tuple(dictionary) for dictionary in table["double"])


@cache
def codes() -> dict[str, bytes]:
    """Returns each word's encoding, one or two bytes."""
    single, double = words()
    short = {word: bytes([code]) for code, word in enumerate(single) if code}
    long = {
        word: bytes([DICTIONARY_0 + number, code])
        for number, dictionary in enumerate(double)
        for code, word in enumerate(dictionary)
    }
    return short | long
