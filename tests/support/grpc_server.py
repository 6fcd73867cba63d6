"""pytest-grpc over grpc.aio: its `_grpc_server` fixture, replaced by the production bootstrap on a loop thread.

A test module gives `grpc_add_to_server`, `grpc_servicer` and `grpc_stub_cls` as pytest-grpc asks; `grpc_stub` is then a
blocking stub of the production servicer, with field rules, errors, health and reflection, over TCP.
"""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

import pytest

from wamesh.console.ports import free_ports
from wamesh.rpc.server import Server, Service

T = TypeVar("T")


class LoopThread:
    """An event loop on a thread of its own, for blocking callers."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="servers", daemon=True)
        self._thread.start()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Runs the coroutine on the loop and waits for its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout=30)

    def close(self) -> None:
        """Ends the loop and its thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


class BlockingServer:
    """What pytest-grpc expects of a grpc.server, made of our own aio Server."""

    def __init__(self, loop: LoopThread) -> None:
        self._loop = loop
        self._registrations: list[Callable[[Any], None]] = []
        self._names: list[str] = []
        self._address = ""
        self._server: Server | None = None

    def add_generic_rpc_handlers(self, handlers: Any) -> None:
        """Kept until the server exists."""
        self._registrations.append(lambda server: server.add_generic_rpc_handlers(handlers))

    def add_registered_method_handlers(self, name: str, handlers: Any) -> None:
        """Kept until the server exists; the name becomes a served service."""
        self._names.append(name)
        self._registrations.append(lambda server: server.add_registered_method_handlers(name, handlers))

    def add_insecure_port(self, address: str) -> None:
        """The address to listen on."""
        self._address = address

    def start(self) -> None:
        """Builds the production server and starts it, ready."""
        self._loop.run(self._start())

    async def _start(self) -> None:
        def register(_: Any, server: Any) -> None:
            for registration in self._registrations:
                registration(server)

        self._server = await Server([Service(self._names[0], None, register)], self._address).start()
        await self._server.set_ready(True)

    def stop(self, grace: float | None) -> None:
        """Stops the server."""
        if self._server is not None:
            self._loop.run(self._server.stop(grace or 0))


@pytest.fixture(scope="module")
def loop_thread() -> Iterator[LoopThread]:
    """The loop on which the module's servicers live."""
    thread = LoopThread()
    yield thread
    thread.close()


@pytest.fixture(scope="module")
def _grpc_server(loop_thread: LoopThread) -> BlockingServer:
    """pytest-grpc's server, by our own bootstrap."""
    return BlockingServer(loop_thread)


@pytest.fixture(scope="module")
def grpc_addr() -> str:
    """A free port; pytest-grpc's own fixture keeps it bound, which a server without SO_REUSEPORT rightly refuses."""
    return f"127.0.0.1:{free_ports(1)[0]}"
