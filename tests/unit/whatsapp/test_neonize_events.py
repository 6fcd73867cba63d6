"""The library's protobuf events, made by hand, and what they become."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from support.neonize_protos import e2e_pb2, neonize_pb2

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
from wamesh.whatsapp.jid import HIDDEN_SERVER, Jid
from wamesh.whatsapp.neonize import events as neonize_events

SENT = datetime(2026, 1, 1, 12, 0, 0, 250_000, UTC)
LID = Jid("264871930155482", HIDDEN_SERVER)
NUMBER = Jid("12025550111")


def address(user: str, server: str, device: int = 0) -> Any:
    return neonize_pb2.JID(User=user, Server=server, Device=device, RawAgent=0, Integrator=0, IsEmpty=not user)


def event(content: Any, chat: Any = None, **source: Any) -> Any:
    """A `Message` event as a customer with a LID address causes it."""
    where = {
        "Chat": chat or address(LID.user, "lid"),
        "Sender": address(LID.user, "lid", 3),
        "SenderAlt": address(NUMBER.user, "s.whatsapp.net"),
        "IsFromMe": False,
        "IsGroup": False,
        **source,
    }
    info = neonize_pb2.MessageInfo(
        MessageSource=neonize_pb2.MessageSource(**where),
        ID="3AF0",
        Pushname="Ann",
        Timestamp=int(SENT.timestamp() * 1000),
    )
    return neonize_pb2.Message(Info=info, Message=content)


def received(content: Any) -> InboundMessage:
    result = neonize_events.message(event(content))
    assert isinstance(result, MessageReceived)
    return result.message


def test_text_from_a_customer() -> None:
    """A plain text keeps both addresses without device, the number, the name and the time to the millisecond."""
    assert received(e2e_pb2.Message(conversation="Hello")) == InboundMessage(
        chat=LID,
        message_id="3AF0",
        sender=LID,
        sender_alternate=NUMBER,
        phone_number="+12025550111",
        push_name="Ann",
        time=SENT,
        kind=ContentKind.TEXT,
        text="Hello",
    )


CONTENTS: list[tuple[dict[str, Any], ContentKind, str]] = [
    ({"extendedTextMessage": {"text": "Hi"}}, ContentKind.TEXT, "Hi"),
    ({"imageMessage": {"caption": "Like this"}}, ContentKind.IMAGE, "Like this"),
    ({"videoMessage": {"caption": "Look"}}, ContentKind.VIDEO, "Look"),
    ({"audioMessage": {"PTT": True}}, ContentKind.AUDIO, ""),
    ({"documentMessage": {"caption": "Prices"}}, ContentKind.DOCUMENT, "Prices"),
    ({"stickerMessage": {"mimetype": "image/webp"}}, ContentKind.STICKER, ""),
    ({"locationMessage": {"name": "Office"}}, ContentKind.LOCATION, "Office"),
    ({"contactMessage": {"displayName": "Bob"}}, ContentKind.CONTACT, "Bob"),
    ({"listResponseMessage": {"title": "Haircut"}}, ContentKind.TEXT, "Haircut"),
    ({"pollCreationMessage": {"name": "When?"}}, ContentKind.OTHER, ""),
]


@pytest.mark.parametrize(("content", "kind", "words"), CONTENTS, ids=[next(iter(c[0])) for c in CONTENTS])
def test_every_content_has_a_kind(content: dict[str, Any], kind: ContentKind, words: str) -> None:
    """Each field of WhatsApp's message becomes a kind and the words in it; what we do not know is OTHER."""
    message = received(e2e_pb2.Message(**content))
    assert (message.kind, message.text) == (kind, words)


def test_reaction_names_its_message() -> None:
    """A reaction carries its emoji and the id of the message reacted to."""
    reaction = e2e_pb2.ReactionMessage(text="👍")
    reaction.key.ID = "3EB0A1"
    message = received(e2e_pb2.Message(reactionMessage=reaction))
    assert (message.kind, message.text, message.quoted_message_id) == (ContentKind.REACTION, "👍", "3EB0A1")


def test_quote_names_its_message() -> None:
    """A reply carries the id of the message it answers."""
    text = e2e_pb2.ExtendedTextMessage(text="Yes", contextInfo=e2e_pb2.ContextInfo(stanzaID="3EB0A1"))
    assert received(e2e_pb2.Message(extendedTextMessage=text)).quoted_message_id == "3EB0A1"


def test_edit_arrives_as_its_new_text() -> None:
    """An edited message arrives with what it says now."""
    edit = e2e_pb2.Message(protocolMessage=e2e_pb2.ProtocolMessage(editedMessage=e2e_pb2.Message(conversation="At 11")))
    assert received(edit).text == "At 11"


