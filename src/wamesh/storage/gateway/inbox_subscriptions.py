"""The named subscriptions of the inbox, as steps of a transaction.

Owns the table `inbox_subscriptions`, and the birth and death of a subscription in the other tables of the inbox.
Refuses: deliveries. Invariant: no other table has a row of a subscription that is not in this one.

On PostgreSQL birth and death keep everybody else from storing messages meanwhile: a message that is stored beside them
could be too late for what they do to its conversation, and too early to know of it.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from wamesh.clock import from_epoch_microseconds, to_epoch_microseconds
from wamesh.gateway.messages import SubscriptionProgress, Terms
from wamesh.storage.database import Engine, Statement, Steps, execute

WAITS: Final = "SELECT quiet_period, max_wait, max_messages FROM inbox_subscriptions WHERE name = $1"
"""How long the subscription's batches wait, in microseconds, and their maximum count."""

_STORE_NOTHING: Final[dict[Engine, str]] = {
    "sqlite": "SELECT 1",
    "postgresql": "LOCK TABLE inbox_messages IN SHARE ROW EXCLUSIVE MODE",
}

_SUBSCRIBE = """
INSERT INTO inbox_subscriptions (name, quiet_period, max_wait, max_messages) VALUES ($1, $2, $3, $4)
ON CONFLICT (name) DO NOTHING RETURNING name
"""

_CHANGE_WAITS = """
UPDATE inbox_subscriptions SET quiet_period = $2, max_wait = $3, max_messages = $4 WHERE name = $1
"""

_APPLY_WAITS = """
UPDATE inbox_pending SET
    limit_time = limit_time + CAST($3 AS BIGINT),
    available_time = CASE
        WHEN attempts > 0 OR replays > 0 THEN available_time
        WHEN waiting >= CAST($4 AS BIGINT) THEN newest_time
        WHEN newest_time + CAST($2 AS BIGINT) < limit_time + CAST($3 AS BIGINT) THEN newest_time + CAST($2 AS BIGINT)
        ELSE limit_time + CAST($3 AS BIGINT) END
WHERE subscription = $1
"""

_BEGIN_AT_EARLIEST = """
INSERT INTO inbox_pending (subscription, company_id, conversation, acked_sequence, delivered_sequence, newest_sequence,
    newest_time, limit_time, waiting, attempts, claim, claimant, available_time)
SELECT CAST($1 AS TEXT), company_id, conversation, MIN(sequence) - 1, 0, MAX(sequence), MAX(receive_time),
    MIN(receive_time) + CAST($2 AS BIGINT), COUNT(*), 0, '', '', CAST($3 AS BIGINT)
FROM inbox_messages GROUP BY company_id, conversation
"""

_UNSUBSCRIBE = "DELETE FROM inbox_subscriptions WHERE name = $1 RETURNING 1"

_FORGET = (
    "DELETE FROM inbox_pending WHERE subscription = $1",
    "DELETE FROM inbox_replays WHERE subscription = $1",
    "DELETE FROM inbox_dead_letters WHERE subscription = $1",
)

_PROGRESS = """
SELECT s.name, s.quiet_period, s.max_wait, s.max_messages, COALESCE(p.conversations, 0), p.oldest_time,
    (SELECT MIN(m.receive_time) FROM inbox_replays AS r JOIN inbox_messages AS m ON m.sequence = r.sequence
        WHERE r.subscription = s.name),
    (SELECT COUNT(*) FROM inbox_dead_letters AS d WHERE d.subscription = s.name)
FROM inbox_subscriptions AS s LEFT JOIN (
    SELECT subscription, COUNT(*) AS conversations, MIN(CASE WHEN replays = 0 THEN limit_time END) AS oldest_time
    FROM inbox_pending GROUP BY subscription
) AS p ON p.subscription = s.name
ORDER BY s.name
"""


def knows(terms: Terms) -> Steps[bool]:
    """True when the subscription exists and has these waits."""
    return (yield from _waits(terms.subscription)) == _waits_of(terms)


def open_subscription(engine: Engine, terms: Terms, now: datetime) -> Steps[None]:
    """Makes the subscription known with these waits; a new one begins at the earliest stored message."""
    yield execute(_STORE_NOTHING[engine])
    known = yield from _waits(terms.subscription)
    quiet_period, max_wait, max_messages = _waits_of(terms)
    if known is None:
        yield execute(_SUBSCRIBE, terms.subscription, quiet_period, max_wait, max_messages)
        yield execute(_BEGIN_AT_EARLIEST, terms.subscription, max_wait, to_epoch_microseconds(now))
        return
    yield execute(_CHANGE_WAITS, terms.subscription, quiet_period, max_wait, max_messages)
    yield execute(_APPLY_WAITS, terms.subscription, quiet_period, max_wait - known[1], max_messages)


def delete_subscription(engine: Engine, subscription: str) -> Steps[bool]:
    """Removes the subscription and all that only it needed; False when there is none."""
    yield execute(_STORE_NOTHING[engine])
    deleted = yield execute(_UNSUBSCRIBE, subscription)
    for forget in _FORGET if deleted else ():
        yield execute(forget, subscription)
    return bool(deleted)


def all_progress() -> Statement:
    """Asks for every subscription, by name; `progress_of` reads a row."""
    return execute(_PROGRESS)


def progress_of(row: tuple[Any, ...]) -> SubscriptionProgress:
    """One subscription. A pending row knows its oldest message by `limit_time`, which lies max_wait after it."""
    name, quiet_period, max_wait, max_messages, conversations, limit_time, replayed_time, dead_letters = row
    oldest = [] if limit_time is None else [limit_time - max_wait]
    oldest += [] if replayed_time is None else [replayed_time]
    return SubscriptionProgress(
        subscription=name,
        pending_conversations=conversations,
        oldest_pending_time=from_epoch_microseconds(min(oldest)) if oldest else None,
        dead_letters=dead_letters,
        quiet_period=timedelta(microseconds=quiet_period),
        max_wait=timedelta(microseconds=max_wait),
        max_messages=max_messages,
    )


def _waits(subscription: str) -> Steps[tuple[int, int, int] | None]:
    rows = yield execute(WAITS, subscription)
    return (rows[0][0], rows[0][1], rows[0][2]) if rows else None


def _waits_of(terms: Terms) -> tuple[int, int, int]:
    return _microseconds(terms.quiet_period), _microseconds(terms.max_wait), terms.max_messages


def _microseconds(span: timedelta) -> int:
    return span // timedelta(microseconds=1)
