"""Memory and open files of every process of the mesh while it carries a hundred thousand messages.

    PYTHONPATH=tests .venv/bin/python benchmarks/soak.py [--messages 100000] [--engine sqlite|postgresql]
        [--gateways N] [--companies 4] [--seed 7]

Customers ask for appointments and thank, each as soon as the last answer is there, and callers send through
Gateway.Send, as fast as it goes. After each twentieth of the messages the traffic rests, and every process is measured:
its anonymous memory (what it allocated; the pages of libraries are shared, and not counted) and its open file
descriptors. The first quarter warms up. Exit code 1 when one of these does
not hold, for each gateway, session process, worker and booking:

* no process was replaced by another;
* memory is flat: a line fitted through the measures after the warm-up grows by less than GROWTH_KB for 10,000 messages;
* as many descriptors are open at the end as after the warm-up, or fewer.

The network's simulator remembers everything that it saw, and is not judged. One gateway with SQLite, three with
PostgreSQL, unless told otherwise.
"""

import argparse
import asyncio
import itertools
import random
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from measuring import machine

# grpc after measuring, which sets the environment that it loads in
# isort: split
import grpc
import psutil
from fleet_chaos import SERVER, customer_number
from fleet_striking import sessions_of
from support.fleet import Fleet, running_fleet, salon_number
from support.postgresql import running_postgresql

from wamesh.emulator.v1 import emulator_pb2 as network
from wamesh.gateway.v1 import gateway_pb2 as pb

PARTS: Final = 20
WARM_PARTS: Final = 5
REST_SECONDS: Final = 2.0
PHONES: Final = 6
"""Of each company; the next customers' numbers get letters."""
CALLERS: Final = 8
REPLY_SECONDS: Final = 60.0
HANDED_OVER_SECONDS: Final = 0.2
"""A gateway that joined takes companies over; who sends meanwhile is told to try again."""
GROWTH_KB: Final = 200.0


@dataclass(frozen=True, slots=True)
class Measure:
    """A process at rest after so many messages."""

    messages: int
    pid: int
    memory_kb: float
    descriptors: int


@dataclass(slots=True)
class Traffic:
    """Messages in both directions until so many were carried."""

    fleet: Fleet
    dice: random.Random
    carried: int = 0
    _limit: int = 0
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    _replies: dict[str, asyncio.Queue[None]] = field(default_factory=lambda: defaultdict(asyncio.Queue))

    async def watch(self, customer: str) -> None:
        """Hears the replies to a customer."""
        request = network.WatchCustomerRequest(customer_phone_number=customer)
        async for _ in self.fleet.emulator.WatchCustomer(request):
            self._replies[customer].put_nowait(None)

    async def carry(self, until: int) -> None:
        """Carries messages until so many were carried in all, and comes to rest. Raises TimeoutError."""
        self._limit = until
        async with asyncio.TaskGroup() as group:
            for company_id in self.fleet.companies:
                for index in range(PHONES):
                    group.create_task(self._talk(company_id, customer_number(company_id, index)))
            for _ in range(CALLERS):
                group.create_task(self._send())

    async def _talk(self, company_id: int, customer: str) -> None:
        for number in itertools.count():
            if self.carried >= self._limit:
                return
            day = datetime.now(UTC) + timedelta(days=self.dice.randint(1, 20))
            text = "Thank you!" if number % 2 else f"Haircut on {day:%-d %B}"
            request = network.SendAsCustomerRequest(
                customer_phone_number=customer,
                push_name="Alex",
                account_phone_number=salon_number(company_id),
                content=network.Content(text=network.TextContent(body=text)),
            )
            await self.fleet.emulator.SendAsCustomer(request)
            await asyncio.wait_for(self._replies[customer].get(), REPLY_SECONDS)
            self.carried += 2

    async def _send(self) -> None:
        gateways = list(self.fleet.gateways.values())
        while self.carried < self._limit:
            number = next(self._numbers)
            company_id = self.dice.choice(self.fleet.companies)
            request = pb.SendRequest(
                company_id=company_id,
                request_id=f"letter-{number}",
                phone_number=customer_number(company_id, PHONES + number % (10 - PHONES)),
                text=f"letter {number}",
            )
            async with asyncio.timeout(REPLY_SECONDS):
                while not await _sent(self.dice.choice(gateways), request):  # noqa: ASYNC110 - asks another process
                    await asyncio.sleep(HANDED_OVER_SECONDS)
            self.carried += 1


async def _sent(gateway: Any, request: pb.SendRequest) -> bool:
    """Whether the gateway sent it; not while the company is handed over from one gateway to another."""
    try:
        await gateway.Send(request, timeout=REPLY_SECONDS)
    except grpc.aio.AioRpcError as error:
        if error.code() not in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.FAILED_PRECONDITION):
            raise
        return False
    return True


