"""Deliveries to one stream, and when to look for the next: pure.

Owns: how many conversations a stream holds at once and until when (`Window`), the one moment at which a feed
must look at its store again (`Agenda`), and how long a nacked delivery stays away (`retry_delay`). Refuses:
clocks, stores, tasks. Invariant: a window never holds more than its limit, and a delivery leaves it exactly
once.
"""

from datetime import datetime, timedelta
from typing import Final

from wamesh.gateway.messages import Claim

_FIRST_RETRY: Final = timedelta(seconds=1)
_LONGEST_RETRY: Final = timedelta(minutes=5)


def retry_delay(attempt: int) -> timedelta:
    """How long a delivery stays away after its nack, when the client does not say: 1 s, doubling, up to 5
    min.
    """
    doubled: timedelta = _FIRST_RETRY * 2 ** min(attempt - 1, 16)
    return min(doubled, _LONGEST_RETRY)


class Window:
    """The open deliveries of one stream, at most `limit`."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open: dict[str, tuple[Claim, datetime]] = {}

    @property
    def free(self) -> int:
        """How many more conversations the stream takes."""
        return self._limit - len(self._open)

    @property
    def next_deadline(self) -> datetime | None:
        """When the first open delivery expires."""
        return min((deadline for _, deadline in self._open.values()), default=None)

    def admit(self, claim: Claim) -> None:
        """Opens a delivery. Raises OverflowError beyond the limit."""
        if self.free <= 0:
            raise OverflowError(f"the stream holds {self._limit} conversations already")
        self._open[claim.delivery_id] = (claim, claim.deadline)

    def close(self, delivery_id: str) -> Claim | None:
        """Ends a delivery and returns it; None when it is not open (any more)."""
        claim, _ = self._open.pop(delivery_id, (None, None))
        return claim

    def extend(self, delivery_id: str, deadline: datetime) -> Claim | None:
        """Moves an open delivery's deadline and returns it; None when it is not open."""
        if delivery_id not in self._open:
            return None
        claim, _ = self._open[delivery_id]
        self._open[delivery_id] = (claim, deadline)
        return claim

    def expire(self, now: datetime) -> list[Claim]:
        """Ends the deliveries whose deadline has come; returns them."""
        late = [claim for claim, deadline in self._open.values() if deadline <= now]
        for claim in late:
            del self._open[claim.delivery_id]
        return late

    def close_all(self) -> list[Claim]:
        """Ends every delivery; returns them."""
        claims = [claim for claim, _ in self._open.values()]
        self._open.clear()
        return claims


class Agenda:
    """The next moment at which something may be due. Only the earliest counts: looking tells the one after
    it.
    """

    def __init__(self) -> None:
        self.next: datetime | None = None

    def note(self, time: datetime | None) -> bool:
        """Something may be due at `time` (None: nothing is). True when that is earlier than all known
        before.
        """
        if time is None or (self.next is not None and self.next <= time):
            return False
        self.next = time
        return True

    def take(self, now: datetime) -> bool:
        """True when the moment has come; it is forgotten then, so note what looking finds."""
        if self.next is None or now < self.next:
            return False
        self.next = None
        return True
