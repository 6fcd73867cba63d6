"""How long a company cannot send when its gateway is killed, restarted, or hands it over.

    PYTHONPATH=tests .venv/bin/python benchmarks/failover.py [--runs 20] [--lease 15] [--companies 6]
        [--scenarios kill restart]

Three gateways on one PostgreSQL that syncs its commits; leases are renewed three times. Two senders a company send one
text after the other, each to a random gateway that is not known to be away, and each text new: one that is refused is
not tried again, and counted.

- *kill*: a gateway gets kill -9 and stays away until all its companies send again. A figure is the time from the kill
  to the end of the first Send that began after it and succeeded, one for each company that the gateway held.
- *restart*: a gateway gets SIGTERM and starts again. A figure is the longest time between two successful Sends of one
  of its companies, from half a second before until all was calm.
- *hand-over*: the gateway is back and gets its companies again, one after the other; figures as for the restart.

Targets: kill, at most the lease and 3 s; restart, at most 2 s.
"""

import argparse
import asyncio
import itertools
import json
import random
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from measuring import machine

# grpc after measuring, which sets the environment that it loads in
# isort: split
import grpc
import psutil
from fleet_chaos import SERVER, customer_number
from support.fleet import Fleet, running_fleet
from support.postgresql import running_postgresql

from wamesh.gateway.v1 import gateway_pb2 as pb
from wamesh.rpc.errors import refusal_of

SENDERS: Final = 2
PAUSE_SECONDS: Final = 0.2
TRY_SECONDS: Final = 20.0
POLL_SECONDS: Final = 0.02
LOOK_SECONDS: Final = 0.5
CALM_SECONDS: Final = 1.0
BEFORE_SECONDS: Final = 0.5
HAND_OVER_SECONDS: Final = 10.0
"""A hand-over is over so long after it was logged."""
GRACEFUL_TARGET_SECONDS: Final = 2.0
KILL_TARGET_SECONDS: Final = 3.0
CUSTOMERS: Final = 9
_SENT: Final = frozenset({pb.DELIVERY_STATE_SENT, pb.DELIVERY_STATE_DELIVERED, pb.DELIVERY_STATE_READ})


@dataclass(frozen=True, slots=True)
class Success:
    """A Send that succeeded: when it began and ended, on the clock of `time.monotonic`."""

    begun: float
    ended: float


@dataclass(slots=True)
class Traffic:
    """Senders of every company, and when they succeeded."""

    fleet: Fleet
    successes: dict[int, list[Success]] = field(default_factory=lambda: defaultdict(list))
    refusals: Counter[str] = field(default_factory=Counter)
    """The Sends that failed, by reason."""
    away: set[str] = field(default_factory=set)
    """The gateways that senders do not try, since they know that they are gone."""
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    async def run(self) -> None:
        """Sends until it is cancelled."""
        async with asyncio.TaskGroup() as group:
            for company_id in self.fleet.companies:
                for _ in range(SENDERS):
                    group.create_task(self._send_on(company_id))

    async def _send_on(self, company_id: int) -> None:
        while True:
            begun, number = time.monotonic(), next(self._numbers)
            gateway = random.choice([each for name, each in self.fleet.gateways.items() if name not in self.away])
            request = pb.SendRequest(
                company_id=company_id,
                request_id=f"text-{number}",
                phone_number=customer_number(company_id, number % CUSTOMERS),
                text=f"text {number}",
            )
            try:
                if (await gateway.Send(request, timeout=TRY_SECONDS)).message.state in _SENT:
                    self.successes[company_id].append(Success(begun, time.monotonic()))
            except grpc.aio.AioRpcError as error:
                self.refusals[refusal_of(error).reason or error.code().name] += 1
            await asyncio.sleep(PAUSE_SECONDS)

    @property
    def sent(self) -> int:
        """How many Sends succeeded so far."""
        return sum(len(each) for each in self.successes.values())

    async def sends_since(self, company_id: int, moment: float) -> float:
        """Waits for the first Send that began after the moment and succeeded; returns when it ended."""
        while True:
            ends = [each.ended for each in self.successes[company_id] if each.begun >= moment]
            if ends:
                return min(ends)
            await asyncio.sleep(POLL_SECONDS)

    def longest_gap(self, company_id: int, begin: float, end: float) -> float:
        """The longest time between two successful Sends that ended within [begin, end]."""
        ends = sorted(each.ended for each in self.successes[company_id] if begin <= each.ended <= end)
        return max(later - earlier for earlier, later in itertools.pairwise(ends))


