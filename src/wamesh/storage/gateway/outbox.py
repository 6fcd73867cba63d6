"""The outbox in SQL, for both engines.

Owns the tables `outbox_*`, with `gateway_outbox_receipts`. Refuses: sending, waiting, deciding what a doubt means.
Invariants, each held in one transaction: a company has one row for a request id; a state never moves back.
"""

from __future__ import annotations  # `Steps[...]` of a transaction is not worked out at every call

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from wamesh.clock import from_epoch_microseconds, to_epoch_microseconds
from wamesh.gateway.messages import DeliveryState, Draft, OutboxMessage
from wamesh.storage.database import Database, Rows, Statement, Steps, execute
from wamesh.storage.gateway.fence import fence, hold
from wamesh.storage.gateway.outbox_receipts import move, take_early
from wamesh.storage.gateway.outbox_rows import MESSAGE_COLUMNS, outbox_message
from wamesh.whatsapp.events import ReceiptReceived
from wamesh.whatsapp.jid import Jid

_ADD = """
INSERT INTO outbox_messages (company_id, request_id, content_hash, chat, body, quoted_message_id, secret, queueable,
    at_least_once, state, message_id, failure, epoch, create_time, update_time, schedule_time, expire_time)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, '', '', $11, $12, $12, $13, $14)
ON CONFLICT (company_id, request_id) DO NOTHING
RETURNING sequence
"""

_GET = f"SELECT {MESSAGE_COLUMNS} FROM outbox_messages WHERE company_id = $1 AND request_id = $2"

_START = """
UPDATE outbox_messages SET state = 'SENDING', epoch = $2, update_time = $3
WHERE sequence = $1 AND state = 'QUEUED' RETURNING state, message_id, failure, update_time
"""

_SETTLE = """
UPDATE outbox_messages SET state = $2, message_id = $3, failure = $4, epoch = $5, update_time = $6
WHERE sequence = $1 AND state IN ('QUEUED', 'SENDING') RETURNING state, message_id, failure, update_time
"""

_KNOWN = """
SELECT 1 WHERE EXISTS (SELECT 1 FROM outbox_contacts WHERE company_id = $1 AND chat = $2)
    OR EXISTS (SELECT 1 FROM inbox_identities WHERE company_id = $1 AND jid = $2)
    OR EXISTS (SELECT 1 FROM outbox_messages WHERE company_id = $1 AND chat = $2
               AND state IN ('SENDING', 'SENT', 'DELIVERED', 'READ', 'UNKNOWN'))
"""

_NTH_NEWEST_CONTACT = """
SELECT contact_time FROM outbox_contacts WHERE company_id = $1 AND contact_time > $2
ORDER BY contact_time DESC LIMIT 1 OFFSET $3
"""

_ADD_CONTACT = """
INSERT INTO outbox_contacts (company_id, chat, contact_time) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
"""

_CANCEL = f"""
UPDATE outbox_messages SET state = 'CANCELLED', epoch = $3, update_time = $4
WHERE company_id = $1 AND request_id = $2 AND state = 'QUEUED' RETURNING {MESSAGE_COLUMNS}
"""

_EXPIRED = """
SELECT company_id, sequence FROM outbox_messages WHERE state = 'QUEUED' AND expire_time <= $1
ORDER BY expire_time LIMIT $2
"""

_EXPIRE = """
UPDATE outbox_messages SET state = 'FAILED', failure = $2, update_time = $3
WHERE sequence = $1 AND state = 'QUEUED' RETURNING sequence
"""

_RENEW = """
UPDATE outbox_messages SET secret = $2, epoch = $3, update_time = $4
WHERE sequence = $1 AND state = 'SENDING' RETURNING state, message_id, failure, update_time
"""

_CHANGEABLE = "SELECT state, message_id, failure, update_time FROM outbox_messages WHERE sequence = $1"

_WITHDRAW = "DELETE FROM outbox_messages WHERE sequence = $1 AND state IN ('QUEUED', 'SENDING') AND message_id = ''"

_PRUNE = "DELETE FROM outbox_receipts WHERE receipt_time < $1"

_SENDING = f"""
SELECT {MESSAGE_COLUMNS} FROM outbox_messages WHERE company_id = $1 AND state = 'SENDING' ORDER BY sequence
"""

_QUEUED = f"""
SELECT {MESSAGE_COLUMNS} FROM outbox_messages
WHERE company_id = $1 AND state = 'QUEUED' AND schedule_time IS NULL ORDER BY sequence
"""

_SCHEDULED = f"""
SELECT {MESSAGE_COLUMNS} FROM outbox_messages
WHERE company_id = $1 AND state = 'QUEUED' AND schedule_time IS NOT NULL AND (schedule_time, sequence) > ($2, $3)
ORDER BY schedule_time, sequence LIMIT $4
"""

_A_DAY = timedelta(days=1)


