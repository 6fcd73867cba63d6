"""The library's protobuf events as ours: pure functions over messages, without importing the library.

They read fields by name only (neonize 0.5.2's `Neonize_pb2` and WhatsApp's `WAWebProtobufsE2E_pb2`), so they
run without the library's native code. Units differ there: a message's time is in milliseconds, a receipt's in
seconds.

Owns: that map. Refuses: state, I/O. Invariant: what is no message of a person or a group (status posts,
channels, protocol traffic) gives None, and nothing a customer can send raises.
"""

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from wamesh.whatsapp.events import (
    ContentKind,
    Disconnected,
    InboundMessage,
    LoggedOut,
    MessageReceived,
    PairingFailed,
    PairingFailure,
    ReceiptKind,
    ReceiptReceived,
    TemporarilyBanned,
)
from wamesh.whatsapp.jid import Jid, JidError

_KINDS: Final = {
    "conversation": ContentKind.TEXT,
    "extendedTextMessage": ContentKind.TEXT,
    "buttonsResponseMessage": ContentKind.TEXT,
    "listResponseMessage": ContentKind.TEXT,
    "templateButtonReplyMessage": ContentKind.TEXT,
    "imageMessage": ContentKind.IMAGE,
    "videoMessage": ContentKind.VIDEO,
    "ptvMessage": ContentKind.VIDEO,
    "audioMessage": ContentKind.AUDIO,
    "documentMessage": ContentKind.DOCUMENT,
    "stickerMessage": ContentKind.STICKER,
    "lottieStickerMessage": ContentKind.STICKER,
    "locationMessage": ContentKind.LOCATION,
    "liveLocationMessage": ContentKind.LOCATION,
    "contactMessage": ContentKind.CONTACT,
    "contactsArrayMessage": ContentKind.CONTACT,
    "reactionMessage": ContentKind.REACTION,
}
_WORDS: Final = {
    "extendedTextMessage": "text",
    "buttonsResponseMessage": "selectedDisplayText",
    "listResponseMessage": "title",
    "templateButtonReplyMessage": "selectedDisplayText",
    "imageMessage": "caption",
    "videoMessage": "caption",
    "ptvMessage": "caption",
    "documentMessage": "caption",
    "locationMessage": "name",
    "liveLocationMessage": "caption",
    "contactMessage": "displayName",
    "contactsArrayMessage": "displayName",
    "reactionMessage": "text",
}
_SILENT: Final = frozenset(
    {
        "messageContextInfo",
        "senderKeyDistributionMessage",
        "fastRatchetKeySenderKeyDistributionMessage",
        "keepInChatMessage",
        "pinInChatMessage",
        "albumMessage",
        "pollUpdateMessage",
        "encReactionMessage",
        "messageHistoryBundle",
    }
)
"""Fields that the customer did not write: keys, containers, votes."""

_RECEIPTS: Final = {
    "DELIVERED": ReceiptKind.DELIVERED,
    "INACTIVE": ReceiptKind.DELIVERED,
    "READ": ReceiptKind.READ,
    "PLAYED": ReceiptKind.READ,
}
_LOGOUT_CODES: Final = {"LOGGED_OUT": 401, "MAIN_DEVICE_GONE": 403, "UNKNOWN_LOGOUT": 406}
_BAN_CODES: Final = {
    "SEND_TO_TOO_MANY_PEOPLE": 101,
    "BLOCKED_BY_USERS": 102,
    "CREATED_TOO_MANY_GROUPS": 103,
    "SENT_TOO_MANY_SAME_MESSAGE": 104,
    "BROADCAST_LIST": 106,
}


def jid(address: Any) -> Jid | None:
    """A `JID` of the library without its device; None when it is empty or names neither person nor group."""
    try:
        found = Jid(address.User, address.Server)
    except JidError:
        return None
    return found if found.is_person or found.is_group else None


