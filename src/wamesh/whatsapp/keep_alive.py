"""When to ask the network whether it is still there, and what silence means. Pure: time is an argument, in
seconds.

WhatsApp's client asks every 20-30 s and waits 10 s for the answer; three minutes without one and it dials
anew, without a word to the application (whatsmeow, observed 2026-09-21).
"""

from dataclasses import dataclass
from enum import Enum, auto


class Step(Enum):
    """What to do now."""

    NOTHING = auto()
    ASK = auto()
    REPORT_SILENCE = auto()
    DIAL_ANEW = auto()


@dataclass(frozen=True, slots=True)
class KeepAlivePace:
    """Seconds between questions, for one answer, and until a silent connection is given up."""

    every: float = 25.0
    patience: float = 10.0
    give_up: float = 180.0


class KeepAlive:
    """One connection's keep-alive; `now` is any monotonic clock, the same in every call."""

    def __init__(self, pace: KeepAlivePace, now: float) -> None:
        self._pace = pace
        self._last_answer = now
        self._next_question = now + pace.every
        self._answer_due: float | None = None
        self._silent = False

    def seconds_left(self, now: float) -> float:
        """How long until `step` has something to do; never negative."""
        return max(0.0, self._due() - now)

    def step(self, now: float) -> Step:
        """Returns what to do now, once for each time it becomes due."""
        if now < self._due():
            return Step.NOTHING
        if now >= self._last_answer + self._pace.give_up:
            return Step.DIAL_ANEW
        if self._answer_due is None:
            self._answer_due = now + self._pace.patience
            return Step.ASK
        self._answer_due, self._next_question, self._silent = None, now + self._pace.every, True
        return Step.REPORT_SILENCE

    def answered(self, now: float) -> bool:
        """Notes an answer; True when it ends a silence that was reported."""
        self._last_answer, self._answer_due, self._next_question = now, None, now + self._pace.every
        restored, self._silent = self._silent, False
        return restored

    def _due(self) -> float:
        next_step = self._next_question if self._answer_due is None else self._answer_due
        return min(next_step, self._last_answer + self._pace.give_up)
