"""One connection to the simulated network: frames out, frames in, and how it ended.

Owns: the gRPC stream and its threads. Refuses: meaning. Invariant: after the last frame `receive` returns
exactly one `Lost`, whoever ended the stream.
"""

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import grpc

from wamesh.emulator.v1.memory_wire_pb2 import ConnectRequest, ConnectResponse
from wamesh.emulator.v1.memory_wire_pb2_grpc import MemoryWireStub

CLOSE_SECONDS: Final = 0.5
_CHANNEL_OPTIONS: Final = (
    ("grpc.enable_retries", 0),
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.enable_http_proxy", 0),
)


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection is over; `detail` says how, for people."""

    detail: str


class Wire:
    """A dialed connection. `intercept` sees each frame on the reading thread first and says whether it used
    it up.
    """

    def __init__(self, target: str, intercept: Callable[[ConnectResponse], bool]) -> None:
        self._intercept = intercept
        self._outgoing: queue.SimpleQueue[ConnectRequest | None] = queue.SimpleQueue()
        self._incoming: queue.SimpleQueue[ConnectResponse | Lost] = queue.SimpleQueue()
        self._channel = grpc.insecure_channel(target, options=_CHANNEL_OPTIONS)
        self._call = MemoryWireStub(self._channel).Connect(iter(self._outgoing.get, None))
        threading.Thread(target=self._read, name="memory-wire", daemon=True).start()

    def push(self, frame: ConnectRequest) -> None:
        """Queues one frame; on a lost connection it goes nowhere."""
        self._outgoing.put(frame)

    def receive(self, timeout: float | None) -> ConnectResponse | Lost | None:
        """Returns the next frame or the end; None after `timeout` seconds without either."""
        try:
            return self._incoming.get(timeout=timeout)
        except queue.Empty:
            return None

    def close(self) -> None:
        """Ends the connection after what is queued; breaks it off when the network does not answer to that. The end
        comes out of `receive`.
        """
        self._outgoing.put(None)
        cutting = threading.Timer(CLOSE_SECONDS, self._call.cancel)
        cutting.daemon = True
        cutting.start()

    def _read(self) -> None:
        detail = "the server closed the connection"
        try:
            for frame in self._call:
                if not self._intercept(frame):
                    self._incoming.put(frame)
        except grpc.RpcError as error:
            detail = f"{error.code().name}: {error.details()}"
        self._outgoing.put(None)
        self._channel.close()
        self._incoming.put(Lost(detail))
