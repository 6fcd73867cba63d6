"""Hidden ids of simulated people: derived from the phone number, so that they are the same in every run."""

import hashlib
from typing import Final

_LOWEST: Final = 10**14
_COUNT: Final = 9 * 10**14


def hidden_user(phone_number: str) -> str:
    """Returns the user part of the LID of a number (E.164): 15 digits that do not show it."""
    digest = int.from_bytes(hashlib.sha256(phone_number.encode()).digest()[:8])
    return str(_LOWEST + digest % _COUNT)
