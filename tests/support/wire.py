"""The emulator's port with a recording server behind it, and a client that decides over each byte it sends.

`running_wire()` opens a port; what its websockets said is in `Wire.sessions`. `RawTls` is a TLS client whose bytes can
be sent in any division, and before they are asked for.
"""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, Self

from websockets.asyncio.client import ClientConnection, connect

from wamesh.emulator.wire import (
    Admission,
    Certificates,
    Link,
    MediaHost,
    MediaRequest,
    MediaResponse,
    Patience,
    WirePort,
    listen,
)

WAIT_SECONDS: Final = 10.0
CONNECT: Final = b"CONNECT web.whatsapp.com:443 HTTP/1.1\r\nHost: web.whatsapp.com:443\r\n\r\n"
OPENING: Final = (
    b"GET /ws/chat?ED=1 HTTP/1.1\r\nHost: web.whatsapp.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: " + base64.b64encode(bytes(16)) + b"\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
_PIECE: Final = 1 << 16


class Session:
    """A `Handler` that keeps what it hears; `on_data` may do something with the link."""

    def __init__(self, link: Link, on_data: "Callable[[Session, bytes], None]") -> None:
        self.link = link
        self.received_bytes = b""
        self.endings: list[str] = []
        self._on_data = on_data

    def received(self, data: bytes) -> None:
        assert not self.endings, "bytes after the end"
        self.received_bytes += data
        self._on_data(self, data)

    def closed(self, detail: str) -> None:
        self.endings.append(detail)


class Library:
    """A media host that remembers: PUT and POST store, GET and HEAD return."""

    def __init__(self) -> None:
        self.stored: dict[str, bytes] = {}
        self.requests: list[MediaRequest] = []

    def handle(self, request: MediaRequest) -> MediaResponse:
        self.requests.append(request)
        if request.method in ("PUT", "POST"):
            self.stored[request.path] = request.body
            return MediaResponse(200, b'{"ok":true}', {"content-type": "application/json"})
        body = self.stored.get(request.path)
        return MediaResponse(404) if body is None else MediaResponse(200, body)


@dataclass
class Wire:
    """A running port and all that happened on it."""

    certificates: Certificates
    library: Library
    sessions: list[Session] = field(default_factory=list)
    port: WirePort = field(init=False)

    @property
    def proxy(self) -> str:
        return f"http://127.0.0.1:{self.port.port}"

    def trusting(self) -> ssl.SSLContext:
        """What a client trusts that was told of the emulator's authority."""
        return ssl.create_default_context(cadata=self.certificates.ca_pem.decode())

    def chat(self) -> connect:
        """A websocket client that comes through CONNECT."""
        return connect(
            "wss://web.whatsapp.com/ws/chat", ssl=self.trusting(), proxy=self.proxy, compression=None, max_size=None
        )

    async def open_chat(self) -> tuple[ClientConnection, Session]:
        """A websocket client and its session at the server."""
        known = len(self.sessions)
        client = await self.chat()
        return client, self.sessions[known]

    async def ended(self, session: Session) -> str:
        """Waits for the session's end and returns its detail."""
        await until(lambda: bool(session.endings))
        assert len(session.endings) == 1
        return session.endings[0]


@cache
def certificates() -> Certificates:
    """One identity for all tests."""
    return Certificates.create(datetime.now(UTC))


@asynccontextmanager
async def running_wire(
    on_data: Callable[[Session, bytes], None] = lambda session, data: None,
    *,
    admission: Admission = lambda host: None,
    commit: Callable[[], None] = lambda: None,
    patience: Patience = Patience(),  # noqa: B008 - it is frozen
    media: MediaHost | None = None,
) -> AsyncIterator[Wire]:
    """A port on a free number; fails the test when anything went wrong in the loop itself."""
    failures: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: failures.append(context))
    library = Library()
    wire = Wire(certificates(), library)

    def open_handler(link: Link) -> Session:
        wire.sessions.append(Session(link, on_data))
        return wire.sessions[-1]

    wire.port = await listen(
        "127.0.0.1:0", wire.certificates, open_handler, media or library, admission, commit, patience
    )
    try:
        yield wire
    finally:
        await wire.port.stop()
        assert not failures, failures


async def until(condition: Callable[[], bool]) -> None:
    """Waits until something holds that other tasks bring about; fails after 10 s."""
    async with asyncio.timeout(WAIT_SECONDS):
        while not condition():  # noqa: ASYNC110 - what is waited for does not know of its watcher
            await asyncio.sleep(0.001)


class RawTls:
    """A TLS client over a plain stream, one step at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: ssl.SSLContext) -> None:
        self.reader, self.writer = reader, writer
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname="web.whatsapp.com")

    @classmethod
    async def open(cls, wire: Wire) -> Self:
        """Connects TCP and says nothing."""
        return cls(*await asyncio.open_connection("127.0.0.1", wire.port.port), wire.trusting())

    def hello(self) -> bytes:
        """The client's first TLS bytes."""
        assert not self._step(self._tls.do_handshake)
        return self._outgoing.read()

    async def shake_hands(self) -> None:
        """Completes the handshake whose hello was sent."""
        while not self._step(self._tls.do_handshake):
            self._incoming.write(await self.reader.read(_PIECE))

    def sealed(self, plain: bytes) -> bytes:
        """Encrypts, together with whatever TLS itself has to say."""
        self._tls.write(plain)
        return self._outgoing.read()

    async def read_until(self, end: bytes) -> bytes:
        """Reads plain bytes up to and with `end`."""
        plain = b""
        async with asyncio.timeout(WAIT_SECONDS):
            while not plain.endswith(end):
                try:
                    piece = self._tls.read(_PIECE)
                    assert piece, f"the server said goodbye after {plain!r}"
                    plain += piece
                except ssl.SSLWantReadError:
                    data = await self.reader.read(_PIECE)
                    assert data, f"the server closed after {plain!r}"
                    self._incoming.write(data)
        return plain

    @staticmethod
    def _step(step: Callable[[], object]) -> bool:
        try:
            step()
        except ssl.SSLWantReadError:
            return False
        return True


def binary_frame(payload: bytes) -> bytes:
    """A client's websocket frame with up to 125 bytes, masked with zeros."""
    return bytes([0x82, 0x80 | len(payload)]) + bytes(4) + payload