class SqlOutboxStore:
    """`OutboxStore` over any `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self, draft: Draft, secret: bytes, epoch: int, now: datetime, *, queued: bool
    ) -> tuple[OutboxMessage, bool]:
        """Stores a message, or finds the one that has its request id."""
        state = DeliveryState.QUEUED if queued else DeliveryState.SENDING
        moment = to_epoch_microseconds(now)
        insert = _insert(draft, secret, state, epoch, moment)

        def steps() -> Steps[tuple[OutboxMessage, bool]]:
            yield from fence(self._database.engine, draft.company_id, epoch)
            while True:  # again, when the row that was in the way is withdrawn between the two
                added = yield insert
                if added:
                    return _added(added[0][0], draft, secret, state, from_epoch_microseconds(moment)), True
                found = yield execute(_GET, draft.company_id, draft.request_id)
                if found:
                    return outbox_message(found[0]), False

        return await self._database.write(steps)

    async def get(self, company_id: int, request_id: str) -> OutboxMessage | None:
        """The message of this request id."""

        def steps() -> Steps[OutboxMessage | None]:
            rows = yield execute(_GET, company_id, request_id)
            return outbox_message(rows[0]) if rows else None

        return await self._database.read(steps)

    async def start(self, message: OutboxMessage, epoch: int, now: datetime) -> OutboxMessage:
        """QUEUED becomes SENDING."""
        return await self._change(message, epoch, execute(_START, message.sequence, epoch, to_epoch_microseconds(now)))

    async def finish(
        self, message: OutboxMessage, epoch: int, now: datetime, *, message_id: str = "", failure: str = ""
    ) -> OutboxMessage:
        """An open message gets its outcome."""
        if failure:
            return await self._settle(message, epoch, now, DeliveryState.FAILED, message.message_id, failure)
        return await self._settle(message, epoch, now, DeliveryState.SENT, message_id, "")

    async def doubt(self, message: OutboxMessage, message_id: str, epoch: int, now: datetime) -> OutboxMessage:
        """Keeps the id of a send that may have reached WhatsApp."""
        return await self._settle(message, epoch, now, DeliveryState.SENDING, message_id, "")

    async def give_up(self, message: OutboxMessage, epoch: int, now: datetime, failure: str) -> OutboxMessage:
        """SENDING becomes UNKNOWN, unless a receipt was faster."""
        return await self._settle(message, epoch, now, DeliveryState.UNKNOWN, message.message_id, failure)

    async def renew(self, message: OutboxMessage, secret: bytes, epoch: int, now: datetime) -> OutboxMessage:
        """A message in doubt gets the secret of its next send."""
        change = execute(_RENEW, message.sequence, secret, epoch, to_epoch_microseconds(now))
        return replace(await self._change(message, epoch, change), secret=secret)

    async def cancel(self, company_id: int, request_id: str, epoch: int, now: datetime) -> OutboxMessage | None:
        """QUEUED becomes CANCELLED."""

        def steps() -> Steps[OutboxMessage | None]:
            yield from fence(self._database.engine, company_id, epoch, "exclusive")
            rows = yield execute(_CANCEL, company_id, request_id, epoch, to_epoch_microseconds(now))
            if not rows:
                rows = yield execute(_GET, company_id, request_id)
            return outbox_message(rows[0]) if rows else None

        return await self._database.write(steps)

    async def withdraw(self, message: OutboxMessage, epoch: int) -> None:
        """Removes an open message that surely was not sent."""

        def steps() -> Steps[None]:
            yield from fence(self._database.engine, message.company_id, epoch)
            yield execute(_WITHDRAW, message.sequence)

        await self._database.write(steps)

    async def note_receipts(
        self, company_id: int, epoch: int, receipts: Sequence[ReceiptReceived], now: datetime
    ) -> list[OutboxMessage]:
        """Moves messages forward; returns those that moved."""
        moment = to_epoch_microseconds(now)

        def steps() -> Steps[list[OutboxMessage]]:
            yield from fence(self._database.engine, company_id, epoch, "exclusive")
            moved: list[OutboxMessage] = []
            for receipt in receipts:
                for message_id in receipt.message_ids:
                    moved += yield from move(company_id, epoch, message_id, receipt, moment)
            return moved

        return await self._database.write(steps)

    async def contact(self, company_id: int, chat: Jid, epoch: int, limit: int, now: datetime) -> datetime | None:
        """Counts the chat as a first contact, unless it is known."""

        def known() -> Steps[Rows]:
            return (yield execute(_KNOWN, company_id, str(chat)))

        def count() -> Steps[datetime | None]:
            yield from fence(self._database.engine, company_id, epoch, "exclusive")
            since = to_epoch_microseconds(now - _A_DAY)
            rows = yield execute(_NTH_NEWEST_CONTACT, company_id, since, limit - 1)
            if rows:
                return from_epoch_microseconds(rows[0][0]) + _A_DAY
            yield execute(_ADD_CONTACT, company_id, str(chat), to_epoch_microseconds(now))
            return None

        return None if await self._database.read(known) else await self._database.write(count)

    async def open_messages(self, company_id: int) -> list[OutboxMessage]:
        """The company's open messages, in order."""

        def steps() -> Steps[list[OutboxMessage]]:
            sending = yield execute(_SENDING, company_id)
            queued = yield execute(_QUEUED, company_id)
            return [outbox_message(row) for row in (*sending, *queued)]

        return await self._database.read(steps)

    async def scheduled(self, company_id: int, after: tuple[datetime, int], limit: int) -> list[OutboxMessage]:
        """The company's next scheduled messages."""
        moment, sequence = after

        def steps() -> Steps[list[OutboxMessage]]:
            rows = yield execute(_SCHEDULED, company_id, to_epoch_microseconds(moment), sequence, limit)
            return [outbox_message(row) for row in rows]

        return await self._database.read(steps)

    async def expire(self, now: datetime, failure: str, limit: int) -> int:
        """Gives up what waited too long, each company's in a transaction of its own."""
        moment = to_epoch_microseconds(now)

        def found() -> Steps[Rows]:
            return (yield execute(_EXPIRED, moment, limit))

        late: dict[int, list[int]] = {}
        for company_id, sequence in await self._database.read(found):
            late.setdefault(company_id, []).append(sequence)
        return sum([await self._expire(each, late[each], failure, moment) for each in late])

    async def _expire(self, company_id: int, sequences: Sequence[int], failure: str, moment: int) -> int:
        def steps() -> Steps[int]:
            yield from hold(self._database.engine, company_id)
            expired = 0
            for sequence in sequences:
                expired += len((yield execute(_EXPIRE, sequence, failure, moment)))
            return expired

        return await self._database.write(steps)

    async def prune_receipts(self, older_than: timedelta, now: datetime) -> None:
        """Forgets receipts that waited for a message in vain."""

        def steps() -> Steps[None]:
            yield execute(_PRUNE, to_epoch_microseconds(now - older_than))

        await self._database.write(steps)

    async def _settle(
        self,
        message: OutboxMessage,
        epoch: int,
        now: datetime,
        state: DeliveryState,
        message_id: str,
        failure: str,
    ) -> OutboxMessage:
        """Gives an open message its new state, or the one that receipts proved already."""

        def steps() -> Steps[OutboxMessage]:
            yield from fence(self._database.engine, message.company_id, epoch, "exclusive")
            proven = yield from take_early(message.company_id, message_id)
            change = execute(
                _SETTLE,
                message.sequence,
                (proven or state).value,
                message_id,
                "" if proven else failure,
                epoch,
                to_epoch_microseconds(now),
            )
            return (yield from _changed(message, change))

        return await self._database.write(steps)

    async def _change(self, message: OutboxMessage, epoch: int, change: Statement) -> OutboxMessage:
        def steps() -> Steps[OutboxMessage]:
            yield from fence(self._database.engine, message.company_id, epoch)
            return (yield from _changed(message, change))

        return await self._database.write(steps)


