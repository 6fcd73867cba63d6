"""The outbox in SQL, for both engines.

Owns the tables `outbox_*`. Refuses: sending, waiting, deciding what a doubt means. Invariants, each held in one
transaction: a company has one row for a request id; a state never moves back; a receipt that comes before its
message's id is known is kept until it is.
"""

from __future__ import annotations  # `Steps[...]` of a transaction is not worked out at every call

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from wamesh.clock import from_epoch_microseconds, to_epoch_microseconds
from wamesh.gateway.messages import DeliveryState, Draft, OutboxMessage
from wamesh.storage.database import Database, Statement, Steps, execute
from wamesh.storage.gateway_fence import fence
from wamesh.whatsapp.events import ReceiptKind, ReceiptReceived
from wamesh.whatsapp.jid import Jid

_COLUMNS = """sequence, company_id, request_id, content_hash, chat, body, quoted_message_id, secret, queueable,
    at_least_once, state, message_id, failure, create_time, update_time"""

_ADD = """
INSERT INTO outbox_messages (company_id, request_id, content_hash, chat, body, quoted_message_id, secret, queueable,
    at_least_once, state, message_id, failure, epoch, create_time, update_time)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, '', '', $11, $12, $12)
ON CONFLICT (company_id, request_id) DO NOTHING
RETURNING sequence
"""

_GET = f"SELECT {_COLUMNS} FROM outbox_messages WHERE company_id = $1 AND request_id = $2"

_START = """
UPDATE outbox_messages SET state = 'SENDING', epoch = $2, update_time = $3
WHERE sequence = $1 AND state = 'QUEUED' RETURNING state, message_id, failure, update_time
"""

_SETTLE = """
UPDATE outbox_messages SET state = $2, message_id = $3, failure = $4, epoch = $5, update_time = $6
WHERE sequence = $1 AND state IN ('QUEUED', 'SENDING') RETURNING state, message_id, failure, update_time
"""

_RENEW = """
UPDATE outbox_messages SET secret = $2, epoch = $3, update_time = $4
WHERE sequence = $1 AND state = 'SENDING' RETURNING state, message_id, failure, update_time
"""

_CHANGEABLE = "SELECT state, message_id, failure, update_time FROM outbox_messages WHERE sequence = $1"

_WITHDRAW = "DELETE FROM outbox_messages WHERE sequence = $1 AND state IN ('QUEUED', 'SENDING') AND message_id = ''"

_EARLY = "SELECT kind FROM outbox_receipts WHERE company_id = $1 AND message_id = $2"

_FORGET_EARLY = "DELETE FROM outbox_receipts WHERE company_id = $1 AND message_id = $2"

_PRUNE = "DELETE FROM outbox_receipts WHERE receipt_time < $1"

_KEEP_EARLY = """
INSERT INTO outbox_receipts (company_id, message_id, kind, receipt_time)
SELECT CAST($1 AS BIGINT), CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS BIGINT)
WHERE EXISTS (SELECT 1 FROM outbox_messages
              WHERE company_id = $1 AND state IN ('QUEUED', 'SENDING') AND (message_id = '' OR at_least_once))
  AND NOT EXISTS (SELECT 1 FROM outbox_messages
                  WHERE company_id = $1 AND message_id = $2 AND message_id <> '')
ON CONFLICT DO NOTHING
"""

_MOVE = f"""
UPDATE outbox_messages SET state = $3, failure = '', epoch = $4, update_time = $5
WHERE company_id = $1 AND message_id = $2 AND message_id <> '' AND state IN ({{lower}}) RETURNING {_COLUMNS}
"""

_OPEN = f"""
SELECT {_COLUMNS} FROM outbox_messages
WHERE company_id = $1 AND state IN ('QUEUED', 'SENDING') ORDER BY sequence
"""

_PROVEN = {ReceiptKind.DELIVERED: DeliveryState.DELIVERED, ReceiptKind.READ: DeliveryState.READ}
_LOWER = {
    ReceiptKind.DELIVERED: "'SENDING', 'UNKNOWN', 'SENT'",
    ReceiptKind.READ: "'SENDING', 'UNKNOWN', 'SENT', 'DELIVERED'",
}


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
                    return _message(found[0]), False

        return await self._database.write(steps)

    async def get(self, company_id: int, request_id: str) -> OutboxMessage | None:
        """The message of this request id."""

        def steps() -> Steps[OutboxMessage | None]:
            rows = yield execute(_GET, company_id, request_id)
            return _message(rows[0]) if rows else None

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
                    moved += yield from _move(company_id, epoch, message_id, receipt, moment)
            return moved

        return await self._database.write(steps)

    async def open_messages(self, company_id: int) -> list[OutboxMessage]:
        """The company's open messages, in order."""

        def steps() -> Steps[list[OutboxMessage]]:
            rows = yield execute(_OPEN, company_id)
            return [_message(row) for row in rows]

        return await self._database.read(steps)

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
            proven = yield from _take_early(message.company_id, message_id)
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
    )


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


def _move(
    company_id: int, epoch: int, message_id: str, receipt: ReceiptReceived, now: int
) -> Steps[list[OutboxMessage]]:
    """Moves one message by its receipt, or keeps the receipt for a message that may still get this id."""
    move = _MOVE.format(lower=_LOWER[receipt.kind])
    rows = yield execute(move, company_id, message_id, _PROVEN[receipt.kind].value, epoch, now)
    if not rows:
        moment = to_epoch_microseconds(receipt.time)
        yield execute(_KEEP_EARLY, company_id, message_id, receipt.kind.value, moment)
    return [_message(row) for row in rows]


def _take_early(company_id: int, message_id: str) -> Steps[DeliveryState | None]:
    """What receipts that came before the id was known prove; they are used up."""
    if not message_id:
        return None
    rows = yield execute(_EARLY, company_id, message_id)
    if not rows:
        return None
    yield execute(_FORGET_EARLY, company_id, message_id)
    return _furthest([ReceiptKind(row[0]) for row in rows])


def _furthest(kinds: Sequence[ReceiptKind]) -> DeliveryState:
    return DeliveryState.READ if ReceiptKind.READ in kinds else DeliveryState.DELIVERED


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
    )


def _message(row: tuple[Any, ...]) -> OutboxMessage:
    return OutboxMessage(
        sequence=row[0],
        company_id=row[1],
        request_id=row[2],
        content_hash=bytes(row[3]),
        chat=Jid.parse(row[4]),
        text=row[5],
        quoted_message_id=row[6],
        secret=bytes(row[7]),
        queueable=bool(row[8]),
        at_least_once=bool(row[9]),
        state=DeliveryState(row[10]),
        message_id=row[11],
        failure=row[12],
        create_time=from_epoch_microseconds(row[13]),
        update_time=from_epoch_microseconds(row[14]),
    )
