"""The wire as a gRPC servicer: one stream is one connection, and nothing of what frames mean."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import grpc

from wamesh.emulator.memory.connection import Connection
from wamesh.emulator.memory.network import MemoryNetwork
from wamesh.emulator.v1 import memory_wire_pb2 as wire
from wamesh.emulator.v1 import memory_wire_pb2_grpc
from wamesh.errors import MeshError, Unavailable

Context = grpc.aio.ServicerContext[Any, Any]


class ConnectionCut(Unavailable):
    """What a client of a simulated network failure gets to see: nothing useful, as in life."""

    reason = "CONNECTION_CUT"

    def __init__(self) -> None:
        super().__init__("The connection was lost.", timedelta(seconds=1))


class StreamLink:
    """A `Link` over one stream: a queue of frames that ends well (None) or badly (an error)."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[wire.ConnectResponse | MeshError | None] = asyncio.Queue()

    def push(self, frame: wire.ConnectResponse) -> None:
        self._queue.put_nowait(frame)

    def close(self) -> None:
        self._queue.put_nowait(None)

    def cut(self) -> None:
        self.fail(ConnectionCut())

    def fail(self, error: MeshError) -> None:
        """Ends the stream with an error status."""
        self._queue.put_nowait(error)

    async def frames(self) -> AsyncIterator[wire.ConnectResponse]:
        """Yields the frames until the stream ends; raises the error that it ends with."""
        while (item := await self._queue.get()) is not None:
            if isinstance(item, MeshError):
                raise item
            yield item


class MemoryWireService(memory_wire_pb2_grpc.MemoryWireServicer):
    """Connects streams to one network, on the network's own event loop."""

    def __init__(self, network: MemoryNetwork) -> None:
        self._network = network

    async def Connect(
        self, request_iterator: AsyncIterator[wire.ConnectRequest], context: Context
    ) -> AsyncIterator[wire.ConnectResponse]:
        link = StreamLink()
        connection = self._network.open(link)
        feeding = asyncio.create_task(_feed(request_iterator, connection, link))
        try:
            async for frame in link.frames():
                yield frame
        finally:
            feeding.cancel()
            connection.lost("the client is gone")


async def _feed(requests: AsyncIterator[wire.ConnectRequest], connection: Connection, link: StreamLink) -> None:
    """Hands each frame of the client to the connection; the client's end or mistake ends the stream."""
    try:
        async for request in requests:
            connection.receive(request)
    except MeshError as error:
        connection.lost(error.message)
        link.fail(error)
    else:
        connection.lost("closed by the client")
        link.close()
