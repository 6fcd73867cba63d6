"""WhatsApp's padding."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wamesh.emulator.signal import pad, unpad


@given(st.binary(), st.binary(min_size=1, max_size=1))
def test_roundtrip(content: bytes, random_byte: bytes) -> None:
    """Whatever is padded comes back, and the padding is 1 to 16 bytes of their number."""
    padded = pad(content, lambda _: random_byte)
    count = len(padded) - len(content)
    assert (unpad(padded), padded[len(content) :]) == (content, bytes([count]) * count)
    assert 1 <= count <= 16


def test_every_length_occurs() -> None:
    """The random byte picks any of the 16 lengths."""
    random_bytes = (bytes([byte]) for byte in range(256))
    assert {len(pad(b"", lambda _: next(random_bytes))) for _ in range(256)} == set(range(1, 17))


@pytest.mark.parametrize("padded", [b"", b"a\x00", b"a\x02", b"\x03\x03", b"a" + b"\x11" * 17, b"\x01\x02\x03\x03"])
def test_other_endings_are_refused(padded: bytes) -> None:
    """What does not end in n times n, 1 to 16, is not padded."""
    with pytest.raises(ValueError, match="not padded"):
        unpad(padded)
