"""The worker's conversations and owed replies, on both engines.

Owns the SQL of `worker.stores.ConversationStore`. Invariant: the number of closed turns only grows, one at a time,
and guards every write: of two workers that finish the same turn, one gets TurnTaken.
"""

from datetime import datetime

import structlog

from wamesh.clock import to_epoch_microseconds
from wamesh.storage.database import Database, Steps, execute
from wamesh.worker.codec import read_input, read_state, write_input, write_state
from wamesh.worker.conversation import Conversation
from wamesh.worker.stores import Input, Key, Memory, Outcome, OwedReply, TurnTaken

_log = structlog.get_logger("worker")

_LOAD = """
    SELECT turn, last_sequence, state, open_input FROM conversations WHERE company_id = $1 AND chat = $2
"""
_OWED = """
    SELECT request_id, text FROM replies
    WHERE company_id = $1 AND chat = $2 AND state = 'OWED' ORDER BY turn, place
"""
_OPEN = """
    INSERT INTO conversations (company_id, chat, turn, last_sequence, state, open_input, update_time)
    VALUES ($1, $2, $3, 0, $4, $5, $6)
    ON CONFLICT (company_id, chat) DO UPDATE SET open_input = excluded.open_input, update_time = excluded.update_time
    WHERE conversations.turn = excluded.turn
    RETURNING turn
"""
_CLOSE = """
    INSERT INTO conversations (company_id, chat, turn, last_sequence, state, open_input, update_time)
    VALUES ($1, $2, $3 + 1, $4, $5, NULL, $6)
    ON CONFLICT (company_id, chat) DO UPDATE SET
        turn = excluded.turn, last_sequence = excluded.last_sequence, state = excluded.state, open_input = NULL,
        update_time = excluded.update_time
    WHERE conversations.turn = excluded.turn - 1
    RETURNING turn
"""
_OWE = """
    INSERT INTO replies (company_id, request_id, chat, turn, place, text, state, update_time)
    VALUES ($1, $2, $3, $4, $5, $6, 'OWED', $7)
    ON CONFLICT (company_id, request_id) DO NOTHING
"""
_NOTE = """
    UPDATE replies SET state = $3, update_time = $4 WHERE company_id = $1 AND request_id = $2 AND state = 'OWED'
"""
_PURGE_REPLIES = "DELETE FROM replies WHERE update_time < $1 AND state <> 'OWED' RETURNING turn"
_PURGE_CONVERSATIONS = """
    DELETE FROM conversations WHERE update_time < $1 AND open_input IS NULL AND NOT EXISTS (
        SELECT 1 FROM replies
        WHERE replies.company_id = conversations.company_id AND replies.chat = conversations.chat
        AND replies.state = 'OWED'
    ) RETURNING turn
"""


class ConversationTables:
    """`ConversationStore` over a database whose worker tables are migrated."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, key: Key) -> Memory:
        """Reads the conversation and what is owed to it."""

        def steps() -> Steps[Memory]:
            found = yield execute(_LOAD, key.company_id, key.chat)
            owed = yield execute(_OWED, key.company_id, key.chat)
            replies = tuple(OwedReply(*row) for row in owed)
            if not found:
                return Memory(Conversation(), owed=replies)
            turn, last_sequence, state, open_input = found[0]
            return Memory(_state(key, state), turn, last_sequence, _input(open_input), replies)

        return await self._database.read(steps)

    async def open_turn(self, key: Key, turn: int, turn_input: Input) -> None:
        """Notes the input. Raises TurnTaken."""
        moment = to_epoch_microseconds(turn_input.time)
        fresh, text = write_state(Conversation()), write_input(turn_input)

        def steps() -> Steps[None]:
            rows = yield execute(_OPEN, key.company_id, key.chat, turn, fresh, text, moment)
            _require(key, rows)

        await self._database.write(steps)

    async def close_turn(
        self, key: Key, turn: int, turn_input: Input, state: Conversation, replies: tuple[OwedReply, ...], now: datetime
    ) -> None:
        """Stores state and replies. Raises TurnTaken."""
        moment, text = to_epoch_microseconds(now), write_state(state)

        def steps() -> Steps[None]:
            rows = yield execute(_CLOSE, key.company_id, key.chat, turn, turn_input.last_sequence, text, moment)
            _require(key, rows)
            for place, each in enumerate(replies):
                yield execute(_OWE, key.company_id, each.request_id, key.chat, turn, place, each.text, moment)

        await self._database.write(steps)

    async def note_outcome(self, key: Key, request_id: str, outcome: Outcome, now: datetime) -> None:
        """Ends what is owed."""
        moment = to_epoch_microseconds(now)

        def steps() -> Steps[None]:
            yield execute(_NOTE, key.company_id, request_id, outcome.value, moment)

        await self._database.write(steps)

    async def purge(self, before: datetime) -> int:
        """Forgets what is finished and old; returns how many rows."""
        moment = to_epoch_microseconds(before)

        def steps() -> Steps[int]:
            replies = yield execute(_PURGE_REPLIES, moment)
            conversations = yield execute(_PURGE_CONVERSATIONS, moment)
            return len(replies) + len(conversations)

        return await self._database.write(steps)


def _state(key: Key, text: str) -> Conversation:
    state = read_state(text)
    if state is None:
        _log.warning("conversation_unreadable", company_id=key.company_id, chat=key.chat)
    return state or Conversation()


def _input(text: str | None) -> Input | None:
    return read_input(text) if text is not None else None


def _require(key: Key, rows: list[tuple[object, ...]]) -> None:
    if not rows:
        raise TurnTaken(
            f"Conversation {key.chat} of company {key.company_id} was continued by another worker.",
            {"company_id": str(key.company_id), "chat": key.chat},
        )
