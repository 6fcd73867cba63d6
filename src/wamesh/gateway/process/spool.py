"""The journal of a session process: what its transport's handler must not lose, on disk before the handler
returns.

WhatsApp counts a message as delivered when the handler returns, and the gateway may be slow, restarting or
dead at that moment. So the handler appends a record here (fsync'd, if it is a message) and returns; the record
is forwarded, and forgotten once the gateway says that it is stored. What is left when a process dies is
forwarded again by the next: a record may come twice, in order, and never not at all.

File: records one after another, each `length (4 bytes, big-endian) | crc32 of length and payload (4) |
payload`. A crash leaves a torn record only at the end: it is cut off, since its append never returned. Bytes
that no append can have left (a record that is wrong *before* the end) are set aside in a `.damaged` file for
a person, never dropped.

Owns: the file and its numbering. Refuses: to know what a record says. Invariant: the file is empty exactly
when every record that was ever appended is stored. Thread-safe; one process at a time.
"""

import os
import struct
import threading
import zlib
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_HEAD: Final = struct.Struct(">II")
MAX_RECORD_BYTES: Final = 1 << 20
_COMPACT_BYTES: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class Entry:
    """A record and its number; numbers grow by one from 1 within the life of one `Spool`."""

    sequence: int
    payload: bytes


def frame(payload: bytes) -> bytes:
    """Returns the record as the file holds it. Raises ValueError for one that is empty or over 1 MiB."""
    if not 0 < len(payload) <= MAX_RECORD_BYTES:
        raise ValueError(f"a record has 1 to {MAX_RECORD_BYTES} bytes, not {len(payload)}")
    return _HEAD.pack(len(payload), _checksum(len(payload), payload)) + payload


def parse(data: bytes) -> tuple[list[bytes], int]:
    """Returns the whole records at the beginning of `data`, and how many bytes they take. Never raises."""
    records: list[bytes] = []
    offset = 0
    while (payload := _record_at(data, offset)) is not None:
        records.append(payload)
        offset += _HEAD.size + len(payload)
    return records, offset


def is_torn(rest: bytes) -> bool:
    """True when `rest`, which begins no whole record, can be what a crash left of one append."""
    if len(rest) < _HEAD.size:
        return True
    length, _ = _HEAD.unpack_from(rest)
    return bool(0 < length <= MAX_RECORD_BYTES and len(rest) <= _HEAD.size + length) or not any(rest)


def _record_at(data: bytes, offset: int) -> bytes | None:
    if len(data) - offset < _HEAD.size:
        return None
    length, checksum = _HEAD.unpack_from(data, offset)
    start = offset + _HEAD.size
    payload = data[start : start + length]
    if not 0 < length <= MAX_RECORD_BYTES or len(payload) < length:
        return None
    return payload if _checksum(length, payload) == checksum else None


def _checksum(length: int, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(length.to_bytes(4, "big")))


def _write_whole(file: int, data: bytes, offset: int) -> None:
    written = 0
    while written < len(data):
        written += os.pwrite(file, data[written:], offset + written)


def _sync_directory(path: Path) -> None:
    """Makes a file's name as durable as its content."""
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


class Spool:
    """The open journal at `path`. `recovered` is what earlier processes left unstored, in order."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        _sync_directory(path.parent)
        payloads = self._recover()
        self._last = len(payloads)
        self._unstored = deque(Entry(number, payload) for number, payload in enumerate(payloads, start=1))
        self.recovered: tuple[Entry, ...] = tuple(self._unstored)

    def append(self, payload: bytes, *, synced: bool = True) -> Entry:
        """Writes one record. It outlives the process when this returns, and the machine's fall too when it is `synced`.

        Raises ValueError, OSError.
        """
        record = frame(payload)
        with self._lock:
            self._write(record, synced=synced)
            self._last += 1
            entry = Entry(self._last, payload)
            self._unstored.append(entry)
            return entry

    def forget(self, sequence: int) -> None:
        """Drops every record up to and including `sequence`: they are stored elsewhere. Idempotent."""
        with self._lock:
            while self._unstored and self._unstored[0].sequence <= sequence:
                self._unstored.popleft()
            if not self._unstored:
                os.ftruncate(self._file, 0)
                self._size = 0
            elif self._size > _COMPACT_BYTES and self._unstored_bytes() * 2 < self._size:
                self._compact()

    def close(self) -> None:
        """Closes the file; unstored records stay in it."""
        with self._lock:
            os.close(self._file)

    def __len__(self) -> int:
        """How many records are not stored yet."""
        with self._lock:
            return len(self._unstored)

    def _recover(self) -> list[bytes]:
        """Reads what is whole, cuts off what is not, and leaves the file ready to be appended to."""
        data = self._path.read_bytes()
        payloads, self._size = parse(data)
        rest = data[self._size :]
        if rest and not is_torn(rest):
            self._set_aside(rest)
        if rest:
            os.ftruncate(self._file, self._size)
            os.fsync(self._file)
        return payloads

    def _set_aside(self, rest: bytes) -> None:
        with self._path.with_suffix(".damaged").open("ab") as damaged:
            damaged.write(rest)
            damaged.flush()
            os.fsync(damaged.fileno())

    def _write(self, record: bytes, *, synced: bool) -> None:
        """Appends at the known end; what a failed write left there is cut off again."""
        try:
            _write_whole(self._file, record, self._size)
            if synced:
                os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, self._size)
            raise
        self._size += len(record)

    def _unstored_bytes(self) -> int:
        return sum(_HEAD.size + len(entry.payload) for entry in self._unstored)

    def _compact(self) -> None:
        """Replaces the file by one that holds the unstored records only."""
        draft = self._path.with_suffix(".new")
        data = b"".join(frame(entry.payload) for entry in self._unstored)
        fresh = os.open(draft, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        _write_whole(fresh, data, 0)
        os.fsync(fresh)
        draft.replace(self._path)
        _sync_directory(self._path.parent)
        os.close(self._file)
        self._file, self._size = fresh, len(data)
