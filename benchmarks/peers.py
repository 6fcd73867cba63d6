"""Gateway.Send beside the design that wamesh replaces: an Express API that calls an Express service on Baileys.

    .venv/bin/python benchmarks/peers.py [--count 400] [--rounds 5]

All send to the same sixteen customers on one emulator, who are warm: their devices and keys are known. Each round
measures every subject once, in turn, so that a slow moment of the machine hits all alike; a row shows the median over
the rounds. Needs Node 20 and npm.

The subjects do not promise the same. Gateway.Send has written the message to its outbox and has WhatsApp's ack, on
disk, before it answers. Baileys answers when its socket has taken the bytes, and nothing is written first; the sources
are in `peers/express-baileys`. So the emulator's log is asked after each measurement whether every message has arrived,
and the next one begins only then.
"""

import argparse
import asyncio
import statistics
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from measuring import Measure, machine, measure, median

# grpc after measuring, which sets the environment that it loads in
# isort: split
import psutil
import uvloop
from node_peers import Node, link, measure_posts
from sessions import (
    CALLERS,
    CUSTOMERS,
    DATABASE_SUFFIXES,
    RAW_NUMBERS,
    RawClient,
    gateway_send,
    megabytes,
    raw_client,
    session_processes,
)

from wamesh.console import demo
from wamesh.emulator.v1 import emulator_pb2 as network

LOOP_NUMBER, SERVICE_NUMBER = "+12025550182", "+12025550183"
ARRIVAL_SECONDS: Final = 30.0
WARMING: Final = 300
"""Messages a subject before anything is measured: V8 compiles what is called often."""

GATEWAY: Final = "Gateway.Send"
NEONIZE: Final = "neonize in process"
BAILEYS: Final = "Baileys in process"
SERVICE: Final = "Express service on Baileys"
TWO_HOPS: Final = "two hops: Express API, Express service on Baileys"


@dataclass(frozen=True, slots=True)
class Subject:
    """Something that sends: under which number, by which processes, and how it is measured."""

    account: str
    processes: Mapping[str, psutil.Process]
    measure: Callable[[int, int], Awaitable[Measure]]

    def processor_seconds(self) -> float:
        """What its processes have used of the processors until now."""
        times = [process.cpu_times() for process in self.processes.values()]
        return sum(each.user + each.system for each in times)


@dataclass(frozen=True, slots=True)
class Result:
    """A subject under one number of callers."""

    measure: Measure
    processor_ms: float
    """Of the subject's own processes, a message; the one figure that a busy machine hardly moves."""


Results = dict[tuple[str, int], Result]


@asynccontextmanager
async def subjects(running: demo.Demo, directory: Path) -> AsyncIterator[dict[str, Subject]]:
    """Every subject, linked and logged in."""
    node = await Node.installed(running, directory)
    send = gateway_send(running)
    async with AsyncExitStack() as stack:
        raw = await stack.enter_async_context(
            raw_client(running, directory / "raw", RAW_NUMBERS[0], next(iter(DATABASE_SUFFIXES.values())))
        )
        loop = await stack.enter_async_context(node.running("loop.js", AUTH_DIRECTORY=str(directory / "loop")))
        await link(running, loop, LOOP_NUMBER)
        service = await stack.enter_async_context(
            node.running("service.js", AUTH_DIRECTORY=str(directory / "service"), COMPANY_ID=str(demo.COMPANY_ID))
        )
        service_port = (await service.line())["listening"]
        await link(running, service, SERVICE_NUMBER)
        api = await stack.enter_async_context(node.running("api.js", SERVICE_URL=f"http://127.0.0.1:{service_port}"))
        api_port = (await api.line())["listening"]
        gateway = {"gateway": psutil.Process(running.mesh.pid_of("gateway")), "session": session_processes(running)[0]}
        yield {
            GATEWAY: Subject(demo.SALON_NUMBER, gateway, lambda callers, count: measure(send, callers, count)),
            NEONIZE: Subject(RAW_NUMBERS[0], {"loop": process_of(raw)}, raw.measure),
            BAILEYS: Subject(LOOP_NUMBER, {"loop": process_of(loop)}, loop.measure),
            SERVICE: Subject(SERVICE_NUMBER, {"service": process_of(service)}, measure_posts(service_port)),
            TWO_HOPS: Subject(
                SERVICE_NUMBER, {"service": process_of(service), "API": process_of(api)}, measure_posts(api_port)
            ),
        }


def process_of(client: RawClient) -> psutil.Process:
    """The process behind it."""
    return psutil.Process(client.process.pid)


