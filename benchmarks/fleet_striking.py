"""What goes wrong in a fleet of gateways, and when: a plan drawn from a seed, and the hand that carries it out.

Owns: the kinds of strikes, the plan, and the record of what was hit. Refuses: judging. Invariants: a plan is spread
evenly over its kinds and over time; a gateway and a session process of its are never frozen at the same time, since
together they are a machine that froze, whose connection only WhatsApp can end.
"""

import asyncio
import random
import re
from collections.abc import Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, TypeVar

import psutil
from support.fleet import Fleet
from support.postgresql import PostgresqlServer, StopMode

from wamesh.console.mesh import PrintLine

T = TypeVar("T")

KILL_GATEWAY: Final = "kill gateway"
KILL_GATEWAY_LONG: Final = "kill gateway for longer than the lease"
TERMINATE_GATEWAY: Final = "terminate gateway"
CRASH_DATABASE: Final = "crash database"
KILL_WORKER: Final = "kill worker"
DATABASE_AWAY: Final = "database away"
FREEZE_SESSION: Final = "freeze session"
FREEZE_WORKER: Final = "freeze worker"

KINDS: Final = (
    KILL_GATEWAY,
    KILL_GATEWAY_LONG,
    TERMINATE_GATEWAY,
    "freeze gateway",
    "kill session",
    FREEZE_SESSION,
    KILL_WORKER,
    FREEZE_WORKER,
    "kill booking",
    "restart database",
    CRASH_DATABASE,
    DATABASE_AWAY,
)
"""Kills are kill -9; what is frozen gets SIGSTOP, sleeps for longer than the lease, and wakes."""
IN_ORDER: Final = frozenset({KILL_GATEWAY, KILL_GATEWAY_LONG, TERMINATE_GATEWAY})
"""After these the session processes end by themselves, with nothing in their hands."""
LEASES: Final = (1.2, 2.5)
"""How long what must outlast a lease takes, in leases."""
AWAY_SECONDS: Final = (2.0, 8.0)
PAST_ACK_DEADLINE_SECONDS: Final = (62.0, 70.0)
"""How long a third of the frozen workers sleep: their deliveries are another worker's by then."""
_PATIENCE_SECONDS: Final = 10.0
_OF_COMPANY: Final = re.compile(r"/sessions/(\d+)/")


@dataclass(frozen=True, slots=True)
class Strike:
    """A strike of the plan: at so many seconds, at a target and for a length that these chances in [0, 1) pick."""

    kind: str
    at_seconds: float
    target: float
    length: float


def plan(dice: random.Random, seconds: float, strikes: int, kinds: Sequence[str] = KINDS) -> list[Strike]:
    """Draws so many strikes over so many seconds, in order of time; each kind comes as often as the others, or once
    more.
    """
    drawn: list[str] = []
    while len(drawn) < strikes:
        drawn += dice.sample(kinds, len(kinds))
    pace = seconds / strikes
    return [
        Strike(kind, (number + dice.uniform(0.1, 0.9)) * pace, dice.random(), dice.random())
        for number, kind in enumerate(drawn[:strikes])
    ]


@dataclass(slots=True)
class Hit:
    """A strike that fell, from `begin` to `end`. `companies` are those whose session process it may have ended, or kept
    from an orderly end.
    """

    kind: str
    begin: datetime
    end: datetime
    companies: frozenset[int]


