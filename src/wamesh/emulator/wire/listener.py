"""Opens the port.

Owns: the listening socket, its connections, and the turn in which everything they have to say leaves. Refuses:
addresses that are not loopback. Invariant: what a connection sends is written after `commit` returned; when it fails,
what was to be sent is not sent.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from wamesh.emulator.loopback import is_loopback
from wamesh.emulator.wire.arrival import Arrival
from wamesh.emulator.wire.certificates import Certificates
from wamesh.emulator.wire.connection import Connection, Stage
from wamesh.emulator.wire.contract import Admission, MediaHost, OpenHandler, Patience
from wamesh.emulator.wire.media import Exchange
from wamesh.emulator.wire.requests import Request
from wamesh.emulator.wire.websocket import WebSocket

_USUAL_PATIENCE: Final = Patience()
_log = structlog.get_logger("emulator.wire")


class WirePort:
    """The open port; made by `listen`."""

    def __init__(self, commit: Callable[[], None]) -> None:
        self._commit = commit
        self._connections: set[Connection] = set()
        self._scheduled: dict[Connection, None] = {}
        self._empty = asyncio.Event()
        self._server: asyncio.Server | None = None
        self.port = 0
        """The port that was bound."""

    async def stop(self) -> None:
        """Closes the port and resets every connection; returns when each handler has heard `closed`."""
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._connections):
            connection.abort("the emulator stopped")
        if self._connections:
            self._empty.clear()
            await self._empty.wait()

    async def open(self, host: str, port: int, first_stage: Callable[[Connection], Stage]) -> None:
        """Binds and accepts. Raises OSError."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: self._accept(first_stage), host, port)
        self.port = self._server.sockets[0].getsockname()[1]

    def schedule(self, connection: Connection) -> None:
        """Lets `connection` flush at the end of this turn of the loop."""
        if not self._scheduled:
            asyncio.get_running_loop().call_soon(self._end_turn)
        self._scheduled[connection] = None

    def _accept(self, first_stage: Callable[[Connection], Stage]) -> Connection:
        connection = Connection(self, first_stage, self._forget)
        self._connections.add(connection)
        return connection

    def _forget(self, connection: Connection) -> None:
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()

    def _end_turn(self) -> None:
        scheduled, self._scheduled = self._scheduled, {}
        try:
            self._commit()
        except Exception:  # noqa: BLE001 - whatever it was, nothing was stored
            _log.exception("commit_failed", connections=len(scheduled))
            for connection in scheduled:
                connection.abort("what it was told could not be stored")
            return
        for connection in scheduled:
            connection.flush()


async def listen(
    address: str,
    certificates: Certificates,
    open_handler: OpenHandler,
    media: MediaHost,
    admission: Admission = lambda host: None,
    commit: Callable[[], None] = lambda: None,
    patience: Patience = _USUAL_PATIENCE,
) -> WirePort:
    """Opens the port at `address` (`host:port` on loopback; port 0 takes a free one), on the running loop.

    `open_handler` makes a handler for each websocket, `media` serves every other request, `admission` refuses
    connections, `commit` is called once before the bytes of a turn go out, `patience` is what slow clients are granted.
    Raises ValueError, OSError.
    """
    if not is_loopback(address):
        raise ValueError(f"the wire must be on loopback; its address is {address!r}")
    host, _, number = address.rpartition(":")
    port, context = WirePort(commit), certificates.server_context()

    def chat(connection: Connection, request: Request) -> Stage:
        return WebSocket(connection, request, open_handler)

    def inside(connection: Connection) -> Stage:
        return Exchange(connection, media, patience, chat)

    await port.open(
        host.strip("[]"), int(number), lambda connection: Arrival(connection, context, admission, patience, inside)
    )
    return port
