"""The incident that wamesh exists because of, staged: others try to hold the number, under pressure.

    .venv/bin/python benchmarks/incident.py [--seconds 600] [--seed 7] [--transport emulator|memory]

Once an API process and a dedicated process both opened a session for one number; each replaced the other, and health
checks and sends that reconnect kept the fight going. Here one mesh holds a number while, all at a time,

* second gateways are started on its data directory, again and again;
* StartSession, Reconnect and Pair are called five times a second;
* grpc.health.v1 and Gateway.Health are asked fifty times a second each;
* four callers send through Gateway.Send;
* the gateway gets SIGTERM or kill -9, the session process kill -9, every few seconds. When the gateway is away a second
  one may win the data directory; it then holds the number until it is ended, too.

In the second half a foreign client takes the number, and takes it back whenever it is replaced. All of the above goes
on, except that no operator reconnects until the foreign client has gone. Exit code 1 when one of these does not hold,
by the network's log:

* before the foreign client: no connection is replaced, and a device never has two logged-in connections at a time;
* after it: one connection of ours is replaced, and we do not log in again before the operator reconnects;
* every send comes to its end, and every text, wanted at least once, is delivered: once, or once more for a kill that
  left it in doubt (`letters` has the rules).

The seed fixes what strikes when; not how the processes are scheduled.
"""

import argparse
import asyncio
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from judging import Verdict, events
from letters import Judge, Letter, send, shorten_doubts, written
from striking import SESSION, Striker

# grpc after judging, which sets the environment that it loads in
# isort: split
import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from wamesh.console import demo
from wamesh.console.mesh import quick_channel
from wamesh.console.up import GATEWAY
from wamesh.emulator.v1 import emulator_pb2 as network
from wamesh.gateway.v1 import gateway_pb2 as pb

PROBES_PER_SECOND: Final = 50
VERBS_PER_SECOND: Final = 5
VERB_SECONDS: Final = 10.0
CALLERS: Final = 4
SEND_PAUSE_SECONDS: Final = (0.1, 0.4)
BLOW_PAUSE_SECONDS: Final = (3.0, 12.0)
BLOWS: Final = {"terminate gateway": 2, "kill gateway": 2, f"kill {SESSION}": 1}
INTRUDER_PAUSE_SECONDS: Final = (0.2, 1.0)
INTRUDER_LIVES_SECONDS: Final = (5.0, 9.0)
"""An intruder that still runs after so long has won the data directory; it has held the number for a while by then."""
FOREIGN_RETURN: Final = timedelta(seconds=2)
SETTLE_SECONDS: Final = 30.0

COMPANY: Final = demo.COMPANY_ID


