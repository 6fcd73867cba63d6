"""Send and FindSlots through real processes, next to a plain grpc.aio echo in the same run.

    .venv/bin/python benchmarks/rpc.py [--calls 2000] [--rounds 5]

Each round measures every subject once, in turn, so that a slow moment of the machine hits all alike; a row shows the
median over the rounds. The echo (its own process, bytes in, the same bytes out) is what Python and gRPC cost by
themselves; the ratio to it is what wamesh adds: field rules, durable outbox and the network's ack for Send, the
search and its encoding for FindSlots.
"""

import argparse
import asyncio
import itertools
import multiprocessing
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import grpc
import uvloop

from wamesh.booking.v1 import booking_pb2
from wamesh.console import demo
from wamesh.gateway.v1 import gateway_pb2

ECHO_METHOD: Final = "/echo.Echo/Call"
CALLERS: Final = (1, 16)
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
    elapsed = time.perf_counter() - started
    cuts = statistics.quantiles(latencies, n=100)
    return Measure(calls / elapsed, cuts[49] * 1000, cuts[98] * 1000)


def median(measures: list[Measure]) -> Measure:
    """The median of each figure."""
    return Measure(
        statistics.median(each.calls_per_second for each in measures),
        statistics.median(each.p50_ms for each in measures),
        statistics.median(each.p99_ms for each in measures),
    )


def serve_echo(port: Connection) -> None:
    """A plain grpc.aio server that answers with what it was sent; tells its port, and runs until it is killed."""

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


def subjects(running: demo.Demo, echo: Any) -> dict[str, Call]:
    """What is measured: name and one call."""
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date()
    ids = itertools.count()

    def find(days: int, page_size: int) -> booking_pb2.FindSlotsRequest:
        last = tomorrow + timedelta(days=days - 1)
        return booking_pb2.FindSlotsRequest(
            company_id=demo.COMPANY_ID,
            segments=[booking_pb2.Segment(service_id=1)],
            dates=booking_pb2.DateRange(first_date=tomorrow.isoformat(), last_date=last.isoformat()),
            page_size=page_size,
        )

    def send() -> Awaitable[Any]:
        number = next(ids)
        return running.gateway.Send(  # type: ignore[no-any-return]
            gateway_pb2.SendRequest(
                company_id=demo.COMPANY_ID,
                request_id=f"benchmark-{number}",
                phone_number=f"+120255501{number % 16:02}",
                text="See you tomorrow at 18:30.",
            )
        )

    day, week = find(1, 10), find(7, 100)
    payload = day.SerializeToString()
    return {
        "echo": lambda: echo(payload),
        "FindSlots, a day, 10 slots": lambda: running.booking.FindSlots(day),
        "FindSlots, a week, 100 slots": lambda: running.booking.FindSlots(week),
        "Send": send,
    }


async def run(calls: int, rounds: int, echo_port: int) -> dict[tuple[str, int], Measure]:
    """Measures every subject under every number of callers, round by round."""
    found: dict[tuple[str, int], list[Measure]] = {}
    with tempfile.TemporaryDirectory(prefix="wamesh-benchmark-") as directory:
        addresses = demo.free_addresses(anywhere=True)
        async with (
            demo.running(Path(directory), addresses, lambda name, line: None) as running,
            grpc.aio.insecure_channel(f"127.0.0.1:{echo_port}") as channel,
        ):
            calls_of = subjects(running, channel.unary_unary(ECHO_METHOD))
            for call in calls_of.values():
                await measure(call, 1, 100)
            for _ in range(rounds):
                for name, call in calls_of.items():
                    for callers in CALLERS:
                        found.setdefault((name, callers), []).append(await measure(call, callers, calls))
    return {key: median(measures) for key, measures in found.items()}


def print_table(results: dict[tuple[str, int], Measure]) -> None:
    """Prints the machine and a Markdown table with ratios to the echo."""
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, grpcio {grpc.__version__}\n"
    )
    print("| subject | callers | calls/s | p50 ms | p99 ms | calls/s to echo | added p50 ms |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for (name, callers), result in sorted(results.items(), key=lambda item: item[0][1]):
        echo = results["echo", callers]
        ratio = result.calls_per_second / echo.calls_per_second
        added = result.p50_ms - echo.p50_ms
        print(
            f"| {name} | {callers} | {result.calls_per_second:,.0f} | {result.p50_ms:.2f} | {result.p99_ms:.2f} "
            f"| {ratio:.2f} | {added:+.2f} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--calls", type=int, default=2000, help="calls a subject and round")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    echo = context.Process(target=serve_echo, args=(theirs,), daemon=True)
    echo.start()
    with closing(ours):
        port = ours.recv()
    try:
        print_table(uvloop.run(run(arguments.calls, arguments.rounds, port)))
    finally:
        echo.kill()


if __name__ == "__main__":
    main()
