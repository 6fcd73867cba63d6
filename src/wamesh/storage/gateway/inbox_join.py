"""Two conversations turn out to be one customer's, who wrote from both addresses before anybody knew of the pair.

Owns: making one conversation of two, in every table of the inbox. Refuses: to learn addresses. Invariant: in every
subscription each message stays what it was, pending, being delivered, acked or dead, and what is pending is delivered
in order of sequence.

Progress is one number, and two cannot always be one: a message that one conversation has not acked may be older than
one that the other has. Such a message becomes a replay. A delivery that is open goes on under the new name: its batch
becomes replays too, which say themselves whose they are. Two open deliveries cannot: then the join waits for a message
that finds at most one.
"""

from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from wamesh.storage.database import Database, Engine, Steps, execute

_HOLD_OFF_BIRTHS: Final[dict[Engine, str]] = {
    "sqlite": "SELECT 1",
    "postgresql": "LOCK TABLE inbox_messages IN ROW EXCLUSIVE MODE",
}
"""A subscription that begins meanwhile would make pending rows of the old name."""

_PENDING = """
SELECT subscription, conversation, acked_sequence, delivered_sequence, newest_sequence, newest_time, limit_time,
    attempts, claim, claimant, available_time
FROM inbox_pending
WHERE subscription IN (SELECT name FROM inbox_subscriptions) AND company_id = $1 AND conversation IN ($2, $3){lock}
"""

_TWINS = """
DELETE FROM inbox_messages WHERE company_id = $1 AND conversation = $2 AND message_id IN (
    SELECT message_id FROM inbox_messages WHERE company_id = $1 AND conversation = $3
) RETURNING sequence
"""

_OF_TWIN = (
    "DELETE FROM inbox_dead_letters WHERE company_id = $1 AND conversation = $2 AND sequence = $3",
    "DELETE FROM inbox_replays WHERE subscription IN (SELECT name FROM inbox_subscriptions)"
    " AND company_id = $1 AND conversation = $2 AND sequence = $3",
)

_LAST_DONE = """
SELECT MAX(sequence) FROM inbox_messages WHERE company_id = $1 AND conversation = $2 AND sequence <= $3
"""

_OWE = """
INSERT INTO inbox_replays (subscription, company_id, conversation, sequence, claim)
SELECT CAST($1 AS TEXT), company_id, conversation, sequence, CASE WHEN sequence <= $6 THEN CAST($7 AS TEXT) ELSE '' END
FROM inbox_messages WHERE company_id = $2 AND conversation = $3 AND sequence > $4 AND sequence <= $5
"""

_RENAME_REPLAYS = """
UPDATE inbox_replays SET conversation = $4, claim = CASE WHEN claim = $5 THEN claim ELSE '' END
WHERE subscription = $1 AND company_id = $2 AND conversation IN ($3, $4) RETURNING 1
"""

_REMOVE_PENDING = """
DELETE FROM inbox_pending WHERE subscription = $1 AND company_id = $2 AND conversation IN ($3, $4)
"""

_WAITING = """
SELECT COUNT(*) FROM inbox_messages WHERE company_id = $1 AND conversation IN ($2, $3) AND sequence > $4
"""

_ADD_PENDING = """
INSERT INTO inbox_pending (subscription, company_id, conversation, acked_sequence, delivered_sequence, newest_sequence,
    newest_time, limit_time, waiting, attempts, claim, claimant, available_time, replays)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
"""

_RENAME_MESSAGES = (
    "UPDATE inbox_messages SET conversation = $3 WHERE company_id = $1 AND conversation = $2",
    "UPDATE inbox_dead_letters SET conversation = $3 WHERE company_id = $1 AND conversation = $2",
)

_EVERYTHING: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class _Pending:
    """A pending row of one of the two."""

    subscription: str
    conversation: str
    acked_sequence: int
    delivered_sequence: int
    newest_sequence: int
    newest_time: int
    limit_time: int
    attempts: int
    claim: str
    claimant: str
    available_time: int


@dataclass(frozen=True, slots=True)
class _Pair:
    """The two names of a company's customer; `new` remains."""

    company_id: int
    old: str
    new: str


def join(database: Database, company_id: int, old: str, new: str) -> Steps[bool]:
    """Makes `old` a part of `new`; False, and nothing, while both are being delivered to one subscription."""
    pair = _Pair(company_id, old, new)
    yield execute(_HOLD_OFF_BIRTHS[database.engine])
    rows = yield execute(_PENDING.format(lock=database.row_lock), company_id, old, new)
    by_subscription: defaultdict[str, list[_Pending]] = defaultdict(list)
    for row in rows:
        by_subscription[row[0]].append(_Pending(*row))
    if any(sum(bool(each.claim) for each in sides) > 1 for sides in by_subscription.values()):
        return False
    yield from _drop_twins(pair)
    for sides in by_subscription.values():
        yield from _merge(pair, sides)
    for rename in _RENAME_MESSAGES:
        yield execute(rename, company_id, old, new)
    return True


def _drop_twins(pair: _Pair) -> Steps[None]:
    """Removes what came by both addresses, and so was stored twice, from the old conversation."""
    twins = yield execute(_TWINS, pair.company_id, pair.old, pair.new)
    for (sequence,) in twins:
        for forget in _OF_TWIN:
            yield execute(forget, pair.company_id, pair.old, sequence)


def _merge(pair: _Pair, sides: list[_Pending]) -> Steps[None]:
    """Makes one pending row of a subscription's one or two."""
    subscription = sides[0].subscription
    open_one = next((each for each in sides if each.claim), None)
    acked = yield from _progress(pair, sides, open_one)
    for side in sides:
        claim, upto = (side.claim, side.delivered_sequence) if side is open_one else ("", 0)
        yield execute(_OWE, subscription, pair.company_id, side.conversation, side.acked_sequence, acked, upto, claim)
    named = (subscription, pair.company_id, pair.old, pair.new)
    replays = yield execute(_RENAME_REPLAYS, *named, open_one.claim if open_one else "")
    waiting = yield execute(_WAITING, *named[1:], acked)
    yield execute(_REMOVE_PENDING, *named)
    limit_time = min(each.limit_time for each in sides)
    if open_one is None:
        delivery = (0, "", "", min(max(each.available_time for each in sides), limit_time))
    else:
        delivery = (open_one.attempts, open_one.claim, open_one.claimant, open_one.available_time)
    yield execute(
        _ADD_PENDING,
        subscription,
        pair.company_id,
        pair.new,
        acked,
        open_one.delivered_sequence if open_one else 0,
        max(each.newest_sequence for each in sides),
        max(each.newest_time for each in sides),
        limit_time,
        waiting[0][0],
        *delivery,
        len(replays),
    )


def _progress(pair: _Pair, sides: list[_Pending], open_one: _Pending | None) -> Steps[int]:
    """The last message of both that is done with, or being delivered."""
    reached = dict.fromkeys((pair.old, pair.new), _EVERYTHING) | {
        each.conversation: each.acked_sequence for each in sides
    }
    progress = 0 if open_one is None else open_one.delivered_sequence
    for conversation, upto in reached.items():
        rows = yield execute(_LAST_DONE, pair.company_id, conversation, upto)
        progress = max(progress, rows[0][0] or 0)
    return progress
