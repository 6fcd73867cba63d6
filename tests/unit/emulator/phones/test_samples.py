"""The small files that phones make up."""

import re
import struct
import subprocess
import sys
from collections.abc import Callable

import pytest

from wamesh.emulator.phones import samples

OGG_HEADER = struct.Struct("<4sBBqIII")

IDENTIFY = "import sys, pylibmagic, magic; print(magic.from_buffer(sys.stdin.buffer.read(), mime=True))"


@pytest.mark.parametrize(
    ("make", "media_type"),
    [
        (samples.jpeg, "image/jpeg"),
        (samples.webp, "image/webp"),
        (samples.pdf, "application/pdf"),
        (samples.mp4, "video/mp4"),
        (samples.ogg, "audio/ogg"),
    ],
)
def test_a_sample_is_what_it_claims(make: Callable[[], bytes], media_type: str) -> None:
    """The file command's library knows it, and it is the same every time."""
    found = subprocess.run([sys.executable, "-c", IDENTIFY], input=make(), capture_output=True, check=True)
    assert found.stdout.decode().strip() == media_type
    assert make() == make()


def test_the_documents_table_finds_its_objects() -> None:
    """Each entry of the cross-reference table points to its object, and the last line to the table."""
    file = samples.pdf()
    start = int(re.findall(rb"startxref\n(\d+)\n", file)[0])
    assert file[start:].startswith(b"xref\n")
    offsets = [int(offset) for offset in re.findall(rb"(\d{10}) 00000 n", file)]
    assert [file[offset : offset + 7] for offset in offsets] == [b"%d 0 obj" % number for number in (1, 2, 3)]


def test_the_voice_messages_pages_are_whole() -> None:
    """Three pages in order: first, middle, last, with lengths that add up."""
    flags: list[int] = []
    file = samples.ogg()
    while file:
        magic, _, flag, _, _, number, _ = OGG_HEADER.unpack_from(file)
        assert (magic, number) == (b"OggS", len(flags))
        flags.append(flag)
        file = file[OGG_HEADER.size + 2 + file[OGG_HEADER.size + 1] :]
    assert flags == [2, 0, 4]


def test_the_films_boxes_add_up() -> None:
    """File type and movie, nothing behind them."""
    file, kinds = samples.mp4(), []
    while file:
        length = int.from_bytes(file[:4])
        kinds.append(file[4:8])
        file = file[length:]
    assert kinds == [b"ftyp", b"moov"]
