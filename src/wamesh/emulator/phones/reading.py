"""What a WhatsApp `Message` says, as the control contract shows it.

Owns: unwrapping (own device's copies, edits, disappearing messages) and the map from fields to `Content`. Refuses:
encryption, keeping. Invariant: nothing a client can send raises; what no field here stands for, and words that are no
UTF-8, are `unsupported`.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from wamesh.emulator.phones.attachments import Attachments
from wamesh.emulator.sealed_files import MediaKind
from wamesh.emulator.v1 import emulator_pb2 as pb

_WRAPPERS: Final = (
    "deviceSentMessage",
    "ephemeralMessage",
    "viewOnceMessage",
    "viewOnceMessageV2",
    "viewOnceMessageV2Extension",
    "documentWithCaptionMessage",
    "lottieStickerMessage",
    "editedMessage",
)
"""Fields whose content is a message in a field of that name."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A message as a phone shows it: the content, its words, and the id of the message it answers (or empty)."""

    content: pb.Content
    text: str
    quoted_message_id: str


def read(message: Any, attachments: Attachments) -> Reading:
    """Returns what a message says, its picture or file fetched and decrypted."""
    message = _unwrapped(message)
    for field, reader in _READERS.items():
        if message.HasField(field):
            part = getattr(message, field)
            with suppress(ValueError):
                content = reader(part, attachments)
                return Reading(content, words(content), _quoted(part))
    return Reading(pb.Content(unsupported=pb.UnsupportedContent()), "", "")


def words(content: pb.Content) -> str:
    """The words of a text or under a picture or file, or a reaction's emoji; else empty."""
    match content.WhichOneof("content"):
        case "text":
            return content.text.body
        case "reaction":
            return content.reaction.emoji
        case "image" | "video" | "document" as kind:
            return str(getattr(content, kind).caption)
        case _:
            return ""


def _unwrapped(message: Any) -> Any:
    """The innermost message; protobuf bounds how deep they nest."""
    for wrapper in _WRAPPERS:
        if message.HasField(wrapper):
            return _unwrapped(getattr(message, wrapper).message)
    if message.HasField("protocolMessage") and message.protocolMessage.HasField("editedMessage"):
        return _unwrapped(message.protocolMessage.editedMessage)
    return message


def _quoted(part: Any) -> str:
    context = getattr(part, "contextInfo", None)
    return "" if context is None else str(context.stanzaID)


def _conversation(part: str, attachments: Attachments) -> pb.Content:
    return pb.Content(text=pb.TextContent(body=part))


def _text(part: Any, attachments: Attachments) -> pb.Content:
    return pb.Content(text=pb.TextContent(body=part.text))


def _image(part: Any, attachments: Attachments) -> pb.Content:
    data = attachments.fetch(part, MediaKind.IMAGE)
    return pb.Content(image=pb.ImageContent(caption=part.caption, data=data, media_type=part.mimetype))


def _video(part: Any, attachments: Attachments) -> pb.Content:
    return pb.Content(video=pb.VideoContent(caption=part.caption))


def _voice(part: Any, attachments: Attachments) -> pb.Content:
    voice = pb.VoiceContent()
    voice.length_duration.FromTimedelta(timedelta(seconds=part.seconds))
    return pb.Content(voice=voice)


def _document(part: Any, attachments: Attachments) -> pb.Content:
    document = pb.DocumentContent(
        file_name=part.fileName or part.title,
        caption=part.caption,
        data=attachments.fetch(part, MediaKind.DOCUMENT),
        media_type=part.mimetype,
    )
    return pb.Content(document=document)


def _sticker(part: Any, attachments: Attachments) -> pb.Content:
    return pb.Content(sticker=pb.StickerContent())


def _location(part: Any, attachments: Attachments) -> pb.Content:
    location = pb.LocationContent(
        latitude_degrees=part.degreesLatitude, longitude_degrees=part.degreesLongitude, name=part.name
    )
    return pb.Content(location=location)


def _contact(part: Any, attachments: Attachments) -> pb.Content:
    return pb.Content(contact=pb.ContactContent(display_name=part.displayName))


def _reaction(part: Any, attachments: Attachments) -> pb.Content:
    return pb.Content(reaction=pb.ReactionContent(emoji=part.text, message_id=part.key.ID))


_READERS: Final[dict[str, Callable[[Any, Attachments], pb.Content]]] = {
    "conversation": _conversation,
    "extendedTextMessage": _text,
    "imageMessage": _image,
    "videoMessage": _video,
    "ptvMessage": _video,
    "audioMessage": _voice,
    "documentMessage": _document,
    "stickerMessage": _sticker,
    "locationMessage": _location,
    "contactMessage": _contact,
    "reactionMessage": _reaction,
}