@pytest.mark.parametrize(
    "content",
    [
        e2e_pb2.Message(),
        e2e_pb2.Message(messageContextInfo=e2e_pb2.MessageContextInfo(messageSecret=bytes(32))),
        e2e_pb2.Message(protocolMessage=e2e_pb2.ProtocolMessage(type=e2e_pb2.ProtocolMessage.REVOKE)),
        e2e_pb2.Message(senderKeyDistributionMessage=e2e_pb2.SenderKeyDistributionMessage(groupID="1")),
    ],
    ids=["empty", "context", "revoke", "keys"],
)
def test_what_nobody_wrote_is_no_message(content: Any) -> None:
    """Keys, deletions and empty envelopes are not messages."""
    assert neonize_events.message(event(content)) is None


@pytest.mark.parametrize("chat", [("status", "broadcast"), ("12025550111", "newsletter"), ("", "")])
def test_what_is_no_conversation_is_no_message(chat: tuple[str, str]) -> None:
    """Status posts and channels are not conversations."""
    assert neonize_events.message(event(e2e_pb2.Message(conversation="News"), chat=address(*chat))) is None


def test_group_and_own_messages_are_marked() -> None:
    """A group message and one from the owner's phone say so."""
    source = {"IsFromMe": True, "IsGroup": True}
    result = neonize_events.message(
        event(e2e_pb2.Message(conversation="Hi"), chat=address("12036302555", "g.us"), **source)
    )
    assert result is not None
    assert (result.message.from_me, result.message.group, result.message.chat.is_group) == (True, True, True)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("DELIVERED", ReceiptKind.DELIVERED),
        ("INACTIVE", ReceiptKind.DELIVERED),
        ("READ", ReceiptKind.READ),
        ("PLAYED", ReceiptKind.READ),
        ("RETRY", None),
        ("SENDER", None),
        ("READ_SELF", None),
    ],
)
def test_receipts_tell_how_far_a_message_got(name: str, kind: ReceiptKind | None) -> None:
    """Only the customer's receipts count; an inactive one is a delivery. Their time is in seconds."""
    source = neonize_pb2.MessageSource(Chat=address(LID.user, "lid"), IsFromMe=False)
    receipt = neonize_pb2.Receipt(
        MessageSource=source, MessageIDs=["3EB0A1", "3EB0A2"], Timestamp=1767268800, Type=name
    )
    expected = kind and ReceiptReceived(LID, ("3EB0A1", "3EB0A2"), kind, datetime(2026, 1, 1, 12, tzinfo=UTC))
    assert neonize_events.receipt(receipt) == expected


@pytest.mark.parametrize(
    ("reason", "on_connect", "expected"),
    [
        ("LOGGED_OUT", True, LoggedOut(on_connect=True, code=401)),
        ("MAIN_DEVICE_GONE", True, LoggedOut(on_connect=True, code=403)),
        ("UNKNOWN_LOGOUT", True, LoggedOut(on_connect=True, code=406)),
        ("LOGGED_OUT", False, LoggedOut(on_connect=False)),
        (None, False, LoggedOut(on_connect=False)),
    ],
)
def test_logout_tells_how(reason: str | None, on_connect: bool, expected: LoggedOut) -> None:
    """A refused login has a code, a removed device has none."""
    assert neonize_events.logged_out(neonize_pb2.LoggedOut(OnConnect=on_connect, Reason=reason)) == expected


@pytest.mark.parametrize(
    ("code", "seconds", "expected"),
    [
        ("SEND_TO_TOO_MANY_PEOPLE", 3600, TemporarilyBanned(101, timedelta(hours=1))),
        ("BROADCAST_LIST", 0, TemporarilyBanned(106, None)),
        (None, 60, TemporarilyBanned(0, timedelta(minutes=1))),
    ],
)
def test_ban_tells_cause_and_duration(code: str | None, seconds: int, expected: TemporarilyBanned) -> None:
    """A ban has WhatsApp's cause, 0 when unknown, and a duration when WhatsApp tells one."""
    assert neonize_events.banned(neonize_pb2.TemporaryBan(Code=code, Expire=seconds)) == expected


def test_rare_login_failure_is_a_final_loss() -> None:
    """A login that fails for a reason without an event of its own ends the attempt."""
    failure = neonize_pb2.ConnectFailure(Reason="BAD_USER_AGENT", Message="nope")
    assert neonize_events.connect_failure(failure) == Disconnected("login failed: BAD_USER_AGENT nope", final=True)


def test_pairing_error_is_a_refusal() -> None:
    """A pairing status with an error fails the pairing; a success does not."""
    assert neonize_events.pairing_failure(neonize_pb2.PairStatus(Status="ERROR")) == PairingFailed(
        PairingFailure.REFUSED
    )
    assert neonize_events.pairing_failure(neonize_pb2.PairStatus(Status="SUCCESS")) is None