@dataclass(slots=True)
class Run:
    """A run under way."""

    mesh: demo.Demo
    directory: Path
    transport: demo.Simulation
    dice: random.Random
    striker: Striker
    letters: list[Letter] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    reconnecting: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held by the operator while reconnecting, and by whoever keeps the operator from it."""


async def probe(run: Run) -> None:
    """Health probes, at their rate, whether the last ones were answered or not."""
    asking: set[asyncio.Task[None]] = set()
    clock = asyncio.get_running_loop().time
    due = clock()
    async with quick_channel(run.mesh.addresses.gateway) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        while True:
            for name, call in (
                ("grpc.health.v1", health.Check(health_pb2.HealthCheckRequest(service=GATEWAY), timeout=2)),
                ("Gateway.Health", run.mesh.gateway.Health(pb.HealthRequest(), timeout=2)),
            ):
                task = asyncio.create_task(_tell(run, name, call))
                asking.add(task)
                task.add_done_callback(asking.discard)
            due += 1 / PROBES_PER_SECOND
            await asyncio.sleep(due - clock())


async def command(run: Run) -> None:
    """An operator, or a script, that calls every verb that could open a session."""
    while True:
        await asyncio.sleep(1 / VERBS_PER_SECOND)
        verb = run.dice.choice(("StartSession", "Reconnect", "Pair"))
        if verb == "StartSession":
            await _tell(
                run, verb, run.mesh.gateway.StartSession(pb.StartSessionRequest(company_id=COMPANY), timeout=10)
            )
        elif verb == "Pair":
            pairing = run.mesh.gateway.Pair(pb.PairRequest(company_id=COMPANY), timeout=10)
            await _tell(run, verb, pairing.read())
            pairing.cancel()
        elif not run.reconnecting.locked():
            async with run.reconnecting:
                await _tell(run, verb, run.mesh.gateway.Reconnect(pb.ReconnectRequest(company_id=COMPANY), timeout=10))


async def _tell(run: Run, name: str, call: Any) -> None:
    """Counts an answer, by what it was."""
    try:
        await call
        run.counts[f"{name}: OK"] += 1
    except grpc.aio.AioRpcError as error:
        run.counts[f"{name}: {error.code().name}"] += 1


async def call(run: Run, waiting: Iterator[Letter], until: asyncio.Event) -> None:
    """A caller: one letter after the other."""
    for letter in waiting:
        if until.is_set():
            return
        run.letters.append(letter)
        await send(lambda: run.mesh.gateway, letter)
        await asyncio.sleep(run.dice.uniform(*SEND_PAUSE_SECONDS))


async def strike_on(run: Run) -> None:
    """Restarts and kills."""
    while True:
        await asyncio.sleep(run.dice.uniform(*BLOW_PAUSE_SECONDS))
        blow, _, member = run.dice.choices(list(BLOWS), list(BLOWS.values()))[0].partition(" ")
        {"terminate": run.striker.terminate, "kill": run.striker.kill}[blow](member)


async def intrude(run: Run) -> None:
    """Second gateways on the same data directory, one after the other."""
    environment = {
        **os.environ,
        **run.mesh.addresses.environment(run.directory, transport=run.transport),
        "WAMESH_GATEWAY_ADDRESS": "127.0.0.1:0",
        "WAMESH_LOCK_WAIT_SECONDS": "0.5",
    }
    with (run.directory / "intruders.log").open("a", encoding="utf-8") as output:
        while True:
            intruder = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "wamesh", "gateway", "--stop-with-parent"),
                stdin=asyncio.subprocess.PIPE,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                env=environment,
            )
            try:
                await _outlast(run, intruder)
            finally:
                if intruder.returncode is None:
                    run.striker.note("kill second gateway")
                    intruder.kill()
            await asyncio.sleep(run.dice.uniform(*INTRUDER_PAUSE_SECONDS))


async def _outlast(run: Run, intruder: asyncio.subprocess.Process) -> None:
    """Waits for an intruder to be refused; ends one that has won, in order, or leaves it for kill -9."""
    try:
        code = await asyncio.wait_for(intruder.wait(), run.dice.uniform(*INTRUDER_LIVES_SECONDS))
    except TimeoutError:
        run.counts["second gateway: held the number for a while"] += 1
        if run.dice.random() < 0.5:
            run.striker.note("terminate second gateway")
            intruder.terminate()
            await intruder.wait()
    else:
        run.counts[f"second gateway: exit code {code}"] += 1


async def take_number(run: Run) -> int:
    """A foreign client logs in as our device while it is connected; returns the log's cursor before it."""
    await _until(run, pb.SESSION_STATE_CONNECTED)
    cursor = (await events(run.mesh.emulator))[-1].cursor
    kind = network.FAULT_KIND_REPLACED if run.transport == "memory" else network.FAULT_KIND_SECOND_LOGIN
    fault = network.InjectFaultRequest(account_phone_number=demo.SALON_NUMBER, kind=kind)
    fault.delay_duration.FromTimedelta(FOREIGN_RETURN)
    await run.mesh.emulator.InjectFault(fault)
    await _until(run, pb.SESSION_STATE_REPLACED)
    return cursor


async def give_number_back(run: Run) -> int:
    """The foreign client goes; returns the log's cursor after it."""
    await run.mesh.emulator.ClearFaults(network.ClearFaultsRequest(account_phone_number=demo.SALON_NUMBER))
    return (await events(run.mesh.emulator))[-1].cursor


