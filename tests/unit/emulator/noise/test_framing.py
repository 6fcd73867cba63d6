"""Cutting a byte stream into frames."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wamesh.emulator.noise import NoiseError
from wamesh.emulator.noise.framing import HEADER, MAX_FRAME, FrameReader, frame


@given(st.lists(st.binary(max_size=400), max_size=6), st.lists(st.integers(0, 3000), max_size=8))
def test_frames_do_not_depend_on_the_division(payloads: list[bytes], cuts: list[int]) -> None:
    """However the stream arrives, the frames are those that were sent, in order."""
    stream = HEADER + b"".join(map(frame, payloads))
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    reader = FrameReader()
    found = [payload for start, end in pairwise(edges) for payload in reader.feed(stream[start:end])]
    assert found == payloads


def test_frame_is_read_byte_by_byte() -> None:
    """A frame is complete with its last byte and not before."""
    reader = FrameReader()
    found = [reader.feed(bytes([byte])) for byte in HEADER + frame(b"ab")]
    assert found == [[]] * 8 + [[b"ab"]]


@pytest.mark.parametrize("start", [b"G", b"WA\x05\x03", b"WA\x06\x02", b"GET / HTTP/1.1\r\n"])
def test_other_header_is_refused(start: bytes) -> None:
    """The first byte that is not the header's is refused."""
    with pytest.raises(NoiseError):
        FrameReader().feed(start)


def test_largest_frame() -> None:
    """A frame holds 16 MiB less one byte, and no more."""
    assert FrameReader().feed(HEADER + frame(bytes(MAX_FRAME))) == [bytes(MAX_FRAME)]
    with pytest.raises(NoiseError):
        frame(bytes(MAX_FRAME + 1))
