"""All processes of the mesh on one machine, supervised: what `wamesh up` and `wamesh demo` stand on.

Owns child processes and their output. Invariant: no child outlives the mesh, since each stops when its standard input
closes; a child that crashed is started again with growing delay, and one that refused to start ends the mesh.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from wamesh.console.process import EXIT_REFUSED

LINE_BYTES: Final = 1 << 20
RESTART_SECONDS: Final = (0.2, 0.5, 1.0, 2.0, 5.0)
STABLE_SECONDS: Final = 10.0
KILL_AFTER_SECONDS: Final = 20.0

PrintLine = Callable[[str, str], None]


class MeshFailed(Exception):
    """The mesh cannot run; the sentence says which process, and that its output tells why."""


@dataclass(frozen=True, slots=True)
class Member:
    """A process of the mesh: `wamesh <program>`, by default the name itself; `environment` goes before the mesh's.

    Members stop in ascending `stop_order`, each step waiting for the one before.
    """

    name: str
    stop_order: int
    program: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)


def members(transport: str) -> list[Member]:
    """The processes that make a whole mesh; on a simulated network, the network too."""
    mesh = [Member("booking", 2), Member("gateway", 2), Member("worker", 1), Member("api", 1)]
    return mesh if transport == "neonize" else [*mesh, Member("emulator", 3)]


class Mesh:
    """Runs members until it is left: `async with Mesh(members, environment, print_line) as mesh`."""

    def __init__(self, members: Sequence[Member], environment: Mapping[str, str], print_line: PrintLine) -> None:
        self._members = members
        self._environment = environment
        self._print_line = print_line
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._stopping = False

    async def __aenter__(self) -> Self:
        for member in self._members:
            self._keepers[member.name] = asyncio.create_task(self._keep(member), name=member.name)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping = True
        for order in sorted({member.stop_order for member in self._members}):
            names = [member.name for member in self._members if member.stop_order == order]
            await asyncio.gather(*(self._stop(name) for name in names))

    def pid_of(self, name: str) -> int:
        """The pid of a member that runs now."""
        return self._processes[name].pid

    async def failed(self) -> None:
        """Waits for ever, or raises MeshFailed once a member refused to start."""
        done, _ = await asyncio.wait(self._keepers.values(), return_when=asyncio.FIRST_EXCEPTION)
        for keeper in done:
            keeper.result()

    async def ready(self, addresses: Mapping[str, str], timeout_seconds: float = 60.0) -> None:
        """Waits until each service (by full name) is SERVING at its address. Raises MeshFailed."""
        try:
            async with asyncio.timeout(timeout_seconds):
                await first_of(_all_serving(addresses), self.failed())
        except TimeoutError:
            sentence = f"The mesh was not ready within {timeout_seconds:.0f} s; its output tells why."
            raise MeshFailed(sentence) from None

    async def _keep(self, member: Member) -> None:
        loop = asyncio.get_running_loop()
        crashes = 0
        while not self._stopping:
            started = loop.time()
            code = await self._run_once(member)
            if self._stopping:
                return
            if code == EXIT_REFUSED:
                raise MeshFailed(f"{member.name} cannot start; its last line tells what to do.")
            crashes = 0 if loop.time() - started > STABLE_SECONDS else crashes + 1
            delay = RESTART_SECONDS[min(crashes, len(RESTART_SECONDS) - 1)]
            self._print_line(member.name, f"ended with exit code {code}; starts again in {delay} s")
            await asyncio.sleep(delay)

    async def _run_once(self, member: Member) -> int:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "wamesh", member.program or member.name, "--stop-with-parent"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env={**os.environ, **self._environment, **member.environment},
            start_new_session=True,  # Ctrl-C reaches the mesh alone, which then stops its members in order
            limit=LINE_BYTES,
        )
        self._processes[member.name] = process
        assert process.stdout is not None
        async for line in process.stdout:
            self._print_line(member.name, line.decode(errors="replace").rstrip())
        return await process.wait()

    async def _stop(self, name: str) -> None:
        """Ends a member; its keeper prints what it still says, then ends too."""
        process, keeper = self._processes.get(name), self._keepers[name]
        if process is None or process.returncode is not None:
            keeper.cancel()  # it is starting the member, or waits to start it again
        else:
            process.send_signal(signal.SIGTERM)
            if not (await asyncio.wait([keeper], timeout=KILL_AFTER_SECONDS))[0]:
                self._print_line(name, f"did not stop within {KILL_AFTER_SECONDS:.0f} s; killed")
                process.kill()
        await asyncio.gather(keeper, return_exceptions=True)


async def first_of(*awaitables: Coroutine[Any, Any, Any]) -> None:
    """Runs them side by side until one ends; cancels the others, and raises what it raised."""
    tasks = [asyncio.ensure_future(each) for each in awaitables]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def quick_channel(address: str) -> grpc.aio.Channel:
    """A channel to a process on this machine that may just be starting: dials again at once, and through no proxy."""
    options = [("grpc.max_reconnect_backoff_ms", 200), ("grpc.enable_http_proxy", 0)]
    return grpc.aio.insecure_channel(address, options=options)


async def _all_serving(addresses: Mapping[str, str]) -> None:
    await asyncio.gather(*(_serving(service, address) for service, address in addresses.items()))


async def _serving(service: str, address: str) -> None:
    async with quick_channel(address) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        while True:
            try:
                answer = await health.Check(health_pb2.HealthCheckRequest(service=service), timeout=2)
                if answer.status == health_pb2.HealthCheckResponse.SERVING:
                    return
            except grpc.aio.AioRpcError:
                pass  # not there yet
            await asyncio.sleep(0.05)
