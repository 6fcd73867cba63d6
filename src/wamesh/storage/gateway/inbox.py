"""The inbox in SQL, for both engines.

Owns the tables `inbox_messages` and `inbox_identities`; what subscriptions have done with them belongs to
`gateway_inbox_pending`. Refuses: waiting, waking, deciding when to look. Invariants: a message is stored once, in the
one conversation of its customer, whichever address it came from; in the same transaction it becomes pending in every
subscription.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import partial

from wamesh.clock import to_epoch_microseconds
from wamesh.gateway.message_errors import SubscriptionNotFound
from wamesh.gateway.messages import Claim, DeadLetter, StoredMessage, SubscriptionProgress, Terms
from wamesh.storage.database import Database, Steps, execute
from wamesh.storage.gateway import inbox_letters as letters
from wamesh.storage.gateway import inbox_pending as pending
from wamesh.storage.gateway import inbox_subscriptions as subscriptions
from wamesh.storage.gateway.fence import fence
from wamesh.storage.gateway.inbox_join import join
from wamesh.storage.gateway.inbox_rows import MESSAGE_COLUMNS, row_of, stored_message
from wamesh.whatsapp.events import InboundMessage

_IDENTITIES = "SELECT jid, conversation FROM inbox_identities WHERE company_id = $1 AND jid IN ($2, $3, $4)"

_JOIN = "UPDATE inbox_identities SET conversation = $3 WHERE company_id = $1 AND conversation = $2"

_LEARN = """
INSERT INTO inbox_identities (company_id, jid, conversation) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
"""

_INSERT = """
INSERT INTO inbox_messages (company_id, conversation, message_id, epoch, chat, sender, sender_alternate, phone_number,
    push_name, kind, body, quoted_message_id, send_time, receive_time)
SELECT CAST($1 AS BIGINT), CAST($2 AS TEXT), CAST($3 AS TEXT), $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14
WHERE NOT EXISTS (
    SELECT 1 FROM inbox_messages
    WHERE company_id = $1 AND message_id = $3 AND conversation IN ($2, $15, $16, $17)
)
RETURNING sequence
"""

_NEWEST = f"""
SELECT {MESSAGE_COLUMNS} FROM inbox_messages
WHERE company_id = $1 AND conversation = $2 ORDER BY sequence DESC LIMIT $3
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
        if not await self._database.read(lambda: subscriptions.knows(terms)):
            await self._database.write(lambda: subscriptions.open_subscription(self._database.engine, terms, now))

    async def claim(self, terms: Terms, limit: int, claimant: str, now: datetime) -> list[Claim]:
        """Reserves due conversations."""
        return await self._database.write(lambda: pending.claim_due(self._database, terms, limit, claimant, now))

    async def next_time(self, subscription: str, company_ids: Collection[int]) -> datetime | None:
        """When the next of these conversations is due."""
        rows = await self._database.read_one(pending.next_time(subscription, company_ids))
        return pending.time_of(rows, subscription)

    async def ack(self, claim: Claim) -> datetime | None:
        """Marks the claim's messages as done with; mostly nothing came after them, and that is one statement."""
        if await self._database.write_one(pending.finish(claim)):
            return None
        return await self._database.write(lambda: pending.ack(self._database, claim))

    async def give_back(self, claims: Sequence[Claim], due: datetime, *, counted: bool) -> None:
        """Ends claims without an ack."""
        await self._database.write(lambda: pending.give_back(claims, due, counted))

    async def extend(self, claim: Claim, deadline: datetime) -> bool:
        """Moves the claim's deadline."""
        return bool(await self._database.write_one(pending.extend(claim, deadline)))

    async def release(self, claimant: str, now: datetime) -> None:
        """Gives back everything that a gateway had reserved."""
        await self._database.write_one(pending.release(claimant, now))

    async def subscriptions(self) -> list[SubscriptionProgress]:
        """Every subscription, by name."""
        rows = await self._database.read_one(subscriptions.all_progress())
        return [subscriptions.progress_of(row) for row in rows]

    async def delete(self, subscription: str) -> None:
        """Forgets the subscription and its progress."""
        engine = self._database.engine
        if not await self._database.write(lambda: subscriptions.delete_subscription(engine, subscription)):
            raise SubscriptionNotFound(subscription)

    async def dead_letters(
        self, subscription: str, limit: int, *, after: int = 0, company_id: int | None = None
    ) -> Sequence[DeadLetter]:
        """The oldest dead letters after a sequence, in order."""
        found = await self._database.read(lambda: letters.dead_letters(subscription, limit, after, company_id))
        if found is None:
            raise SubscriptionNotFound(subscription)
        return found

    async def replay(self, subscription: str, now: datetime, *, company_id: int | None = None, chat: str = "") -> int:
        """Has dead letters delivered again, one company after the other."""
        companies = await self._database.read(lambda: letters.companies_of(subscription))
        if companies is None:
            raise SubscriptionNotFound(subscription)
        moment, replayed = to_epoch_microseconds(now), 0
        for each in companies:
            if company_id is None or each == company_id:
                again = partial(letters.replay, self._database, subscription, each, chat, moment)
                replayed += await self._database.write(again)
        return replayed

    async def read(self, company_id: int, conversation: str, limit: int) -> list[StoredMessage]:
        """The newest messages of the conversation, in order."""

        def steps() -> Steps[list[StoredMessage]]:
            rows = yield execute(_NEWEST, company_id, conversation, limit)
            return [stored_message(row) for row in reversed(rows)]

        return await self._database.read(steps)

    def _append(
        self, company_id: int, epoch: int, message: InboundMessage, now: datetime
    ) -> Steps[Mapping[str, datetime]]:
        yield from fence(self._database.engine, company_id, epoch, "exclusive")
        forms = _forms(message)
        conversation = yield from _converse(self._database, company_id, forms)
        moment = to_epoch_microseconds(now)
        row = row_of(company_id, epoch, conversation, message, moment)
        inserted = yield execute(_INSERT, *row, *_three(forms))
        if not inserted:
            return {}
        return (yield from pending.make_pending(company_id, conversation, inserted[0][0], moment))


def _converse(database: Database, company_id: int, forms: tuple[str, ...]) -> Steps[str]:
    """The one conversation that all forms of a customer's address belong to; learns what is new."""
    rows = yield execute(_IDENTITIES, company_id, *_three(forms))
    known: dict[str, str] = dict(rows)
    conversation: str = next((known[form] for form in forms if form in known), forms[0])
    for other in sorted(set(known.values()) - {conversation}):
        if (yield from join(database, company_id, other, conversation)):
            yield execute(_JOIN, company_id, other, conversation)
    for form in forms:
        if form not in known:
            yield execute(_LEARN, company_id, form, conversation)
    return conversation


def _forms(message: InboundMessage) -> tuple[str, ...]:
    """The addresses that name the customer, one to three, the chat's first."""
    forms = [message.chat, message.sender]
    if message.sender_alternate is not None:
        forms.append(message.sender_alternate)
    return tuple(dict.fromkeys(str(form.without_device()) for form in forms))


def _three(forms: tuple[str, ...]) -> tuple[str, ...]:
    """The forms for the three placeholders of a statement, the first one repeated."""
    return (*forms, *forms[:1] * (3 - len(forms)))
