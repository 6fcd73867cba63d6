"""Sends that a kill -9 interrupts: each has a final state in the end, and the state is the truth.

    .venv/bin/python benchmarks/in_doubt.py [--sends 2000] [--seed 7] [--callers 8]
                                            [--transport emulator|memory] [--again]

Callers send texts through Gateway.Send, each with a request id of its own, and ask again with the same id while the
gateway or the session is away. Meanwhile the session process and the gateway get kill -9: at random moments, and aimed
into the gap between the wire and the outcome, where the network has just taken a message whose ack it holds back, or
has just lost one. Exit code 1 when one of these does not hold, by the network's log:

* every request comes to a final state;
* no text reaches its customer twice;
* SENT, DELIVERED and READ: the customer has the text, under the message id that Send told;
* FAILED: the customer has nothing;
* UNKNOWN: a kill struck while that send was under way, and the customer has nothing, or has the text and a kill struck
  just when the receipt that would have proved it was handed over (see RECEIPT_WINDOW);
* never two logged-in connections of one device, and none is ever replaced.

With --again a caller whose message came out UNKNOWN sends it once more under another request id, as somebody does who
would rather say a thing twice than not at all: then every text arrives, and only those arrive twice whose first
outcome was in doubt.

The seed fixes what strikes when; not how the processes are scheduled.
"""

import argparse
import asyncio
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from wamesh.cli import GRPC_ENVIRONMENT

os.environ.update(GRPC_ENVIRONMENT)

import grpc
from judging import Verdict, events
from striking import SESSION, Striker

from wamesh.console import demo
from wamesh.emulator.v1 import emulator_pb2 as network
from wamesh.gateway.v1 import gateway_pb2 as pb


DOUBT: Final = timedelta(seconds=8)
"""How long a receipt may prove a send in these runs; the gateway's own default is a minute."""
RECEIPT_WINDOW: Final = timedelta(seconds=1)
"""A kill so soon after a message, or after a login that followed it, may have hit its receipt between the library,
which tells WhatsApp that it has it, and the journal.
"""
CALL_SECONDS: Final = 10.0
PAUSE_SECONDS: Final = (0.02, 0.1)
GAP_SECONDS: Final = (0.0, 0.05)
SENDS_BETWEEN_BLOWS: Final = (6, 18)

AWAY: Final = frozenset(
    {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.FAILED_PRECONDITION}
)
"""Answers after which a caller asks again: the gateway is away, the outcome takes longer, the session is away."""
OPEN: Final = frozenset({pb.DELIVERY_STATE_QUEUED, pb.DELIVERY_STATE_SENDING})
ARRIVED: Final = frozenset({pb.DELIVERY_STATE_SENT, pb.DELIVERY_STATE_DELIVERED, pb.DELIVERY_STATE_READ})

AIMS: Final = {
    network.FAULT_KIND_WITHHOLD_ACK: network.EVENT_KIND_MESSAGE_SENT,
    network.FAULT_KIND_LOSE_SEND: network.EVENT_KIND_MESSAGE_LOST,
}
"""What holds a send in the gap, and the event that tells that it is there now."""


@dataclass(slots=True)
class Letter:
    """One text for one customer, and the request ids it went by, in order."""

    text: str
    phone_number: str
    queueable: bool
    request_ids: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Run:
    """A run under way."""

    mesh: demo.Demo
    striker: Striker
    letters: list[Letter]
    again: bool
    strikes: random.Random
    """Decides what strikes when."""
    begun: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    """Counts sends that were begun since the striker last looked."""
    aimed: Counter[str] = field(default_factory=Counter)


def letters(count: int, customers: int, dice: random.Random) -> list[Letter]:
    """Unique texts; some customers get many, so that the order in a chat matters too."""
    return [
        Letter(f"letter {number}", f"+4477009{dice.randrange(customers):05}", queueable=dice.random() < 0.3)
        for number in range(count)
    ]


async def call(run: Run, waiting: Iterator[Letter]) -> None:
    """A caller: sends letters until none is left."""
    for letter in waiting:
        outcome = await outcome_of(run, letter)
        if run.again and outcome.state == pb.DELIVERY_STATE_UNKNOWN:
            await outcome_of(run, letter)


