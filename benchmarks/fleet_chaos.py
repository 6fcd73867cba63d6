"""Several gateways on one PostgreSQL under fire: two-way traffic of many companies, judged by the network's own log.

    PYTHONPATH=tests .venv/bin/python benchmarks/fleet_chaos.py [--seconds 300] [--seed 7] [--gateways 3]
        [--companies 20] [--workers 2] [--strikes 36] [--lease 6]

A customer of each company holds booking dialogues. Callers send texts to other customers through Gateway.Send of
random gateways, each with a request id of its own, and ask another gateway when one does not answer; some texts may
queue, some are scheduled a few seconds ahead, some are wanted at least once. Meanwhile everything breaks, each kind as
often as the others (`fleet_striking`): kill -9 and SIGSTOP of gateways, session processes and workers, kill -9 of
booking, graceful restarts, and the database restarts, crashes, and is away for seconds. The server syncs its commits.
Exit code 1 when a rule of `fleet_judging` does not hold.

The seed fixes what strikes when, and what customers say; not how the processes are scheduled.
"""

import argparse
import asyncio
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from dialogues import Phone
from judging import Verdict, events
from letters import Letter, send, shorten_doubts

# grpc after judging, which sets the environment that it loads in
# isort: split
import asyncpg
import grpc
from fleet_judging import collect, connected, judged
from fleet_striking import KINDS, FleetStriker, Strike, plan
from support.fleet import Fleet, running_fleet, salon_number
from support.postgresql import DURABLE, PostgresqlServer, running_postgresql

from wamesh.gateway.v1 import gateway_pb2 as pb

CALLERS: Final = 6
CALLER_PAUSE_SECONDS: Final = (0.1, 0.5)
CUSTOMERS: Final = 10
"""Of each company: the first talks, the others are sent letters."""
DIALOGUE_PAUSE_SECONDS: Final = (0.0, 2.0)
SCHEDULED_AHEAD_SECONDS: Final = (2.0, 8.0)
REST_SECONDS: Final = 3.0
"""A reply too many would come in this time."""
BACK_SECONDS: Final = 60.0
"""Within this time after the last strike every session is connected."""
AWAY: Final = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What a connection to a database that restarts may raise; a TimeoutError is an OSError."""
SERVER: Final = {**DURABLE, "max_connections": "300"}


@dataclass(frozen=True, slots=True)
class Scale:
    """How large a run is. `lease_seconds` are renewed three times."""

    seconds: float
    seed: int
    gateways: int = 3
    companies: int = 20
    workers: int = 2
    strikes: int = 36
    lease_seconds: float = 6.0
    kinds: Sequence[str] = KINDS

    @property
    def lost_after_seconds(self) -> float:
        """How long a message may be in a journal that nobody reads: its gateway is away for some leases."""
        return 30.0 + 5 * self.lease_seconds


@dataclass(slots=True)
class Run:
    """A run under way."""

    fleet: Fleet
    scale: Scale
    striker: FleetStriker
    dice: random.Random
    letters: list[Letter] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    async def is_stored(self, message_id: str) -> bool:
        """Whether a customer's message is in the inbox; False when the database cannot tell."""
        with suppress(*AWAY):
            async with connected(self.fleet) as connection:
                query = "SELECT count(*) FROM inbox_messages WHERE message_id = $1"
                return bool(await connection.fetchval(query, message_id))
        return False


def written(run: Run) -> Iterator[Letter]:
    """Unique texts for ever, for random customers of random companies."""
    dice, number = run.dice, 0
    while True:
        number += 1
        company_id = dice.choice(run.fleet.companies)
        guarantee = pb.GUARANTEE_AT_LEAST_ONCE if dice.random() < 0.1 else pb.GUARANTEE_UNSPECIFIED
        letter = Letter(
            f"letter {number}",
            customer_number(company_id, dice.randrange(1, CUSTOMERS)),
            dice.random() < 0.3,
            guarantee,
            company_id,
        )
        if dice.random() < 0.15:
            letter.schedule_time = datetime.now(UTC) + timedelta(seconds=dice.uniform(*SCHEDULED_AHEAD_SECONDS))
        yield letter


def customer_number(company_id: int, index: int) -> str:
    """The number of a company's customer."""
    return f"+4477009{company_id * CUSTOMERS + index:05}"


async def call(run: Run, waiting: Iterator[Letter], until: float) -> None:
    """A caller: one letter after the other, each through whatever gateway."""
    gateways = list(run.fleet.gateways.values())
    while asyncio.get_running_loop().time() < until:
        letter = next(waiting)
        run.letters.append(letter)
        await send(lambda: random.choice(gateways), letter)
        await asyncio.sleep(run.dice.uniform(*CALLER_PAUSE_SECONDS))


async def watch_holders(run: Run) -> None:
    """Counts how often a company's lease went to another gateway."""
    last: dict[int, str] = {}
    while True:
        with suppress(*AWAY):
            async with connected(run.fleet) as connection:
                while True:
                    for company_id, holder in await connection.fetch("SELECT company_id, holder FROM leases"):
                        if holder:
                            run.counts["companies moved to another gateway"] += last.get(company_id, holder) != holder
                            last[company_id] = holder
                    await asyncio.sleep(0.25)
        await asyncio.sleep(0.25)


