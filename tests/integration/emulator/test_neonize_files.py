"""Files between customers and the unmodified library, through the emulator's media hosts."""

from base64 import b64decode
from collections.abc import Iterator

import pytest
from support.emulator import RunningEmulator, protocol_emulator
from support.library_client import LibraryClient, linked_library

from wamesh.emulator.phones import samples
from wamesh.emulator.v1 import emulator_pb2 as pb

ACCOUNT = "+12025550100"
CUSTOMER = "+12025550111"
PICTURE = b"\x89PNG" + bytes(range(256)) * 500


@pytest.fixture(scope="module")
def emulator() -> Iterator[RunningEmulator]:
    with protocol_emulator() as emulator:
        emulator.add_account(ACCOUNT, "Salon")
        yield emulator


@pytest.fixture(scope="module")
def library(emulator: RunningEmulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LibraryClient]:
    with linked_library(emulator, ACCOUNT, tmp_path_factory.mktemp("library")) as client:
        yield client


@pytest.mark.parametrize(
    ("content", "data"),
    [
        (pb.Content(image=pb.ImageContent(data=PICTURE, media_type="image/png")), PICTURE),
        (pb.Content(image=pb.ImageContent()), samples.jpeg()),
        (pb.Content(document=pb.DocumentContent(file_name="a.txt", data=b"prices")), b"prices"),
        (pb.Content(video=pb.VideoContent()), samples.mp4()),
        (pb.Content(voice=pb.VoiceContent()), samples.ogg()),
        (pb.Content(sticker=pb.StickerContent()), samples.webp()),
    ],
)
def test_the_library_downloads_what_a_customer_sends(
    emulator: RunningEmulator, library: LibraryClient, content: pb.Content, data: bytes
) -> None:
    """The file comes through the media host, and its hashes and keys fit."""
    message_id = emulator.send(CUSTOMER, ACCOUNT, content)
    told = library.wait("file")
    assert (told["id"], b64decode(told["data"])) == (message_id, data)


def test_a_customer_sees_what_the_library_uploads(emulator: RunningEmulator, library: LibraryClient) -> None:
    """Pictures and documents arrive decrypted in the mailbox."""
    library.send_file(CUSTOMER, "image", PICTURE, "look")
    library.send_file(CUSTOMER, "document", b"prices", "here")
    picture, document = (message.content for message in emulator.received(CUSTOMER, 2))
    assert picture == pb.Content(image=pb.ImageContent(caption="look", data=PICTURE, media_type="image/png"))
    assert (document.document.file_name, document.document.caption, document.document.data) == (
        "prices.txt",
        "here",
        b"prices",
    )
    assert len(emulator.events(pb.EVENT_KIND_MEDIA_UPLOADED, account=ACCOUNT)) == 2
