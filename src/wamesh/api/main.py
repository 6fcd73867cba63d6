"""The process `wamesh api`: the HTTP edge on one address, a channel to each service behind it.

Owns the order of start and stop. The port is taken before anything else, so that a taken one ends the start with one
line. A backend that is not there yet ends nothing: requests for it get 503, and `/readyz` says so.
"""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from contextlib import AsyncExitStack

import structlog
import uvicorn
from starlette.types import ASGIApp

from wamesh.api import app
from wamesh.api.calls import Backend
from wamesh.api.feeds import CALENDARS
from wamesh.booking.v1 import booking_pb2, catalogue_pb2
from wamesh.gateway.v1 import gateway_pb2
from wamesh.rpc.client import open_channel
from wamesh.rpc.server import PortTaken, stop_signal
from wamesh.settings import ApiSettings

_log = structlog.get_logger("api")
GATEWAY = gateway_pb2.DESCRIPTOR.services_by_name["Gateway"]
BOOKING = booking_pb2.DESCRIPTOR.services_by_name["Booking"]
CATALOGUE = catalogue_pb2.DESCRIPTOR.services_by_name["Catalogue"]


async def run(settings: ApiSettings) -> None:
    """Serves until SIGTERM or SIGINT, then lets running requests finish. Raises PortTaken."""
    stop = stop_signal()
    listener = listen(settings.api_address)
    async with AsyncExitStack() as stack:
        backends = await _backends(settings, stack)
        names = (settings.api_address.rpartition(":")[0], *settings.api_allowed_hosts)
        application = app.build(backends, settings.api_timeout_seconds, names)
        _log.info("serving", address=settings.api_address)
        await serve(application, listener, stop, settings.drain_seconds)
    _log.info("stopped")


def listen(address: str) -> socket.socket:
    """A socket that listens on `host:port`; port 0 is any free one. Raises PortTaken."""
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, int(port)), family=family)
    except OSError as error:
        cause = (error.strerror or str(error)).partition(" (")[0]
        raise PortTaken(
            f"Cannot listen on {address}: {cause}. "
            "End the process that holds it or set WAMESH_API_ADDRESS to another address."
        ) from error


async def serve(application: ASGIApp, listener: socket.socket, stop: asyncio.Event, drain_seconds: float) -> None:
    """Serves until the event is set; requests that outlast the drain are cancelled."""
    server = _Server(_config(application, drain_seconds))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait((serving, stopping), return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    stopping.cancel()
    await serving


async def _backends(settings: ApiSettings, stack: AsyncExitStack) -> list[Backend]:
    """The services that the API calls, with channels that close with the stack."""
    targets = (
        ("gateway", GATEWAY, settings.gateway_target),
        ("booking", BOOKING, settings.booking_target),
        ("catalogue", CATALOGUE, settings.booking_target),
        ("calendars", CALENDARS, settings.booking_target),
    )
    backends = [
        Backend(name, service, open_channel(target, [service], settings.api_timeout_seconds))
        for name, service, target in targets
    ]
    for backend in backends:
        await stack.enter_async_context(backend.channel)
    return backends


def _config(application: ASGIApp, drain_seconds: float) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=max(1, round(drain_seconds)),
    )


class _Server(uvicorn.Server):
    """uvicorn without signal handlers of its own: the process has one way to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
