"""Gateway.Send beside raw neonize on one emulator, memory per session, and how long a session takes to start.

    .venv/bin/python benchmarks/sessions.py [--count 400] [--rounds 5] [--sessions 1 5 20] [--starts 7]

All send to the same sixteen customers, who are warm: their devices and keys are known. Each round measures every
subject once, in turn, so that a slow moment of the machine hits all alike; a row shows the median over the rounds. Raw
neonize is `send_message` in a loop in a process of its own, once with the library's default database settings and once
with the WAL that wamesh uses. Memory is the proportional set size of the session processes, after traffic.
"""

import argparse
import asyncio
import itertools
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from measuring import Measure, machine, measure, measure_of, median

# grpc after measuring, which sets the environment that it loads in
# isort: split
import psutil
import uvloop

from wamesh.console import demo
from wamesh.emulator.client.discovery import trust_of
from wamesh.emulator.v1 import emulator_pb2 as network
from wamesh.gateway.v1 import gateway_pb2 as gateway
from wamesh.whatsapp.neonize.native_environment import process_environment

CALLERS: Final = (1, 16)
CUSTOMERS: Final = tuple(f"+120255501{number}" for number in range(60, 76))
DATABASE_SUFFIXES: Final = {
    "raw neonize, default settings": "",
    "raw neonize, WAL": "?_foreign_keys=on&_journal_mode=WAL&_synchronous=NORMAL&x=",
}
RAW_NUMBERS: Final = ("+12025550180", "+12025550181")
SESSION_NUMBERS: Final = tuple(f"+4477009001{number:02}" for number in range(40))


@dataclass(frozen=True, slots=True)
class RawClient:
    """A running `raw_neonize.py`."""

    process: asyncio.subprocess.Process

    async def line(self) -> dict[str, Any]:
        """Its next JSON line; what the library prints besides is passed over."""
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            if line.startswith(b"{"):
                return dict(json.loads(line))
        raise RuntimeError("raw neonize ended")

    async def measure(self, callers: int, count: int) -> Measure:
        """Has it send; returns the figures."""
        order = {"callers": callers, "count": count, "recipients": CUSTOMERS}
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        answer = await self.line()
        return measure_of(answer["latencies"], answer["elapsed"])


@asynccontextmanager
async def raw_client(running: demo.Demo, directory: Path, number: str, suffix: str) -> AsyncIterator[RawClient]:
    """Raw neonize with a number of its own, paired and logged in."""
    await asyncio.to_thread(directory.mkdir)
    options = (await trust_of(running.addresses.emulator)).options(directory)
    argument = json.dumps(options | {"directory": str(directory), "database_suffix": suffix})
    await running.emulator.AddAccount(network.AddAccountRequest(phone_number=number))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(Path(__file__).with_name("raw_neonize.py")), argument),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**os.environ, **process_environment("emulator", options)},
        limit=1 << 24,
    )
    client = RawClient(process)
    try:
        code = (await client.line())["qr"]
        await running.emulator.ScanQr(network.ScanQrRequest(phone_number=number, code=code))
        while "connected" not in await client.line():
            pass
        yield client
    finally:
        process.kill()
        await process.wait()


def gateway_send(running: demo.Demo) -> Any:
    """One call of Gateway.Send to the next customer."""
    ids, chats = itertools.count(), itertools.cycle(CUSTOMERS)

    def send() -> Any:
        return running.gateway.Send(
            gateway.SendRequest(
                company_id=demo.COMPANY_ID,
                request_id=f"benchmark-{next(ids)}",
                phone_number=next(chats),
                text="See you tomorrow at 18:30.",
            )
        )

    return send


async def throughput(running: demo.Demo, directory: Path, count: int, rounds: int) -> dict[tuple[str, int], Measure]:
    """Measures every subject under every number of callers, round by round."""
    found: dict[tuple[str, int], list[Measure]] = {}
    names, suffixes = tuple(DATABASE_SUFFIXES), tuple(DATABASE_SUFFIXES.values())
    async with (
        raw_client(running, directory / "default", RAW_NUMBERS[0], suffixes[0]) as default,
        raw_client(running, directory / "wal", RAW_NUMBERS[1], suffixes[1]) as wal,
    ):
        send = gateway_send(running)
        subjects: dict[str, Callable[[int, int], Awaitable[Measure]]] = {
            names[0]: default.measure,
            names[1]: wal.measure,
            "Gateway.Send": lambda callers, count: measure(send, callers, count),
        }
        for subject in subjects.values():
            await subject(1, 2 * len(CUSTOMERS))
        for _ in range(rounds):
            for callers in CALLERS:
                for name, subject in subjects.items():
                    found.setdefault((name, callers), []).append(await subject(callers, count))
    return {key: median(measures) for key, measures in found.items()}