def _insert(draft: Draft, secret: bytes, state: DeliveryState, epoch: int, now: int) -> Statement:
    return execute(
        _ADD,
        draft.company_id,
        draft.request_id,
        draft.content_hash,
        str(draft.chat),
        draft.text,
        draft.quoted_message_id,
        secret,
        draft.queueable,
        draft.at_least_once,
        state.value,
        epoch,
        now,
        _moment(draft.schedule_time),
        _moment(draft.expire_time),
    )


def _moment(time: datetime | None) -> int | None:
    return None if time is None else to_epoch_microseconds(time)


def _changed(message: OutboxMessage, change: Statement) -> Steps[OutboxMessage]:
    """The row after the change; as it is when the change found it settled already."""
    rows = yield change
    if not rows:
        rows = yield execute(_CHANGEABLE, message.sequence)
    state, message_id, failure, update_time = rows[0]
    return replace(
        message,
        state=DeliveryState(state),
        message_id=message_id,
        failure=failure,
        update_time=from_epoch_microseconds(update_time),
    )


def _added(sequence: int, draft: Draft, secret: bytes, state: DeliveryState, moment: datetime) -> OutboxMessage:
    return OutboxMessage(
        sequence=sequence,
        company_id=draft.company_id,
        request_id=draft.request_id,
        content_hash=draft.content_hash,
        chat=draft.chat,
        text=draft.text,
        quoted_message_id=draft.quoted_message_id,
        secret=secret,
        queueable=draft.queueable,
        at_least_once=draft.at_least_once,
        state=state,
        message_id="",
        failure="",
        create_time=moment,
        update_time=moment,
        schedule_time=draft.schedule_time,
        expire_time=draft.expire_time,
    )
