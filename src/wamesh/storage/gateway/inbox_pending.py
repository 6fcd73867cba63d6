"""How far each subscription has come in each conversation, as steps of a transaction.

Owns the table `inbox_pending`. Refuses: storing messages, waiting. Invariants:

- a pending row exists exactly while its conversation has messages after `acked_sequence`, or replays (`letters`), which
  are delivered first;
- `delivered_sequence` is the last message of the batch that was delivered last: at or below `acked_sequence` when that
  were replays;
- `available_time` is when the row may be claimed: the end of the quiet period, of a nack's delay, or of a claim;
- `attempts` counts the deliveries since the last ack, and is 0 only while the batch waits for its first one.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from wamesh.clock import from_epoch_microseconds, to_epoch_microseconds
from wamesh.gateway.message_errors import SubscriptionNotFound
from wamesh.gateway.messages import Claim, StoredMessage, Terms
from wamesh.storage.database import Database, Engine, Rows, Statement, Steps, execute
from wamesh.storage.gateway import inbox_letters as letters
from wamesh.storage.gateway.inbox_rows import MESSAGE_COLUMNS, stored_message
from wamesh.storage.gateway.inbox_subscriptions import WAITS

_PENDING_COLUMNS = """subscription, company_id, conversation, acked_sequence, delivered_sequence, newest_sequence,
    newest_time, limit_time, waiting, attempts, claim, claimant, available_time"""

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
SELECT company_id, conversation, acked_sequence, delivered_sequence, newest_sequence, newest_time, attempts, replays
FROM inbox_pending WHERE subscription = $1 AND available_time <= $2{companies}
ORDER BY available_time LIMIT $3{lock}
"""

_NEXT_TIME = """
SELECT (SELECT MIN(available_time) FROM inbox_pending WHERE subscription = $1{companies}),
    EXISTS (SELECT 1 FROM inbox_subscriptions WHERE name = $1)
"""

_LISTED: Mapping[Engine, str] = {
    "sqlite": "json_each($1)",
    "postgresql": "(SELECT value FROM json_array_elements(CAST($1 AS JSON)) LIMIT json_array_length(CAST($1 AS JSON)))"
    " AS listed",
}
"""The elements of a JSON array, each in a row's `value`: how one statement speaks of many conversations. A key stands
there whole, or SQLite starts from all rows that share its constant part. The LIMIT tells PostgreSQL's planner how few
they are: it takes an array for 100 elements, and 100 look-ups for dearer than a scan of 20,000 messages (8 ms a claim).
"""

_BATCHES = f"""
WITH due AS (
    SELECT CAST(value ->> 0 AS BIGINT) AS company, CAST(value ->> 1 AS TEXT) AS customer,
        CAST(value ->> 2 AS BIGINT) AS acked
    FROM {{listed}}
)
SELECT company_id, conversation, {MESSAGE_COLUMNS}
FROM due JOIN inbox_messages ON company_id = company AND conversation = customer AND sequence > acked
WHERE sequence <= (
    SELECT MAX(sequence) FROM (
        SELECT sequence FROM inbox_messages
        WHERE company_id = company AND conversation = customer AND sequence > acked ORDER BY sequence LIMIT $2
    ) AS batch
)
ORDER BY sequence
"""

_CLAIM = """
UPDATE inbox_pending SET claim = value ->> 3, claimant = $2, delivered_sequence = CAST(value ->> 4 AS BIGINT),
    available_time = $3, attempts = CAST(value ->> 5 AS BIGINT)
FROM {listed}
WHERE subscription = value ->> 0 AND company_id = CAST(value ->> 1 AS BIGINT) AND conversation = value ->> 2
"""

_OPEN = """subscription = $1 AND company_id = $2 AND claim = $4
    AND conversation IN ($3, (SELECT conversation FROM inbox_identities WHERE company_id = $2 AND jid = $3))"""
"""An open claim, also when its conversation was joined to another one since."""

_CLAIMED = f"""
SELECT conversation, acked_sequence, delivered_sequence, newest_sequence, newest_time, replays FROM inbox_pending
WHERE {_OPEN}{{lock}}
"""

