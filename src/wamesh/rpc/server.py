"""A gRPC server as each process of the mesh runs it: one bootstrap, no domain word.

Owns the port, the standard services (health, reflection v1 and v1alpha), the interceptor and the order of a graceful
stop:

    1. readiness says NOT_SERVING, so that balancers look elsewhere
    2. streams end with UNAVAILABLE, so that their clients dial the next server
    3. calls that only wait for a server that changes are refused; all others finish, within the grace
"""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import grpc
import structlog
from grpc_health.v1 import health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2
from grpc_reflection.v1alpha._async import ReflectionServicer

from wamesh.rpc.forwarding import Forwarder
from wamesh.rpc.health import Health
from wamesh.rpc.interceptor import RpcInterceptor

_log = structlog.get_logger("rpc")

HEALTH_SERVICE: Final = "grpc.health.v1.Health"
REFLECTION_V1: Final = "grpc.reflection.v1.ServerReflection"
READINESS_SECONDS: Final = 2.0
MAX_MESSAGE_BYTES: Final = 4 * 1024 * 1024
SERVER_OPTIONS: Final = (
    ("grpc.so_reuseport", 0),  # two servers on one port would share its calls silently
    ("grpc.keepalive_permit_without_calls", 1),
    (
        "grpc.http2.min_ping_interval_without_data_ms",
        5_000,
    ),  # below the clients' keepalive, or they get GOAWAY
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
)


class PortTaken(Exception):
    """The address cannot be listened on; the sentence says what to do."""


@dataclass(frozen=True, slots=True)
class Service:
    """A servicer with the generated function that registers it."""

    name: str
    servicer: Any
    register: Callable[[Any, Any], None]


class Server:
    """Serves some services at one address until it is stopped; a `forwarder` passes on what others are to serve.

    `roles` are names that have a readiness without being a service.
    """

    def __init__(
        self, services: Sequence[Service], address: str, forwarder: Forwarder | None = None, roles: Sequence[str] = ()
    ) -> None:
        self._interceptor = RpcInterceptor()
        self._health = Health([*(service.name for service in services), *roles])
        self._forwarder = forwarder
        inner = [] if forwarder is None else [forwarder]
        self._server = grpc.aio.server(interceptors=[self._interceptor, *inner], options=SERVER_OPTIONS)
        for service in services:
            service.register(service.servicer, self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        _add_reflection(self._server, [service.name for service in services])
        self._address = address
        self.port = 0

    def bind(self) -> None:
        """Takes the port; calls wait there until `start`. `port` is the one that was bound. Raises PortTaken."""
        try:
            self.port = self._server.add_insecure_port(self._address)
        except RuntimeError as error:
            raise PortTaken(
                f"Cannot listen on {self._address}: another process holds it, or the address is not of this machine. "
                "End that process or choose another address."
            ) from error

    async def start(self) -> Self:
        """Serves, not ready yet; takes the port unless `bind` has. Raises PortTaken."""
        if not self.port:
            self.bind()
        await self._server.start()
        return self

    async def serve_until(self, stop: asyncio.Event, works: Callable[[], Awaitable[bool]]) -> None:
        """Records every few seconds whether the services can do their work, until `stop`."""
        while not stop.is_set():
            await self.set_ready(await works())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), READINESS_SECONDS)

    async def set_ready(self, ready: bool) -> None:
        """Records in the health service whether the services do their work."""
        await self._health.set_ready(ready)

    async def drain(self) -> None:
        """Takes the first two steps of a stop; unary calls are served as before."""
        await self._health.drain()
        self._interceptor.drain()

    async def stop(self, grace_seconds: float) -> None:
        """Stops as the module says; calls that outlast the grace are cancelled."""
        await self.drain()
        if self._forwarder is not None:
            self._forwarder.drain()
        await self._server.stop(grace_seconds)


def _add_reflection(server: grpc.aio.Server, services: Sequence[str]) -> None:
    """Serves the descriptors under both names of the reflection service; grpcio-reflection has only v1alpha."""
    names = (*services, HEALTH_SERVICE, reflection.SERVICE_NAME, REFLECTION_V1)
    servicer = ReflectionServicer(service_names=names)
    handler = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    for name in (reflection.SERVICE_NAME, REFLECTION_V1):
        methods = grpc.method_handlers_generic_handler(name, {"ServerReflectionInfo": handler})
        server.add_generic_rpc_handlers((methods,))


def stop_signal() -> asyncio.Event:
    """An event that SIGTERM or SIGINT sets. A second signal ends the process the hard way."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal(number: signal.Signals) -> None:
        _log.info("stopping", signal=number.name)
        stop.set()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(each)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number)
    return stop
