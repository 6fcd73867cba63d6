"""How far each subscription has come in each conversation, as steps of a transaction.

Owns the tables `inbox_subscriptions`, `inbox_pending` and `inbox_dead_letters`. Refuses: storing messages, waiting.
Invariants:

- a pending row exists exactly while its conversation has messages after `acked_sequence`;
- `available_time` is when the row may be claimed: the end of the quiet period, of a nack's delay, or of a claim;
- `attempts` counts the deliveries since the last ack, and is 0 only while the batch waits for its first one.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from wamesh.clock import from_epoch_microseconds, to_epoch_microseconds
from wamesh.gateway.messages import Claim, DeadLetter, Terms
from wamesh.storage.database import Database, Engine, Steps, execute
from wamesh.storage.gateway_inbox_rows import MESSAGE_COLUMNS, stored_message

_SUBSCRIPTION = "SELECT quiet_period, max_wait, max_messages FROM inbox_subscriptions WHERE name = $1"

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
        WHEN waiting >= CAST($4 AS BIGINT) THEN newest_time
        WHEN newest_time + CAST($2 AS BIGINT) < limit_time + CAST($3 AS BIGINT) THEN newest_time + CAST($2 AS BIGINT)
        ELSE limit_time + CAST($3 AS BIGINT) END
WHERE subscription = $1 AND attempts = 0
"""

_PENDING_COLUMNS = """subscription, company_id, conversation, acked_sequence, delivered_sequence, newest_sequence,
    newest_time, limit_time, waiting, attempts, claim, claimant, available_time"""

_BEGIN_AT_EARLIEST = f"""
INSERT INTO inbox_pending ({_PENDING_COLUMNS})
SELECT CAST($1 AS TEXT), company_id, conversation, MIN(sequence) - 1, 0, MAX(sequence), MAX(receive_time),
    MIN(receive_time) + CAST($2 AS BIGINT), COUNT(*), 0, '', '', CAST($3 AS BIGINT)
FROM inbox_messages GROUP BY company_id, conversation
"""

_MAKE_PENDING = f"""
INSERT INTO inbox_pending ({_PENDING_COLUMNS})
SELECT name, CAST($1 AS BIGINT), CAST($2 AS TEXT), CAST($3 AS BIGINT) - 1, 0, CAST($3 AS BIGINT),
    CAST($4 AS BIGINT), CAST($4 AS BIGINT) + max_wait, 1, 0, '', '',
    CASE WHEN max_messages <= 1 THEN CAST($4 AS BIGINT)
         WHEN quiet_period < max_wait THEN CAST($4 AS BIGINT) + quiet_period
         ELSE CAST($4 AS BIGINT) + max_wait END
FROM inbox_subscriptions WHERE TRUE
ON CONFLICT (subscription, company_id, conversation) DO UPDATE SET
    newest_sequence = excluded.newest_sequence,
    newest_time = excluded.newest_time,
    waiting = inbox_pending.waiting + 1,
    available_time = CASE
        WHEN inbox_pending.attempts > 0 THEN inbox_pending.available_time
        WHEN inbox_pending.waiting + 1 >= (
            SELECT max_messages FROM inbox_subscriptions WHERE name = excluded.subscription
        ) THEN excluded.newest_time
        WHEN excluded.available_time < inbox_pending.limit_time THEN excluded.available_time
        ELSE inbox_pending.limit_time END
RETURNING subscription, available_time
"""

_DUE = """
SELECT company_id, conversation, acked_sequence, delivered_sequence, newest_sequence, newest_time, attempts
FROM inbox_pending WHERE subscription = $1 AND available_time <= $2{companies}
ORDER BY available_time LIMIT $3{lock}
"""

_NEXT_TIME = "SELECT MIN(available_time) FROM inbox_pending WHERE subscription = $1{companies}"

_BATCH = f"""
SELECT {MESSAGE_COLUMNS} FROM inbox_messages
WHERE company_id = $1 AND conversation = $2 AND sequence > $3 ORDER BY sequence LIMIT $4
"""

_CLAIM = """
UPDATE inbox_pending SET claim = $4, claimant = $5, delivered_sequence = $6, available_time = $7,
    attempts = attempts + 1
WHERE subscription = $1 AND company_id = $2 AND conversation = $3
"""

_BURY = """
INSERT INTO inbox_dead_letters (subscription, sequence, company_id, conversation, attempts, bury_time)
SELECT CAST($1 AS TEXT), sequence, company_id, conversation, CAST($6 AS BIGINT), CAST($7 AS BIGINT)
FROM inbox_messages WHERE company_id = $2 AND conversation = $3 AND sequence > $4 AND sequence <= $5
ON CONFLICT DO NOTHING
"""

