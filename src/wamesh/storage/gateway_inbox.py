"""The inbox in SQL, for both engines.

Owns the tables `inbox_*`. Refuses: waiting, waking, deciding when to look. Invariants, each held in one transaction:

- a pending row exists exactly while its conversation has messages after `acked_sequence`;
- a claimed row (`claim` not empty) becomes claimable again only at its deadline, which `available_time` is then;
- `attempts` counts the deliveries since the last ack, and is 0 only while the batch waits for its first one.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from wamesh.clock import from_epoch_microseconds, to_epoch_microseconds
from wamesh.gateway.messages import Claim, DeadLetter, StoredMessage, Terms
from wamesh.storage.database import Database, Steps, execute
from wamesh.storage.gateway_fence import fence
from wamesh.whatsapp.events import ContentKind, InboundMessage
from wamesh.whatsapp.jid import Jid

_IDENTITIES = "SELECT jid, conversation FROM inbox_identities WHERE company_id = $1 AND jid IN ($2, $3, $4)"

_JOIN = "UPDATE inbox_identities SET conversation = $3 WHERE company_id = $1 AND conversation = $2"

_LEARN = """
INSERT INTO inbox_identities (company_id, jid, conversation) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
"""

_KNOWN = """
SELECT 1 FROM inbox_messages WHERE company_id = $1 AND message_id = $2 AND conversation IN ($3, $4, $5, $6)
"""

_INSERT = """
INSERT INTO inbox_messages (company_id, conversation, message_id, epoch, chat, sender, sender_alternate, phone_number,
    push_name, kind, body, quoted_message_id, send_time, receive_time)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
RETURNING sequence
"""

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

_BEGIN_AT_EARLIEST = f"""
INSERT INTO inbox_pending ({_PENDING_COLUMNS})
SELECT CAST($1 AS TEXT), company_id, conversation, MIN(sequence) - 1, 0, MAX(sequence), MAX(receive_time),
    MIN(receive_time) + CAST($2 AS BIGINT), COUNT(*), 0, '', '', CAST($3 AS BIGINT)
FROM inbox_messages GROUP BY company_id, conversation
"""

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

_DUE = """
SELECT company_id, conversation, acked_sequence, delivered_sequence, newest_sequence, newest_time, attempts
FROM inbox_pending WHERE subscription = $1 AND available_time <= $2{companies}
ORDER BY available_time LIMIT $3{lock}
"""

_MESSAGE_COLUMNS = """sequence, message_id, chat, sender, sender_alternate, phone_number, push_name, kind, body,
    quoted_message_id, send_time, receive_time"""

_BATCH = f"""
SELECT {_MESSAGE_COLUMNS} FROM inbox_messages
WHERE company_id = $1 AND conversation = $2 AND sequence > $3 ORDER BY sequence LIMIT $4
"""

_NEWEST = f"""
SELECT {_MESSAGE_COLUMNS} FROM inbox_messages
WHERE company_id = $1 AND conversation = $2 ORDER BY sequence DESC LIMIT $3
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

_NEXT_TIME = "SELECT MIN(available_time) FROM inbox_pending WHERE subscription = $1{companies}"

_DEAD_LETTERS = """
SELECT subscription, company_id, conversation, sequence, attempts, bury_time FROM inbox_dead_letters
WHERE subscription = $1 ORDER BY sequence LIMIT $2
"""


