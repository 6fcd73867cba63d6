"""The bare library in a process of its own, led to an emulator: for what the gateway's transport does not do, files.

`LibraryClient` starts it and talks to it in lines of JSON; `python -m support.library_client` is its other end.
"""

import json
import os
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any, Final, Literal, TextIO

from wamesh.whatsapp.native_environment import process_environment

_TESTS: Final = Path(__file__).resolve().parents[1]
_ANSWER_SECONDS: Final = 15.0


class LibraryClient:
    """A client of the emulator that `options` describe (see `Trust.options`), with its store in `directory`."""

    def __init__(self, directory: Path, options: Mapping[str, str]) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._ours, theirs = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "support.library_client", str(theirs), str(directory / "library.db")],
            env=os.environ | process_environment("emulator", options) | {"PYTHONPATH": str(_TESTS)},
            stdin=subprocess.PIPE,
            pass_fds=[theirs],
            text=True,
        )
        os.close(theirs)
        self._told: Queue[Mapping[str, Any]] = Queue()
        self._earlier: list[Mapping[str, Any]] = []
        Thread(target=self._read, name="library-client", daemon=True).start()
        self._ask(dict(options))

    def wait(self, kind: Literal["qr", "connected", "file"]) -> Mapping[str, Any]:
        """Returns the next thing of this kind that the process tells; queue.Empty after 15 s."""
        for told in self._earlier:
            if told["kind"] == kind:
                self._earlier.remove(told)
                return told
        while (told := self._told.get(timeout=_ANSWER_SECONDS))["kind"] != kind:
            self._earlier.append(told)
        return told

    def send_file(self, to: str, kind: Literal["image", "document"], data: bytes, caption: str) -> None:
        """Uploads a file and sends it to a phone number."""
        self._ask({"to": to, "kind": kind, "data": b64encode(data).decode(), "caption": caption})

    def kill(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.wait()

    def _ask(self, request: Mapping[str, str]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()

    def _read(self) -> None:
        with os.fdopen(self._ours) as lines:
            for line in lines:
                self._told.put(json.loads(line))


def _run(told: TextIO, store: str) -> None:
    """The process's side: tells codes, logins and each file that came, and sends what it is asked to."""
    import pylibmagic  # noqa: F401 - puts libmagic where neonize looks for it

    # isort: split
    from neonize.client import NewClient, ProxySettings
    from neonize.events import ConnectedEv, MessageEv
    from neonize.proto.waE2E.WAWebProtobufsE2E_pb2 import DocumentMessage, ImageMessage, Message
    from neonize.utils.enum import MediaType

    from wamesh.emulator.client import native_root_key
    from wamesh.emulator.client.trust import Trust

    def tell(kind: str, **more: str) -> None:
        print(json.dumps({"kind": kind, **more}), file=told, flush=True)

    trust = Trust.from_options(json.loads(sys.stdin.readline()))
    client = NewClient(store)
    native_root_key.believe(trust)
    client.qr(lambda _, code: tell("qr", code=code.decode()))
    client.event(ConnectedEv)(lambda _, event: tell("connected"))

    def take(_: Any, event: Any) -> None:
        data = client.download_any(event.Message)
        tell("file", id=event.Info.ID, data=b64encode(data).decode())

    client.event(MessageEv)(take)
    Thread(target=client.connect, args=[ProxySettings(trust.proxy)], daemon=True).start()
    for line in sys.stdin:
        request = json.loads(line)
        data = b64decode(request["data"])
        image = request["kind"] == "image"
        upload = client.upload(data, MediaType.MediaImage if image else MediaType.MediaDocument)
        part: Any = ImageMessage(mimetype="image/png") if image else DocumentMessage(fileName="prices.txt")
        part.URL, part.directPath, part.mediaKey = upload.url, upload.DirectPath, upload.MediaKey
        part.fileEncSHA256, part.fileSHA256 = upload.FileEncSHA256, upload.FileSHA256
        part.fileLength, part.caption = upload.FileLength, request["caption"]
        message = Message(imageMessage=part) if image else Message(documentMessage=part)
        client.send_message(request["to"].removeprefix("+"), message)


if __name__ == "__main__":
    with os.fdopen(int(sys.argv[1]), "w") as answers:
        _run(answers, sys.argv[2])