def message(event: Any) -> MessageReceived | None:
    """A `Message` event; None for what no customer wrote."""
    source, content = event.Info.MessageSource, _edited(event.Message)
    field, chat, sender = _field(content), jid(source.Chat), jid(source.Sender)
    if field is None or chat is None or sender is None:
        return None
    alternate = jid(source.SenderAlt)
    return MessageReceived(
        InboundMessage(
            chat=chat,
            message_id=event.Info.ID,
            sender=sender,
            sender_alternate=alternate,
            phone_number=sender.phone_number or (alternate.phone_number if alternate else None),
            push_name=event.Info.Pushname,
            time=datetime.fromtimestamp(event.Info.Timestamp / 1000, UTC),
            kind=_KINDS.get(field, ContentKind.OTHER),
            text=_words(content, field),
            quoted_message_id=_quoted(content, field),
            from_me=source.IsFromMe,
            group=source.IsGroup,
        )
    )


def receipt(event: Any) -> ReceiptReceived | None:
    """A `Receipt` event; None for retries, and for what the account's own devices report."""
    source, kind = event.MessageSource, _RECEIPTS.get(_name(event, "Type"))
    chat = jid(source.Chat)
    if kind is None or chat is None or source.IsFromMe:
        return None
    return ReceiptReceived(chat, tuple(event.MessageIDs), kind, datetime.fromtimestamp(event.Timestamp, UTC))


def logged_out(event: Any) -> LoggedOut:
    """A `LoggedOut` event; the code is told only for a refused login."""
    code = _LOGOUT_CODES.get(_name(event, "Reason")) if event.OnConnect else None
    return LoggedOut(on_connect=event.OnConnect, code=code)


def banned(event: Any) -> TemporarilyBanned:
    """A `TemporaryBan` event; its `Expire` is in seconds, 0 when WhatsApp did not tell. Unknown causes are
    code 0.
    """
    expires_in = timedelta(seconds=event.Expire) if event.Expire > 0 else None
    return TemporarilyBanned(_BAN_CODES.get(_name(event, "Code"), 0), expires_in)


def connect_failure(event: Any) -> Disconnected:
    """A `ConnectFailure` event: the login failed for a rare reason, and the library does not try again."""
    return Disconnected(f"login failed: {_name(event, 'Reason') or 'unknown'} {event.Message}".strip(), final=True)


def pairing_failure(event: Any) -> PairingFailed | None:
    """A `PairStatus` event when it is an error; None when the device was linked."""
    return PairingFailed(PairingFailure.REFUSED) if _name(event, "Status") == "ERROR" else None


def _edited(content: Any) -> Any:
    """The new content of an edit, or the content itself."""
    edit = content.protocolMessage
    return edit.editedMessage if edit.HasField("editedMessage") else content


def _field(content: Any) -> str | None:
    """The name of the field that holds what was written; None when nobody wrote anything."""
    names = [str(descriptor.name) for descriptor, _ in content.ListFields() if descriptor.name not in _SILENT]
    if not names or names == ["protocolMessage"]:
        return None
    return next((name for name in names if name in _KINDS), names[0])


def _words(content: Any, field: str) -> str:
    if field == "conversation":
        return str(content.conversation)
    attribute = _WORDS.get(field)
    return str(getattr(getattr(content, field), attribute)) if attribute else ""


def _quoted(content: Any, field: str) -> str:
    """The id of the message that this one answers or reacts to; empty when it stands alone."""
    body = getattr(content, field)
    if field == "reactionMessage":
        return str(body.key.ID)
    context = getattr(body, "contextInfo", None)
    return "" if context is None else str(context.stanzaID)


def _name(event: Any, field: str) -> str:
    """The name of an enum field's value; empty when it is not set."""
    if not event.HasField(field):
        return ""
    values = event.DESCRIPTOR.fields_by_name[field].enum_type.values_by_number
    number = getattr(event, field)
    return str(values[number].name) if number in values else ""
