"""A whole mesh in real processes on the light network, the demo salon linked: `mesh` of a test's own, `shared_mesh` of
a module.
"""

import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import pytest_asyncio

from wamesh.console import demo


def light_mesh(directory: Path) -> AbstractAsyncContextManager[demo.Demo]:
    """The demo's mesh with session processes that need no client library."""
    return demo.running(directory, demo.free_addresses(anywhere=True), print_line, transport="memory")


def print_line(name: str, line: str) -> None:
    """Puts a process's output where pytest shows it when a test fails."""
    print(f"{name:>8} | {line}", file=sys.stderr)


@pytest.fixture
async def mesh(tmp_path: Path) -> AsyncIterator[demo.Demo]:
    """A mesh of this test alone; it may be killed at will."""
    async with light_mesh(tmp_path) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_mesh(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[demo.Demo]:
    """A mesh that the tests of a module share; they leave it as it was, each with customers of its own."""
    directory = tmp_path_factory.mktemp("mesh")
    async with light_mesh(directory) as running:
        yield running


def kill(running: demo.Demo, member: str) -> None:
    """kill -9 of a member of the mesh; its keeper starts it again."""
    os.kill(running.mesh.pid_of(member), signal.SIGKILL)