def measures(fleet: Fleet, messages: int) -> dict[str, Measure]:
    """Every process that is judged, by name, as it is now."""
    processes = {
        name: psutil.Process(fleet.mesh.pid_of(name)) for name in ("booking", *fleet.addresses, *fleet.workers)
    }
    for name in fleet.addresses:
        processes |= {f"session {company_id}": each for company_id, each in sessions_of(processes[name])}
    return {
        name: Measure(messages, each.pid, _anonymous_kb(each.pid), each.num_fds())
        for name, each in sorted(processes.items())
    }


def _anonymous_kb(pid: int) -> float:
    """What the process allocated, as the kernel counts it: whoever else maps the same libraries does not change it."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    (line,) = (line for line in rollup.splitlines() if line.startswith("Anonymous:"))
    return float(line.split()[1])


async def soak(fleet: Fleet, messages: int, dice: random.Random) -> dict[str, list[Measure]]:
    """Carries the messages; returns what was measured of each process, in order."""
    traffic = Traffic(fleet, dice)
    watching = [
        asyncio.create_task(traffic.watch(customer_number(company_id, index)))
        for company_id in fleet.companies
        for index in range(PHONES)
    ]
    found: dict[str, list[Measure]] = defaultdict(list)
    for part in range(1, PARTS + 1):
        began, before = time.monotonic(), traffic.carried
        await traffic.carry(messages * part // PARTS)
        pace = (traffic.carried - before) / (time.monotonic() - began)
        await asyncio.sleep(REST_SECONDS)
        for name, measure in measures(fleet, traffic.carried).items():
            found[name].append(measure)
        told = ", ".join(
            f"{name} {each[-1].memory_kb / 1024:.1f}/{each[-1].descriptors}" for name, each in found.items()
        )
        print(f"{traffic.carried} messages, {pace:.0f}/s; MB/descriptors: {told}", flush=True)
    for task in watching:
        task.cancel()
    return found


def growth_kb(measured: Sequence[Measure]) -> float:
    """The slope of the line that fits best, in KB for 10,000 messages."""
    fitted = statistics.linear_regression([each.messages for each in measured], [each.memory_kb for each in measured])
    return fitted.slope * 10_000


def judged(name: str, measured: Sequence[Measure]) -> list[str]:
    """What does not hold of a process; prints its figures."""
    warm = measured[WARM_PARTS - 1 :]
    growth, first, last = growth_kb(warm), warm[0], warm[-1]
    print(
        f"{name:>10}: {first.memory_kb / 1024:6.1f} MB warm, {last.memory_kb / 1024:6.1f} MB at the end, "
        f"{growth:+7.1f} KB for 10,000 messages, descriptors {first.descriptors} -> {last.descriptors}"
    )
    broken = {
        "was replaced by another process": len({each.pid for each in measured}) > 1,
        "grows": growth >= GROWTH_KB,
        "opens files and leaves them open": last.descriptors > first.descriptors,
    }
    return [f"{name} {what}" for what, is_so in broken.items() if is_so]


@asynccontextmanager
async def fleet_on(directory: Path, url: str, gateways: int, companies: int) -> AsyncIterator[Fleet]:
    """A fleet that answers at once; its output is in `mesh.log`."""
    with (directory / "mesh.log").open("w", encoding="utf-8") as output:

        def print_line(name: str, line: str) -> None:
            output.write(f"{name:>9} | {line}\n")

        settings = {
            "WAMESH_WORKER_QUIET_SECONDS": "0",
            "WAMESH_WORKER_MAX_CONVERSATIONS": "64",
            "WAMESH_LOG_LEVEL": "warning",
        }
        async with running_fleet(
            directory, url, print_line, companies=companies, gateways=gateways, environment=settings
        ) as fleet:
            yield fleet


async def run(directory: Path, url: str, arguments: argparse.Namespace) -> int:
    """Soaks once. Returns the exit code."""
    gateways = arguments.gateways or (3 if url else 1)
    async with fleet_on(directory, url, gateways, arguments.companies) as fleet:
        began = time.monotonic()
        found = await soak(fleet, arguments.messages, random.Random(arguments.seed))
        print(f"{machine()}; {arguments.engine}, {gateways} gateways, {time.monotonic() - began:.0f} s")
        violations = list(itertools.chain(*(judged(name, measured) for name, measured in found.items())))
    for violation in violations:
        print(f"VIOLATION {violation}")
    return int(bool(violations))


def main() -> int:
    """Measures once. Returns the exit code."""
    parser = argparse.ArgumentParser(description="Memory and descriptors over many messages.")
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--gateways", type=int, default=0, help="1 with SQLite, 3 with PostgreSQL by default")
    parser.add_argument("--companies", type=int, default=4)
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="wamesh-soak-"))
    if arguments.engine == "sqlite":
        return asyncio.run(run(directory, "", arguments))
    with running_postgresql(SERVER) as server, server.fresh_database() as url:
        return asyncio.run(run(directory, url, arguments))


if __name__ == "__main__":
    sys.exit(main())
