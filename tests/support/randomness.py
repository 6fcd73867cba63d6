"""Random bytes that are the same in every run."""

import hashlib
from collections.abc import Callable
from itertools import count


def seeded_bytes(seed: str) -> Callable[[int], bytes]:
    """A source of bytes that look random: draw n is SHAKE-256 of the seed and n, as long as asked for."""
    draws = count()
    return lambda length: hashlib.shake_256(f"{seed}/{next(draws)}".encode()).digest(length)
