"""The first bytes of a connection: what does this client want to speak?

Owns: CONNECT, TLS at once, and whether the connection is admitted. Refuses: everything else, with a 400 that says what
this port is.
"""

import ssl
from collections.abc import Callable
from typing import Final

from wamesh.emulator.wire.connection import Connection, Stage
from wamesh.emulator.wire.contract import Admission, Patience, ServiceDown, WireFault
from wamesh.emulator.wire.requests import BadRequest, Request, RequestReader
from wamesh.emulator.wire.responses import answer

_TLS_HANDSHAKE: Final = 0x16
_WHAT_THIS_IS: Final = b"This is the wire of a WhatsApp emulator: use it as an HTTP proxy (CONNECT), or speak TLS.\n"


class Arrival:
    """The stage of a connection that has said nothing yet."""

    waits_for = "CONNECT or TLS"

    def __init__(
        self,
        connection: Connection,
        context: ssl.SSLContext,
        admission: Admission,
        patience: Patience,
        inside: Callable[[Connection], Stage],
    ) -> None:
        self._connection = connection
        self._context = context
        self._admission = admission
        self._inside = inside
        self._requests = RequestReader()
        self._silent = True
        connection.expect_within(patience.head)

    def received(self, data: bytes) -> None:
        if self._silent and data[0] == _TLS_HANDSHAKE:
            self._enter("", b"", data)
            return
        self._silent = False
        try:
            requests = self._requests.receive(data)
        except BadRequest as bad:
            self._connection.send(answer(bad.status, _WHAT_THIS_IS))
            raise
        if requests:
            self._connect(requests[0])

    def drained(self) -> None:
        pass

    def ended(self, detail: str) -> None:
        pass

    def _connect(self, request: Request) -> None:
        if request.method != "CONNECT":
            self._connection.send(answer(400, _WHAT_THIS_IS))
            raise WireFault(f"{request.method} outside of TLS")
        host = request.target.rpartition(":")[0] or request.target
        self._enter(host, b"HTTP/1.1 200 Connection established\r\n\r\n", self._requests.rest)

    def _enter(self, host: str, welcome: bytes, early: bytes) -> None:
        refusal = self._admission(host)
        if refusal is None:
            if welcome:
                self._connection.send(welcome)
            self._connection.secure(self._context, self._inside(self._connection), early)
        elif refusal is ServiceDown.RESET or not welcome:
            self._connection.abort("refused: the service is down")
        else:
            self._connection.send(answer(503))
            self._connection.finish("refused: the service is down")