_CLAIMED = """
SELECT delivered_sequence, newest_sequence, newest_time FROM inbox_pending
WHERE subscription = $1 AND company_id = $2 AND conversation = $3 AND claim = $4{lock}
"""

_DONE = "DELETE FROM inbox_pending WHERE subscription = $1 AND company_id = $2 AND conversation = $3"

_NEXT_BATCH = """
SELECT COUNT(*), MIN(receive_time) FROM (
    SELECT receive_time FROM inbox_messages
    WHERE company_id = $1 AND conversation = $2 AND sequence > $3 ORDER BY sequence LIMIT $4
) AS batch
"""

_ADVANCE = """
UPDATE inbox_pending SET acked_sequence = $4, delivered_sequence = 0, waiting = $5, limit_time = $6,
    available_time = $7, attempts = 0, claim = '', claimant = ''
WHERE subscription = $1 AND company_id = $2 AND conversation = $3
"""

_GIVE_BACK = """
UPDATE inbox_pending SET claim = '', claimant = '', available_time = $5, attempts = attempts - CAST($6 AS BIGINT)
WHERE subscription = $1 AND company_id = $2 AND conversation = $3 AND claim = $4
"""

_EXTEND = """
UPDATE inbox_pending SET available_time = $5
WHERE subscription = $1 AND company_id = $2 AND conversation = $3 AND claim = $4 RETURNING 1
"""

_RELEASE = "UPDATE inbox_pending SET claim = '', claimant = '', available_time = $2 WHERE claimant = $1"

_DEAD_LETTERS = """
SELECT subscription, company_id, conversation, sequence, attempts, bury_time FROM inbox_dead_letters
WHERE subscription = $1 ORDER BY sequence LIMIT $2
"""


@dataclass(frozen=True, slots=True)
class _Due:
    """A pending row that may be claimed."""

    company_id: int
    conversation: str
    acked_sequence: int
    delivered_sequence: int
    newest_sequence: int
    newest_time: int
    attempts: int


def make_pending(company_id: int, conversation: str, sequence: int, now: int) -> Steps[Mapping[str, datetime]]:
    """Tells every subscription of a message; returns when the conversation is due in each."""
    due = yield execute(_MAKE_PENDING, company_id, conversation, sequence, now)
    return {subscription: from_epoch_microseconds(time) for subscription, time in due}


def knows(terms: Terms) -> Steps[bool]:
    """True when the subscription exists and has these waits."""
    return (yield from _waits(terms.subscription)) == _waits_of(terms)


def open_subscription(engine: Engine, terms: Terms, now: datetime) -> Steps[None]:
    """Makes the subscription known with these waits; a new one begins at the earliest stored message."""
    if engine == "postgresql":  # or a message could be too late for the new rows and too early to make its own
        yield execute("LOCK TABLE inbox_messages IN SHARE ROW EXCLUSIVE MODE")
    known = yield from _waits(terms.subscription)
    quiet_period, max_wait, max_messages = _waits_of(terms)
    if known is None:
        yield execute(_SUBSCRIBE, terms.subscription, quiet_period, max_wait, max_messages)
        yield execute(_BEGIN_AT_EARLIEST, terms.subscription, max_wait, to_epoch_microseconds(now))
        return
    yield execute(_CHANGE_WAITS, terms.subscription, quiet_period, max_wait, max_messages)
    yield execute(_APPLY_WAITS, terms.subscription, quiet_period, max_wait - known[1], max_messages)


def claim_due(database: Database, terms: Terms, limit: int, claimant: str, now: datetime) -> Steps[list[Claim]]:
    """Reserves up to `limit` due conversations; what was delivered too often becomes dead letters."""
    sql = _DUE.format(companies=_among(terms.company_ids), lock=database.skip_locked)
    rows = yield execute(sql, terms.subscription, to_epoch_microseconds(now), limit)
    claims = []
    for due in (_Due(*row) for row in rows):
        if due.attempts >= terms.max_attempts:
            yield from _bury(terms.subscription, due, to_epoch_microseconds(now))
            continue
        claim = yield from _take(terms, due, claimant, now)
        if claim is not None:
            claims.append(claim)
    return claims


def next_time(subscription: str, company_ids: Collection[int]) -> Steps[datetime | None]:
    """When the next of these conversations is due."""
    rows = yield execute(_NEXT_TIME.format(companies=_among(company_ids)), subscription)
    return None if rows[0][0] is None else from_epoch_microseconds(rows[0][0])


