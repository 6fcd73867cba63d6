"""The hosts for files: what was uploaded, encrypted as it came, kept in the documents.

Uploads come as `POST /mms/KIND/TOKEN`, downloads as `GET` of the direct path told at upload (read in whatsmeow and
Baileys). A file is named by the hash of its bytes, as at WhatsApp, so the same file twice is kept once.

Owns: the bytes and their paths. Refuses: the keys they are encrypted with, which the server never sees. Invariant: a
direct path told is served until the documents end.
"""

import hashlib
import json
from base64 import urlsafe_b64encode
from typing import Final

from wamesh.emulator.event_log import EventLog
from wamesh.emulator.server.stanzas.media_hosts import HOST, uploader
from wamesh.emulator.store import Documents
from wamesh.emulator.v1 import emulator_pb2 as pb
from wamesh.emulator.wire.contract import MediaRequest, MediaResponse

FILES: Final = "server/media"

_UPLOAD_PATH: Final = "/mms/"
_DOWNLOAD_PATH: Final = "/v/"


class MediaFiles:
    """A `MediaHost` of the wire, and the same files for the phones of this process."""

    def __init__(self, documents: Documents, log: EventLog) -> None:
        self._documents = documents
        self._log = log

    def store(self, data: bytes, mms_type: str) -> str:
        """Keeps an encrypted file of type `image`, `video`, `audio` or `document`; returns its direct path."""
        name = urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip("=")
        self._documents.put(FILES, name, data)
        return f"{_DOWNLOAD_PATH}{mms_type}/{name}?ccb=11-4"

    def load(self, direct_path: str) -> bytes | None:
        """Returns the encrypted file at a direct path, with or without its query; None when there is none."""
        path = direct_path.partition("?")[0]
        return self._documents.get(FILES, path.rpartition("/")[2]) if path.startswith(_DOWNLOAD_PATH) else None

    def handle(self, request: MediaRequest) -> MediaResponse:
        """Answers a request of a client."""
        if request.method == "POST" and request.path.startswith(_UPLOAD_PATH):
            return self._upload(request)
        if request.method == "GET" and (data := self.load(request.path)) is not None:
            self._log.record(pb.EVENT_KIND_MEDIA_DOWNLOADED, code=len(data), detail=request.path)
            return MediaResponse(200, data, {"content-type": "application/octet-stream"})
        return MediaResponse(404)

    def _upload(self, request: MediaRequest) -> MediaResponse:
        phone_number, device = uploader(request.query.get("auth", ""))
        if not phone_number:
            return MediaResponse(401)
        mms_type = request.path.removeprefix(_UPLOAD_PATH).partition("/")[0]
        direct_path = self.store(request.body, mms_type)
        self._log.record(
            pb.EVENT_KIND_MEDIA_UPLOADED, phone_number, device=device, code=len(request.body), detail=mms_type
        )
        answer = {"url": f"https://{HOST}{direct_path}", "direct_path": direct_path}
        return MediaResponse(200, json.dumps(answer).encode(), {"content-type": "application/json"})
