"""HTTPS requests on a connection: uploads, downloads, and the one that asks for a websocket.

Owns: keep-alive, one request after the other, answers in pieces as fast as the client reads. Refuses: what media is.
Invariant: a request is handled when the answer before it is with the network, so a client that pipelines without
reading costs no memory.
"""

from collections import deque
from collections.abc import Callable
from datetime import timedelta
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from wamesh.emulator.wire.connection import Connection, Stage
from wamesh.emulator.wire.contract import MediaHost, MediaRequest, Patience
from wamesh.emulator.wire.requests import BadRequest, Request, RequestReader
from wamesh.emulator.wire.responses import CONTINUE, answer, head

CHAT_PATH: Final = "/ws/chat"
_PIECE_BYTES: Final = 256 << 10


class Exchange:
    """The stage of a connection inside TLS, until it becomes a websocket."""

    def __init__(
        self,
        connection: Connection,
        media: MediaHost,
        patience: Patience,
        websocket: Callable[[Connection, Request], Stage],
    ) -> None:
        self._connection = connection
        self._media = media
        self._patience = patience
        self._websocket = websocket
        self._reader = RequestReader()
        self._waiting: deque[Request] = deque()
        self._body = memoryview(b"")
        self._answering = False
        self._last = False
        self.waits_for = "the TLS handshake and a request"
        connection.expect_within(patience.head)

    def received(self, data: bytes) -> None:
        if self._last:
            return
        try:
            requests = self._reader.receive(data)
        except BadRequest as bad:
            self._connection.send(answer(bad.status))
            raise
        self._waiting.extend(requests)
        if self._reader.awaits_continue:
            self._reader.awaits_continue = False
            self._connection.send(CONTINUE)
        self._go_on()

    def drained(self) -> None:
        """Sends the next piece of the answer, or takes the next request."""
        if self._body:
            piece, self._body = self._body[:_PIECE_BYTES], self._body[_PIECE_BYTES:]
            self._connection.send(bytes(piece))
        elif self._answering:
            self._answering = False
            self._go_on()

    def ended(self, detail: str) -> None:
        self._waiting.clear()
        self._body = memoryview(b"")

    def _go_on(self) -> None:
        if not self._answering and self._waiting:
            self._take(self._waiting.popleft())
        elif not self._answering and self._last:
            self._connection.finish("the last request was answered")
        if self._waiting:
            self._connection.hold_back()
        else:
            self._connection.read_on()
        self._watch_time()

    def _take(self, request: Request) -> None:
        try:
            asked = _media_request(request)
        except BadRequest as bad:
            self._connection.send(answer(bad.status))
            raise
        if _wants_chat(asked):
            self._become_websocket(request)
            return
        response = self._media.handle(asked)
        self._last = request.upgrade or not request.keep_alive
        start = head(response.status, len(response.body), response.headers, keep_alive=not self._last)
        self._body = memoryview(b"" if request.method == "HEAD" else response.body)
        self._answering = True
        self._connection.send(start)

    def _become_websocket(self, request: Request) -> None:
        self._connection.expect_nothing()
        self._last = True
        self._connection.stage = self._websocket(self._connection, request)
        if self._reader.rest:
            self._connection.stage.received(self._reader.rest)

    def _watch_time(self) -> None:
        """The client has its time for each thing that we wait for."""
        if self._connection.stage is not self:
            return
        if self._answering:
            self._expect("the client to read its answer", self._patience.body)
        elif self._reader.reading_body:
            self._expect("the rest of a body", self._patience.body)
        elif self._reader.reading_head:
            self._expect("the rest of a request", self._patience.head)
        else:
            self._expect("another request", self._patience.idle)

    def _expect(self, what: str, limit: timedelta) -> None:
        """Starts the clock when something new is waited for: a trickle of bytes does not wind it up again."""
        if what != self.waits_for:
            self.waits_for = what
            self._connection.expect_within(limit)


def _wants_chat(request: MediaRequest) -> bool:
    return (
        request.method == "GET"
        and request.headers.get("upgrade", "").lower() == "websocket"
        and request.path.startswith(CHAT_PATH)
    )


def _media_request(request: Request) -> MediaRequest:
    """Raises BadRequest for a target that is no URL."""
    try:
        url = urlsplit(request.target)
    except ValueError as error:
        raise BadRequest(400, f"no URL: {error}") from error
    return MediaRequest(
        method=request.method,
        host=request.headers.get("host", "").partition(":")[0].lower(),
        path=unquote(url.path),
        query=dict(parse_qsl(url.query, keep_blank_values=True)),
        headers=request.headers,
        body=request.body,
    )
