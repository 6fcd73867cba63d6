"""Small real files, for when whoever drives a phone gives it none: each opens in a viewer or a player of its kind.

Owns: their making, byte by byte. Refuses: chance, files from disk. Invariant: the same call gives the same bytes.
"""

from typing import Final

_OGG_POLYNOMIAL: Final = 0x04C11DB7
_OGG_FIRST: Final = 2
_OGG_LAST: Final = 4
_OPUS_RATE: Final = 48_000
_OPUS_SILENCE: Final = b"\xf8\xff\xfe"
_VOICE_STREAM: Final = 1


def jpeg() -> bytes:
    """A picture of one grey pixel: one block whose two coefficients codes are one bit each."""
    quantization = b"\x00" + b"\x01" * 64
    frame = bytes.fromhex("08 0001 0001 01 01 11 00")
    one_code = b"\x01" + bytes(15) + b"\x00"
    scan = bytes.fromhex("01 01 00 00 3f 00")
    segments = (
        (0xDB, quantization),
        (0xC0, frame),
        (0xC4, b"\x00" + one_code),
        (0xC4, b"\x10" + one_code),
        (0xDA, scan),
    )
    body = b"".join(bytes((0xFF, kind)) + (len(data) + 2).to_bytes(2) + data for kind, data in segments)
    return b"\xff\xd8" + body + b"\x3f" + b"\xff\xd9"


def webp() -> bytes:
    """A picture of one transparent pixel, lossless, as stickers are."""
    image = bytes.fromhex("2f 00000010 07101111 8888fe07 00")
    chunk = b"VP8L" + len(image).to_bytes(4, "little") + image + bytes(len(image) % 2)
    return b"RIFF" + (len(chunk) + 4).to_bytes(4, "little") + b"WEBP" + chunk


def pdf() -> bytes:
    """A document of one empty page, 200 points square."""
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] >>",
    )
    file, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(file))
        file += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    trailer = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(file))
    return file + b"xref\n0 %d\n" % size + table + trailer


def mp4() -> bytes:
    """A film without tracks, one second long: the file type and the movie header."""
    header = bytes(12) + (1000).to_bytes(4) + (1000).to_bytes(4) + bytes.fromhex("00010000 0100 0000") + bytes(8)
    matrix = b"".join(value.to_bytes(4) for value in (1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30))
    movie = _box(b"mvhd", header + matrix + bytes(24) + (1).to_bytes(4))
    return _box(b"ftyp", b"isom" + bytes(4) + b"isommp42") + _box(b"moov", movie)


def _box(kind: bytes, content: bytes) -> bytes:
    return (len(content) + 8).to_bytes(4) + kind + content


def ogg() -> bytes:
    """A voice message of 20 ms of silence: Opus, one channel."""
    head = b"OpusHead\x01\x01" + bytes(2) + _OPUS_RATE.to_bytes(4, "little") + bytes(3)
    tags = b"OpusTags" + bytes(8)
    samples = _OPUS_RATE // 50
    return (
        _ogg_page(0, _OGG_FIRST, 0, head) + _ogg_page(1, 0, 0, tags) + _ogg_page(2, _OGG_LAST, samples, _OPUS_SILENCE)
    )


def _ogg_page(number: int, flags: int, position: int, packet: bytes) -> bytes:
    """A page with one packet of less than 255 bytes; `position` counts samples."""
    start = b"OggS\x00" + bytes((flags,)) + position.to_bytes(8, "little") + _VOICE_STREAM.to_bytes(4, "little")
    start += number.to_bytes(4, "little")
    end = bytes((1, len(packet))) + packet
    return start + _ogg_checksum(start + bytes(4) + end).to_bytes(4, "little") + end


def _ogg_checksum(page: bytes) -> int:
    """CRC-32 of the page with a checksum field of zeros; neither reflected nor inverted."""
    remainder = 0
    for byte in page:
        remainder ^= byte << 24
        for _ in range(8):
            remainder = (remainder << 1) ^ (_OGG_POLYNOMIAL if remainder & 0x80000000 else 0)
            remainder &= 0xFFFFFFFF
    return remainder
