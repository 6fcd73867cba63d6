"""A websocket client of the chat service: frames in, bytes to its handler, and its link back.

Owns: websocket's own rules (opening, ping, close, by the `websockets` library without its I/O), slowness, the order of
what is sent. Refuses: the bytes' meaning. Invariant: the handler hears `closed` exactly once and nothing after it, and
nothing is received once the server closed or aborted.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Final

from websockets.datastructures import Headers
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request as Opening
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from wamesh.emulator.wire.connection import MAX_UNSENT_BYTES, Connection
from wamesh.emulator.wire.contract import OpenHandler, WireFault
from wamesh.emulator.wire.delay_line import DelayLine
from wamesh.emulator.wire.requests import Request

MAX_MESSAGE_BYTES: Final = 32 << 20
CLOSING_TIME: Final = timedelta(seconds=2)
_CLOSED_BY_US: Final = "closed by the server"
_CARRIES_BYTES: Final = frozenset({Opcode.BINARY, Opcode.CONT})

_quiet = logging.getLogger("wamesh.emulator.websockets")
_quiet.setLevel(logging.CRITICAL)  # the library's own log repeats what the connection logs


class WebSocket:
    """The last stage of a connection, and the `Link` of its handler."""

    waits_for = "websocket frames"

    def __init__(self, connection: Connection, request: Request, open_handler: OpenHandler) -> None:
        """Answers the request. Raises WireFault when it is no proper opening; it has been answered then, too."""
        self._connection = connection
        self._loop = asyncio.get_running_loop()
        self._protocol = ServerProtocol(max_size=MAX_MESSAGE_BYTES, logger=_quiet)
        self._line = DelayLine(self._loop)
        self._held_bytes = 0
        self._closing = False
        self._protocol.receive_data(Opening(request.target, _headers(request.headers)).serialize())
        self._answer_opening()
        self._handler = open_handler(self)

    # Link

    def write(self, data: bytes) -> None:
        if self._closing or self._connection.over:
            return
        self._held_bytes += len(data)
        if self._held_bytes + self._connection.unsent_bytes > MAX_UNSENT_BYTES:
            self._connection.fail(f"the client does not read: more than {MAX_UNSENT_BYTES} bytes unsent")
            return
        self._line.put(lambda: self._write_now(data))

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            self._line.put(self._close_now)

    def abort(self) -> None:
        self._closing = True
        self._line.clear()
        self._connection.abort("aborted by the server")

    def slow_down(self, delay: timedelta) -> None:
        self._line.slow_down(delay)

    def hold(self, duration: timedelta) -> None:
        self._line.hold(duration)

    # Stage

    def received(self, data: bytes) -> None:
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Frame) and event.opcode in _CARRIES_BYTES and not self._closing:
                self._handler.received(bytes(event.data))
            elif isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                self._protocol.fail(CloseCode.UNSUPPORTED_DATA, "text is not spoken here")
        self._send_output()
        if self._protocol.eof_sent:
            self._end()

    def drained(self) -> None:
        pass

    def ended(self, detail: str) -> None:
        self._closing = True
        self._line.clear()
        self._handler.closed(detail)

    # Inside

    def _answer_opening(self) -> None:
        for event in self._protocol.events_received():
            if isinstance(event, Opening):
                self._protocol.send_response(self._protocol.accept(event))
        self._send_output()
        if self._protocol.state is not OPEN:
            raise WireFault(f"no websocket opening: {self._protocol.handshake_exc}")

    def _write_now(self, data: bytes) -> None:
        self._held_bytes -= len(data)
        if self._protocol.state is OPEN:
            self._protocol.send_binary(data)
            self._send_output()

    def _close_now(self) -> None:
        """Says goodbye; the client's own goodbye, or its silence, ends the connection."""
        if self._protocol.state is OPEN:
            self._protocol.send_close(CloseCode.NORMAL_CLOSURE)
            self._send_output()
            self._loop.call_later(CLOSING_TIME.total_seconds(), self._connection.finish, _CLOSED_BY_US)

    def _end(self) -> None:
        """Websocket has nothing more to say: both sides said goodbye, or the client broke its rules."""
        goodbye = self._protocol.close_rcvd
        if goodbye is None:
            raise WireFault(f"websocket rules broken: {self._protocol.parser_exc or self._protocol.close_sent}")
        self._connection.finish(_CLOSED_BY_US if self._closing else f"closed by the client ({goodbye.code})")

    def _send_output(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._connection.send(data)


def _headers(headers: Mapping[str, str]) -> Headers:
    pairs: Iterable[tuple[str, str]] = headers.items()
    return Headers(pairs)
