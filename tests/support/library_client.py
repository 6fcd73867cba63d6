"""The bare library in a process of its own, led to an emulator, for what the gateway's transport does not do: files and
small signs.

`LibraryClient` starts it and talks to it in lines of JSON; `python -m support.library_client` is its other end.
"""

import json
import os
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any, Final, Literal, TextIO

from support.emulator import RunningEmulator

from wamesh.whatsapp.neonize.native_environment import process_environment
from wamesh.whatsapp.neonize.store_file import FileDatabase

_TESTS: Final = Path(__file__).resolve().parents[1]
_ANSWER_SECONDS: Final = 30.0


class LibraryClient:
    """A client of the emulator that `options` describe (see `Trust.options`), with its store in `directory`."""

    def __init__(self, directory: Path, options: Mapping[str, str]) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._ours, theirs = os.pipe()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "support.library_client", str(theirs), str(directory)],
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

    def wait(self, kind: Literal["qr", "connected", "message", "file", "typing", "found"]) -> Mapping[str, Any]:
        """Returns the next thing of this kind that the process tells; queue.Empty after 30 s."""
        for told in self._earlier:
            if told["kind"] == kind:
                self._earlier.remove(told)
                return told
        while (told := self._told.get(timeout=_ANSWER_SECONDS))["kind"] != kind:
            self._earlier.append(told)
        return told

    def send_file(self, to: str, kind: Literal["image", "document"], data: bytes, caption: str) -> None:
        """Uploads a file and sends it to a phone number."""
        self._ask({"do": "send_file", "to": to, "kind": kind, "data": b64encode(data).decode(), "caption": caption})

    def type(self, to: str) -> None:
        """Tells a phone number that somebody types here."""
        self._ask({"do": "type", "to": to})

    def mark_read(self, sender: str, message_id: str) -> None:
        """Tells a phone number that its message was read."""
        self._ask({"do": "mark_read", "sender": sender, "id": message_id})

    def react(self, to: str, message_id: str, emoji: str) -> None:
        """Reacts to a message of a phone number."""
        self._ask({"do": "react", "to": to, "id": message_id, "emoji": emoji})

    def find(self, number: str) -> None:
        """Asks whether a phone number has WhatsApp; the answer is told as `found`."""
        self._ask({"do": "find", "number": number})

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


@contextmanager
def linked_library(emulator: RunningEmulator, account: str, directory: Path) -> Iterator[LibraryClient]:
    """A client that was linked to the account by its QR code, and is logged in."""
    client = LibraryClient(directory, emulator.trust().options(directory))
    try:
        emulator.scan(account, client.wait("qr")["code"])
        client.wait("connected")
        yield client
    finally:
        client.kill()


def _run(told: TextIO, directory: str) -> None:
    """The process's side: tells codes, logins and each file that came, and sends what it is asked to."""
    import pylibmagic  # noqa: F401 - puts libmagic where neonize looks for it

    # isort: split
    from neonize.client import NewClient, ProxySettings
    from neonize.events import ChatPresenceEv, ConnectedEv, MessageEv
    from neonize.proto.waE2E.WAWebProtobufsE2E_pb2 import DocumentMessage, ImageMessage, Message
    from neonize.utils import build_jid
    from neonize.utils.enum import ChatPresence, ChatPresenceMedia, MediaType, ReceiptType

    from wamesh.emulator.client import native_root_key
    from wamesh.emulator.client.trust import Trust

    def tell(kind: str, **more: str) -> None:
        print(json.dumps({"kind": kind, **more}), file=told, flush=True)

    def jid(number: str) -> Any:
        return build_jid(number.removeprefix("+"))

    trust = Trust.from_options(json.loads(sys.stdin.readline()))
    client = NewClient(FileDatabase(Path(directory)).lend())
    native_root_key.believe(trust)
    client.qr(lambda _, code: tell("qr", code=code.decode()))
    client.event(ConnectedEv)(lambda _, event: tell("connected"))
    client.event(ChatPresenceEv)(lambda _, event: tell("typing", sender=event.MessageSource.Sender.User))

    def take(_: Any, event: Any) -> None:
        if event.Message.conversation:
            tell("message", id=event.Info.ID, sender=event.Info.MessageSource.Sender.User)
            return
        data = client.download_any(event.Message)
        tell("file", id=event.Info.ID, data=b64encode(data).decode())

    def send_file(to: str, kind: str, data: str, caption: str) -> None:
        image = kind == "image"
        upload = client.upload(b64decode(data), MediaType.MediaImage if image else MediaType.MediaDocument)
        part: Any = ImageMessage(mimetype="image/png") if image else DocumentMessage(fileName="prices.txt")
        part.URL, part.directPath, part.mediaKey = upload.url, upload.DirectPath, upload.MediaKey
        part.fileEncSHA256, part.fileSHA256 = upload.FileEncSHA256, upload.FileSHA256
        part.fileLength, part.caption = upload.FileLength, caption
        client.send_message(jid(to), Message(imageMessage=part) if image else Message(documentMessage=part))

    def type_to(to: str) -> None:
        client.send_chat_presence(
            jid(to), ChatPresence.CHAT_PRESENCE_COMPOSING, ChatPresenceMedia.CHAT_PRESENCE_MEDIA_TEXT
        )

    def mark_read(sender: str, id: str) -> None:
        client.mark_read(id, chat=jid(sender), sender=jid(sender), receipt=ReceiptType.READ)

    def react(to: str, id: str, emoji: str) -> None:
        client.send_message(jid(to), client.build_reaction(jid(to), jid(to), id, emoji))

    def find(number: str) -> None:
        (answer,) = client.is_on_whatsapp(number)
        tell("found", number=number, answer=str(answer.IsIn))

    does: dict[str, Callable[..., None]] = {
        "send_file": send_file,
        "type": type_to,
        "mark_read": mark_read,
        "react": react,
        "find": find,
    }
    client.event(MessageEv)(take)
    Thread(target=client.connect, args=[ProxySettings(trust.proxy)], daemon=True).start()
    for line in sys.stdin:
        request = json.loads(line)
        does[request.pop("do")](**request)


if __name__ == "__main__":
    with os.fdopen(int(sys.argv[1]), "w") as answers:
        _run(answers, sys.argv[2])