_FINISH = """
DELETE FROM inbox_pending
WHERE subscription = $1 AND company_id = $2 AND conversation = $3 AND claim = $4
    AND newest_sequence <= delivered_sequence AND replays = 0
RETURNING 1
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
    available_time = $7, attempts = 0, claim = '', claimant = '', replays = $8
WHERE subscription = $1 AND company_id = $2 AND conversation = $3
"""

_GIVE_BACK = f"""
UPDATE inbox_pending SET claim = '', claimant = '', available_time = $5, attempts = attempts - CAST($6 AS BIGINT)
WHERE {_OPEN}
"""

_EXTEND = f"UPDATE inbox_pending SET available_time = $5 WHERE {_OPEN} RETURNING 1"

_RELEASE = "UPDATE inbox_pending SET claim = '', claimant = '', available_time = $2 WHERE claimant = $1"


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
    replays: int

    @property
    def has_begun(self) -> bool:
        """True when its next batch was delivered before: replays, or what comes after them when there are none."""
        return self.attempts > 0 and (self.replays == 0 or self.delivered_sequence <= self.acked_sequence)


def make_pending(company_id: int, conversation: str, sequence: int, now: int) -> Steps[Mapping[str, datetime]]:
    """Tells every subscription of a message; returns when the conversation is due in each."""
    due = yield execute(_MAKE_PENDING, company_id, conversation, sequence, now)
    return {subscription: from_epoch_microseconds(time) for subscription, time in due}


def claim_due(database: Database, terms: Terms, limit: int, claimant: str, now: datetime) -> Steps[list[Claim]]:
    """Reserves up to `limit` due conversations; what was delivered too often becomes dead letters."""
    sql = _DUE.format(companies=_among(terms.company_ids), lock=database.skip_locked)
    rows = yield execute(sql, terms.subscription, to_epoch_microseconds(now), limit)
    wanted = []
    for due in (_Due(*row) for row in rows):
        if due.attempts >= terms.max_attempts:
            yield from _bury(terms.subscription, due, to_epoch_microseconds(now))
        else:
            wanted.append(due)
    return (yield from _take(database.engine, terms, wanted, claimant, now)) if wanted else []


def next_time(subscription: str, company_ids: Collection[int]) -> Statement:
    """Asks when the next of these conversations is due (`time_of`)."""
    return execute(_NEXT_TIME.format(companies=_among(company_ids)), subscription)


def time_of(rows: Rows, subscription: str) -> datetime | None:
    """The answer to `next_time`; None when nothing is pending. Raises SubscriptionNotFound."""
    if not rows[0][1]:
        raise SubscriptionNotFound(subscription)
    return None if rows[0][0] is None else from_epoch_microseconds(rows[0][0])


def finish(claim: Claim) -> Statement:
    """Marks the claim's messages as done with, when none came after them; gives a row if so."""
    return execute(_FINISH, *_key(claim))


def ack(database: Database, claim: Claim) -> Steps[datetime | None]:
    """Marks the claim's messages as done with; returns when the next batch is due."""
    rows = yield execute(_CLAIMED.format(lock=database.row_lock), *_key(claim))
    if not rows:
        return None
    conversation, acked, delivered, newest_sequence, newest_time, replays = rows[0]
    key = (claim.subscription, claim.company_id, conversation)
    if delivered <= acked:
        replays -= yield from letters.end_replays(key, claim.delivery_id)
    return (yield from _advance(key, max(acked, delivered), newest_sequence, newest_time, replays))


def give_back(claims: Sequence[Claim], due: datetime, counted: bool) -> Steps[None]:
    """Ends claims without an ack."""
    for claim in claims:
        yield execute(_GIVE_BACK, *_key(claim), to_epoch_microseconds(due), 0 if counted else 1)


def extend(claim: Claim, deadline: datetime) -> Statement:
    """Moves the claim's deadline; gives a row unless the claim is not open any more."""
    return execute(_EXTEND, *_key(claim), to_epoch_microseconds(deadline))


def release(claimant: str, now: datetime) -> Statement:
    """Gives back everything that a gateway had reserved."""
    return execute(_RELEASE, claimant, to_epoch_microseconds(now))


