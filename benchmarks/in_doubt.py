"""Sends that a kill -9 interrupts: each has a final state in the end, and the state is the truth.

    .venv/bin/python benchmarks/in_doubt.py [--sends 2000] [--seed 7] [--callers 8]
                                            [--transport emulator|memory] [--at-least-once]

Callers send texts through Gateway.Send, each with a request id of its own, and ask again with the same id while the
gateway or the session is away. Meanwhile the session process and the gateway get kill -9: at random moments, and aimed
into the gap between the wire and the outcome, where the network has just taken a message whose ack it holds back, or
has just lost one. Exit code 1 when an outcome is not what the network's log proves (`letters` has the rules), when a
device has two connections at a time, or when one is replaced.

With --at-least-once the callers ask for that guarantee, as somebody does who would rather say a thing twice than not at
all: then every text arrives, and only those arrive twice that a kill struck.

The seed fixes what strikes when; not how the processes are scheduled.
"""

import argparse
import asyncio
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

from judging import Verdict, events
from letters import Judge, Letter, send, shorten_doubts, written
from striking import SESSION, Striker

# grpc after judging, which sets the environment that it loads in
# isort: split
import grpc

from wamesh.console import demo
from wamesh.emulator.v1 import emulator_pb2 as network
from wamesh.gateway.v1 import gateway_pb2 as pb

SENDS_BETWEEN_BLOWS: Final = (6, 18)
GAP_SECONDS: Final = (0.0, 0.05)
AIMS: Final = {
    network.FAULT_KIND_WITHHOLD_ACK: network.EVENT_KIND_MESSAGE_SENT,
    network.FAULT_KIND_LOSE_SEND: network.EVENT_KIND_MESSAGE_LOST,
}
"""What holds a send in the gap, and the event that tells that it is there now."""


@dataclass(slots=True)
class Run:
    """A run under way."""

    mesh: demo.Demo
    striker: Striker
    dice: random.Random
    begun: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    """Counts the letters that were begun since the striker last looked."""
    aimed: Counter[str] = field(default_factory=Counter)


async def call(run: Run, waiting: Iterator[Letter]) -> None:
    """A caller: sends letters until none is left."""
    for letter in waiting:
        run.begun.release()
        await send(lambda: run.mesh.gateway, letter)


async def strike_on(run: Run) -> None:
    """Strikes again and again, a few sends apart, until it is cancelled."""
    while True:
        for _ in range(run.dice.randint(*SENDS_BETWEEN_BLOWS)):
            await run.begun.acquire()
        victim = run.dice.choices((SESSION, "gateway"), (3, 1))[0]
        if run.dice.random() < 0.3:
            await aim(run, victim, run.dice.choice(list(AIMS)))
        else:
            await asyncio.sleep(run.dice.uniform(*GAP_SECONDS))
            run.striker.kill(victim)


async def aim(run: Run, victim: str, fault: "network.FaultKind.ValueType") -> None:
    """Kills while a send is in the gap."""
    began = (await events(run.mesh.emulator))[-1].cursor
    armed = network.InjectFaultRequest(account_phone_number=demo.SALON_NUMBER, kind=fault, count=1)
    await run.mesh.emulator.InjectFault(armed)
    wanted = network.EventFilter(kinds=[network.EVENT_KIND_FAULT_INJECTED, AIMS[fault]])
    watch = run.mesh.emulator.WatchEvents(network.WatchEventsRequest(filter=wanted, after_cursor=began))
    is_armed = False
    async for seen in watch:
        if is_armed:
            break
        is_armed = seen.event.kind == network.EVENT_KIND_FAULT_INJECTED
    watch.cancel()
    run.striker.kill(victim)
    run.aimed[f"aimed: {network.FaultKind.Name(fault).removeprefix('FAULT_KIND_').lower()}"] += 1


async def operate(run: Run) -> None:
    """The operator: brings a session that waits for its next try, or that crashed too often, up at once."""
    company = demo.COMPANY_ID
    while True:
        await asyncio.sleep(0.05)
        with suppress(grpc.aio.AioRpcError):
            session = (await run.mesh.gateway.GetSession(pb.GetSessionRequest(company_id=company), timeout=2)).session
            if session.state == pb.SESSION_STATE_DISCONNECTED:
                await run.mesh.gateway.Reconnect(pb.ReconnectRequest(company_id=company), timeout=5)
            elif session.state == pb.SESSION_STATE_STOPPED:
                await run.mesh.gateway.StartSession(pb.StartSessionRequest(company_id=company), timeout=5)


async def judged(run: Run, letters: list[Letter]) -> Verdict:
    """The verdict over a run that has come to rest."""
    log, verdict = await events(run.mesh.emulator), Verdict()
    verdict.counts |= run.aimed | Counter(blow.name for blow in run.striker.blows)
    verdict.judge_connections(log)
    kills = run.striker.moments(f"kill {SESSION}", "kill gateway")
    await Judge(verdict, run.mesh.gateway, log, kills).judge(letters)
    return verdict


async def in_doubt(
    directory: Path, *, sends: int, seed: int, callers: int, transport: demo.Simulation, at_least_once: bool = False
) -> Verdict:
    """Runs the mesh, the callers and what strikes them; then judges. Leaves the mesh's output in `mesh.log`."""
    shorten_doubts()
    with (directory / "mesh.log").open("w", encoding="utf-8") as output:

        def print_line(name: str, line: str) -> None:
            output.write(f"{name:>8} | {line}\n")
            output.flush()

        async with demo.running(directory, demo.free_addresses(anywhere=True), print_line, transport=transport) as mesh:
            dice = random.Random(seed)
            guarantee = pb.GUARANTEE_AT_LEAST_ONCE if at_least_once else pb.GUARANTEE_UNSPECIFIED
            letters = list(islice(written(2 * callers, dice, guarantee), sends))
            run = Run(mesh, Striker(mesh.mesh), dice)
            others = [asyncio.create_task(each) for each in (strike_on(run), operate(run))]
            waiting = iter(letters)
            await asyncio.gather(*(call(run, waiting) for _ in range(callers)))
            for other in others:
                other.cancel()
            return await judged(run, letters)


def main() -> int:
    """Runs once, prints counts and violations. Returns the exit code."""
    parser = argparse.ArgumentParser(description="Sends that kill -9 interrupts, judged by the network.")
    parser.add_argument("--sends", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--callers", type=int, default=8)
    parser.add_argument("--transport", choices=("emulator", "memory"), default="emulator")
    parser.add_argument("--at-least-once", action="store_true", help="ask for this guarantee")
    arguments = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="wamesh-in-doubt-"))
    verdict = asyncio.run(in_doubt(directory, **vars(arguments)))
    return verdict.tell(f"seed {arguments.seed}", directory)


if __name__ == "__main__":
    sys.exit(main())
