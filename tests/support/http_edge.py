"""The HTTP edge over servers that record what they are asked and answer what a test sets.

The servers are real: grpc.aio on a free port of the loopback interface. `rules` says whether they check field rules
as the mesh's own servers do.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import httpx
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from starlette.types import ASGIApp

from wamesh.api import app
from wamesh.api.bindings import Binding, Table, is_unary
from wamesh.api.calls import Backend
from wamesh.api.feeds import CALENDARS
from wamesh.api.main import BOOKING, CATALOGUE, GATEWAY
from wamesh.rpc.client import open_channel
from wamesh.rpc.server import Server, Service

SERVICES = {"gateway": GATEWAY, "booking": BOOKING, "catalogue": CATALOGUE, "calendars": CALENDARS}
BINDINGS: tuple[Binding, ...] = tuple(Table(SERVICES.values()).bindings)
UNARY: tuple[MethodDescriptor, ...] = tuple(
    method for service in SERVICES.values() for method in service.methods if is_unary(method)
)

Behavior = Callable[[Message, Any], Awaitable[Message]]


@dataclass
class Recorder:
    """What the backends were asked, and what they answer: an empty response unless `behavior` is set."""

    requests: list[Message] = field(default_factory=list)
    behavior: Behavior | None = None

    def register(self, service: ServiceDescriptor, server: Any) -> None:
        """Serves every unary method of the service."""
        handlers = {method.name: self._handler(method) for method in service.methods if is_unary(method)}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service.full_name, handlers),))

    def _handler(self, method: MethodDescriptor) -> Any:
        response = GetMessageClass(method.output_type)

        async def behave(request: Message, context: Any) -> Message:
            self.requests.append(request)
            return response() if self.behavior is None else await self.behavior(request, context)

        return grpc.unary_unary_rpc_method_handler(
            behave,
            request_deserializer=GetMessageClass(method.input_type).FromString,
            response_serializer=response.SerializeToString,
        )


@dataclass
class Edge:
    """A client of the edge, and the backends behind it."""

    http: httpx.AsyncClient
    application: ASGIApp
    recorder: Recorder
    backends: dict[str, Server]


@asynccontextmanager
async def edge(rules: bool = True, timeout_seconds: float = 5.0) -> AsyncIterator[Edge]:
    """The edge over recording backends that are ready."""
    recorder = Recorder()
    async with AsyncExitStack() as stack:
        servers: dict[str, Server] = {}
        backends = []
        for name, service in SERVICES.items():
            port = await _serve(stack, servers, name, service, recorder, rules)
            channel = await stack.enter_async_context(open_channel(f"127.0.0.1:{port}", [service]))
            backends.append(Backend(name, service, channel))
        application = app.build(backends, timeout_seconds, ["edge"])
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app=application), base_url="http://edge")
        yield Edge(await stack.enter_async_context(client), application, recorder, servers)


async def _serve(
    stack: AsyncExitStack,
    servers: dict[str, Server],
    name: str,
    service: ServiceDescriptor,
    recorder: Recorder,
    rules: bool,
) -> int:
    if not rules:
        bare = grpc.aio.server()
        recorder.register(service, bare)
        port: int = bare.add_insecure_port("127.0.0.1:0")
        await bare.start()
        stack.push_async_callback(bare.stop, None)
        return port
    offered = Service(service.full_name, recorder, lambda servicer, server: servicer.register(service, server))
    servers[name] = await Server([offered], "127.0.0.1:0").start()
    await servers[name].set_ready(True)
    stack.push_async_callback(servers[name].stop, 0)
    return servers[name].port
