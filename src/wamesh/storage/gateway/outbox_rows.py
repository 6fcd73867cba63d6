"""Rows of `outbox_messages` and the values they stand for.

Owns: the order of the columns. Refuses: SQL beyond it. Invariant: a message that was written reads back equal.
"""

from typing import Any, Final

from wamesh.clock import from_epoch_microseconds
from wamesh.gateway.messages import DeliveryState, OutboxMessage
from wamesh.whatsapp.jid import Jid

MESSAGE_COLUMNS: Final = """sequence, company_id, request_id, content_hash, chat, body, quoted_message_id, secret,
    queueable, at_least_once, state, message_id, failure, create_time, update_time, schedule_time,
    expire_time"""


def outbox_message(row: tuple[Any, ...]) -> OutboxMessage:
    """The message of a row of `MESSAGE_COLUMNS`."""
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
        schedule_time=None if row[15] is None else from_epoch_microseconds(row[15]),
        expire_time=None if row[16] is None else from_epoch_microseconds(row[16]),
    )