class Arrivals:
    """What has reached the customers, by the emulator's own log."""

    def __init__(self, running: demo.Demo) -> None:
        self._running = running
        self._cursors: dict[str, int] = {}

    async def wait(self, account: str, count: int) -> None:
        """Returns when so many more messages of the account have arrived. Raises RuntimeError after 30 s."""
        wanted = network.EventFilter(kinds=[network.EVENT_KIND_MESSAGE_SENT], account_phone_number=account)
        request = network.WatchEventsRequest(filter=wanted, after_cursor=self._cursors.get(account, 0))
        watch, arrived = self._running.emulator.WatchEvents(request), 0
        try:
            async with asyncio.timeout(ARRIVAL_SECONDS):
                async for response in watch:
                    self._cursors[account] = response.event.cursor
                    if (arrived := arrived + 1) == count:
                        return
        except TimeoutError:
            raise RuntimeError(f"{arrived} of {count} messages of {account} have arrived") from None
        finally:
            watch.cancel()


async def throughput(running: demo.Demo, of: Mapping[str, Subject], count: int, rounds: int) -> Results:
    """Measures every subject under every number of callers, round by round."""
    found: dict[tuple[str, int], list[Result]] = {}
    arrivals = Arrivals(running)
    for subject in of.values():
        await result_of(subject, arrivals, len(CUSTOMERS), WARMING)
    for _ in range(rounds):
        for callers in CALLERS:
            for name, subject in of.items():
                found.setdefault((name, callers), []).append(await result_of(subject, arrivals, callers, count))
    return {key: median_of(results) for key, results in found.items()}


async def result_of(subject: Subject, arrivals: Arrivals, callers: int, count: int) -> Result:
    """Measures one subject once, and waits until all it sent has arrived."""
    before = subject.processor_seconds()
    measured = await subject.measure(callers, count)
    await arrivals.wait(subject.account, count)
    return Result(measured, (subject.processor_seconds() - before) / count * 1000)


def median_of(results: Sequence[Result]) -> Result:
    """The median of each figure."""
    return Result(median([each.measure for each in results]), statistics.median(each.processor_ms for each in results))


def print_throughput(results: Results) -> None:
    """Prints a Markdown table with ratios to the two hops."""
    print("| subject | in flight | messages/s | p50 ms | p99 ms | processor ms a message | messages/s to two hops |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for (name, callers), result in sorted(results.items(), key=lambda item: item[0][1]):
        figures = result.measure
        print(
            f"| {name} | {callers} | {figures.calls_per_second:,.0f} | {figures.p50_ms:.2f} | {figures.p99_ms:.2f} "
            f"| {result.processor_ms:.2f} | {speed(results, name, callers):.2f} |"
        )


def speed(results: Results, name: str, callers: int) -> float:
    """Messages a second to those of the two hops."""
    own, two_hops = results[name, callers].measure, results[TWO_HOPS, callers].measure
    return own.calls_per_second / two_hops.calls_per_second


def print_memory(of: Mapping[str, Subject]) -> dict[str, float]:
    """Prints the proportional set size of every process; returns the sums in MB."""
    print("\n| subject | MB | of which |")
    print("|---|---:|---|")
    sums = {}
    for name, subject in of.items():
        sizes = {part: megabytes(process) for part, process in subject.processes.items()}
        sums[name] = sum(sizes.values())
        print(f"| {name} | {sums[name]:.0f} | {', '.join(f'{part} {size:.0f}' for part, size in sizes.items())} |")
    return sums


def print_targets(results: Results, sizes: Mapping[str, float]) -> None:
    """Says what was aimed at, and what was reached."""
    print(f"\n{GATEWAY} to the two hops:")
    for callers in CALLERS:
        print(f"  {callers} in flight: {speed(results, GATEWAY, callers):.2f} times the messages a second (target: 3)")
    print(f"  memory: {sizes[GATEWAY] / sizes[TWO_HOPS]:.2f} of it (target: 0.33)")


async def run(count: int, rounds: int) -> None:
    """Runs the mesh and every subject, and prints the figures."""
    print(f"{machine()}\n")
    with tempfile.TemporaryDirectory(prefix="wamesh-benchmark-") as name:
        directory = Path(name)
        addresses = demo.free_addresses(anywhere=True)
        async with (
            demo.running(directory / "mesh", addresses, lambda name, line: None, transport="emulator") as running,
            subjects(running, directory) as of,
        ):
            results = await throughput(running, of, count, rounds)
            print_throughput(results)
            print_targets(results, print_memory(of))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--count", type=int, default=400, help="messages a subject and round")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    uvloop.run(run(arguments.count, arguments.rounds))


if __name__ == "__main__":
    main()
