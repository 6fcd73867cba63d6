"""Customers book while the mesh is killed and its network fails; afterwards the network's own log is the judge.

    .venv/bin/python benchmarks/chaos.py [--seconds 120] [--seed 7] [--customers 20] [--transport memory|emulator]

Twenty customers hold booking dialogues (ask, choose, thank), each waiting for the reply before the next message. At
random moments a process gets kill -9 (gateway, session process, worker, booking, api) or is frozen past its lease, or
the network misbehaves (connection cut, message delivered twice, ack withheld or late; on WhatsApp's protocol also a
slow link, closed websockets, stream errors, few prekeys, messages that cannot be read and are asked for again). Exit
code 1 when one of these does not hold:

* every customer message is answered once, and every booking confirmed once (`dialogues` has the rules);
* never two logged-in connections of one device, and no connection is ever replaced;
* no reply is left half done.

The seed fixes what strikes when, and what customers say; not how the processes are scheduled. A seed that failed once
is likely, not certain, to fail again.
"""

import argparse
import asyncio
import os
import random
import sqlite3
import sys
import tempfile
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

from dialogues import Excuses, Phone, judge_bookings, judge_ids, judge_turns, turns_of
from judging import Verdict, events
from striking import SESSION, Striker

# grpc after judging, which sets the environment that it loads in
# isort: split
import grpc

from wamesh.booking.v1 import booking_pb2
from wamesh.console import demo
from wamesh.emulator.v1 import emulator_pb2 as network
from wamesh.gateway.v1 import gateway_pb2

LOST_AFTER_SECONDS: Final = 30.0
"""A message that is in no inbox after this time has no process left that could bring it there."""
LOSS_WINDOW: Final = timedelta(seconds=3)
LOSING: Final = (f"kill {SESSION}", f"thaw {SESSION}", "kill gateway")
"""The blows that end a session process, or may."""
PAUSE_SECONDS: Final = (0.3, 2.5)

KILLS: Final = {"gateway": 6, "session": 8, "worker": 8, "booking": 6, "api": 2}
FROZEN: Final = ("gateway", "session", "worker", "booking")
FREEZE_SECONDS: Final = (1.0, 20.0)
LOCK_WAIT_SECONDS: Final = "30"
"""A gateway waits until the processes of the one before are gone."""
FAULTS: Final = {
    network.FAULT_KIND_DROP_CONNECTION: 6,
    network.FAULT_KIND_DUPLICATE_DELIVERY: 6,
    network.FAULT_KIND_DELAY_ACK: 6,
    network.FAULT_KIND_DROP_AFTER_SEND: 6,
    network.FAULT_KIND_WITHHOLD_ACK: 1,
}
PROTOCOL_FAULTS: Final = {
    **FAULTS,
    network.FAULT_KIND_CLOSE_WEBSOCKET: 4,
    network.FAULT_KIND_STREAM_ERROR: 4,
    network.FAULT_KIND_SLOW_LINK: 3,
    network.FAULT_KIND_FEW_PREKEYS: 3,
    network.FAULT_KIND_UNREADABLE_SEND: 3,
    network.FAULT_KIND_UNREADABLE_DELIVERY: 3,
    network.FAULT_KIND_SERVICE_DOWN: 2,
}
"""How often each strikes, against the others."""
SLOW_SECONDS: Final = (0.05, 0.3)
SLOW_FOR_SECONDS: Final = 5.0


@dataclass(slots=True)
class Run:
    """A run under way: what struck when, and what the customers went through."""

    mesh: demo.Demo
    directory: Path
    dice: random.Random
    transport: demo.Simulation
    striker: Striker
    struck: Counter[str] = field(default_factory=Counter)

    def gateway_rows(self, query: str) -> list[tuple[str, ...]]:
        """What the gateway's database says, read beside it."""
        with closing(sqlite3.connect(f"file:{self.directory}/gateway.db?mode=ro", uri=True)) as database:
            return database.execute(query).fetchall()

    def inbox(self) -> set[str]:
        """The ids of the customers' messages that are stored."""
        return {message_id for (message_id,) in self.gateway_rows("SELECT message_id FROM inbox_messages")}

    async def is_stored(self, message_id: str) -> bool:
        """Whether the message of this id is stored."""
        return message_id in self.inbox()


async def strike(run: Run) -> None:
    """Lets one thing go wrong."""
    chance = run.dice.random()
    if chance < 0.5:
        run.striker.kill(run.dice.choices(list(KILLS), list(KILLS.values()))[0])
    elif chance < 0.6:
        run.striker.freeze(run.dice.choice(FROZEN), run.dice.uniform(*FREEZE_SECONDS))
    else:
        faults = FAULTS if run.transport == "memory" else PROTOCOL_FAULTS
        await _inject(run, run.dice.choices(list(faults), list(faults.values()))[0])


async def _inject(run: Run, kind: "network.FaultKind.ValueType") -> None:
    fault = network.InjectFaultRequest(account_phone_number=demo.SALON_NUMBER, kind=kind, count=run.dice.randint(1, 3))
    if kind == network.FAULT_KIND_DELAY_ACK:
        fault.delay_duration.FromTimedelta(timedelta(seconds=run.dice.uniform(0.5, 4)))
    if kind == network.FAULT_KIND_SLOW_LINK:
        fault.delay_duration.FromTimedelta(timedelta(seconds=run.dice.uniform(*SLOW_SECONDS)))
    if kind == network.FAULT_KIND_WITHHOLD_ACK:
        fault.count = 1
    if kind == network.FAULT_KIND_STREAM_ERROR:
        fault.code = 503
    with suppress(grpc.aio.AioRpcError):  # nobody is connected whose connection could be cut
        await run.mesh.emulator.InjectFault(fault)
        run.struck[network.FaultKind.Name(kind).removeprefix("FAULT_KIND_").lower()] += 1
        if kind == network.FAULT_KIND_SLOW_LINK:
            await asyncio.sleep(SLOW_FOR_SECONDS)
            clear = network.ClearFaultsRequest(account_phone_number=demo.SALON_NUMBER)
            await run.mesh.emulator.ClearFaults(clear)