async def _until(run: Run, state: "pb.SessionState.ValueType") -> None:
    """Waits for a state of the session."""
    request = pb.GetSessionRequest(company_id=COMPANY)
    async with asyncio.timeout(SETTLE_SECONDS):
        while True:
            with suppress(grpc.aio.AioRpcError):
                if (await run.mesh.gateway.GetSession(request, timeout=2)).session.state == state:
                    return
            await asyncio.sleep(0.05)


def judge_replacing(verdict: Verdict, log: Sequence[network.Event], taken: int, given_back: int) -> None:
    """Nothing replaced by us; and nothing of ours while the foreign client has the number.

    A login of ours would replace the foreign client, which would replace us again: two more of each.
    """
    verdict.judge_connections([each for each in log if each.cursor <= taken])
    verdict.judge_connections([each for each in log if each.cursor > given_back])
    seen = Counter(each.kind for each in log if taken < each.cursor <= given_back)
    replaced, logins = seen[network.EVENT_KIND_REPLACED], seen[network.EVENT_KIND_LOGGED_IN]
    verdict.counts["replaced by the foreign client"] = replaced
    if replaced != 1 or logins > 1:  # the light network's foreign client does not log in
        verdict.violations.append(f"a foreign client had the number: {replaced} replaced, {logins} logins, not 1 each")


async def incident(directory: Path, *, seconds: float, seed: int, transport: demo.Simulation) -> Verdict:
    """Stages it and judges. Leaves the output of the mesh in `mesh.log`."""
    shorten_doubts()
    os.environ["WAMESH_LOCK_WAIT_SECONDS"] = "60"  # the mesh's own gateway waits until an intruder has ended
    with (directory / "mesh.log").open("w", encoding="utf-8") as output:

        def print_line(name: str, line: str) -> None:
            output.write(f"{name:>8} | {line}\n")
            output.flush()

        addresses = demo.free_addresses(anywhere=True)
        async with demo.running(directory, addresses, print_line, transport=transport) as mesh:
            run = Run(mesh, directory, transport, random.Random(seed), Striker(mesh.mesh))
            return await _stage(run, seconds)


async def _stage(run: Run, seconds: float) -> Verdict:
    over = asyncio.Event()
    waiting = written(2 * CALLERS, run.dice, pb.GUARANTEE_AT_LEAST_ONCE)
    callers = asyncio.gather(*(call(run, waiting, over) for _ in range(CALLERS)))
    async with _beside(probe(run), command(run)):
        async with _beside(strike_on(run), intrude(run)):
            await _for(seconds / 2, callers)
        async with run.reconnecting:
            taken = await take_number(run)
            async with _beside(strike_on(run), intrude(run)):
                await _for(seconds / 2, callers)
            given_back = await give_number_back(run)
        over.set()
        async with asyncio.timeout(SETTLE_SECONDS):
            await callers
    return await judged(run, taken, given_back)


@asynccontextmanager
async def _beside(*works: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Does endless works while the context lasts. Raises what one of them raised."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(work) for work in works]
        yield
        for task in tasks:
            task.cancel()


async def _for(seconds: float, callers: "asyncio.Future[Any]") -> None:
    """Lets time pass. Raises what a caller raised."""
    done, _ = await asyncio.wait([callers], timeout=seconds)
    if done:
        callers.result()


async def judged(run: Run, taken: int, given_back: int) -> Verdict:
    """The verdict over a run that has come to rest."""
    log, verdict = await events(run.mesh.emulator), Verdict()
    verdict.counts |= run.counts | Counter(blow.name for blow in run.striker.blows)
    judge_replacing(verdict, log, taken, given_back)
    kills = run.striker.moments(f"kill {SESSION}", "kill gateway", "kill second gateway")
    await Judge(verdict, run.mesh.gateway, log, kills).judge(run.letters)
    return verdict


def main() -> int:
    """Runs once, prints counts and violations. Returns the exit code."""
    parser = argparse.ArgumentParser(description="Two processes try to hold one number, judged by the network.")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--transport", choices=("emulator", "memory"), default="emulator")
    arguments = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="wamesh-incident-"))
    verdict = asyncio.run(incident(directory, **vars(arguments)))
    return verdict.tell(f"seed {arguments.seed}, {arguments.seconds:.0f} s", directory)


if __name__ == "__main__":
    sys.exit(main())
