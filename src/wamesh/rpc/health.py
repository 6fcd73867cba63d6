"""The standard health service, with liveness and readiness told apart.

| service asked about | meaning | NOT_SERVING |
|---|---|---|
| `""` | liveness: the process works | never while it answers |
| a full service name | readiness: that service does its work | while starting and draining |

Passive: a check reads what was recorded. Invariant: a draining server holds no Watch stream open.
"""

import asyncio
from collections.abc import Iterable
from typing import Any

from grpc_health.v1 import health_pb2
from grpc_health.v1.health import aio

_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Health(aio.HealthServicer):  # type: ignore[misc]
    """grpcio-health-checking's servicer, whose Watch streams end on drain."""

    def __init__(self, services: Iterable[str]) -> None:
        super().__init__()
        self._services = tuple(services)
        self._watches: set[asyncio.Task[Any]] = set()
        for service in self._services:
            self._server_status[service] = _NOT_SERVING

    async def set_ready(self, ready: bool) -> None:
        """Records whether the services do their work."""
        for service in self._services:
            await self.set(service, _SERVING if ready else _NOT_SERVING)

    async def Watch(self, request: health_pb2.HealthCheckRequest, context: Any) -> None:
        """Streams the status now and at each change, until the caller leaves or the server drains."""
        watch = asyncio.ensure_future(super().Watch(request, context))
        self._watches.add(watch)
        try:
            await asyncio.wait([watch])
        finally:
            watch.cancel()
            self._watches.discard(watch)

    async def drain(self) -> None:
        """Tells every watcher NOT_SERVING, then ends the streams."""
        await self.set_ready(False)
        for _ in range(2):  # a woken watcher takes the condition in one turn of the loop and writes in the next
            await asyncio.sleep(0)
        for watch in list(self._watches):
            watch.cancel()
