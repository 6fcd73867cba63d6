"""What WhatsApp's receipts do to the outbox's rows, as steps of a transaction that holds the fence exclusively.

Owns the table `outbox_receipts`: receipts that came before their message's id was known. Refuses: the fence. Invariant:
a receipt moves a message forward or not at all, and is kept only while something is being sent that may get its id.
"""

from __future__ import annotations  # `Steps[...]` of a transaction is not worked out at every call

from collections.abc import Sequence

from wamesh.clock import to_epoch_microseconds
from wamesh.gateway.messages import DeliveryState, OutboxMessage
from wamesh.storage.database import Steps, execute
from wamesh.storage.gateway.outbox_rows import MESSAGE_COLUMNS, outbox_message
from wamesh.whatsapp.events import ReceiptKind, ReceiptReceived

_EARLY = "SELECT kind FROM outbox_receipts WHERE company_id = $1 AND message_id = $2"

_FORGET_EARLY = "DELETE FROM outbox_receipts WHERE company_id = $1 AND message_id = $2"

_KEEP_EARLY = """
INSERT INTO outbox_receipts (company_id, message_id, kind, receipt_time)
SELECT CAST($1 AS BIGINT), CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS BIGINT)
WHERE EXISTS (SELECT 1 FROM outbox_messages
              WHERE company_id = $1 AND state = 'SENDING' AND (message_id = '' OR at_least_once))
  AND NOT EXISTS (SELECT 1 FROM outbox_messages
                  WHERE company_id = $1 AND message_id = $2 AND message_id <> '')
ON CONFLICT DO NOTHING
"""

_MOVE = f"""
UPDATE outbox_messages SET state = $3, failure = '', epoch = $4, update_time = $5
WHERE company_id = $1 AND message_id = $2 AND message_id <> '' AND state IN ({{lower}}) RETURNING {MESSAGE_COLUMNS}
"""

_PROVEN = {ReceiptKind.DELIVERED: DeliveryState.DELIVERED, ReceiptKind.READ: DeliveryState.READ}
_LOWER = {
    ReceiptKind.DELIVERED: "'SENDING', 'UNKNOWN', 'SENT'",
    ReceiptKind.READ: "'SENDING', 'UNKNOWN', 'SENT', 'DELIVERED'",
}


def move(
    company_id: int, epoch: int, message_id: str, receipt: ReceiptReceived, now: int
) -> Steps[list[OutboxMessage]]:
    """Moves one message by its receipt, or keeps the receipt for a message that may still get this id."""
    move = _MOVE.format(lower=_LOWER[receipt.kind])
    rows = yield execute(move, company_id, message_id, _PROVEN[receipt.kind].value, epoch, now)
    if not rows:
        moment = to_epoch_microseconds(receipt.time)
        yield execute(_KEEP_EARLY, company_id, message_id, receipt.kind.value, moment)
    return [outbox_message(row) for row in rows]


def take_early(company_id: int, message_id: str) -> Steps[DeliveryState | None]:
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
