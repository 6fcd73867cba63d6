"""How long a delivery is this worker's: until its ack deadline, by a clock that goes on while the process is stopped.

A worker that was stopped (SIGSTOP, a suspended container) wakes in the middle of a turn that somebody else may have
finished meanwhile. What it would write is refused by the store, and what it would send is known by its request id; but
a booking that was refused to the other worker could by now be possible. So it looks at its hold before each call to
another service, and no call lasts longer than the hold.

Owns that moment. Refuses to revive a hold that is over. Invariant: once `require` has raised, it raises for ever.
"""

import time
from collections.abc import Callable
from datetime import timedelta

from wamesh.rpc import deadline


class DeliveryLost(Exception):
    """The ack deadline passed without an extension: another worker may have the delivery."""


class Hold:
    """One delivery's hold; `duration` is that of the ack deadline, and of each extension."""

    def __init__(self, duration: timedelta, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._seconds = duration.total_seconds()
        self._monotonic = monotonic
        self._end = monotonic() + self._seconds

    def extend(self) -> bool:
        """Begins the duration anew; False when it is over, and nothing can bring it back."""
        if self._left() <= 0:
            return False
        self._end = self._monotonic() + self._seconds
        return True

    def require(self) -> None:
        """Cuts the calls that this task makes next to what is left. Raises DeliveryLost when nothing is."""
        left = self._left()
        if left <= 0:
            raise DeliveryLost("The ack deadline of the delivery has passed; whoever has it now goes on.")
        deadline.note(left)

    def _left(self) -> float:
        return self._end - self._monotonic()