async def strike_until(run: Run, until: float) -> None:
    """Strikes at random moments."""
    while asyncio.get_running_loop().time() < until:
        await asyncio.sleep(run.dice.uniform(*PAUSE_SECONDS))
        await strike(run)


async def operate(run: Run) -> None:
    """The operator: a session that was stopped because its process crashed again and again is started again."""
    company = gateway_pb2.GetSessionRequest(company_id=demo.COMPANY_ID)
    while True:
        await asyncio.sleep(1)
        with suppress(grpc.aio.AioRpcError):
            session = (await run.mesh.gateway.GetSession(company, timeout=2)).session
            if session.reason == "CRASH_LOOP":
                await run.mesh.gateway.StartSession(gateway_pb2.StartSessionRequest(company_id=demo.COMPANY_ID))
                run.struck["operator starts session"] += 1


async def bookings(run: Run) -> Counter[str]:
    """How many bookings each customer has, by phone number."""
    request = booking_pb2.ListBookingsRequest(
        company_id=demo.COMPANY_ID, state=booking_pb2.BOOKING_STATE_CONFIRMED, page_size=1000
    )
    found: Counter[str] = Counter()
    while True:
        part = await run.mesh.booking.ListBookings(request, wait_for_ready=True, timeout=60)
        found.update(each.customer.phone_number for each in part.bookings)
        if not part.next_page_token:
            return found
        request.page_token = part.next_page_token


def excuses(run: Run) -> Excuses:
    """What the gateway's database and the blows excuse."""
    lossy = run.striker.moments(*LOSING)
    unknown = run.gateway_rows(
        "SELECT DISTINCT o.request_id, i.phone_number FROM outbox_messages o "
        "JOIN inbox_messages i USING (company_id, chat) WHERE o.state = 'UNKNOWN'"
    )
    return Excuses(
        stored=run.inbox(),
        may_be_lost=lambda turn: turn.came_near(lossy, LOSS_WINDOW),
        doubts=Counter(number for _, number in unknown),
    )


def judge_outbox(verdict: Verdict, run: Run) -> None:
    """Nothing is left half done, and no send failed."""
    states = Counter(state for (state,) in run.gateway_rows("SELECT state FROM outbox_messages"))
    verdict.counts |= Counter({f"outbox {state}": count for state, count in states.items()})
    for state in ("QUEUED", "SENDING", "FAILED"):
        if states[state]:
            verdict.violations.append(f"{states[state]} replies are {state} at the end")


async def judged(run: Run) -> Verdict:
    """The verdict over a run that has come to rest."""
    log, verdict = await events(run.mesh.emulator), Verdict()
    turns = turns_of(log)
    excused = excuses(run)
    judge_turns(verdict, turns, excused)
    judge_ids(verdict, log)
    verdict.judge_connections(log)
    judge_bookings(verdict, turns, await bookings(run), excused.doubts)
    judge_outbox(verdict, run)
    return verdict


async def chaos(directory: Path, arguments: argparse.Namespace) -> Verdict:
    """Runs the mesh, the customers and what strikes them; then judges."""
    os.environ["WAMESH_LOCK_WAIT_SECONDS"] = LOCK_WAIT_SECONDS
    with (directory / "mesh.log").open("w", encoding="utf-8") as output:

        def print_line(name: str, line: str) -> None:
            output.write(f"{name:>8} | {line}\n")
            output.flush()

        addresses = demo.free_addresses(anywhere=True)
        async with demo.running(directory, addresses, print_line, transport=arguments.transport) as mesh:
            dice, striker = random.Random(arguments.seed), Striker(mesh.mesh)
            run = Run(mesh, directory, dice, arguments.transport, striker)
            until = asyncio.get_running_loop().time() + arguments.seconds
            operator = asyncio.create_task(operate(run))
            phones = [
                Phone(
                    mesh.emulator,
                    demo.SALON_NUMBER,
                    f"+4477009{number:05}",
                    random.Random(f"{arguments.seed} {number}"),
                    run.is_stored,
                    LOST_AFTER_SECONDS,
                )
                for number in range(arguments.customers)
            ]
            await asyncio.gather(strike_until(run, until), *(phone.live(until) for phone in phones))
            await asyncio.sleep(LOST_AFTER_SECONDS / 10)  # a reply too many would come now
            operator.cancel()
            verdict = await judged(run)
            verdict.counts |= run.struck | Counter(blow.name for blow in striker.blows)
            return verdict


def main() -> int:
    """Runs once, prints counts and violations. Returns the exit code."""
    parser = argparse.ArgumentParser(description="Kills and faults under booking dialogues, judged by the network.")
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--customers", type=int, default=20)
    parser.add_argument("--transport", choices=("memory", "emulator"), default="memory")
    arguments = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="wamesh-chaos-"))
    verdict = asyncio.run(chaos(directory, arguments))
    return verdict.tell(f"seed {arguments.seed}", directory)


if __name__ == "__main__":
    sys.exit(main())