@dataclass(slots=True)
class FleetStriker:
    """Strikes one fleet and the server of its database, and remembers each hit."""

    fleet: Fleet
    server: PostgresqlServer
    lease_seconds: float
    print_line: PrintLine
    hits: list[Hit] = field(default_factory=list)
    _frozen: set[int] = field(default_factory=set)
    _going_on: set[asyncio.Task[None]] = field(default_factory=set)
    _restarting: bool = False

    async def follow(self, strikes: Sequence[Strike]) -> None:
        """Strikes as planned, and returns when everything that was frozen or kept away is back."""
        clock = asyncio.get_running_loop().time
        began = clock()
        for strike in strikes:
            await asyncio.sleep(began + strike.at_seconds - clock())
            await self._strike(strike)
        while self._going_on:
            await asyncio.gather(*self._going_on)

    async def _strike(self, strike: Strike) -> None:
        """Waits a while for a target to be there."""
        deadline = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
        while not self._hit(strike):
            if asyncio.get_running_loop().time() > deadline:
                raise TimeoutError(f"nothing to strike for {strike.kind}")
            await asyncio.sleep(0.1)

    def _hit(self, strike: Strike) -> bool:
        """Strikes now; False when no target is there."""
        match strike.kind.split():
            case "kill", "gateway", *_:
                return self._kill_gateway(strike)
            case "terminate", "gateway":
                return self._terminate_gateway(strike)
            case "kill", "session":
                return self._kill_session(strike)
            case "kill", _:
                return self._kill_member(strike)
            case "freeze", *_:
                return self._freeze(strike)
            case _:
                return self._restart_database(strike)

    def _kill_gateway(self, strike: Strike) -> bool:
        found = _pick(self._members(self.fleet.addresses), strike.target)
        if found is None:
            return False
        name, process = found
        companies = frozenset(company_id for company_id, _ in sessions_of(process))
        if strike.kind == KILL_GATEWAY_LONG:
            self.fleet.mesh.hold_back(name)
            self._later(self._past_lease(strike), lambda: self.fleet.mesh.let_in(name))
        process.kill()
        self._note(strike.kind, companies)
        return True

    def _terminate_gateway(self, strike: Strike) -> bool:
        """A graceful end excuses nothing."""
        found = _pick(self._members(self.fleet.addresses), strike.target)
        if found is None:
            return False
        found[1].terminate()
        self._note(strike.kind, frozenset())
        return True

    def _kill_session(self, strike: Strike) -> bool:
        found = _pick(
            [each for _, gateway in self._members(self.fleet.addresses) for each in sessions_of(gateway)],
            strike.target,
        )
        if found is None:
            return False
        company_id, process = found
        process.kill()
        self._note(strike.kind, frozenset({company_id}))
        return True

    def _kill_member(self, strike: Strike) -> bool:
        names = self.fleet.workers if strike.kind == KILL_WORKER else ("booking",)
        found = _pick(self._members(names), strike.target)
        if found is None:
            return False
        found[1].kill()
        self._note(strike.kind, frozenset())
        return True

    def _freeze(self, strike: Strike) -> bool:
        found = _pick(self._freezable(strike.kind), strike.target)
        if found is None:
            return False
        companies, process = found
        process.suspend()
        self._frozen.add(process.pid)
        hit = self._note(strike.kind, companies)

        def thaw() -> None:
            self._frozen.discard(process.pid)
            with suppress(psutil.NoSuchProcess):
                process.resume()
            hit.end = datetime.now(UTC)

        seconds = self._past_lease(strike)
        if strike.kind == FREEZE_WORKER and strike.length > 2 / 3:
            seconds = _between(PAST_ACK_DEADLINE_SECONDS, strike.target)
        self._later(seconds, thaw)
        return True

    def _freezable(self, kind: str) -> list[tuple[frozenset[int], psutil.Process]]:
        """The processes that may be frozen now, each with the companies that this hits."""
        if kind == FREEZE_WORKER:
            return [(frozenset(), process) for _, process in self._members(self.fleet.workers)]
        gateways = [(process, sessions_of(process)) for _, process in self._members(self.fleet.addresses)]
        if kind == FREEZE_SESSION:
            return [
                (frozenset({company_id}), each)
                for _, sessions in gateways
                for company_id, each in sessions
                if each.pid not in self._frozen
            ]
        return [
            (frozenset(company_id for company_id, _ in sessions), process)
            for process, sessions in gateways
            if not any(each.pid in self._frozen for _, each in sessions)
        ]

    def _restart_database(self, strike: Strike) -> bool:
        if self._restarting:
            return False
        self._restarting = True
        hit = self._note(strike.kind, frozenset(self.fleet.companies))
        away = _between(AWAY_SECONDS, strike.length) if strike.kind == DATABASE_AWAY else 0.0
        mode: StopMode = "immediate" if strike.kind == CRASH_DATABASE else "fast"

        async def restart() -> None:
            await asyncio.to_thread(self.server.restart, mode, away)
            hit.end = datetime.now(UTC)
            self._restarting = False

        self._start(restart())
        return True

    # Small things.

    def _members(self, names: Iterable[str]) -> list[tuple[str, psutil.Process]]:
        """The members of these names that run and are not frozen."""
        found = []
        for name in names:
            with suppress(psutil.NoSuchProcess):
                process = psutil.Process(self.fleet.mesh.pid_of(name))
                if process.pid not in self._frozen and process.status() != psutil.STATUS_ZOMBIE:
                    found.append((name, process))
        return found

    def _past_lease(self, strike: Strike) -> float:
        return _between(LEASES, strike.length) * self.lease_seconds

    def _note(self, kind: str, companies: frozenset[int]) -> Hit:
        now = datetime.now(UTC)
        self.hits.append(Hit(kind, now, now, companies))
        self.print_line("strike", f"{now:%X.%f} {kind}, companies {sorted(companies)}")
        return self.hits[-1]

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        async def wait() -> None:
            await asyncio.sleep(seconds)
            act()

        self._start(wait())

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._going_on.add(task)
        task.add_done_callback(self._going_on.discard)


def sessions_of(gateway: psutil.Process) -> list[tuple[int, psutil.Process]]:
    """The gateway's session processes by company, as the journals that they have open tell."""
    found = []
    with suppress(psutil.NoSuchProcess):
        for process in gateway.children():
            company_id = _company_of(process)
            if company_id is not None:
                found.append((company_id, process))
    return found


def _company_of(process: psutil.Process) -> int | None:
    """None for a process that is gone, or has not come so far."""
    with suppress(psutil.NoSuchProcess):
        for each in process.open_files():
            if journal := _OF_COMPANY.search(each.path):
                return int(journal.group(1))
    return None


def _pick(candidates: Sequence[T], chance: float) -> T | None:
    return candidates[int(chance * len(candidates))] if candidates else None


def _between(limits: tuple[float, float], chance: float) -> float:
    return limits[0] + (limits[1] - limits[0]) * chance