async def outcome_of(run: Run, letter: Letter) -> pb.OutgoingMessage:
    """Sends a letter under a fresh request id, and asks again with the same one until it has an outcome."""
    request_id = f"{letter.text.replace(' ', '-')}.{len(letter.request_ids)}"
    letter.request_ids.append(request_id)
    run.begun.release()
    request = pb.SendRequest(
        company_id=demo.COMPANY_ID,
        request_id=request_id,
        phone_number=letter.phone_number,
        text=letter.text,
        queue_while_disconnected=letter.queueable,
    )
    while True:
        try:
            message: pb.OutgoingMessage = (await run.mesh.gateway.Send(request, timeout=CALL_SECONDS)).message
        except grpc.aio.AioRpcError as error:
            if error.code() not in AWAY:
                raise
        else:
            if message.state not in OPEN:
                return message
        await asyncio.sleep(random.uniform(*PAUSE_SECONDS))


async def strike_on(run: Run) -> None:
    """Strikes again and again, a few sends apart, until it is cancelled."""
    while True:
        for _ in range(run.strikes.randint(*SENDS_BETWEEN_BLOWS)):
            await run.begun.acquire()
        victim = run.strikes.choices((SESSION, "gateway"), (3, 1))[0]
        if run.strikes.random() < 0.3:
            await aim(run, victim, run.strikes.choice(list(AIMS)))
        else:
            await asyncio.sleep(run.strikes.uniform(*GAP_SECONDS))
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
    run.aimed[network.FaultKind.Name(fault).removeprefix("FAULT_KIND_").lower()] += 1


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


async def judged(run: Run) -> Verdict:
    """The verdict over a run that has come to rest."""
    log, verdict = await events(run.mesh.emulator), Verdict()
    verdict.judge_connections(log)
    verdict.counts |= Counter(blow.name for blow in run.striker.blows)
    verdict.counts |= Counter({f"aimed: {name}": count for name, count in run.aimed.items()})
    sent = [each for each in log if each.kind == network.EVENT_KIND_MESSAGE_SENT]
    judge = Judge(verdict, run, log, {letter.text: [] for letter in run.letters})
    for event in sent:
        judge.arrived.setdefault(event.text, []).append(event)
    for letter in run.letters:
        await judge.judge(letter)
    verdict.counts["texts"], verdict.counts["messages in the log"] = len(run.letters), len(sent)
    return verdict


@dataclass(slots=True)
class Judge:
    """Holds each letter's outcomes against what the customer has of it."""

    verdict: Verdict
    run: Run
    log: Sequence[network.Event]
    arrived: dict[str, list[network.Event]]

    async def judge(self, letter: Letter) -> None:
        """One letter."""
        outcomes = [await self._outcome(each) for each in letter.request_ids]
        arrived = self.arrived[letter.text]
        doubts = sum(each.state == pb.DELIVERY_STATE_UNKNOWN for each in outcomes)
        if len(arrived) > (1 if not self.run.again else 1 + doubts):
            self._violated(letter, f"arrived {len(arrived)} times after {doubts} doubts")
        if self.run.again and not arrived:
            self._violated(letter, "never arrived")
        for outcome in outcomes:
            self._judge_outcome(letter, outcome, [each for each in arrived if _is(each, outcome)])
        if any(_struck(self._kills(), _accepted(each), _moment(each)) for each in outcomes):
            self.verdict.counts["sends that a kill interrupted"] += 1

    def _judge_outcome(self, letter: Letter, outcome: pb.OutgoingMessage, arrived: Sequence[network.Event]) -> None:
        state = pb.DeliveryState.Name(outcome.state).removeprefix("DELIVERY_STATE_")
        self.verdict.counts[f"outcome {state}"] += 1
        if outcome.state in ARRIVED:
            if len(arrived) != 1:
                self._violated(letter, f"{state} as {outcome.message_id}, and the customer has it {len(arrived)} times")
        elif outcome.state == pb.DELIVERY_STATE_FAILED:
            if self.arrived[letter.text] and not self.run.again:
                self._violated(letter, f"FAILED ({outcome.failure}), and the customer has it")
        elif outcome.state == pb.DELIVERY_STATE_UNKNOWN:
            self._judge_doubt(letter, outcome, arrived)
        else:
            self._violated(letter, f"{state} is no final state")

    def _judge_doubt(self, letter: Letter, outcome: pb.OutgoingMessage, arrived: Sequence[network.Event]) -> None:
        began_to_doubt = _moment(outcome) - DOUBT
        if not _struck(self._kills(), _accepted(outcome), began_to_doubt):
            self._violated(
                letter, f"UNKNOWN, and no kill between {_accepted(outcome):%X.%f} and {began_to_doubt:%X.%f}"
            )
        for event in arrived:
            self.verdict.counts["UNKNOWN, and the customer has it"] += 1
            if not any(_struck(self._kills(), each, each + RECEIPT_WINDOW) for each in self._handed_over(event)):
                self._violated(letter, f"UNKNOWN, and nothing kept the receipt of {event.message_id} from us")

    def _handed_over(self, event: network.Event) -> Iterable[datetime]:
        """When the receipt of a message may have been on its way to us: at once, and at each login after it."""
        yield _time(event)
        for other in self.log:
            if other.kind == network.EVENT_KIND_LOGGED_IN and other.cursor > event.cursor:
                yield _time(other)

    def _kills(self) -> list[datetime]:
        return self.run.striker.moments(f"kill {SESSION}", "kill gateway")

    async def _outcome(self, request_id: str) -> pb.OutgoingMessage:
        request = pb.GetMessageRequest(company_id=demo.COMPANY_ID, request_id=request_id)
        outcome: pb.OutgoingMessage = (
            await self.run.mesh.gateway.GetMessage(request, wait_for_ready=True, timeout=60)
        ).message
        return outcome

    def _violated(self, letter: Letter, what: str) -> None:
        self.verdict.violations.append(f"{letter.text!r} to {letter.phone_number}: {what}")


