"""Turns: who asked first goes first, for each key by itself.

Owns: the order within a key. Refuses: knowing what a turn is for. Invariant: of all turns of a key that have
not left, exactly the oldest may go.
"""

import asyncio
from collections import deque
from collections.abc import Hashable
from typing import Self


class Lanes:
    """The queues, one a key; a key without turns costs nothing."""

    def __init__(self) -> None:
        self._turns: dict[Hashable, deque[Turn]] = {}

    def enter(self, key: Hashable) -> "Turn":
        """Takes the last place in the key's queue; leave it, whatever happens."""
        turns = self._turns.setdefault(key, deque())
        turn = Turn(self, key)
        turns.append(turn)
        if len(turns) == 1:
            turn.may_go.set()
        return turn

    def _leave(self, key: Hashable, turn: "Turn") -> None:
        turns = self._turns.get(key)
        if turns is None or turn not in turns:
            return
        turns.remove(turn)
        if turns:
            turns[0].may_go.set()
        else:
            del self._turns[key]


class Turn:
    """A place in a queue. `may_go` is set once it is the first."""

    def __init__(self, lanes: Lanes, key: Hashable) -> None:
        self._lanes = lanes
        self._key = key
        self.may_go = asyncio.Event()
        self._left = False

    @property
    def is_held(self) -> bool:
        """True from when it may go until it leaves."""
        return self.may_go.is_set() and not self._left

    def leave(self) -> None:
        """Lets the next one go; harmless when repeated."""
        self._left = True
        self._lanes._leave(self._key, self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.leave()