class SqlInboxStore:
    """`InboxStore` over any `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(
        self, company_id: int, epoch: int, message: InboundMessage, now: datetime
    ) -> Mapping[str, datetime]:
        """Stores the message and makes it pending everywhere; empty when it was there already."""
        return await self._database.write(lambda: self._append(company_id, epoch, message, now))

    async def open(self, terms: Terms, now: datetime) -> None:
        """Makes the subscription known with these waits."""
        known = await self._database.read(lambda: _waits(terms.subscription))
        if known != _waits_of(terms):
            await self._database.write(lambda: self._open(terms, now))

    async def claim(self, terms: Terms, limit: int, claimant: str, now: datetime) -> list[Claim]:
        """Reserves due conversations."""
        return await self._database.write(lambda: self._claim(terms, limit, claimant, now))

    async def next_time(self, subscription: str, company_ids: Collection[int]) -> datetime | None:
        """When the next of these conversations is due."""
        sql = _NEXT_TIME.format(companies=_among(company_ids))

        def steps() -> Steps[datetime | None]:
            rows = yield execute(sql, subscription)
            return None if rows[0][0] is None else from_epoch_microseconds(rows[0][0])

        return await self._database.read(steps)

    async def ack(self, claim: Claim, now: datetime) -> datetime | None:
        """Marks the claim's messages as done with."""
        return await self._database.write(lambda: self._ack(claim, now))

    async def give_back(self, claims: Sequence[Claim], due: datetime, *, counted: bool) -> None:
        """Ends claims without an ack."""

        def steps() -> Steps[None]:
            for claim in claims:
                yield execute(_GIVE_BACK, *_key(claim), to_epoch_microseconds(due), 0 if counted else 1)

        await self._database.write(steps)

    async def extend(self, claim: Claim, deadline: datetime) -> bool:
        """Moves the claim's deadline."""

        def steps() -> Steps[bool]:
            rows = yield execute(_EXTEND, *_key(claim), to_epoch_microseconds(deadline))
            return bool(rows)

        return await self._database.write(steps)

    async def release(self, claimant: str, now: datetime) -> None:
        """Gives back everything that a gateway had reserved."""

        def steps() -> Steps[None]:
            yield execute(_RELEASE, claimant, to_epoch_microseconds(now))

        await self._database.write(steps)

    async def dead_letters(self, subscription: str, limit: int) -> list[DeadLetter]:
        """The oldest dead letters, in order."""

        def steps() -> Steps[list[DeadLetter]]:
            rows = yield execute(_DEAD_LETTERS, subscription, limit)
            return [_dead_letter(row) for row in rows]

        return await self._database.read(steps)

    async def read(self, company_id: int, conversation: str, limit: int) -> list[StoredMessage]:
        """The newest messages of the conversation, in order."""

        def steps() -> Steps[list[StoredMessage]]:
            rows = yield execute(_NEWEST, company_id, conversation, limit)
            return [_stored(row) for row in reversed(rows)]

        return await self._database.read(steps)

    def _append(
        self, company_id: int, epoch: int, message: InboundMessage, now: datetime
    ) -> Steps[Mapping[str, datetime]]:
        yield from fence(self._database.engine, company_id, epoch, "exclusive")
        forms = _forms(message)
        conversation = yield from _converse(company_id, forms)
        padded = (*forms, *forms[:1] * (3 - len(forms)))
        known = yield execute(_KNOWN, company_id, message.message_id, conversation, *padded)
        if known:
            return {}
        moment = to_epoch_microseconds(now)
        inserted = yield execute(_INSERT, *_row(company_id, epoch, conversation, message, moment))
        due = yield execute(_MAKE_PENDING, company_id, conversation, inserted[0][0], moment)
        return {subscription: from_epoch_microseconds(time) for subscription, time in due}

    def _open(self, terms: Terms, now: datetime) -> Steps[None]:
        if self._database.engine == "postgresql":  # no message may slip in between the two reads of `_begin`
            yield execute("LOCK TABLE inbox_messages IN SHARE ROW EXCLUSIVE MODE")
        known = yield from _waits(terms.subscription)
        quiet_period, max_wait, max_messages = _waits_of(terms)
        if known is None:
            yield execute(_SUBSCRIBE, terms.subscription, quiet_period, max_wait, max_messages)
            yield execute(_BEGIN_AT_EARLIEST, terms.subscription, max_wait, to_epoch_microseconds(now))
            return
        yield execute(_CHANGE_WAITS, terms.subscription, quiet_period, max_wait, max_messages)
        yield execute(_APPLY_WAITS, terms.subscription, quiet_period, max_wait - known[1], max_messages)

    def _claim(self, terms: Terms, limit: int, claimant: str, now: datetime) -> Steps[list[Claim]]:
        sql = _DUE.format(companies=_among(terms.company_ids), lock=self._database.skip_locked)
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

    def _ack(self, claim: Claim, now: datetime) -> Steps[datetime | None]:
        rows = yield execute(_CLAIMED.format(lock=self._database.row_lock), *_key(claim))
        if not rows:
            return None
        delivered, newest_sequence, newest_time = rows[0]
        key = (claim.subscription, claim.company_id, claim.conversation)
        return (yield from _advance(key, delivered, newest_sequence, newest_time))


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


def _converse(company_id: int, forms: tuple[str, ...]) -> Steps[str]:
    """The one conversation that all forms of a customer's address belong to; learns what is new."""
    padded = (*forms, *forms[:1] * (3 - len(forms)))
    rows = yield execute(_IDENTITIES, company_id, *padded)
    known: dict[str, str] = dict(rows)
    conversation: str = next((known[form] for form in forms if form in known), forms[0])
    for other in set(known.values()) - {conversation}:
        yield execute(_JOIN, company_id, other, conversation)
    for form in forms:
        if form not in known:
            yield execute(_LEARN, company_id, form, conversation)
    return conversation


def _take(terms: Terms, due: _Due, claimant: str, now: datetime) -> Steps[Claim | None]:
    """Claims one conversation; None when retention has taken its messages."""
    rows = yield execute(_BATCH, due.company_id, due.conversation, due.acked_sequence, terms.max_messages)
    if not rows:
        yield execute(_DONE, terms.subscription, due.company_id, due.conversation)
        return None
    messages = tuple(_stored(row) for row in rows)
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


def _forms(message: InboundMessage) -> tuple[str, ...]:
    """The addresses that name the customer, one to three, the chat's first."""
    forms = [message.chat, message.sender]
    if message.sender_alternate is not None:
        forms.append(message.sender_alternate)
    return tuple(dict.fromkeys(str(form.without_device()) for form in forms))


def _row(company_id: int, epoch: int, conversation: str, message: InboundMessage, now: int) -> tuple[Any, ...]:
    return (
        company_id,
        conversation,
        message.message_id,
        epoch,
        str(message.chat),
        str(message.sender),
        str(message.sender_alternate or ""),
        message.phone_number or "",
        message.push_name,
        message.kind.value,
        message.text,
        message.quoted_message_id,
        to_epoch_microseconds(message.time),
        now,
    )


def _dead_letter(row: tuple[Any, ...]) -> DeadLetter:
    subscription, company_id, conversation, sequence, attempts, bury_time = row
    return DeadLetter(subscription, company_id, conversation, sequence, attempts, from_epoch_microseconds(bury_time))


def _stored(row: tuple[Any, ...]) -> StoredMessage:
    sequence, message_id, chat, sender, alternate, number, name, kind, text, quoted, sent, received = row
    message = InboundMessage(
        chat=Jid.parse(chat),
        message_id=message_id,
        sender=Jid.parse(sender),
        time=from_epoch_microseconds(sent),
        kind=ContentKind(kind),
        text=text,
        sender_alternate=Jid.parse(alternate) if alternate else None,
        phone_number=number or None,
        push_name=name,
        quoted_message_id=quoted,
    )
    return StoredMessage(sequence, message, from_epoch_microseconds(received))