def _take(engine: Engine, terms: Terms, wanted: list[_Due], claimant: str, now: datetime) -> Steps[list[Claim]]:
    """Claims the conversations, but those whose messages retention has taken."""
    batches = yield from _batches(engine, terms, wanted)
    claims = []
    for due in wanted:
        messages = tuple(batches[due.company_id, due.conversation])
        if messages:
            claims.append(_claim(terms, due, messages, now + terms.ack_deadline))
        else:
            yield execute(_DONE, terms.subscription, due.company_id, due.conversation)
    taken = [(*_key(each), each.messages[-1].sequence, each.attempt) for each in claims]
    until = to_epoch_microseconds(now + terms.ack_deadline)
    yield execute(_CLAIM.format(listed=_LISTED[engine]), json.dumps(taken), claimant, until)
    again = {(due.company_id, due.conversation) for due in wanted if due.replays}
    for claim in claims:
        if (claim.company_id, claim.conversation) in again:
            yield from letters.claim_replays(_key(claim)[:3], claim.messages[-1].sequence, claim.delivery_id)
    return claims


def _batches(
    engine: Engine, terms: Terms, wanted: list[_Due]
) -> Steps[defaultdict[tuple[int, str], list[StoredMessage]]]:
    """The next messages of each conversation: its replays, or what comes after its progress when there are none."""
    batches: defaultdict[tuple[int, str], list[StoredMessage]] = defaultdict(list)
    asked = [(due.company_id, due.conversation, due.acked_sequence) for due in wanted if not due.replays]
    if asked:
        rows = yield execute(_BATCHES.format(listed=_LISTED[engine]), json.dumps(asked), terms.max_messages)
        for company_id, conversation, *row in rows:
            batches[company_id, conversation].append(stored_message(tuple(row)))
    for due in wanted:
        if due.replays:
            key = (terms.subscription, due.company_id, due.conversation)
            rows = yield from letters.next_replays(key, terms.max_messages)
            batches[due.company_id, due.conversation] = [stored_message(row) for row in rows]
    return batches


def _claim(terms: Terms, due: _Due, messages: tuple[StoredMessage, ...], deadline: datetime) -> Claim:
    attempt = due.attempts + 1 if due.has_begun else 1
    return Claim(uuid4().hex, terms.subscription, due.company_id, due.conversation, messages, attempt, deadline)


def _bury(subscription: str, due: _Due, now: int) -> Steps[None]:
    """Makes the batch that was delivered last dead letters; the conversation goes on after it."""
    key = (subscription, due.company_id, due.conversation)
    acked, delivered, replays = due.acked_sequence, due.delivered_sequence, due.replays
    if delivered <= acked:
        replays -= yield from letters.bury_again(key, due.attempts, now)
    else:
        yield from letters.bury(key, acked, delivered, due.attempts, now)
    yield from _advance(key, max(acked, delivered), due.newest_sequence, due.newest_time, replays)


def _advance(
    key: letters.ConversationKey, acked: int, newest_sequence: int, newest_time: int, replays: int
) -> Steps[datetime | None]:
    """Begins the batch after `acked`, or the next replays, which are due at once; returns when it is due, None when
    nothing is left.
    """
    if replays:
        yield execute(_ADVANCE, *key, acked, 0, newest_time, newest_time, replays)
        return from_epoch_microseconds(newest_time)
    if newest_sequence <= acked:
        yield execute(_DONE, *key)
        return None
    waits = yield execute(WAITS, key[0])
    quiet_period, max_wait, max_messages = waits[0]
    batch = yield execute(_NEXT_BATCH, *key[1:], acked, max_messages)
    waiting, first_time = batch[0]
    limit = (newest_time if first_time is None else first_time) + max_wait
    due = newest_time if waiting >= max_messages else min(newest_time + quiet_period, limit)
    yield execute(_ADVANCE, *key, acked, waiting, limit, due, 0)
    return from_epoch_microseconds(due)


def _among(company_ids: Collection[int]) -> str:
    """A condition on the company; numbers are written out, since the engines bind lists differently."""
    return f" AND company_id IN ({', '.join(str(int(each)) for each in sorted(company_ids))})" if company_ids else ""


def _key(claim: Claim) -> tuple[str, int, str, str]:
    return claim.subscription, claim.company_id, claim.conversation, claim.delivery_id
