"""An append-only sequence with cursors and listeners: the event log, and each customer's mailbox.

Owns: order, and cursors 1, 2, 3, ... without gaps. Refuses: forgetting. Invariant: what `after(cursor)`
returned once it returns for ever, possibly with more behind it.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Generic, TypeVar

T = TypeVar("T")


class Log(Generic[T]):
    """Items in the order of their appending. Used from one thread."""

    def __init__(self) -> None:
        self._items: list[T] = []
        self._listeners: set[Callable[[], None]] = set()

    @property
    def cursor(self) -> int:
        """The cursor of the newest item; 0 when empty."""
        return len(self._items)

    def append(self, item: T) -> None:
        """Adds `item` and calls each listener; the item's cursor is `self.cursor` afterwards."""
        self._items.append(item)
        for listener in tuple(self._listeners):
            listener()

    def after(self, cursor: int, limit: int | None = None) -> Sequence[T]:
        """Returns up to `limit` items behind `cursor`, in order."""
        end = None if limit is None else cursor + limit
        return self._items[cursor:end]

    @contextmanager
    def listening(self, listener: Callable[[], None]) -> Iterator[None]:
        """Calls `listener` after each append while the block runs; it must not block or append."""
        self._listeners.add(listener)
        try:
            yield
        finally:
            self._listeners.discard(listener)
