"""Dead letters, and messages that are delivered again out of turn, as steps of a transaction.

Owns the tables `inbox_dead_letters` and `inbox_replays`. Refuses: to decide when a conversation is due (`pending`).
Invariants:

- a replay is a message at or below its conversation's `acked_sequence` that is to be delivered all the same: a dead
  letter that is replayed, which stays one until it is acked, or what a join of two conversations found unacked;
- `inbox_pending.replays` counts them, so a conversation that has replays has a pending row;
- `claim` is the delivery that a replay was in last, empty before its first.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

from wamesh.clock import from_epoch_microseconds
from wamesh.gateway.messages import DeadLetter
from wamesh.storage.database import Database, Engine, Rows, Steps, execute
from wamesh.storage.gateway.inbox_rows import MESSAGE_COLUMNS, stored_message

ConversationKey: TypeAlias = tuple[str, int, str]
"""Subscription, company, conversation."""

_MESSAGE = ", ".join(f"m.{column.strip()}" for column in MESSAGE_COLUMNS.split(","))

_BURY = """
INSERT INTO inbox_dead_letters (subscription, sequence, company_id, conversation, attempts, bury_time)
SELECT CAST($1 AS TEXT), sequence, company_id, conversation, CAST($6 AS BIGINT), CAST($7 AS BIGINT)
FROM inbox_messages WHERE company_id = $2 AND conversation = $3 AND sequence > $4 AND sequence <= $5
ON CONFLICT DO NOTHING
"""

_BURY_AGAIN = """
INSERT INTO inbox_dead_letters (subscription, sequence, company_id, conversation, attempts, bury_time)
SELECT subscription, sequence, company_id, conversation, CAST($4 AS BIGINT), CAST($5 AS BIGINT)
FROM inbox_replays WHERE subscription = $1 AND company_id = $2 AND conversation = $3 AND claim <> ''
ON CONFLICT (subscription, sequence) DO UPDATE SET attempts = excluded.attempts, bury_time = excluded.bury_time
"""

_END_BURIED = """
DELETE FROM inbox_replays WHERE subscription = $1 AND company_id = $2 AND conversation = $3 AND claim <> '' RETURNING 1
"""

_BATCH = f"""
SELECT {_MESSAGE} FROM inbox_replays AS r JOIN inbox_messages AS m ON m.sequence = r.sequence
WHERE r.subscription = $1 AND r.company_id = $2 AND r.conversation = $3 ORDER BY r.sequence LIMIT $4
"""

_CLAIM = """
UPDATE inbox_replays SET claim = CASE WHEN sequence <= $4 THEN CAST($5 AS TEXT) ELSE '' END
WHERE subscription = $1 AND company_id = $2 AND conversation = $3
"""

_END_ACKED = """
DELETE FROM inbox_replays WHERE subscription = $1 AND company_id = $2 AND conversation = $3 AND claim = $4
RETURNING sequence
"""

_FORGET_LETTER = "DELETE FROM inbox_dead_letters WHERE subscription = $1 AND sequence = $2"

_LIST = f"""
SELECT d.subscription, d.company_id, d.conversation, d.attempts, d.bury_time, r.sequence IS NOT NULL, {_MESSAGE}
FROM inbox_dead_letters AS d JOIN inbox_messages AS m ON m.sequence = d.sequence
    LEFT JOIN inbox_replays AS r ON r.subscription = d.subscription AND r.company_id = d.company_id
        AND r.conversation = d.conversation AND r.sequence = d.sequence
WHERE d.subscription = $1 AND d.sequence > $2{{company}} ORDER BY d.sequence LIMIT $3
"""

_COMPANIES = "SELECT DISTINCT company_id FROM inbox_dead_letters WHERE subscription = $1 ORDER BY company_id"

_HOLD_LEASE: dict[Engine, str] = {
    "sqlite": "SELECT 1",
    "postgresql": "SELECT 1 FROM leases WHERE company_id = $1 FOR NO KEY UPDATE",
}

_NAMED = "SELECT 1 FROM inbox_subscriptions WHERE name = $1{lock}"

_REPLAY = """
INSERT INTO inbox_replays (subscription, company_id, conversation, sequence, claim)
SELECT subscription, company_id, conversation, sequence, '' FROM inbox_dead_letters
WHERE subscription = $1 AND company_id = $2{chat}
ON CONFLICT DO NOTHING RETURNING conversation
"""

_OF_CHAT = """ AND conversation = COALESCE(
    (SELECT conversation FROM inbox_identities WHERE company_id = $2 AND jid = $3), CAST($3 AS TEXT))"""

_MAKE_PENDING = """
INSERT INTO inbox_pending (subscription, company_id, conversation, acked_sequence, delivered_sequence, newest_sequence,
    newest_time, limit_time, waiting, attempts, claim, claimant, available_time, replays)