def ack(database: Database, claim: Claim) -> Steps[datetime | None]:
    """Marks the claim's messages as done with; returns when the next batch is due."""
    rows = yield execute(_CLAIMED.format(lock=database.row_lock), *_key(claim))
    if not rows:
        return None
    delivered, newest_sequence, newest_time = rows[0]
    return (yield from _advance(_key(claim)[:3], delivered, newest_sequence, newest_time))


def give_back(claims: Sequence[Claim], due: datetime, counted: bool) -> Steps[None]:
    """Ends claims without an ack."""
    for claim in claims:
        yield execute(_GIVE_BACK, *_key(claim), to_epoch_microseconds(due), 0 if counted else 1)


def extend(claim: Claim, deadline: datetime) -> Steps[bool]:
    """Moves the claim's deadline; False when it is not open any more."""
    rows = yield execute(_EXTEND, *_key(claim), to_epoch_microseconds(deadline))
    return bool(rows)


def release(claimant: str, now: datetime) -> Steps[None]:
    """Gives back everything that a gateway had reserved."""
    yield execute(_RELEASE, claimant, to_epoch_microseconds(now))


def dead_letters(subscription: str, limit: int) -> Steps[list[DeadLetter]]:
    """The oldest dead letters, in order."""
    rows = yield execute(_DEAD_LETTERS, subscription, limit)
    return [_dead_letter(row) for row in rows]


def _take(terms: Terms, due: _Due, claimant: str, now: datetime) -> Steps[Claim | None]:
    """Claims one conversation; None when retention has taken its messages."""
    rows = yield execute(_BATCH, due.company_id, due.conversation, due.acked_sequence, terms.max_messages)
    if not rows:
        yield execute(_DONE, terms.subscription, due.company_id, due.conversation)
        return None
    messages = tuple(stored_message(row) for row in rows)
    deadline = now + terms.ack_deadline
    claim = Claim(
        uuid4().hex,
        terms.subscription,
        due.company_id,
        due.conversation,
        messages,
        due.attempts + 1,
        deadline,
    )
    last, until = messages[-1].sequence, to_epoch_microseconds(deadline)
    yield execute(_CLAIM, *_key(claim)[:3], claim.delivery_id, claimant, last, until)
    return claim


def _bury(subscription: str, due: _Due, now: int) -> Steps[None]:
    """Makes the batch that was delivered last dead letters; the conversation goes on after it."""
    key = (subscription, due.company_id, due.conversation)
    yield execute(_BURY, *key, due.acked_sequence, due.delivered_sequence, due.attempts, now)
    yield from _advance(key, due.delivered_sequence, due.newest_sequence, due.newest_time)


def _advance(key: tuple[str, int, str], acked: int, newest_sequence: int, newest_time: int) -> Steps[datetime | None]:
    """Begins the batch after `acked`; returns when it is due, None when nothing is left."""
    if newest_sequence <= acked:
        yield execute(_DONE, *key)
        return None
    waits = yield execute(_SUBSCRIPTION, key[0])
    quiet_period, max_wait, max_messages = waits[0]
    batch = yield execute(_NEXT_BATCH, *key[1:], acked, max_messages)
    waiting, first_time = batch[0]
    limit = (newest_time if first_time is None else first_time) + max_wait
    due = newest_time if waiting >= max_messages else min(newest_time + quiet_period, limit)
    yield execute(_ADVANCE, *key, acked, waiting, limit, due)
    return from_epoch_microseconds(due)


def _waits(subscription: str) -> Steps[tuple[int, int, int] | None]:
    rows = yield execute(_SUBSCRIPTION, subscription)
    return (rows[0][0], rows[0][1], rows[0][2]) if rows else None


def _waits_of(terms: Terms) -> tuple[int, int, int]:
    return _microseconds(terms.quiet_period), _microseconds(terms.max_wait), terms.max_messages


def _microseconds(span: timedelta) -> int:
    return span // timedelta(microseconds=1)


def _among(company_ids: Collection[int]) -> str:
    """A condition on the company; numbers are written out, since the engines bind lists differently."""
    return f" AND company_id IN ({', '.join(str(int(each)) for each in sorted(company_ids))})" if company_ids else ""


def _key(claim: Claim) -> tuple[str, int, str, str]:
    return claim.subscription, claim.company_id, claim.conversation, claim.delivery_id


def _dead_letter(row: tuple[Any, ...]) -> DeadLetter:
    subscription, company_id, conversation, sequence, attempts, bury_time = row
    return DeadLetter(subscription, company_id, conversation, sequence, attempts, from_epoch_microseconds(bury_time))
