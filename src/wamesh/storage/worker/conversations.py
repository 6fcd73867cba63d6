"""The worker's conversations and owed replies, on both engines.

Owns the SQL of `worker.stores.ConversationStore`. Invariant: the number of closed turns and whether one is open guard
every write of a turn: of two workers, whatever each of them believes, one goes on and the other gets TurnTaken.
"""

from collections.abc import Collection
from datetime import datetime

import structlog

from wamesh.clock import to_epoch_microseconds
from wamesh.storage.database import ConstraintViolated, Database, Rows, Steps, execute
from wamesh.worker.codec import Unreadable, read_progress, read_state, write_progress, write_state
from wamesh.worker.conversation import Conversation
from wamesh.worker.progress import Progress
from wamesh.worker.stores import ClosedTurn, Key, Memory, OpenTurnUnreadable, Outcome, OwedReply, TurnTaken

_log = structlog.get_logger("worker")

_LOAD = """
    SELECT chat, turn, state, open_turn FROM conversations
    WHERE company_id = $1 AND chat IN ({chats}) ORDER BY update_time DESC
"""
_OWED = """
    SELECT request_id, text FROM replies
    WHERE company_id = $1 AND chat = $2 AND state = 'OWED' ORDER BY turn, place
"""
_HANDLED = """
    SELECT message_id FROM handled_messages WHERE company_id = $1 AND chat = $2 AND message_id IN ({messages})
"""
_OPEN = """
    INSERT INTO conversations (company_id, chat, turn, state, open_turn, update_time)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (company_id, chat) DO UPDATE SET open_turn = excluded.open_turn, update_time = excluded.update_time
    WHERE conversations.turn = excluded.turn AND conversations.open_turn IS NULL
    RETURNING turn
"""
_CLOSE = """
    INSERT INTO conversations (company_id, chat, turn, state, open_turn, update_time)
    VALUES ($1, $2, $3 + 1, $4, NULL, $5)
    ON CONFLICT (company_id, chat) DO UPDATE SET
        turn = excluded.turn, state = excluded.state, open_turn = NULL, update_time = excluded.update_time
    WHERE conversations.turn = excluded.turn - 1 AND conversations.open_turn IS {open}
    RETURNING turn
"""
_HANDLE = """
    INSERT INTO handled_messages (company_id, chat, message_id, turn, handle_time) VALUES ($1, $2, $3, $4, $5)
"""
_OWE = """
    INSERT INTO replies (company_id, request_id, chat, turn, place, text, state, update_time)
    VALUES ($1, $2, $3, $4, $5, $6, 'OWED', $7)
"""
_NOTE = """
    UPDATE replies SET state = $3, update_time = $4 WHERE company_id = $1 AND request_id = $2 AND state = 'OWED'
"""
_PURGE_HANDLED = "DELETE FROM handled_messages WHERE handle_time < $1 RETURNING turn"
_PURGE_REPLIES = "DELETE FROM replies WHERE update_time < $1 AND state <> 'OWED' RETURNING turn"
_PURGE_CONVERSATIONS = """
    DELETE FROM conversations WHERE update_time < $1 AND open_turn IS NULL AND NOT EXISTS (
        SELECT 1 FROM replies
        WHERE replies.company_id = conversations.company_id AND replies.chat = conversations.chat
        AND replies.state = 'OWED'
    ) RETURNING turn
"""


class ConversationTables:
    """`ConversationStore` over a database whose worker tables are migrated."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, key: Key, message_ids: Collection[str] = (), other_chats: Collection[str] = ()) -> Memory:
        """Reads the conversation, what is owed to it, and which of the messages it has answered."""
        chats = (key.chat, *(each for each in other_chats if each != key.chat))

        def steps() -> Steps[Memory]:
            rows = yield execute(_LOAD.format(chats=_places(2, chats)), key.company_id, *chats)
            owed = yield execute(_OWED, key.company_id, key.chat)
            handled = yield from _handled(key, message_ids)
            state = _state(key, rows[0][2]) if rows else Conversation()
            turn, open_turn = next(((row[1], row[3]) for row in rows if row[0] == key.chat), (0, None))
            return Memory(state, turn, _open_turn(key, open_turn), tuple(OwedReply(*row) for row in owed), handled)

        return await self._database.read(steps)

    async def open_turn(self, key: Key, turn: int, progress: Progress) -> None:
        """Notes the turn. Raises TurnTaken."""
        moment = to_epoch_microseconds(progress.input.time)
        fresh, text = write_state(Conversation()), write_progress(progress)

        def steps() -> Steps[None]:
            rows = yield execute(_OPEN, key.company_id, key.chat, turn, fresh, text, moment)
            _require(key, rows)

        await self._database.write(steps)

    async def close_turn(self, key: Key, closed: ClosedTurn, now: datetime) -> None:
        """Stores state, handled messages and replies. Raises TurnTaken."""
        moment, text = to_epoch_microseconds(now), write_state(closed.state)
        close = _CLOSE.format(open="NOT NULL" if closed.opened else "NULL")

        def steps() -> Steps[None]:
            rows = yield execute(close, key.company_id, key.chat, closed.turn, text, moment)
            _require(key, rows)
            yield from _handle(key, closed, moment)
            for place, each in enumerate(closed.replies):
                yield execute(_OWE, key.company_id, each.request_id, key.chat, closed.turn, place, each.text, moment)

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
            forgotten = 0
            for sql in (_PURGE_HANDLED, _PURGE_REPLIES, _PURGE_CONVERSATIONS):
                forgotten += len((yield execute(sql, moment)))
            return forgotten

        return await self._database.write(steps)


def _state(key: Key, text: str) -> Conversation:
    state = read_state(text)
    if state is None:
        _log.warning("conversation_unreadable", company_id=key.company_id, chat=key.chat)
    return state or Conversation()


def _open_turn(key: Key, text: str | None) -> Progress | None:
    try:
        return None if text is None else read_progress(text)
    except Unreadable as error:
        raise OpenTurnUnreadable(
            f"Conversation {key.chat} of company {key.company_id} has an open turn of another release; let a worker of "
            "that release finish it.",
            {"company_id": str(key.company_id), "chat": key.chat},
        ) from error


def _handled(key: Key, message_ids: Collection[str]) -> Steps[frozenset[str]]:
    if not message_ids:
        return frozenset()
    rows = yield execute(_HANDLED.format(messages=_places(3, message_ids)), key.company_id, key.chat, *message_ids)
    return frozenset(message_id for (message_id,) in rows)


def _handle(key: Key, closed: ClosedTurn, moment: int) -> Steps[None]:
    """The messages belong to this turn alone."""
    try:
        for each in closed.message_ids:
            yield execute(_HANDLE, key.company_id, key.chat, each, closed.turn, moment)
    except ConstraintViolated as error:
        raise _taken(key) from error


def _places(first: int, values: Collection[str]) -> str:
    """As many placeholders as there are values, from `$first` on."""
    return ", ".join(f"${first + index}" for index in range(len(values)))


def _require(key: Key, rows: Rows) -> None:
    if not rows:
        raise _taken(key)


def _taken(key: Key) -> TurnTaken:
    return TurnTaken(
        f"Conversation {key.chat} of company {key.company_id} was continued by another worker.",
        {"company_id": str(key.company_id), "chat": key.chat},
    )
