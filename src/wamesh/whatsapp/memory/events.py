"""Frames of the memory wire as events: pure functions, one for each kind of frame."""

from datetime import UTC
from typing import Final

from wamesh.emulator.v1 import emulator_pb2, memory_wire_pb2
from wamesh.whatsapp.events import (
    ClientOutdated,
    ContentKind,
    Event,
    InboundMessage,
    LoggedOut,
    MessageReceived,
    ReceiptKind,
    ReceiptReceived,
    Replaced,
    TemporarilyBanned,
)
from wamesh.whatsapp.jid import Jid

_KINDS: Final = {
    "text": ContentKind.TEXT,
    "image": ContentKind.IMAGE,
    "video": ContentKind.VIDEO,
    "voice": ContentKind.AUDIO,
    "document": ContentKind.DOCUMENT,
    "sticker": ContentKind.STICKER,
    "location": ContentKind.LOCATION,
    "contact": ContentKind.CONTACT,
    "reaction": ContentKind.REACTION,
}
_RECEIPTS: Final = {
    memory_wire_pb2.RECEIPT_FRAME_KIND_DELIVERED: ReceiptKind.DELIVERED,
    memory_wire_pb2.RECEIPT_FRAME_KIND_READ: ReceiptKind.READ,
}


def inbound(frame: memory_wire_pb2.InboundFrame) -> MessageReceived:
    """A delivered message; content of an unknown kind is OTHER."""
    sender, alternate = Jid.parse(frame.sender), Jid.parse(frame.sender_alternate)
    reaction = frame.content.reaction.message_id
    message = InboundMessage(
        chat=Jid.parse(frame.chat),
        message_id=frame.message_id,
        sender=sender,
        sender_alternate=alternate,
        phone_number=sender.phone_number or alternate.phone_number,
        push_name=frame.push_name,
        time=frame.send_time.ToDatetime(UTC),
        kind=_KINDS.get(frame.content.WhichOneof("content") or "", ContentKind.OTHER),
        text=words(frame.content),
        quoted_message_id=reaction or frame.quoted_message_id,
        from_me=frame.from_me,
    )
    return MessageReceived(message)


def words(content: emulator_pb2.Content) -> str:
    """What the content says in words; empty when it has none."""
    match content.WhichOneof("content"):
        case "text":
            return content.text.body
        case "image":
            return content.image.caption
        case "video":
            return content.video.caption
        case "document":
            return content.document.caption
        case "reaction":
            return content.reaction.emoji
        case "location":
            return content.location.name
        case "contact":
            return content.contact.display_name
        case _:
            return ""


def receipt(frame: memory_wire_pb2.ReceiptFrame) -> ReceiptReceived:
    """How far sent messages got."""
    return ReceiptReceived(
        Jid.parse(frame.chat), tuple(frame.message_ids), _RECEIPTS[frame.kind], frame.receipt_time.ToDatetime(UTC)
    )


def login_failure(frame: memory_wire_pb2.LoginFailure) -> Event | None:
    """The final event that a refused login means; None for codes after which one tries again (500, 503)."""
    match frame.code:
        case 401 | 403 | 406:
            return LoggedOut(on_connect=True, code=frame.code)
        case 402:
            expires_in = frame.ban_duration.ToTimedelta() if frame.HasField("ban_duration") else None
            return TemporarilyBanned(frame.ban_code, expires_in)
        case 405:
            return ClientOutdated()
        case _:
            return None


def stream_end(frame: memory_wire_pb2.StreamEnd) -> Event:
    """The final event of a connection that the network ended with a reason."""
    if frame.reason == memory_wire_pb2.STREAM_END_REASON_REPLACED:
        return Replaced()
    return LoggedOut(on_connect=False)
