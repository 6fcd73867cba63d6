"""A whole mesh in real processes, the demo salon linked, and what its network's log says of it.

`mesh` is a test's own and `shared_mesh` a module's, both on the light network; `protocol_mesh` and
`shared_protocol_mesh` are the same with the real client library against the emulator of WhatsApp's protocol.
"""

import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from wamesh.console import demo
from wamesh.emulator.v1 import emulator_pb2


def demo_mesh(directory: Path, transport: demo.Simulation) -> AbstractAsyncContextManager[demo.Demo]:
    """The demo's mesh on free ports; its output is shown by pytest when a test fails."""
    return demo.running(directory, demo.free_addresses(anywhere=True), print_line, transport=transport)


def print_line(name: str, line: str) -> None:
    """Puts a process's output where pytest shows it when a test fails."""
    print(f"{name:>8} | {line}", file=sys.stderr)


@pytest.fixture
async def mesh(tmp_path: Path) -> AsyncIterator[demo.Demo]:
    """A mesh of this test alone; it may be killed at will."""
    async with demo_mesh(tmp_path, "memory") as running:
        yield running


@pytest.fixture
async def protocol_mesh(tmp_path: Path) -> AsyncIterator[demo.Demo]:
    """As `mesh`, through the real client library."""
    async with demo_mesh(tmp_path, "emulator") as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[demo.Demo]:
    """A mesh that the tests of a module share; they leave it as it was, each with customers of its own."""
    async with demo_mesh(tmp_path_factory.mktemp("mesh"), "memory") as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_protocol_mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[demo.Demo]:
    """As `shared_mesh`, through the real client library."""
    async with demo_mesh(tmp_path_factory.mktemp("mesh"), "emulator") as running:
        yield running


def kill(running: demo.Demo, member: str) -> None:
    """kill -9 of a member of the mesh; its keeper starts it again."""
    os.kill(running.mesh.pid_of(member), signal.SIGKILL)


def session_processes(running: demo.Demo) -> list[psutil.Process]:
    """The session processes of the gateway that runs now."""
    return psutil.Process(running.mesh.pid_of("gateway")).children()


async def texts_sent_to(running: demo.Demo, customer: str) -> list[str]:
    """Every text that the network delivered to a customer, in order: the truth that no process can forge."""
    filters = emulator_pb2.EventFilter(customer_phone_number=customer, kinds=[emulator_pb2.EVENT_KIND_MESSAGE_SENT])
    answer = await running.emulator.ListEvents(emulator_pb2.ListEventsRequest(filter=filters))
    return [event.text for event in answer.events]


async def count_of(running: demo.Demo, kind: "emulator_pb2.EventKind.ValueType") -> int:
    """How often something happened to the salon's number."""
    filters = emulator_pb2.EventFilter(account_phone_number=demo.SALON_NUMBER, kinds=[kind])
    return len((await running.emulator.ListEvents(emulator_pb2.ListEventsRequest(filter=filters))).events)
