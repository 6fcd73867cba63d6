"""The one un-acked send of a client: waiting for its ack, across a lost connection if it must be.

WhatsApp's client sends one message at a time and waits up to 75 s. When the socket is lost meanwhile and the
client logs in again within 5 s, it repeats the same frame with the same id (whatsmeow, observed 2026-09-21);
later it gives up.

Owns: the waiting. Refuses: writing to the wire. Invariant: `wait` always returns, at the latest when its time
is over.
"""

import threading
import time
from typing import Generic, TypeVar

Frame = TypeVar("Frame")
Ack = TypeVar("Ack")


class InFlight(Generic[Frame, Ack]):
    """One message on its way. `wait` is called by the sender, everything else by whoever reads the wire."""

    def __init__(self, message_id: str, frame: Frame, ack_seconds: float, replay_seconds: float) -> None:
        self.message_id = message_id
        self._frame = frame
        self._replay_seconds = replay_seconds
        self._changed = threading.Condition()
        self._deadline = time.monotonic() + ack_seconds
        self._replay_deadline: float | None = None
        self._ack: Ack | None = None

    def settle(self, ack: Ack) -> None:
        """The ack came."""
        with self._changed:
            self._ack = ack
            self._changed.notify()

    def lose(self, *, for_good: bool) -> None:
        """The connection is gone: the wait goes on for the replay time, or ends now when it is gone
        `for_good`.
        """
        with self._changed:
            self._replay_deadline = time.monotonic() + (0 if for_good else self._replay_seconds)
            self._changed.notify()

    def replay(self) -> Frame | None:
        """Logged in again: returns the frame to repeat, or None when it is too late for that."""
        with self._changed:
            if self._replay_deadline is None or self._ack is not None or time.monotonic() >= self._end():
                return None
            self._replay_deadline = None
            self._changed.notify()
            return self._frame

    def wait(self) -> Ack | None:
        """Returns the ack; None when its time is over, with the message's fate unknown."""
        with self._changed:
            while self._ack is None and (left := self._end() - time.monotonic()) > 0:
                self._changed.wait(left)
            return self._ack

    @property
    def disconnected(self) -> bool:
        """True when the connection was lost and has not come back."""
        return self._replay_deadline is not None

    def _end(self) -> float:
        return self._deadline if self._replay_deadline is None else min(self._deadline, self._replay_deadline)
