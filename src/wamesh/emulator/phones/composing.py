"""What a driver of a phone says (`Content` of the control contract) as a WhatsApp `Message`.

Owns: which field of a message carries which content, and what a phone adds by itself: a message secret, a quote, a
file when none was given. Refuses: encryption and addresses. Invariant: reading (`reading.read`) what was composed gives
the same content again, except that a missing file was made up and a film's or a sticker's file is not told.

Facts: field names from neonize 0.5.2's definitions; that a caption on a file comes as `documentWithCaptionMessage`,
read in Baileys 7; that every message carries a secret of 32 bytes, measured with neonize 0.5.2.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from wamesh.clock import Clock
from wamesh.emulator.codec import Address
from wamesh.emulator.messages import Message
from wamesh.emulator.phones import samples
from wamesh.emulator.phones.attachments import Attachments
from wamesh.emulator.sealed_files import MediaKind
from wamesh.emulator.signal import RandomBytes
from wamesh.emulator.v1 import emulator_pb2 as pb

_SECRET_BYTES: Final = 32
_IMAGE_TYPE: Final = "image/jpeg"
_DOCUMENT_TYPE: Final = "application/pdf"


@dataclass(frozen=True, slots=True)
class Chat:
    """With whom the phone writes: the account, and the message of it that is quoted (empty: none)."""

    account: Address
    quoted_message_id: str = ""


class Composer:
    """Writes messages, for any phone."""

    def __init__(self, attachments: Attachments, random_bytes: RandomBytes, clock: Clock) -> None:
        self._attachments = attachments
        self._random_bytes = random_bytes
        self._clock = clock
        self._writers: Final[dict[str, Callable[[Any, Chat, Any], None]]] = {
            "text": _text,
            "image": self._image,
            "video": self._video,
            "voice": self._voice,
            "document": self._document,
            "sticker": self._sticker,
            "location": _location,
            "contact": _contact,
            "reaction": self._reaction,
            "unsupported": _poll,
        }

    def compose(self, content: pb.Content, chat: Chat) -> Any:
        """Returns the message, with its files uploaded."""
        kind = content.WhichOneof("content") or "unsupported"
        message = Message()
        message.messageContextInfo.messageSecret = self._random_bytes(_SECRET_BYTES)
        self._writers[kind](getattr(content, kind), chat, message)
        return message

    def _image(self, content: pb.ImageContent, chat: Chat, message: Any) -> None:
        part = message.imageMessage
        self._attachments.attach(
            part, MediaKind.IMAGE, content.data or samples.jpeg(), content.media_type or _IMAGE_TYPE
        )
        _caption(part, content.caption)
        _quote(part, chat)

    def _video(self, content: pb.VideoContent, chat: Chat, message: Any) -> None:
        part = message.videoMessage
        self._attachments.attach(part, MediaKind.VIDEO, samples.mp4(), "video/mp4")
        part.seconds = 1
        _caption(part, content.caption)
        _quote(part, chat)

    def _voice(self, content: pb.VoiceContent, chat: Chat, message: Any) -> None:
        part = message.audioMessage
        self._attachments.attach(part, MediaKind.AUDIO, samples.ogg(), "audio/ogg; codecs=opus")
        part.seconds = content.length_duration.seconds
        part.PTT = True
        _quote(part, chat)

    def _document(self, content: pb.DocumentContent, chat: Chat, message: Any) -> None:
        carrier = message.documentWithCaptionMessage.message if content.caption else message
        part = carrier.documentMessage
        self._attachments.attach(
            part, MediaKind.DOCUMENT, content.data or samples.pdf(), content.media_type or _DOCUMENT_TYPE
        )
        part.fileName = part.title = content.file_name
        _caption(part, content.caption)
        _quote(part, chat)

    def _sticker(self, content: pb.StickerContent, chat: Chat, message: Any) -> None:
        part = message.stickerMessage
        self._attachments.attach(part, MediaKind.IMAGE, samples.webp(), "image/webp")
        part.height = part.width = 1
        _quote(part, chat)

    def _reaction(self, content: pb.ReactionContent, chat: Chat, message: Any) -> None:
        part = message.reactionMessage
        part.key.remoteJID = str(chat.account)
        part.key.fromMe = False
        part.key.ID = content.message_id
        part.text = content.emoji
        part.senderTimestampMS = int(self._clock().timestamp() * 1000)


def as_sent(message: Any, to: Address) -> Any:
    """Returns the copy for an own linked device: what was sent, and to whom."""
    copy = Message()
    copy.deviceSentMessage.destinationJID = str(to)
    copy.deviceSentMessage.message.CopyFrom(message)
    copy.messageContextInfo.CopyFrom(message.messageContextInfo)
    return copy


def _text(content: pb.TextContent, chat: Chat, message: Any) -> None:
    if chat.quoted_message_id:
        message.extendedTextMessage.text = content.body
        _quote(message.extendedTextMessage, chat)
    else:
        message.conversation = content.body


def _location(content: pb.LocationContent, chat: Chat, message: Any) -> None:
    part = message.locationMessage
    part.degreesLatitude = content.latitude_degrees
    part.degreesLongitude = content.longitude_degrees
    part.name = content.name
    _quote(part, chat)


def _contact(content: pb.ContactContent, chat: Chat, message: Any) -> None:
    part = message.contactMessage
    part.displayName = content.display_name
    part.vcard = f"BEGIN:VCARD\nVERSION:3.0\nFN:{content.display_name}\nEND:VCARD"
    _quote(part, chat)


def _poll(content: pb.UnsupportedContent, chat: Chat, message: Any) -> None:
    part = message.pollCreationMessageV3
    part.name = "?"
    part.selectableOptionsCount = 1
    for name in ("1", "2"):
        part.options.add(optionName=name)
    _quote(part, chat)


def _caption(part: Any, caption: str) -> None:
    if caption:
        part.caption = caption


def _quote(part: Any, chat: Chat) -> None:
    """Lets the part answer the quoted message: its id, its author, and a stand-in for its words."""
    if chat.quoted_message_id:
        part.contextInfo.stanzaID = chat.quoted_message_id
        part.contextInfo.participant = str(chat.account)
        part.contextInfo.quotedMessage.conversation = ""
