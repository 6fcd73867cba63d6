"""The event log as the rest of the gateway sees it: what changed, in the order of the commits.

Owns: the values of the log, its cursors, its port, and what it refuses. Refuses: SQL, waiting. Invariant: a cursor is
the text of a `Position`; what stands after a position stays after it, on every gateway and for good.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, Self

from wamesh.errors import FailedPrecondition, InvalidArgument, Violation
from wamesh.gateway.messages import OutboxMessage
from wamesh.gateway.sessions import SessionSnapshot

_CURSOR: Final = re.compile(r"(0|[1-9][0-9]{0,17})-(0|[1-9][0-9]{0,17})", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the log, before or after all events or between two of them; positions compare as the log is ordered.

    `transaction` is 0 where the database has one writer, whose commits `sequence` alone orders.
    """

    transaction: int
    sequence: int

    @classmethod
    def parse(cls, cursor: str) -> Self:
        """The position of a cursor. Raises CursorUnknown for a text that no event ever had."""
        match = _CURSOR.fullmatch(cursor)
        if match is None:
            raise CursorUnknown
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.transaction}-{self.sequence}"


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """A change: the session as it was saved, without action and holder; or the message as it was in that state.

    `position` is that of the event, `time` when the database wrote it, by the database's clock.
    """

    position: Position
    time: datetime
    change: SessionSnapshot | OutboxMessage

    @property
    def company_id(self) -> int:
        """The company."""
        return self.change.company_id


@dataclass(frozen=True, slots=True)
class Page:
    """Events in order, and the position up to which the log was looked through for them.

    `complete` is False when more can be read at once. `held_back` tells that more is committed, but an older
    transaction still runs that may have events to put before it.
    """

    events: tuple[LoggedEvent, ...]
    end: Position
    complete: bool
    held_back: bool


class EventLog(Protocol):
    """The changes of all sessions and of all outgoing messages, as far as they are kept."""

    async def latest(self) -> Position:
        """The position after everything that can be read now. Raises DatabaseUnavailable."""
        ...

    async def earliest(self) -> Position:
        """The position before everything that is kept. Raises DatabaseUnavailable."""
        ...

    async def check(self, position: Position) -> None:
        """Raises CursorExpired when events after the position are gone, CursorUnknown when the log has never come so
        far, DatabaseUnavailable.
        """
        ...

    async def read(self, after: Position, limit: int, company_ids: Collection[int] = ()) -> Page:
        """The next events after a position, at most `limit`, of these companies (empty: of all).

        Raises CursorExpired, DatabaseUnavailable.
        """
        ...

    async def prune(self, before: datetime, limit: int) -> int:
        """Removes the oldest events from before that moment, at most `limit` and never the newest; returns how many.

        Cursors from before the last of them are expired then. Raises DatabaseUnavailable.
        """
        ...


class CursorUnknown(InvalidArgument):
    """No event of this log has, or could have had, the cursor."""

    def __init__(self) -> None:
        super().__init__([Violation("after_cursor", "must be the cursor of an event, or opened_cursor")])


class CursorExpired(FailedPrecondition):
    """Events after the cursor were removed."""

    reason = "CURSOR_EXPIRED"

    def __init__(self, position: Position) -> None:
        sentence = (
            f"Events after cursor {position} were removed because of their age; "
            "read what you need with ListMessages and ListSessions, and begin anew without it."
        )
        super().__init__(sentence, {"cursor": str(position)})
