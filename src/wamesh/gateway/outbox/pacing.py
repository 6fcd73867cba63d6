"""How fast a number may send: a token bucket, written as the time at which it would be full again.

The bucket holds `burst` messages and gets one back every `gap`. Instead of a count it keeps one moment (the theoretical
arrival time of ITU-T I.371's generic cell rate algorithm), so that the time at which there is room is exact.

Owns: the arithmetic, and the limits as a value. Refuses: clocks, waiting, first contacts (whose count is in the
database). Invariant: in any span of time, no more than `burst` + span / `gap` messages are let go.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

_NOTHING: Final = timedelta(0)


@dataclass(frozen=True, slots=True)
class PacePolicy:
    """The limits of each number. `gap` 0 is no limit, and so is `first_contacts` 0: chats a day to which the company
    writes without having been written to. `patience`: how long a message that may not queue waits for room.
    """

    gap: timedelta = _NOTHING
    burst: int = 20
    first_contacts: int = 0
    patience: timedelta = timedelta(seconds=2)


UNLIMITED: Final = PacePolicy()


class Pace:
    """One number's bucket, full at first."""

    def __init__(self, policy: PacePolicy) -> None:
        self._gap = policy.gap
        self._ahead = policy.gap * (policy.burst - 1)
        self._full_at: datetime | None = None

    def room_at(self, now: datetime) -> datetime:
        """When the next message may go: now, or later."""
        return now if self._full_at is None else max(now, self._full_at - self._ahead)

    def take(self, now: datetime, patience: timedelta = _NOTHING) -> datetime | None:
        """Takes room for one message and returns when it may go; None, and takes nothing, when there is no room within
        the patience.
        """
        room = self.room_at(now)
        if room - now > patience:
            return None
        self._full_at = max(room, self._full_at or room) + self._gap
        return room