@dataclass(slots=True)
class Bench:
    """A fleet under traffic."""

    fleet: Fleet
    traffic: Traffic
    handed_over: list[tuple[int, float]]
    """Each hand-over that a gateway began: which company, and when."""
    lease_seconds: float

    async def held(self) -> dict[str, list[int]]:
        """The companies that each gateway holds, all of them connected."""
        found: dict[str, list[int]] = {name: [] for name in self.fleet.gateways}
        for company_id in self.fleet.companies:
            found[await self.fleet.gateway_of(company_id)].append(company_id)
        return found

    async def kill(self) -> list[float]:
        """Seconds from a kill to the end of the next Send, for each company of the gateway that was killed."""
        victim, companies = await self._victim()
        self.fleet.mesh.hold_back(victim)
        self.traffic.away.add(victim)
        moment = time.monotonic()
        psutil.Process(self.fleet.mesh.pid_of(victim)).kill()
        figures = [await self.traffic.sends_since(company_id, moment) - moment for company_id in companies]
        self.fleet.mesh.let_in(victim)
        await self._back(victim)
        return figures

    async def restart(self) -> list[float]:
        """The longest gap between Sends of each company of a gateway that is restarted in order; returns when every
        company has found its place again.
        """
        victim, companies = await self._victim()
        self.traffic.away.add(victim)
        moment = time.monotonic()
        process = psutil.Process(self.fleet.mesh.pid_of(victim))
        process.terminate()
        while process.is_running():  # noqa: ASYNC110 - it goes when its companies have gone
            await asyncio.sleep(POLL_SECONDS)
        gone = time.monotonic()
        for company_id in companies:
            await self.traffic.sends_since(company_id, gone + CALM_SECONDS)
        await asyncio.sleep(CALM_SECONDS)
        calm = time.monotonic()
        figures = [self.traffic.longest_gap(company_id, moment - BEFORE_SECONDS, calm) for company_id in companies]
        await self._back(victim)
        await self._still()
        return figures

    def hand_overs(self) -> list[float]:
        """The longest gap between Sends around each hand-over so far."""
        return [
            self.traffic.longest_gap(company_id, moment - BEFORE_SECONDS, moment + HAND_OVER_SECONDS)
            for company_id, moment in self.handed_over
        ]

    async def _still(self) -> None:
        """Waits until nothing has moved for as long as a gateway waits before it hands over to one that is new, and for
        a hand-over more.
        """
        since, held = time.monotonic(), await self.held()
        while time.monotonic() < since + self.lease_seconds + HAND_OVER_SECONDS:
            await asyncio.sleep(LOOK_SECONDS)
            if (now := await self.held()) != held:
                since, held = time.monotonic(), now

    async def _victim(self) -> tuple[str, list[int]]:
        """The gateway that holds the most."""
        held = await self.held()
        name = max(held, key=lambda each: len(held[each]))
        return name, held[name]

    async def _back(self, name: str) -> None:
        """Waits until a gateway answers again."""
        await self.fleet.gateways[name].ListSessions(pb.ListSessionsRequest(), wait_for_ready=True, timeout=60)
        self.traffic.away.discard(name)


async def bench(directory: Path, url: str, arguments: argparse.Namespace) -> dict[str, list[float]]:
    """Runs the scenarios and returns their figures, in seconds."""
    handed_over: list[tuple[int, float]] = []
    settings = {
        "WAMESH_LOG_FORMAT": "json",
        "WAMESH_LEASE_SECONDS": str(arguments.lease),
        "WAMESH_LEASE_RENEW_SECONDS": str(arguments.lease / 3),
    }
    with (directory / "mesh.log").open("w", encoding="utf-8") as output:

        def print_line(name: str, line: str) -> None:
            output.write(f"{name:>9} | {line}\n")
            if '"handing over"' in line:
                handed_over.append((json.loads(line)["company_id"], time.monotonic()))

        async with running_fleet(
            directory, url, print_line, companies=arguments.companies, workers=0, environment=settings
        ) as fleet:
            traffic = Traffic(fleet)
            sending = asyncio.create_task(traffic.run())
            await asyncio.sleep(2 * arguments.lease)  # until every company is at home
            try:
                return await scenarios(Bench(fleet, traffic, handed_over, arguments.lease), arguments)
            finally:
                sending.cancel()


async def scenarios(bench: Bench, arguments: argparse.Namespace) -> dict[str, list[float]]:
    """Each wanted scenario, so many runs of it; after restarts also the hand-overs that they brought about."""
    figures: dict[str, list[float]] = {}
    for name in arguments.scenarios:
        figures[name] = []
        bench.handed_over.clear()
        bench.traffic.refusals.clear()
        sent = bench.traffic.sent
        for number in range(arguments.runs):
            took = await {"kill": bench.kill, "restart": bench.restart}[name]()
            print(f"{name} {number + 1}: {', '.join(f'{each:.2f}' for each in took)} s", flush=True)
            figures[name] += took
        refusals = bench.traffic.refusals
        print(
            f"{name}: {bench.traffic.sent - sent} sends, {refusals.total()} refused {dict(refusals) or ''}", flush=True
        )
        if name == "restart":
            figures["hand-over"] = bench.hand_overs()
    return figures


def tell(figures: Mapping[str, Sequence[float]], targets: Mapping[str, float]) -> int:
    """Prints the figures and whether they met their targets. Returns the exit code."""
    print(f"{machine()}")
    missed = False
    for name, seconds in figures.items():
        target = targets.get(name)
        verdict = "" if target is None else f", target {target:.0f} s: {'met' if max(seconds) <= target else 'MISSED'}"
        missed |= "MISSED" in verdict
        print(
            f"{name}: {len(seconds)} figures, p50 {statistics.median(seconds):.2f} s, max {max(seconds):.2f} s{verdict}"
        )
    return int(missed)


def main() -> int:
    """Measures once. Returns the exit code."""
    parser = argparse.ArgumentParser(description="How long a company cannot send when its gateway goes.")
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--lease", type=float, default=15.0, help="seconds; renewed three times")
    parser.add_argument("--companies", type=int, default=6)
    parser.add_argument("--scenarios", nargs="+", choices=("kill", "restart"), default=["kill", "restart"])
    arguments = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="wamesh-failover-"))
    with running_postgresql(SERVER) as server, server.fresh_database() as url:
        figures = asyncio.run(bench(directory, url, arguments))
    return tell(figures, {"kill": arguments.lease + KILL_TARGET_SECONDS, "restart": GRACEFUL_TARGET_SECONDS})


if __name__ == "__main__":
    sys.exit(main())