async def operate(run: Run) -> None:
    """The operator: a session that was stopped because its process crashed again and again is started again."""
    while True:
        await asyncio.sleep(1)
        with suppress(grpc.aio.AioRpcError):
            for session in (await run.fleet.anywhere.ListSessions(pb.ListSessionsRequest(), timeout=2)).sessions:
                if session.state == pb.SESSION_STATE_STOPPED:
                    run.counts[f"operator starts a session after {session.reason}"] += 1
                    await run.fleet.anywhere.StartSession(
                        pb.StartSessionRequest(company_id=session.company_id), timeout=5
                    )


async def come_back(run: Run, verdict_of: list[str]) -> None:
    """Waits until every session is connected; says which is not."""
    deadline = asyncio.get_running_loop().time() + BACK_SECONDS
    for company_id in run.fleet.companies:
        try:
            async with asyncio.timeout_at(deadline):
                await run.fleet.gateway_of(company_id)
        except TimeoutError:
            verdict_of.append(f"company {company_id} is not connected {BACK_SECONDS:.0f} s after the last strike")


async def under_fire(run: Run, strikes: Sequence[Strike]) -> list[str]:
    """Traffic and strikes, until all is calm again. Returns what did not come back."""
    until = asyncio.get_running_loop().time() + run.scale.seconds
    waiting = written(run)
    phones = [
        Phone(
            run.fleet.emulator,
            salon_number(company_id),
            customer_number(company_id, 0),
            random.Random(f"{run.scale.seed} {company_id}"),
            run.is_stored,
            run.scale.lost_after_seconds,
            DIALOGUE_PAUSE_SECONDS,
        )
        for company_id in run.fleet.companies
    ]
    missing: list[str] = []
    async with asyncio.TaskGroup() as beside:
        endless = [beside.create_task(work) for work in (watch_holders(run), operate(run))]
        async with asyncio.TaskGroup() as group:
            for phone in phones:
                group.create_task(phone.live(until))
            for _ in range(CALLERS):
                group.create_task(call(run, waiting, until))
            await run.striker.follow(strikes)
            await come_back(run, missing)
        await asyncio.sleep(REST_SECONDS)
        for task in endless:
            task.cancel()
    return missing


async def fleet_chaos(directory: Path, server: PostgresqlServer, scale: Scale) -> Verdict:
    """Runs the fleet, its customers and what strikes them; then judges. Leaves the fleet's output in `mesh.log`."""
    shorten_doubts()
    dice = random.Random(scale.seed)
    strikes = plan(dice, scale.seconds, scale.strikes, scale.kinds)
    settings = {
        "WAMESH_LEASE_SECONDS": str(scale.lease_seconds),
        "WAMESH_LEASE_RENEW_SECONDS": str(scale.lease_seconds / 3),
        "WAMESH_LOCK_WAIT_SECONDS": "60",  # until the processes of the one before are gone
    }
    counts: Counter[str] = Counter()
    with (directory / "mesh.log").open("w", encoding="utf-8") as output, server.fresh_database() as url:

        def print_line(name: str, line: str) -> None:
            output.write(f"{name:>9} | {line}\n")
            output.flush()
            counts["hand-overs to rebalance"] += "handing over" in line

        async with running_fleet(
            directory,
            url,
            print_line,
            companies=scale.companies,
            gateways=scale.gateways,
            workers=scale.workers,
            environment=settings,
        ) as fleet:
            striker = FleetStriker(fleet, server, scale.lease_seconds, print_line)
            run = Run(fleet, scale, striker, dice)
            missing = await under_fire(run, strikes)
            log = await events(fleet.emulator)
            verdict = await judged(fleet, await collect(fleet, log, striker.hits, run.letters))
            verdict.violations += missing
            verdict.counts |= run.counts | counts | Counter(f"strike: {hit.kind}" for hit in striker.hits)
            verdict.counts["strikes"] = len(striker.hits)
            return verdict


def main() -> int:
    """Runs once, prints counts and violations. Returns the exit code."""
    parser = argparse.ArgumentParser(description="A fleet of gateways under fire, judged by the network.")
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--gateways", type=int, default=3)
    parser.add_argument("--companies", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--strikes", type=int, default=36)
    parser.add_argument("--lease", type=float, default=6.0, dest="lease_seconds", help="seconds; renewed three times")
    scale = Scale(**vars(parser.parse_args()))
    directory = Path(tempfile.mkdtemp(prefix="wamesh-fleet-chaos-"))
    with running_postgresql(SERVER) as server:
        verdict = asyncio.run(fleet_chaos(directory, server, scale))
    return verdict.tell(f"seed {scale.seed}, {scale.seconds:.0f} s, {scale.strikes} strikes", directory)


if __name__ == "__main__":
    sys.exit(main())
