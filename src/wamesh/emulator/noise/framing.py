"""Frames on a byte stream: three bytes of length, big-endian, then so many bytes.

Websocket messages mean nothing to the protocol: one may hold several frames or a part of one (read in whatsmeow). The
very first bytes of a connection are the client's header, once, before its first frame.

Owns: cutting the stream. Refuses: another header. Invariant: the frames do not depend on how the stream was divided;
a frame has at most `MAX_FRAME` bytes, since a length has no more bits.
"""

from typing import Final

from wamesh.emulator.noise.errors import NoiseError

HEADER: Final = b"WA\x06\x03"
"""Protocol version 6, dictionary version 3."""
MAX_FRAME: Final = (1 << 24) - 1
"""16 MiB less one byte."""

_LENGTH: Final = 3


def frame(payload: bytes) -> bytes:
    """Returns the payload as a frame; raises NoiseError above `MAX_FRAME` bytes."""
    if len(payload) > MAX_FRAME:
        raise NoiseError(f"{len(payload)} bytes do not fit in a frame")
    return len(payload).to_bytes(_LENGTH) + payload


class FrameReader:
    """What a client has sent and no frame has taken yet."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._in_header = True

    def feed(self, data: bytes) -> list[bytes]:
        """Returns the payloads that `data` completes, in order; raises NoiseError for a wrong header."""
        self._buffer += data
        if self._in_header:
            self._read_header()
        return [] if self._in_header else self._take_frames()

    def _read_header(self) -> None:
        start = self._buffer[: len(HEADER)]
        if not HEADER.startswith(start):
            raise NoiseError(f"a connection starts with {HEADER.hex()}, not with {start.hex()}")
        if len(start) == len(HEADER):
            del self._buffer[: len(HEADER)]
            self._in_header = False

    def _take_frames(self) -> list[bytes]:
        payloads, at = [], 0
        while (body := at + _LENGTH) <= len(self._buffer):
            end = body + int.from_bytes(self._buffer[at:body])
            if end > len(self._buffer):
                break
            payloads.append(bytes(self._buffer[body:end]))
            at = end
        del self._buffer[:at]
        return payloads
