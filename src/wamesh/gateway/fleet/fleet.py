"""This gateway among those that share its database: which companies it takes, keeps and hands over.

Four times a second it looks for active sessions that nobody holds and takes those that are at home here (`placement`).
Every few seconds it says that it is alive, hands a few companies over whose home is another gateway by now, and stores
what processes of companies that it does not hold any more left in their journals. When it leaves it hands all over, a
few at a time, so that each is away only for as long as its own way takes. What it knows of the others is in the
database; gateways speak to each other only to forward calls.

Owns: this gateway's place, and the answer to "who serves this company". Refuses: leases and sessions (the
supervisor's), the hash (`placement`), gRPC. Invariant: an error of the database changes nothing; the next look tries
again.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Final, Protocol

import structlog

from wamesh.errors import Unavailable
from wamesh.gateway.errors import LeaseLost
from wamesh.gateway.fleet.lease import LeaseTimes
from wamesh.gateway.fleet.placement import Member, PlacementPolicy, home_of, takes, to_hand_over
from wamesh.gateway.session.record import record_of
from wamesh.gateway.session.state import Session, SessionState, unheld
from wamesh.gateway.sessions import SessionSnapshot
from wamesh.gateway.stores import MemberStore, PlacedSession, SessionStore, StoredSession

_log = structlog.get_logger("gateway.fleet")

LOOK_SECONDS: Final = 0.25
DRAIN_SECONDS: Final = 2.0
_AT_ONCE: Final = 16
_LEAVE_AT_ONCE: Final = 2
_ARRIVAL_SECONDS: Final = 5.0
_ARRIVAL_POLL_SECONDS: Final = 0.1


class Companies(Protocol):
    """The sessions of this gateway as the fleet moves them; `Supervisor` satisfies it."""

    @property
    def node(self) -> str: ...
    def holds(self, company_id: int) -> bool: ...
    def held(self) -> list[int]: ...
    def adrift(self) -> list[int]: ...
    def leftovers(self) -> list[int]: ...
    def snapshots(self) -> list[SessionSnapshot]: ...
    async def refresh(self, stored: StoredSession) -> None: ...
    async def take(self, stored: StoredSession) -> None: ...
    async def let_go(self, company_id: int) -> None: ...
    async def salvage(self, stored: StoredSession) -> None: ...


class Drainable(Protocol):
    """Whoever has work under way for a company that is about to be handed over."""

    async def drain(self, company_id: int, grace_seconds: float) -> None:
        """Begins nothing new for the company, and waits for what is under way, no longer than the grace."""
        ...


class Fleet:
    """Runs from `join` to `leave`. `work` is drained before its company is handed over."""

    def __init__(
        self,
        companies: Companies,
        sessions: SessionStore,
        members: MemberStore,
        work: Drainable,
        times: LeaseTimes,
        policy: PlacementPolicy,
    ) -> None:
        self._companies = companies
        self._sessions = sessions
        self._store = members
        self._work = work
        self._times = times
        self._policy = policy
        self._members: list[Member] = []
        self._address = ""
        self._tasks: list[asyncio.Task[None]] = []

    async def join(self, address: str) -> None:
        """Becomes a member that is called at `address`, and takes what is its own: what it held when it died, and what
        waits for it. Raises DatabaseUnavailable.
        """
        self._address = address
        await self._say_alive()
        placed = await self._sessions.placed()
        here = self._companies.node
        mine = [each for each in placed if each.holder == here or (not each.holder and self._is_home(each))]
        await self._take(mine)
        self._tasks = [
            asyncio.create_task(self._every(LOOK_SECONDS, self._look), name="fleet look"),
            asyncio.create_task(self._every(self._times.renew_every.total_seconds(), self._tend), name="fleet tend"),
        ]

    async def leave(self, seconds: float = 0.0) -> None:
        """Ends membership, and hands the companies over to those that stay: each once some before it are connected
        again, and so many side by side that `seconds` should do, a second each. What is held after them, or while there
        is nobody else, is left to the supervisor.
        """
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await _carefully(lambda: self._store.leave(self._companies.node))
        if seconds > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._move_out(seconds)

    async def server_of(self, company_id: int, *, forwarded: bool) -> str | None:
        """Returns the address of the gateway that serves the company: its holder, or else its home; None for this one,
        which knows then what is stored about the company.

        Raises LeaseLost when the call was forwarded to this gateway and another one holds the company,
        DatabaseUnavailable.
        """
        here = self._companies.node
        if self._companies.holds(company_id):
            return None
        placed = await self._sessions.find(company_id)
        if placed is not None and placed.holder not in ("", here):
            if forwarded:
                raise LeaseLost(company_id, placed.holder)
            return placed.address
        home = home_of(company_id, {each.node for each in self._members} | {here})
        if home != here and not forwarded:
            return next(each.address for each in self._members if each.node == home)
        if placed is not None:
            await self._companies.refresh(placed.stored)
        return None

    async def everywhere(self) -> list[SessionSnapshot]:
        """Returns all sessions of all gateways, by company id: those held here as they are, the others as stored."""
        here = {each.company_id: each for each in self._companies.snapshots()}
        try:
            stored = {each.stored.company_id: _snapshot(each) for each in await self._sessions.placed()}
        except Unavailable as error:
            _log.warning("other gateways' sessions not known", error=error.message)
            stored = {}
        held = {company_id: each for company_id, each in here.items() if self._companies.holds(company_id)}
        known = here | stored | held
        return [known[company_id] for company_id in sorted(known)]

    # What it does by itself.

    async def _look(self) -> None:
        """Takes what nobody holds and is at home here; learns what became of what it lost."""
        waiting = await self._sessions.waiting()
        if waiting:
            await self._say_alive()  # the one who left them behind may be known as their home until the next tend
        here, policy = self._companies.node, self._policy
        await self._take(
            each for each in waiting if takes(each.stored.company_id, here, self._members, each.unheld_for, policy)
        )
        for company_id in self._companies.adrift():
            placed = await self._sessions.find(company_id)
            if placed is not None and not self._companies.holds(company_id):
                await self._follow(placed)

    async def _follow(self, placed: PlacedSession) -> None:
        """A session that is active as far as it is known here is another gateway's by now, or has come to rest."""
        if placed.holder not in ("", self._companies.node):
            await self._companies.let_go(placed.stored.company_id)
        elif not placed.stored.session.state.is_active:
            await self._companies.refresh(placed.stored)

    async def _tend(self) -> None:
        """Says that it is alive, hands over, and salvages."""
        await self._say_alive()
        leaving = to_hand_over(self._companies.held(), self._companies.node, self._members, self._policy)
        await asyncio.gather(*(self._hand_over(company_id) for company_id in leaving))
        for company_id in self._companies.leftovers():
            placed = await self._sessions.find(company_id)
            if placed is not None:
                await self._companies.salvage(placed.stored)

    async def _hand_over(self, company_id: int) -> None:
        _log.info("handing over", company_id=company_id)
        await self._work.drain(company_id, DRAIN_SECONDS)
        await self._companies.let_go(company_id)

    async def _move_out(self, seconds: float) -> None:
        companies = self._companies.held()
        room = asyncio.Semaphore(max(_LEAVE_AT_ONCE, math.ceil(len(companies) / seconds)))

        async def move(company_id: int) -> None:
            async with room:
                await _carefully(lambda: self._move(company_id))

        await asyncio.gather(*(move(company_id) for company_id in companies))

    async def _move(self, company_id: int) -> None:
        """Hands a company over if there is somebody to take it, and waits until that is done."""
        placed = await self._sessions.find(company_id)
        if placed is not None and await self._store.alive():
            await self._hand_over(company_id)
            await self._arrival(placed)

    async def _arrival(self, left: PlacedSession) -> None:
        """Waits until whoever took the session over knows whether it is connected; not for long, and for nobody."""
        company_id = left.stored.company_id
        with suppress(TimeoutError):
            async with asyncio.timeout(_ARRIVAL_SECONDS):
                while await self._store.alive():
                    placed = await self._sessions.find(company_id)
                    if placed is None or (placed.holder and _has_arrived(placed.stored.session, left.stored.session)):
                        return
                    await asyncio.sleep(_ARRIVAL_POLL_SECONDS)

    async def _say_alive(self) -> None:
        self._members = await self._store.renew(self._companies.node, self._address, self._times.presence)

    async def _take(self, placed: Iterable[PlacedSession]) -> None:
        """Some at a time, since each starts a process."""
        room = asyncio.Semaphore(_AT_ONCE)

        async def take(each: PlacedSession) -> None:
            async with room:
                await self._companies.take(each.stored)

        await asyncio.gather(*(take(each) for each in placed))

    def _is_home(self, placed: PlacedSession) -> bool:
        nodes = {each.node for each in self._members}
        return home_of(placed.stored.company_id, nodes) == self._companies.node

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(seconds)
            await _carefully(work)


async def _carefully(work: Callable[[], Awaitable[None]]) -> None:
    """Does it, or logs why not: whatever comes after it must happen all the same."""
    try:
        await work()
    except (Unavailable, LeaseLost) as error:
        _log.warning("fleet waits", error=error.message)
    except Exception:  # noqa: BLE001 - see above
        _log.exception("fleet failed")


def _has_arrived(session: Session, left: Session) -> bool:
    """Whether the next holder has written more than that it begins."""
    return session != left and session.state is not SessionState.CONNECTING


def _snapshot(placed: PlacedSession) -> SessionSnapshot:
    """A session as it is stored; one that nobody holds is not what its last holder wrote."""
    session = placed.stored.session if placed.holder else unheld(placed.stored.session)
    return record_of(replace(placed.stored, session=session), placed.holder)
