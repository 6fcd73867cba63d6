"""Makes the native library of this process believe the emulator's noise certificates.

WhatsApp's server proves itself inside the noise handshake by a certificate chain whose root key is a constant in the
client (`WACertPubKey` in whatsmeow, `WA_CERT_DETAILS` in Baileys). The constant stands exactly once in the library's
private writable mapping (measured with neonize 0.5.2 on Linux); here it is overwritten there, in the memory of this one
process. The library's file is never touched, and nothing is left when the process ends.

Owns: finding and overwriting those 32 bytes. Refuses: addresses off this machine, a constant that is not there exactly
once. Invariant: a process that was led to one emulator is never led to another, nor back to WhatsApp.
"""

import ctypes
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from wamesh.emulator.client.trust import Trust

WHATSAPP_ROOT_KEY: Final = bytes.fromhex("142375574d0a587166aae71ebe516437c4a28b73e3695c6ce1f7f9545da8ee6b")
"""The public key that signs WhatsApp's intermediate noise certificates; 32 bytes (read in whatsmeow and Baileys)."""

_MAPS: Final = Path("/proc/self/maps")
_LIBRARY_PREFIX: Final = "neonize-"
_PRIVATE_AND_WRITABLE: Final = "rw-p"

_believed: bytes | None = None


class RootKeyNotReplaced(Exception):
    """The library of this process still believes WhatsApp's root key; the text says why."""


@dataclass(frozen=True, slots=True)
class Mapping:
    """One range `[start, end)` of this process's memory."""

    start: int
    end: int

    def read(self) -> bytes:
        """Copies the range."""
        return ctypes.string_at(self.start, self.end - self.start)


def believe(trust: Trust) -> None:
    """Replaces WhatsApp's root key by the emulator's. The library must be loaded; calling again changes nothing.

    Raises RootKeyNotReplaced.
    """
    global _believed
    if _believed == trust.root_public_key:
        return
    if _believed is not None:
        raise RootKeyNotReplaced("this process believes another emulator already; start a new one")
    address = _address_of(WHATSAPP_ROOT_KEY, list(library_mappings(_read_maps())))
    ctypes.memmove(address, trust.root_public_key, len(trust.root_public_key))
    _believed = trust.root_public_key


def library_mappings(maps: str) -> Iterator[Mapping]:
    """Yields the library's private writable ranges in `maps`, the text of `/proc/PID/maps` (see proc(5))."""
    for line in maps.splitlines():
        fields = line.split(maxsplit=5)
        if (
            len(fields) < 6
            or fields[1] != _PRIVATE_AND_WRITABLE
            or not Path(fields[5]).name.startswith(_LIBRARY_PREFIX)
        ):
            continue
        start, _, end = fields[0].partition("-")
        yield Mapping(int(start, 16), int(end, 16))


def _read_maps() -> str:
    try:
        return _MAPS.read_text(errors="replace")
    except OSError as error:
        raise RootKeyNotReplaced(f"only Linux tells where the library's memory is: {error}") from error


def _address_of(key: bytes, mappings: Sequence[Mapping]) -> int:
    """Returns where `key` stands. Raises RootKeyNotReplaced unless that is exactly one place."""
    if not mappings:
        raise RootKeyNotReplaced("neonize's library is not loaded in this process")
    found = [mapping.start + offset for mapping in mappings for offset in _offsets(key, mapping.read())]
    if len(found) != 1:
        raise RootKeyNotReplaced(f"WhatsApp's root key stands {len(found)} times in the library's memory, not once")
    return found[0]


def _offsets(key: bytes, memory: bytes) -> Iterator[int]:
    offset = memory.find(key)
    while offset >= 0:
        yield offset
        offset = memory.find(key, offset + 1)
