"""One TCP connection: its bytes, its TLS, its deadline, its end. What the bytes mean is its stage's business.

Owns: the asyncio transport. Refuses: HTTP, websocket. Invariants: plain bytes reach the network only in `flush`, which
the port calls after whatever they report is committed (CONNECT's 200, which reports nothing, goes at once); a stage
hears `ended` exactly once, last, and never from inside a call of its own; no exception of a stage or of a client's
bytes reaches the loop.
"""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Callable
from datetime import timedelta
from typing import Final, Protocol, cast

import structlog

from wamesh.emulator.wire.contract import WireFault
from wamesh.emulator.wire.tls import DISTRUST_HINT, TlsServer

MAX_UNSENT_BYTES: Final = 16 << 20
LINGER_TIME: Final = timedelta(seconds=5)
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)  # struct linger: on, for 0 seconds

_log = structlog.get_logger("emulator.wire")


class Stage(Protocol):
    """What a connection's bytes mean at the moment."""

    @property
    def waits_for(self) -> str:
        """What the client should send next, for the log."""
        ...

    def received(self, data: bytes) -> None:
        """Takes plain bytes of the client. Raises WireFault."""
        ...

    def drained(self) -> None:
        """What was sent is with the network, and more may be sent."""
        ...

    def ended(self, detail: str) -> None:
        """The connection is over; nothing follows."""
        ...


class Turn(Protocol):
    """Gathers what a turn of the loop has to send."""

    def schedule(self, connection: "Connection") -> None:
        """Calls `connection.flush` soon, once."""
        ...


