"""Files in messages: a phone uploads what it sends, and fetches what it was sent.

Owns: the fields of a message that point to a file. Refuses: encryption (`sealed_files`) and keeping (the server).
Invariant: what a phone attached, another phone that reads the message fetches unchanged.
"""

from typing import Any, Final, Protocol

from wamesh.emulator.sealed_files import DamagedMedia, MediaKind, decrypt, encrypt
from wamesh.emulator.signal import RandomBytes

_HOST: Final = "https://mmg.whatsapp.net"


class MediaStore(Protocol):
    """The server's store of encrypted files."""

    def store(self, data: bytes, mms_type: str) -> str:
        """Keeps a file of a type (`image`, `video`, `audio`, `document`); returns its direct path, from `/` on."""
        ...

    def load(self, direct_path: str) -> bytes | None:
        """Returns the file at a direct path; None when there is none."""
        ...


class Attachments:
    """A phone's way to the media store. A *part* is the piece of a message that names a file, such as an
    `ImageMessage`: they all call the same fields by the same names.
    """

    def __init__(self, store: MediaStore, random_bytes: RandomBytes) -> None:
        self._store = store
        self._random_bytes = random_bytes

    def attach(self, part: Any, kind: MediaKind, data: bytes, media_type: str) -> None:
        """Uploads `data` and lets `part` point to it."""
        sealed = encrypt(data, kind, self._random_bytes)
        part.directPath = self._store.store(sealed.data, kind.value)
        part.URL = _HOST + part.directPath
        part.mediaKey = sealed.media_key
        part.fileSHA256 = sealed.sha256
        part.fileEncSHA256 = sealed.encrypted_sha256
        part.fileLength = sealed.length
        part.mimetype = media_type

    def fetch(self, part: Any, kind: MediaKind) -> bytes:
        """Returns the open file that `part` points to; empty when it is gone or damaged."""
        sealed = self._store.load(str(part.directPath))
        if sealed is None:
            return b""
        try:
            return decrypt(sealed, kind, part.mediaKey, part.fileSHA256)
        except DamagedMedia:
            return b""