def _is(event: network.Event, outcome: pb.OutgoingMessage) -> bool:
    return event.message_id == outcome.message_id


def _time(event: network.Event) -> datetime:
    return event.event_time.ToDatetime(UTC)


def _accepted(message: pb.OutgoingMessage) -> datetime:
    return message.create_time.ToDatetime(UTC)


def _moment(message: pb.OutgoingMessage) -> datetime:
    return message.update_time.ToDatetime(UTC)


def _struck(kills: Iterable[datetime], begin: datetime, end: datetime) -> bool:
    return any(begin <= kill <= end for kill in kills)


async def in_doubt(
    directory: Path, *, sends: int, seed: int, callers: int, transport: demo.Simulation, again: bool = False
) -> Verdict:
    """Runs the mesh, the callers and what strikes them; then judges. Leaves the mesh's output in `mesh.log`."""
    os.environ["WAMESH_DOUBT_SECONDS"] = str(DOUBT.total_seconds())
    with (directory / "mesh.log").open("w", encoding="utf-8") as output:

        def print_line(name: str, line: str) -> None:
            output.write(f"{name:>8} | {line}\n")
            output.flush()

        addresses = demo.free_addresses(anywhere=True)
        async with demo.running(directory, addresses, print_line, transport=transport) as mesh:
            dice = random.Random(seed)
            run = Run(mesh, Striker(mesh.mesh), letters(sends, 2 * callers, dice), again, dice)
            others = [asyncio.create_task(each) for each in (strike_on(run), operate(run))]
            waiting = iter(run.letters)
            await asyncio.gather(*(call(run, waiting) for _ in range(callers)))
            for other in others:
                other.cancel()
            return await judged(run)


def main() -> int:
    """Runs once, prints counts and violations. Returns the exit code."""
    parser = argparse.ArgumentParser(description="Sends that kill -9 interrupts, judged by the network.")
    parser.add_argument("--sends", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--callers", type=int, default=8)
    parser.add_argument("--transport", choices=("emulator", "memory"), default="emulator")
    parser.add_argument("--again", action="store_true", help="send what came out UNKNOWN once more")
    directory = Path(tempfile.mkdtemp(prefix="wamesh-in-doubt-"))
    arguments = parser.parse_args()
    verdict = asyncio.run(in_doubt(directory, **vars(arguments)))
    return verdict.tell(f"seed {arguments.seed}", directory)


if __name__ == "__main__":
    sys.exit(main())
