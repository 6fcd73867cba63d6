"""What the benchmarks of rpcs share: callers that measure, and the plain gRPC echo that everything is compared with.

Import it before grpc: it sets the environment that gRPC's C core reads once, when it loads.
"""

import asyncio
import itertools
import multiprocessing
import os
import platform
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Final

from wamesh.cli import GRPC_ENVIRONMENT

os.environ.update(GRPC_ENVIRONMENT)

import grpc
import uvloop

ECHO_METHOD: Final = "/echo.Echo/Call"
Call = Callable[[], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Measure:
    """One subject under one number of callers."""

    calls_per_second: float
    p50_ms: float
    p99_ms: float


async def measure(call: Call, callers: int, calls: int) -> Measure:
    """Makes `calls` calls by so many callers, each waiting for its answer before the next."""
    latencies: list[float] = []
    left = itertools.count(calls, -1)

    async def caller() -> None:
        while next(left) > 0:
            started = time.perf_counter()
            await call()
            latencies.append(time.perf_counter() - started)

    started = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(callers)))
    return measure_of(latencies, time.perf_counter() - started)


def measure_of(latencies: Sequence[float], elapsed: float) -> Measure:
    """The figures of calls that took so many seconds each, and together."""
    cuts = statistics.quantiles(latencies, n=100)
    return Measure(len(latencies) / elapsed, cuts[49] * 1000, cuts[98] * 1000)


def median(measures: Sequence[Measure]) -> Measure:
    """The median of each figure."""
    return Measure(
        statistics.median(each.calls_per_second for each in measures),
        statistics.median(each.p50_ms for each in measures),
        statistics.median(each.p99_ms for each in measures),
    )


@contextmanager
def echo_process() -> Iterator[int]:
    """A plain grpc.aio server in a process of its own that answers with what it was sent; gives its port."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve_echo, args=(theirs,), daemon=True)
    process.start()
    try:
        with ours:
            port: int = ours.recv()
        yield port
    finally:
        process.kill()


def _serve_echo(port: Connection) -> None:
    async def serve() -> None:
        async def echo(request: bytes, context: Any) -> bytes:
            return request

        server = grpc.aio.server()
        handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(echo)
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("echo.Echo", {"Call": handler}),))
        port.send(server.add_insecure_port("127.0.0.1:0"))
        await server.start()
        await server.wait_for_termination()

    uvloop.run(serve())


def machine() -> str:
    """One line that says what the figures were measured on."""
    python, cores = platform.python_version(), os.cpu_count()
    return f"{platform.machine()}, {cores} cores, Python {python}, grpcio {grpc.__version__}"
