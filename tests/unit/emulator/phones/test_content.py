"""What drivers say, as messages and back."""

from datetime import UTC, datetime

import pytest
from google.protobuf.duration_pb2 import Duration
from hypothesis import given, settings
from hypothesis import strategies as st
from support.neonize_protos import e2e_pb2, neonize_pb2
from support.randomness import seeded_bytes

from wamesh.emulator.codec import Address
from wamesh.emulator.messages import Message, e2e
from wamesh.emulator.phones import samples
from wamesh.emulator.phones.attachments import Attachments
from wamesh.emulator.phones.composing import Chat, Composer
from wamesh.emulator.phones.reading import read
from wamesh.emulator.phones.stanzas import Envelope
from wamesh.emulator.v1 import emulator_pb2 as pb
from wamesh.whatsapp.events import ContentKind
from wamesh.whatsapp.neonize import events as neonize_events

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
ACCOUNT = Address("123456789012345", "lid")


class Files:
    """A media store that is a dictionary."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def store(self, data: bytes, mms_type: str) -> str:
        path = f"/{mms_type}/{len(self.files)}"
        self.files[path] = data
        return path

    def load(self, direct_path: str) -> bytes | None:
        return self.files.get(direct_path)


FILES = Files()
ATTACHMENTS = Attachments(FILES, seeded_bytes("attachments"))
COMPOSER = Composer(ATTACHMENTS, seeded_bytes("composer"), lambda: NOW)

CAPTION = st.text(max_size=20)
CONTENTS = st.one_of(
    st.builds(lambda body: pb.Content(text=pb.TextContent(body=body)), st.text(min_size=1, max_size=50)),
    st.builds(
        lambda caption, data: pb.Content(image=pb.ImageContent(caption=caption, data=data, media_type="image/png")),
        CAPTION,
        st.binary(min_size=1, max_size=50),
    ),
    st.builds(
        lambda name, caption, data: pb.Content(
            document=pb.DocumentContent(file_name=name, caption=caption, data=data, media_type="text/plain")
        ),
        CAPTION,
        CAPTION,
        st.binary(min_size=1, max_size=50),
    ),
    st.builds(lambda caption: pb.Content(video=pb.VideoContent(caption=caption)), CAPTION),
    st.builds(
        lambda seconds: pb.Content(voice=pb.VoiceContent(length_duration=Duration(seconds=seconds))), st.integers(0, 9)
    ),
    st.just(pb.Content(sticker=pb.StickerContent())),
    st.builds(
        lambda latitude, longitude, name: pb.Content(
            location=pb.LocationContent(latitude_degrees=latitude, longitude_degrees=longitude, name=name)
        ),
        st.floats(-90, 90),
        st.floats(-180, 180),
        CAPTION,
    ),
    st.builds(lambda name: pb.Content(contact=pb.ContactContent(display_name=name)), st.text(min_size=1, max_size=20)),
    st.builds(
        lambda emoji: pb.Content(reaction=pb.ReactionContent(emoji=emoji, message_id="A1")), st.sampled_from(["👍", ""])
    ),
    st.just(pb.Content(unsupported=pb.UnsupportedContent())),
)


@settings(max_examples=200)
@given(CONTENTS)
def test_what_is_composed_is_read(content: pb.Content) -> None:
    """Every kind of content comes back through the encoded message."""
    message = Message.FromString(COMPOSER.compose(content, Chat(ACCOUNT)).SerializeToString())
    assert read(message, ATTACHMENTS).content == content


@pytest.mark.parametrize("kind", ["text", "image", "video", "voice", "document", "sticker", "location", "contact"])
def test_a_quote_comes_with_any_content(kind: str) -> None:
    """The quoted id is read back, and its author named."""
    content = pb.Content()
    getattr(content, kind).SetInParent()
    reading = read(COMPOSER.compose(content, Chat(ACCOUNT, "B7")), ATTACHMENTS)
    assert reading.quoted_message_id == "B7"


def test_a_missing_file_is_made_up() -> None:
    """Without data a picture and a document get a small real file and a type."""
    content = pb.Content(image=pb.ImageContent(caption="look"))
    image = read(COMPOSER.compose(content, Chat(ACCOUNT)), ATTACHMENTS).content.image
    assert (image.data, image.media_type, image.caption) == (samples.jpeg(), "image/jpeg", "look")
    content = pb.Content(document=pb.DocumentContent(file_name="prices.pdf"))
    document = read(COMPOSER.compose(content, Chat(ACCOUNT)), ATTACHMENTS).content.document
    assert (document.data, document.media_type) == (samples.pdf(), "application/pdf")


def test_a_file_that_is_gone_or_damaged_is_empty() -> None:
    """The rest of the message is shown."""
    message = COMPOSER.compose(pb.Content(image=pb.ImageContent(caption="look", data=b"x")), Chat(ACCOUNT))
    path = message.imageMessage.directPath
    for damage in ({path: FILES.files[path][:-1] + b"\xff"}, {}):
        store = Files()
        store.files = damage
        image = read(message, Attachments(store, seeded_bytes(""))).content.image
        assert (image.caption, image.data) == ("look", b"")


WRAPPED = [
    lambda inner: Message(ephemeralMessage=e2e.FutureProofMessage(message=inner)),
    lambda inner: Message(viewOnceMessageV2=e2e.FutureProofMessage(message=inner)),
    lambda inner: Message(editedMessage=e2e.FutureProofMessage(message=inner)),
    lambda inner: Message(deviceSentMessage=e2e.DeviceSentMessage(message=inner)),
    lambda inner: Message(protocolMessage=e2e.ProtocolMessage(editedMessage=inner)),
    lambda inner: Message(messageContextInfo=e2e.MessageContextInfo(messageSecret=bytes(32)), conversation="Hello"),
]


@pytest.mark.parametrize("wrap", WRAPPED)
def test_wrappers_are_taken_off(wrap: object) -> None:
    """What matters is the innermost message."""
    assert callable(wrap)
    reading = read(wrap(Message(conversation="Hello")), ATTACHMENTS)
    assert (reading.text, reading.content.text.body) == ("Hello", "Hello")


@pytest.mark.parametrize(
    "message",
    [
        Message(),
        Message(protocolMessage=e2e.ProtocolMessage(type=0)),
        Message(buttonsMessage=e2e.ButtonsMessage(contentText="?")),
        Message.FromString(b"\x0a\x02\xff\xfe"),
    ],
)
def test_what_nobody_understands_is_unsupported(message: object) -> None:
    """An unknown message is shown as one."""
    assert read(message, ATTACHMENTS).content == pb.Content(unsupported=pb.UnsupportedContent())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (pb.Content(image=pb.ImageContent(caption="a")), "a"),
        (pb.Content(video=pb.VideoContent(caption="b")), "b"),
        (pb.Content(document=pb.DocumentContent(caption="c")), "c"),
        (pb.Content(reaction=pb.ReactionContent(emoji="👍", message_id="A1")), "👍"),
        (pb.Content(location=pb.LocationContent(name="here")), ""),
    ],
)
def test_words_stand_under_pictures_and_files(content: pb.Content, words: str) -> None:
    """The words of a message are its text, caption or emoji."""
    assert read(COMPOSER.compose(content, Chat(ACCOUNT)), ATTACHMENTS).text == words


@pytest.mark.parametrize(
    ("content", "kind", "text", "envelope"),
    [
        (pb.Content(text=pb.TextContent(body="Hello")), ContentKind.TEXT, "Hello", Envelope("text")),
        (pb.Content(image=pb.ImageContent(caption="a")), ContentKind.IMAGE, "a", Envelope("media", "image")),
        (pb.Content(video=pb.VideoContent(caption="b")), ContentKind.VIDEO, "b", Envelope("media", "video")),
        (pb.Content(voice=pb.VoiceContent()), ContentKind.AUDIO, "", Envelope("media", "ptt")),
        (pb.Content(document=pb.DocumentContent()), ContentKind.DOCUMENT, "", Envelope("media", "document")),
        (pb.Content(sticker=pb.StickerContent()), ContentKind.STICKER, "", Envelope("media", "sticker")),
        (pb.Content(location=pb.LocationContent(name="here")), ContentKind.LOCATION, "here", Envelope("text")),
        (
            pb.Content(contact=pb.ContactContent(display_name="Ada")),
            ContentKind.CONTACT,
            "Ada",
            Envelope("media", "vcard"),
        ),
        (
            pb.Content(reaction=pb.ReactionContent(emoji="👍", message_id="A1")),
            ContentKind.REACTION,
            "👍",
            Envelope("reaction"),
        ),
        (pb.Content(unsupported=pb.UnsupportedContent()), ContentKind.OTHER, "", Envelope("poll")),
    ],
)
def test_the_gateway_reads_what_phones_write(
    content: pb.Content, kind: ContentKind, text: str, envelope: Envelope
) -> None:
    """Each content is of its kind to the gateway, with the same words, and its outside tells what clients expect."""
    message = COMPOSER.compose(content, Chat(ACCOUNT))
    event = neonize_pb2.Message()
    event.Message.CopyFrom(e2e_pb2.Message.FromString(message.SerializeToString()))
    event.Info.MessageSource.Chat.CopyFrom(
        neonize_pb2.JID(User=ACCOUNT.user, Server="lid", RawAgent=0, Device=0, Integrator=0, IsEmpty=False)
    )
    event.Info.MessageSource.Sender.CopyFrom(event.Info.MessageSource.Chat)
    received = neonize_events.message(event)
    assert received is not None
    assert (received.message.kind, received.message.text) == (kind, text)
    assert Envelope.of(message) == envelope
    assert Envelope.of(Message(deviceSentMessage=e2e.DeviceSentMessage(message=message))) == envelope