def print_throughput(results: dict[tuple[str, int], Measure]) -> None:
    """Prints a Markdown table with ratios to raw neonize with its default settings."""
    print("| subject | callers | messages/s | p50 ms | p99 ms | to raw default | added p50 ms |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for (name, callers), result in sorted(results.items(), key=lambda item: item[0][1]):
        raw = results[next(iter(DATABASE_SUFFIXES)), callers]
        print(
            f"| {name} | {callers} | {result.calls_per_second:,.0f} | {result.p50_ms:.2f} | {result.p99_ms:.2f} "
            f"| {result.calls_per_second / raw.calls_per_second:.2f} | {result.p50_ms - raw.p50_ms:+.2f} |"
        )


async def memory(running: demo.Demo, counts: Sequence[int]) -> None:
    """Pairs sessions until there are so many, and prints what each costs."""
    print("\n| sessions | MB a session | gateway MB |")
    print("|---:|---:|---:|")
    for wanted in counts:
        for company_id in range(len(session_processes(running)) + 1, wanted + 1):
            await demo.link(running.gateway, running.emulator, company_id, SESSION_NUMBERS[company_id])
        for company_id in range(1, wanted + 1):
            await send_from(running, company_id, wanted)
        sizes = [megabytes(process) for process in session_processes(running)]
        gateway_size = megabytes(psutil.Process(running.mesh.pid_of("gateway")))
        print(f"| {len(sizes)} | {statistics.mean(sizes):.1f} | {gateway_size:.1f} |")


async def send_from(running: demo.Demo, company_id: int, salt: int) -> None:
    """Some traffic on a session, so that its memory is that of one in use."""
    for number, customer in enumerate(CUSTOMERS):
        await running.gateway.Send(
            gateway.SendRequest(
                company_id=company_id, request_id=f"memory-{salt}-{number}", phone_number=customer, text="Hello"
            )
        )


def session_processes(running: demo.Demo) -> list[psutil.Process]:
    """The session processes, the gateway's children."""
    return psutil.Process(running.mesh.pid_of("gateway")).children()


def megabytes(process: psutil.Process) -> float:
    """Proportional set size."""
    return float(process.memory_full_info().pss) / 1e6


async def starts(running: demo.Demo, count: int) -> None:
    """Stops and starts a session so often, and prints how long it takes from the call until it is logged in."""
    seconds = []
    for _ in range(count):
        await running.gateway.StopSession(gateway.StopSessionRequest(company_id=demo.COMPANY_ID))
        started = time.perf_counter()
        await running.gateway.StartSession(gateway.StartSessionRequest(company_id=demo.COMPANY_ID))
        await demo.connected(running.gateway, demo.COMPANY_ID)
        seconds.append(time.perf_counter() - started)
    print(f"\nStart of a session, from StartSession to CONNECTED: median {statistics.median(seconds):.2f} s, ", end="")
    print(f"from {min(seconds):.2f} to {max(seconds):.2f} s over {count} starts")


async def run(count: int, rounds: int, sessions: Sequence[int], start_count: int) -> None:
    print(f"{machine()}\n")
    with tempfile.TemporaryDirectory(prefix="wamesh-benchmark-") as name:
        directory = Path(name)
        addresses = demo.free_addresses(anywhere=True)
        async with demo.running(directory / "mesh", addresses, lambda name, line: None) as running:
            print_throughput(await throughput(running, directory, count, rounds))
            await starts(running, start_count)
            await memory(running, sessions)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--count", type=int, default=400, help="messages a subject and round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sessions", type=int, nargs="+", default=[1, 5, 20])
    parser.add_argument("--starts", type=int, default=7)
    arguments = parser.parse_args()
    uvloop.run(run(arguments.count, arguments.rounds, arguments.sessions, arguments.starts))


if __name__ == "__main__":
    main()
