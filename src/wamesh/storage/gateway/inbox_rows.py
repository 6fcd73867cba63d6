"""Rows of `inbox_messages` and the values they stand for.

Owns: the order of the columns. Refuses: SQL beyond it. Invariant: a message that was written reads back equal.
"""

from typing import Any, Final

from wamesh.clock import from_epoch_microseconds, to_epoch_microseconds
from wamesh.gateway.messages import StoredMessage
from wamesh.whatsapp.events import ContentKind, InboundMessage
from wamesh.whatsapp.jid import Jid

MESSAGE_COLUMNS: Final = """sequence, message_id, chat, sender, sender_alternate, phone_number, push_name, kind, body,
    quoted_message_id, send_time, receive_time"""


def row_of(company_id: int, epoch: int, conversation: str, message: InboundMessage, now: int) -> tuple[Any, ...]:
    """The values of an INSERT: company, conversation and id, then the rest as `_INSERT` of the store names them."""
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


def stored_message(row: tuple[Any, ...]) -> StoredMessage:
    """The message of a row of `MESSAGE_COLUMNS`."""
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
