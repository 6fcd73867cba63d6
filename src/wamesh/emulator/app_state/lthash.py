"""LTHash: a hash of a set, updated by adding and subtracting elements, the same in whatever order.

Each element is stretched by HKDF-SHA256 (no salt, info `WhatsApp Patch Integrity`) to 128 bytes, read as 64 words of 16
bits, little-endian, and added to the hash word by word, modulo 2**16 (read in whatsmeow; Baileys 7 computes the same).
"""

import struct
from collections.abc import Iterable
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

BYTES: Final = 128
EMPTY: Final = bytes(BYTES)
"""The hash of the empty set."""

_INFO: Final = b"WhatsApp Patch Integrity"
_WORDS: Final = struct.Struct(f"<{BYTES // 2}H")
_MODULUS: Final = 1 << 16


def subtract_then_add(base: bytes, subtract: Iterable[bytes], add: Iterable[bytes]) -> bytes:
    """Returns the hash (128 bytes) of the set behind `base` without the elements of `subtract`, with those of `add`."""
    words = list(_WORDS.unpack(base))
    for sign, elements in ((-1, subtract), (1, add)):
        for element in elements:
            words = [(word + sign * part) % _MODULUS for word, part in zip(words, _stretch(element), strict=True)]
    return _WORDS.pack(*words)


def _stretch(element: bytes) -> tuple[int, ...]:
    return _WORDS.unpack(HKDF(SHA256(), BYTES, None, _INFO).derive(element))