class Connection(asyncio.Protocol):
    """An accepted connection; `first_stage` makes the stage that reads its first bytes."""

    def __init__(self, turn: Turn, first_stage: "Callable[[Connection], Stage]", gone: "Callable[[Connection], None]"):
        self._loop = asyncio.get_running_loop()
        self._turn = turn
        self._gone = gone
        self._tls: TlsServer | None = None
        self._transport: asyncio.Transport | None = None
        self._unsent: list[bytes] = []
        self._unsent_bytes = 0
        self._paused = False
        self._ended = self._finishing = self._half_closed = self._client_is_done = False
        self._detail = ""
        self._deadline: asyncio.TimerHandle | None = None
        self.stage = first_stage(self)

    # For stages

    @property
    def over(self) -> bool:
        """True when nothing can be sent or received any more."""
        return self._transport is None or bool(self._detail)

    @property
    def unsent_bytes(self) -> int:
        """How much the client has left unread, as far as we can see."""
        return self._unsent_bytes + (self._transport.get_write_buffer_size() if self._transport else 0)

    def send(self, data: bytes) -> None:
        """Queues plain bytes for the end of this turn. Aborts a client that reads too little."""
        if self.over:
            return
        self._unsent.append(data)
        self._unsent_bytes += len(data)
        if self.unsent_bytes > MAX_UNSENT_BYTES:
            self.fail(f"the client does not read: {self.unsent_bytes} bytes unsent")
        else:
            self._turn.schedule(self)

    def secure(self, context: ssl.SSLContext, stage: Stage, early: bytes) -> None:
        """Speaks TLS from now on; `early` is what the client has sent of it already."""
        self.flush()
        self._tls, self.stage = TlsServer(context), stage
        if early:
            self._receive(early)

    def hold_back(self) -> None:
        """Reads nothing more of this client until `read_on`."""
        if not self.over and self._transport is not None:
            self._transport.pause_reading()

    def read_on(self) -> None:
        """Reads again."""
        if not self.over and self._transport is not None:
            self._transport.resume_reading()

    def expect_within(self, limit: timedelta) -> None:
        """Fails the connection after `limit`, unless this or `expect_nothing` is called before."""
        self.expect_nothing()
        self._deadline = self._loop.call_later(limit.total_seconds(), self._too_late, limit)

    def expect_nothing(self) -> None:
        """Lifts the deadline."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def finish(self, detail: str) -> None:
        """Sends what is queued, then closes TCP; nothing is received any more.

        Our side is closed first, and the rest when the client has closed its own or after 5 s: a socket closed over
        bytes that it did not read is reset, and the client would lose our last words.
        """
        if not self.over:
            self._detail = detail
            self._finishing = True
            self.expect_nothing()
            self._deadline = self._loop.call_later(LINGER_TIME.total_seconds(), self._cut_off)
            self._turn.schedule(self)

    def abort(self, detail: str) -> None:
        """Resets TCP at once."""
        transport, self._detail = self._transport, self._detail or detail
        self._drop_unsent()
        if transport is not None:
            _reset_on_close(transport)
            transport.abort()

    def fail(self, detail: str) -> None:
        """Aborts for a reason that the log should show."""
        if not self.over:
            _log.warning("connection_aborted", detail=detail)
            self.abort(detail)

    # For the port

    def flush(self) -> None:
        """Hands what is queued to the network."""
        self._guarded(self._flush)

    # For asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if not self.over:
            self._guarded(lambda: self._receive(data))

    def eof_received(self) -> bool:
        self._client_left()
        return True  # what is queued is still sent; then we close

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        if not self.over:
            self._guarded(self.stage.drained)

    def connection_lost(self, error: Exception | None) -> None:
        self._detail = self._detail or (f"the connection was lost: {error}" if error else "the connection was lost")
        self._transport = None
        self._tls = None  # it is large, and timers may hold this object for minutes
        self._drop_unsent()
        self.expect_nothing()
        self._tell_the_end()
        self._gone(self)

    # Inside

    def _guarded(self, step: Callable[[], None]) -> None:
        """Runs a step; whatever goes wrong ends this connection, and nothing else."""
        try:
            step()
        except WireFault as fault:
            self._refuse(str(fault))
        except Exception:  # noqa: BLE001 - a handler's mistake ends its own connection only
            _log.exception("handler_failed", waits_for=self.stage.waits_for)
            self.abort("the handler failed")

    def _receive(self, data: bytes) -> None:
        plain = data
        if self._tls is not None:
            try:
                plain = self._tls.receive(data)
            finally:
                self._write_through(self._tls.take_output())
        if plain:
            self.stage.received(plain)
        if self._tls is not None and self._tls.ended:
            self._client_left()

    def _flush(self) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        data = b"".join(self._unsent)
        self._drop_unsent()
        if data:
            self._transport.write(self._sealed(data))
        if self._finishing:
            self._close()
        elif not self._paused:
            self.stage.drained()

    def _write_through(self, data: bytes) -> None:
        """Sends TLS's own words, which carry nothing of ours."""
        if data and self._transport is not None:
            self._transport.write(data)

    def _sealed(self, data: bytes) -> bytes:
        if self._tls is None:
            return data
        self._tls.seal(data)
        return self._tls.take_output()

    def _client_left(self) -> None:
        """The client sends nothing more: neither do we."""
        self._client_is_done = True
        if not self.over:
            if self._tls is not None and not self._tls.established:
                _log.warning("client_left_early", detail=f"during the TLS handshake; {DISTRUST_HINT}")
            self.finish("the client closed the connection")
        elif self._half_closed and self._transport is not None:
            self._transport.close()

    def _refuse(self, detail: str) -> None:
        """Ends a connection whose client broke a rule, after what it is still told."""
        if not self.over:
            _log.warning("connection_refused", detail=detail, waits_for=self.stage.waits_for)
            self.finish(detail)

    def _too_late(self, limit: timedelta) -> None:
        self.fail(f"timed out after {limit.total_seconds():g} s of waiting for {self.stage.waits_for}")

    def _close(self) -> None:
        if self._transport is None or self._half_closed:
            return
        self._half_closed = True
        if self._tls is not None and self._tls.established:
            self._tls.end()
            self._write_through(self._tls.take_output())
        if self._client_is_done:
            self._transport.close()
        else:
            self._transport.resume_reading()
            with contextlib.suppress(OSError):  # the client is gone, which the transport tells by itself
                self._transport.write_eof()
        self._tell_the_end()

    def _tell_the_end(self) -> None:
        if self._ended:
            return
        self._ended = True
        try:
            self.stage.ended(self._detail)
        except Exception:  # noqa: BLE001 - a handler's mistake is not the loop's
            _log.exception("handler_failed", detail="while it was told of the end")

    def _cut_off(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _drop_unsent(self) -> None:
        self._unsent.clear()
        self._unsent_bytes = 0


def _reset_on_close(transport: asyncio.Transport) -> None:
    """Makes the coming close a reset. The option belongs to the socket, so a copy of its descriptor can set it: uvloop
    shows no real socket.
    """
    descriptor = transport.get_extra_info("socket").fileno()
    with contextlib.suppress(OSError), socket.socket(fileno=socket.dup(descriptor)) as copy:
        copy.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
