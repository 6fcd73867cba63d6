"""The edge as a process serves it: uvicorn on a socket, probes, drain, and callers who leave."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from google.protobuf.message import Message
from support.http_edge import Edge, edge

from wamesh.api import main
from wamesh.booking.v1 import booking_pb2 as booking
from wamesh.rpc.server import PortTaken

SERVICES = "/v1/companies/7/services"


@pytest.fixture
async def mesh() -> AsyncIterator[Edge]:
    """Backends that check field rules as the mesh's servers do."""
    async with edge() as found:
        yield found


@asynccontextmanager
async def served(mesh: Edge, stop: asyncio.Event) -> AsyncIterator[str]:
    """The application on a free port, until the event is set; gives its base URL."""
    listener = main.listen("127.0.0.1:0")
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(main.serve(mesh.application, listener, stop, drain_seconds=5))
        try:
            yield url
        finally:
            stop.set()


async def test_a_caller_who_leaves_cancels_the_rpc(mesh: Edge) -> None:
    """A closed HTTP connection ends the work behind it."""
    begun, cancelled = asyncio.Event(), asyncio.Event()

    async def wait(request: Message, context: Any) -> Message:
        begun.set()
        try:
            return await asyncio.Future[Message]()
        finally:
            cancelled.set()

    mesh.recorder.behavior = wait
    async with served(mesh, asyncio.Event()) as url:
        port = int(url.rpartition(":")[2])
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"GET {SERVICES} HTTP/1.1\r\nHost: edge\r\n\r\n".encode())
        await asyncio.wait_for(begun.wait(), 5)
        writer.close()
        await asyncio.wait_for(cancelled.wait(), 3)


async def test_a_stop_lets_running_requests_finish(mesh: Edge) -> None:
    """A drain takes no new connection and cuts no answer short."""
    stop, begun, go = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def answer(request: Message, context: Any) -> Message:
        begun.set()
        await go.wait()
        return booking.ListServicesResponse()

    mesh.recorder.behavior = answer
    async with httpx.AsyncClient() as client, served(mesh, stop) as url:
        running = asyncio.create_task(client.get(url + SERVICES))
        await asyncio.wait_for(begun.wait(), 5)
        stop.set()
        await refused_connection(url)
        go.set()
        assert (await running).status_code == 200


async def refused_connection(url: str) -> None:
    """Returns when nobody listens at the address any more."""
    async with asyncio.timeout(5):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
            except ConnectionRefusedError:
                return
            except ConnectionResetError:
                continue  # the listener was closed while this connection still waited in its queue
            writer.close()
            await asyncio.sleep(0.01)


def test_a_taken_port_ends_the_start_with_one_line() -> None:
    """The sentence names the address and says what to do."""
    with main.listen("127.0.0.1:0") as holder:
        address = f"127.0.0.1:{holder.getsockname()[1]}"
        with pytest.raises(PortTaken, match=f"Cannot listen on {address}: .*WAMESH_API_ADDRESS"):
            main.listen(address)


def test_a_port_is_not_shared() -> None:
    """SO_REUSEPORT would let two servers share callers in silence."""
    with main.listen("127.0.0.1:0") as listener:
        assert listener.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT) == 0


async def test_ready_needs_both_backends(mesh: Edge) -> None:
    """Liveness stays while readiness names what is missing."""
    ready = await mesh.http.get("/readyz")
    await mesh.backends["gateway"].set_ready(False)
    missing = await mesh.http.get("/readyz")
    alive = await mesh.http.get("/healthz")
    assert [each.status_code for each in (ready, missing, alive)] == [200, 503, 200]
    assert (missing.json()["reason"], list(missing.json()["metadata"])) == ("NOT_READY", ["gateway"])


async def test_a_backend_that_is_gone_is_not_ready(mesh: Edge) -> None:
    """Nobody at the address is as bad as NOT_SERVING, and is told apart."""
    await mesh.backends["booking"].stop(0)
    assert (await mesh.http.get("/readyz")).json()["metadata"] == {"booking": "UNAVAILABLE"}


async def test_the_page_loads_nothing_from_elsewhere(mesh: Edge) -> None:
    """The documentation works without a network, and its policy forbids one."""
    page = await mesh.http.get("/docs")
    script = await mesh.http.get("/docs/page.js")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert ("http://" in page.text + script.text, "https://" in page.text + script.text) == (False, False)


async def test_the_root_leads_to_the_documentation(mesh: Edge) -> None:
    """A newcomer who opens the address sees what there is."""
    response = await mesh.http.get("/")
    assert (response.status_code, response.headers["location"]) == (307, "/docs")


async def test_no_other_origin_is_let_in(mesh: Edge) -> None:
    """No CORS header, whatever Origin a page claims."""
    response = await mesh.http.get(SERVICES, headers={"Origin": "http://elsewhere.example"})
    assert [each for each in response.headers if each.startswith("access-control")] == []


async def test_head_is_answered_where_get_is(mesh: Edge) -> None:
    """HEAD asks the same question."""
    assert (await mesh.http.head(SERVICES)).status_code == 200
