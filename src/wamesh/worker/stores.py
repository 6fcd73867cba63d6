"""What the worker keeps: one row a conversation, the messages that it has answered, and the replies that it owes.

Owns the port; `storage/worker/conversations.py` satisfies it on both engines. Invariants: state, handled messages and
replies of a turn are stored together or not at all; a turn is opened once and closed once; a message belongs to one
closed turn; a reply stays owed until its outcome is noted.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from wamesh.errors import FailedPrecondition
from wamesh.worker.conversation import Conversation
from wamesh.worker.progress import Progress


class TurnTaken(FailedPrecondition):
    """Another worker has gone on with this conversation meanwhile; its result stands."""

    reason = "TURN_TAKEN"


class OpenTurnUnreadable(FailedPrecondition):
    """A worker of another release began a turn that this one cannot finish."""

    reason = "OPEN_TURN_UNREADABLE"


class Outcome(StrEnum):
    """What became of a reply."""

    SENT = "SENT"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Key:
    """Names a conversation."""

    company_id: int
    chat: str


@dataclass(frozen=True, slots=True)
class OwedReply:
    """A reply that was decided and not yet sent for certain."""

    request_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Memory:
    """A conversation as stored.

    `turn` counts closed turns; `open_turn` is one that began to change the calendar; `handled` are those of the
    messages asked about that a closed turn has answered; `owed` are replies in their order.
    """

    state: Conversation
    turn: int = 0
    open_turn: Progress | None = None
    owed: tuple[OwedReply, ...] = ()
    handled: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ClosedTurn:
    """A turn at its end. `turn` counts those before it; `opened` tells that it is the conversation's open turn."""

    turn: int
    opened: bool
    message_ids: tuple[str, ...]
    state: Conversation
    replies: tuple[OwedReply, ...] = ()


class ConversationStore(Protocol):
    """Durable memory of conversations. Each method is one transaction."""

    async def load(self, key: Key, message_ids: Collection[str] = (), other_chats: Collection[str] = ()) -> Memory:
        """The conversation; a new one for a chat that never wrote.

        Its state is that of the conversation under one of the customer's `other_chats` when that went on later: the
        gateway may join two names of one customer under either. Raises OpenTurnUnreadable.
        """

    async def open_turn(self, key: Key, turn: int, progress: Progress) -> None:
        """Notes a turn before it changes the calendar, so that whoever finishes it does what was decided.

        Raises TurnTaken unless `turn` closed turns are stored, and no open one.
        """

    async def close_turn(self, key: Key, closed: ClosedTurn, now: datetime) -> None:
        """Stores what the turn leads to. Raises TurnTaken unless `closed.turn` closed turns are stored and a turn is
        open exactly when `closed.opened`, or when one of the messages was handled before.
        """

    async def note_outcome(self, key: Key, request_id: str, outcome: Outcome, now: datetime) -> None:
        """The reply is not owed any more. Noting it again changes nothing."""

    async def purge(self, before: datetime) -> int:
        """Forgets handled messages and finished replies of before, and conversations without owed replies or an open
        turn, not touched since; returns how many rows.
        """
