"""Removes old messages in SQL, for both engines.

Owns the rule of what nobody needs any more. Refuses: identities, which name a customer for good, and to decide when.
Invariant: a message that a subscription still has to deliver, or gave up on, stays however old it is.

The tables are walked by `sequence`, which grows with time, so that no index by age burdens every message that is
stored; a page whose messages are all young ends the walk.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from wamesh.clock import to_epoch_microseconds
from wamesh.gateway.messages import OPEN_STATES
from wamesh.gateway.retention import Swept
from wamesh.storage.database import Database, Steps, execute

_KEEP_EARLY_RECEIPTS: Final = timedelta(days=1)

_PAGE = "SELECT sequence, {time} FROM {table} WHERE sequence > $1 ORDER BY sequence LIMIT $2"

_HOLD = "SELECT 1 FROM inbox_messages WHERE sequence > $1 AND sequence <= $2 AND receive_time < $3{lock}"

_REMOVE_INBOUND = """
DELETE FROM inbox_messages WHERE sequence > $1 AND sequence <= $2 AND receive_time < $3
    AND NOT EXISTS (
        SELECT 1 FROM inbox_subscriptions AS s JOIN inbox_pending AS p ON p.subscription = s.name
            AND p.company_id = inbox_messages.company_id AND p.conversation = inbox_messages.conversation
        WHERE p.acked_sequence < inbox_messages.sequence OR EXISTS (
            SELECT 1 FROM inbox_replays AS r WHERE r.subscription = s.name AND r.company_id = inbox_messages.company_id
                AND r.conversation = inbox_messages.conversation AND r.sequence = inbox_messages.sequence
        )
    )
    AND NOT EXISTS (
        SELECT 1 FROM inbox_dead_letters AS d WHERE d.company_id = inbox_messages.company_id
            AND d.conversation = inbox_messages.conversation AND d.sequence = inbox_messages.sequence
    )
RETURNING 1
"""

_OPEN: Final = ", ".join(f"'{each.value}'" for each in sorted(OPEN_STATES))

_REMOVE_OUTGOING = f"""
DELETE FROM outbox_messages WHERE sequence > $1 AND sequence <= $2 AND update_time < $3 AND state NOT IN ({_OPEN})
RETURNING 1
"""

_REMOVE_RECEIPTS = """
DELETE FROM outbox_receipts WHERE (company_id, message_id, kind) IN (
    SELECT company_id, message_id, kind FROM outbox_receipts WHERE receipt_time < $1 LIMIT $2
) RETURNING 1
"""


class SqlRetentionStore:
    """`RetentionStore` over any `Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._hold = _HOLD.format(lock=database.skip_locked)

    async def sweep_inbox(self, before: datetime, after: int, limit: int) -> Swept:
        """Looks through the next messages from customers."""
        moment = to_epoch_microseconds(before)

        def steps() -> Steps[Swept]:
            page = yield execute(_PAGE.format(table="inbox_messages", time="receive_time"), after, limit)
            if not _has_old(page, moment):
                return Swept(0, None)
            last = page[-1][0]
            yield execute(self._hold, after, last, moment)  # a join must not rename what the next statement looks up
            removed = yield execute(_REMOVE_INBOUND, after, last, moment)
            return Swept(len(removed), last if len(page) == limit else None)

        return await self._database.write(steps)

    async def sweep_outbox(self, before: datetime, after: int, limit: int) -> Swept:
        """Looks through the next messages to customers."""
        moment = to_epoch_microseconds(before)

        def steps() -> Steps[Swept]:
            page = yield execute(_PAGE.format(table="outbox_messages", time="create_time"), after, limit)
            if not _has_old(page, moment):
                return Swept(0, None)
            removed = yield execute(_REMOVE_OUTGOING, after, page[-1][0], moment)
            return Swept(len(removed), page[-1][0] if len(page) == limit else None)

        return await self._database.write(steps)

    async def sweep_receipts(self, now: datetime, limit: int) -> int:
        """Forgets receipts that waited for a message in vain."""
        before = to_epoch_microseconds(now - _KEEP_EARLY_RECEIPTS)
        return len(await self._database.write_one(execute(_REMOVE_RECEIPTS, before, limit)))


def _has_old(page: list[tuple[Any, ...]], moment: int) -> bool:
    return any(time < moment for _, time in page)
