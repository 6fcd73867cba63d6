"""What the worker keeps: one row a conversation, and the replies that it owes.

Owns the port; `storage/worker_conversations.py` satisfies it on both engines. Invariants: state and replies of a
turn are stored together or not at all; a turn is closed once; a reply stays owed until its outcome is noted.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from wamesh.errors import FailedPrecondition
from wamesh.worker.conversation import Conversation
from wamesh.worker.events import CustomerMessage


class TurnTaken(FailedPrecondition):
    """Another worker has gone on with this conversation meanwhile; its result stands."""

    reason = "TURN_TAKEN"


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
class Input:
    """What a turn is made of: it, and the state before it, decide everything that the turn does.

    `message_id` is that of the last message and names the turn's requests; `last_sequence` is the last message's.
    """

    messages: tuple[CustomerMessage, ...]
    message_id: str
    last_sequence: int
    time: datetime
    customer_name: str = ""
    phone_number: str = ""


@dataclass(frozen=True, slots=True)
class OwedReply:
    """A reply that was decided and not yet sent for certain."""

    request_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Memory:
    """A conversation as stored. `turn` counts closed turns; `open_input` is that of a turn that began to change the
    calendar.
    """

    state: Conversation
    turn: int = 0
    last_sequence: int = 0
    open_input: Input | None = None
    owed: tuple[OwedReply, ...] = ()


class ConversationStore(Protocol):
    """Durable memory of conversations. Each method is one transaction."""

    async def load(self, key: Key) -> Memory:
        """The conversation; a new one for a chat that never wrote."""

    async def open_turn(self, key: Key, turn: int, turn_input: Input) -> None:
        """Notes the input of a turn before it changes the calendar, so that it is finished with the same input
        after a crash.

        Raises TurnTaken unless `turn` closed turns are stored.
        """

    async def close_turn(
        self, key: Key, turn: int, turn_input: Input, state: Conversation, replies: tuple[OwedReply, ...], now: datetime
    ) -> None:
        """Stores the state after the turn and what is owed for it. Raises TurnTaken unless `turn` closed turns are
        stored.
        """

    async def note_outcome(self, key: Key, request_id: str, outcome: Outcome, now: datetime) -> None:
        """The reply is not owed any more. Noting it again changes nothing."""

    async def purge(self, before: datetime) -> int:
        """Forgets finished replies, and conversations without owed replies or an open turn, not touched since;
        returns how many rows.
        """
