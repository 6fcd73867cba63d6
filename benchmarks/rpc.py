"""Send and FindSlots through real processes, next to a plain grpc.aio echo in the same run.

    .venv/bin/python benchmarks/rpc.py [--calls 2000] [--rounds 5]

Each round measures every subject once, in turn, so that a slow moment of the machine hits all alike; a row shows the
median over the rounds. The echo (its own process, bytes in, the same bytes out) is what Python and gRPC cost by
themselves; the ratio to it is what wamesh adds: field rules, durable outbox and the network's ack for Send, the
search and its encoding for FindSlots.
"""

import argparse
import itertools
import tempfile
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from measuring import ECHO_METHOD, Call, Measure, echo_process, machine, measure, median

# grpc after measuring, which sets the environment that it loads in
# isort: split
import grpc
import uvloop

from wamesh.booking.v1 import booking_pb2
from wamesh.console import demo
from wamesh.gateway.v1 import gateway_pb2

CALLERS: Final = (1, 16)


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
            demo.running(Path(directory), addresses, lambda name, line: None, transport="memory") as running,
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
    print(f"{machine()}\n")
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
    with echo_process() as port:
        print_table(uvloop.run(run(arguments.calls, arguments.rounds, port)))


if __name__ == "__main__":
    main()
