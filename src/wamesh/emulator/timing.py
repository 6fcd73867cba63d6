"""How the network keeps time: the pace of a pairing, and something done later."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol


class CallLater(Protocol):
    """Runs a function once after a delay, on the network's own thread."""

    def __call__(self, delay: timedelta, function: Callable[[], None]) -> None: ...


@dataclass(frozen=True, slots=True)
class PairingPace:
    """How many QR codes a pairing offers and how long each is shown; the defaults are WhatsApp's (2026-09-21)."""

    codes: int = 6
    first: timedelta = timedelta(seconds=60)
    later: timedelta = timedelta(seconds=20)