SELECT CAST($1 AS TEXT), CAST($2 AS BIGINT), CAST($3 AS TEXT), MAX(sequence), 0, MAX(sequence), MAX(receive_time),
    CAST($4 AS BIGINT), 0, 0, '', '', CAST($4 AS BIGINT), CAST($5 AS BIGINT)
FROM inbox_messages WHERE company_id = $2 AND conversation = $3
ON CONFLICT (subscription, company_id, conversation) DO UPDATE SET
    replays = inbox_pending.replays + excluded.replays,
    limit_time = CASE WHEN inbox_pending.limit_time < excluded.limit_time THEN inbox_pending.limit_time
        ELSE excluded.limit_time END,
    available_time = CASE
        WHEN inbox_pending.claim <> '' OR inbox_pending.available_time < excluded.available_time
        THEN inbox_pending.available_time ELSE excluded.available_time END
"""


def bury(key: ConversationKey, after: int, upto: int, attempts: int, now: int) -> Steps[None]:
    """Makes the messages `(after, upto]` dead letters."""
    yield execute(_BURY, *key, after, upto, attempts, now)


def bury_again(key: ConversationKey, attempts: int, now: int) -> Steps[int]:
    """Makes the replays of the last delivery dead letters that wait for nothing; returns how many it ended."""
    yield execute(_BURY_AGAIN, *key, attempts, now)
    ended = yield execute(_END_BURIED, *key)
    return len(ended)


def next_replays(key: ConversationKey, limit: int) -> Steps[Rows]:
    """The conversation's first replays, as rows of `MESSAGE_COLUMNS`."""
    return (yield execute(_BATCH, *key, limit))


def claim_replays(key: ConversationKey, upto: int, delivery_id: str) -> Steps[None]:
    """Notes that the delivery has the conversation's replays up to this sequence."""
    yield execute(_CLAIM, *key, upto, delivery_id)


def end_replays(key: ConversationKey, delivery_id: str) -> Steps[int]:
    """Ends the delivery's replays, dead letters or not, as done with; returns how many."""
    ended = yield execute(_END_ACKED, *key, delivery_id)
    for (sequence,) in ended:
        yield execute(_FORGET_LETTER, key[0], sequence)
    return len(ended)


def companies_of(subscription: str) -> Steps[list[int] | None]:
    """The companies that have dead letters in the subscription; None when there is no such subscription."""
    known = yield execute(_NAMED.format(lock=""), subscription)
    if not known:
        return None
    rows = yield execute(_COMPANIES, subscription)
    return [row[0] for row in rows]


def replay(database: Database, subscription: str, company_id: int, chat: str, now: int) -> Steps[int]:
    """Has a company's dead letters delivered again, of one chat or of all (empty); returns how many wait now because of
    this call.
    """
    yield execute(_HOLD_LEASE[database.engine], *([company_id] if database.engine == "postgresql" else []))
    known = yield execute(_NAMED.format(lock=database.row_lock), subscription)
    if not known:
        return 0
    sql = _REPLAY.format(chat=_OF_CHAT if chat else "")
    rows = yield execute(sql, subscription, company_id, *([chat] if chat else []))
    conversations = [row[0] for row in rows]
    for conversation in sorted(set(conversations)):
        count = conversations.count(conversation)
        yield execute(_MAKE_PENDING, subscription, company_id, conversation, now, count)
    return len(conversations)


def dead_letters(
    subscription: str, limit: int, after: int, company_id: int | None
) -> Steps[Sequence[DeadLetter] | None]:
    """Dead letters in order; None when there is no such subscription."""
    known = yield execute(_NAMED.format(lock=""), subscription)
    if not known:
        return None
    company, only = ("", []) if company_id is None else (" AND d.company_id = $4", [company_id])
    rows = yield execute(_LIST.format(company=company), subscription, after, limit, *only)
    return [_dead_letter(row) for row in rows]


def _dead_letter(row: tuple[Any, ...]) -> DeadLetter:
    subscription, company_id, conversation, attempts, bury_time, replaying = row[:6]
    stored = stored_message(row[6:])
    buried = from_epoch_microseconds(bury_time)
    return DeadLetter(subscription, company_id, conversation, stored, attempts, buried, bool(replaying))
