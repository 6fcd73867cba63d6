"""Several gateways over one database, without processes: who takes what, who is asked, who hands over."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from support.databases import OpenRoom
from support.gateway_messages import NOON

from wamesh.gateway.errors import LeaseLost
from wamesh.gateway.fleet.fleet import Fleet
from wamesh.gateway.fleet.lease import Lease, LeaseTimes
from wamesh.gateway.fleet.placement import PlacementPolicy, home_of
from wamesh.gateway.session.state import Reason, Session, SessionState
from wamesh.gateway.sessions import SessionSnapshot
from wamesh.gateway.stores import StoredSession
from wamesh.storage.database import Database
from wamesh.storage.gateway.members import SqlMemberStore
from wamesh.storage.gateway.sessions import SqlLeaseStore, SqlSessionStore

TIMES = LeaseTimes(timedelta(seconds=30), timedelta(seconds=0.05))
AT_ONCE = PlacementPolicy(settle=timedelta(), share=1.0, abandoned_after=timedelta(hours=1))
COMPANIES = range(1, 9)


@dataclass
class FakeCompanies:
    """Holds leases for real, and nothing else."""

    node: str
    leases: SqlLeaseStore
    sessions: SqlSessionStore
    epochs: dict[int, int] = field(default_factory=dict)
    known: dict[int, StoredSession] = field(default_factory=dict)
    log: list[tuple[str, int]] = field(default_factory=list)
    journals: set[int] = field(default_factory=set)

    def holds(self, company_id: int) -> bool:
        return company_id in self.epochs

    def held(self) -> list[int]:
        return sorted(self.epochs)

    def adrift(self) -> list[int]:
        return [
            each for each, stored in self.known.items() if each not in self.epochs and stored.session.state.is_active
        ]

    def leftovers(self) -> list[int]:
        return sorted(self.journals - self.epochs.keys())

    def snapshots(self) -> list[SessionSnapshot]:
        return [
            SessionSnapshot(
                each,
                stored.session.state,
                stored.session.reason,
                stored.session.since,
                holder=self.node if self.holds(each) else "",
                last_ack_time=NOON,
            )
            for each, stored in sorted(self.known.items())
        ]

    async def refresh(self, stored: StoredSession) -> None:
        if not self.holds(stored.company_id):
            self.known[stored.company_id] = stored

    async def take(self, stored: StoredSession) -> None:
        self.known[stored.company_id] = stored
        if not stored.session.state.is_active:
            return
        answer = await self.leases.acquire(stored.company_id, self.node, f"{self.node}:50051", TIMES.ttl)
        if isinstance(answer, Lease):
            self.epochs[stored.company_id] = answer.epoch
            connected = replace(stored.session, since=stored.session.since + timedelta(minutes=1))
            with suppress(LeaseLost):
                await self.sessions.save(replace(stored, epoch=answer.epoch, session=connected))
            self.log.append(("take", stored.company_id))

    async def let_go(self, company_id: int) -> None:
        self.known.pop(company_id, None)
        epoch = self.epochs.pop(company_id, None)
        if epoch is not None:
            await self.leases.release(company_id, epoch)
        self.log.append(("let go", company_id))

    async def salvage(self, stored: StoredSession) -> None:
        self.journals.discard(stored.company_id)
        self.log.append((f"salvage under {stored.epoch}", stored.company_id))

    async def drain(self, company_id: int, grace_seconds: float) -> None:
        self.log.append(("drain", company_id))


@dataclass
class Node:
    """A gateway of the test."""

    fleet: Fleet
    companies: FakeCompanies


@dataclass
class World:
    """A database with active sessions that nobody holds, and gateways that come and go."""

    database: Database
    nodes: dict[str, Node] = field(default_factory=dict)

    async def store(self, company_id: int, state: SessionState = SessionState.CONNECTED) -> None:
        """Writes a session as its last holder would."""
        sessions = SqlSessionStore(self.database)
        placed = await sessions.find(company_id)
        epoch = 0 if placed is None else placed.stored.epoch
        await sessions.save(StoredSession(company_id, epoch, Session(state, Reason.LOGGED_IN, NOON)))

    async def join(self, name: str, policy: PlacementPolicy = AT_ONCE, times: LeaseTimes = TIMES) -> Node:
        """Starts a gateway."""
        sessions = SqlSessionStore(self.database)
        companies = FakeCompanies(name, SqlLeaseStore(self.database), sessions)
        node = Node(Fleet(companies, sessions, SqlMemberStore(self.database), companies, times, policy), companies)
        self.nodes[name] = node
        await node.fleet.join(f"{name}:50051")
        return node

    async def spread(self) -> None:
        """Waits until every company is held at home, and by nobody else."""
        wanted = {name: [each for each in COMPANIES if home_of(each, self.nodes) == name] for name in self.nodes}
        await eventually(lambda: {name: node.companies.held() for name, node in self.nodes.items()} == wanted)


async def eventually(holds: Callable[[], bool]) -> None:
    """Waits until it is so; fails the test after 10 s."""
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110 - the fleet tells nobody
            await asyncio.sleep(0.01)


@pytest.fixture
async def world(room_database: OpenRoom) -> AsyncIterator[World]:
    world = World(await room_database("gateway"))
    for company_id in COMPANIES:
        await world.store(company_id)
    yield world
    for node in world.nodes.values():
        await node.fleet.leave()


async def test_the_first_takes_all_and_the_next_get_their_share(world: World) -> None:
    """Companies move to gateways that join, and work under way is drained before its company goes."""
    first = await world.join("a")
    assert first.companies.held() == list(COMPANIES)
    await world.join("b")
    await world.join("c")
    await world.spread()
    moved = [company_id for word, company_id in first.companies.log if word == "let go"]
    assert sorted(moved) == [each for each in COMPANIES if home_of(each, "abc") != "a"]
    log = first.companies.log
    assert all(log.index(("drain", each)) < log.index(("let go", each)) for each in moved)


async def test_companies_of_one_that_leaves_are_taken(world: World) -> None:
    """As soon as it lets go, by those that are their homes now; the others stay where they are."""
    for name in "abc":
        await world.join(name)
    await world.spread()
    gone = world.nodes.pop("b")
    await gone.fleet.leave()
    before = {name: list(node.companies.log) for name, node in world.nodes.items()}
    for company_id in gone.companies.held():
        await gone.companies.let_go(company_id)
    await world.spread()
    for name, node in world.nodes.items():
        assert {word for word, _ in node.companies.log[len(before[name]) :]} <= {"take"}


async def test_one_that_leaves_hands_over_a_few_at_a_time(world: World) -> None:
    """Each goes once those before it are served elsewhere, so that none waits for all the others' ways."""
    patient = replace(AT_ONCE, settle=timedelta(hours=1))
    leaving = await world.join("a", patient)
    log = leaving.companies.log
    for name in "bc":
        successor = await world.join(name, patient)
        successor.companies.log = log
    log.clear()
    del world.nodes["a"]
    await leaving.fleet.leave(seconds=30)
    await world.spread()
    away: set[int] = set()
    for word, company_id in log:
        if word == "let go":
            away.add(company_id)
        away -= {company_id} if word == "take" else set()
        assert len(away) <= 2
    assert sorted(each for word, each in log if word == "drain") == list(COMPANIES)


async def test_one_that_leaves_alone_keeps_what_it_has(world: World) -> None:
    """There is nobody to hand over to: the companies are served until the stop ends them."""
    node = await world.join("a")
    await node.fleet.leave(seconds=30)
    assert node.companies.held() == list(COMPANIES)


async def test_leaving_takes_no_longer_than_it_may(world: World) -> None:
    """Members that take nothing hold nobody up for longer than the time of the stop."""
    await SqlMemberStore(world.database).renew("idle", "idle:50051", timedelta(hours=1))
    node = await world.join("a", replace(AT_ONCE, abandoned_after=timedelta(), settle=timedelta(hours=1)))
    await eventually(lambda: node.companies.held() == list(COMPANIES))
    async with asyncio.timeout(4):
        await node.fleet.leave(seconds=0.5)


async def test_what_lost_its_home_is_taken_at_the_next_look(world: World) -> None:
    """Long before this gateway says again that it is alive, and would learn then who is not."""
    members = SqlMemberStore(world.database)
    await members.renew("gone", "gone:50051", timedelta(hours=1))
    slow = LeaseTimes(timedelta(hours=2), timedelta(hours=1))
    node = await world.join("a", replace(AT_ONCE, abandoned_after=timedelta(hours=1)), slow)
    assert node.companies.held() != list(COMPANIES)
    await members.leave("gone")
    await eventually(lambda: node.companies.held() == list(COMPANIES))


async def test_a_gateway_that_restarts_goes_on_with_what_it_held(world: World) -> None:
    """Its leases are its own, whoever has become the home meanwhile."""
    before = await world.join("a")
    await before.fleet.leave()  # killed: its leases stay
    await world.join("b")
    again = await world.join("a", replace(AT_ONCE, settle=timedelta(hours=1)))
    assert again.companies.held() == list(COMPANIES)


async def test_a_session_at_rest_is_left_alone(world: World) -> None:
    """What an operator or WhatsApp ended is started by nobody."""
    for company_id in COMPANIES:
        await world.store(company_id, SessionState.REPLACED)
    node = await world.join("a")
    await world.store(1)
    await eventually(lambda: bool(node.companies.held()))
    assert [each for word, each in node.companies.log if word == "take" and each != 1] == []


async def test_what_its_home_does_not_take_is_taken_by_anybody(world: World) -> None:
    """A home that seems to be alive and takes nothing costs a lease's time, not the session."""
    await SqlMemberStore(world.database).renew("idle", "idle:50051", timedelta(hours=1))
    patient = await world.join("a")
    idle = [each for each in COMPANIES if home_of(each, ("a", "idle")) == "idle"]
    assert idle
    assert patient.companies.held() == [each for each in COMPANIES if each not in idle]
    await patient.fleet.leave()
    impatient = await world.join("a", replace(AT_ONCE, abandoned_after=timedelta(), settle=timedelta(hours=1)))
    await eventually(lambda: impatient.companies.held() == list(COMPANIES))


async def test_calls_go_to_the_holder(world: World) -> None:
    """Wherever its home is; the holder serves itself, and one that is asked by mistake says who holds it."""
    holder = await world.join("a", replace(AT_ONCE, settle=timedelta(hours=1)))
    other = await world.join("b", replace(AT_ONCE, settle=timedelta(hours=1)))
    for company_id in COMPANIES:
        assert await holder.fleet.server_of(company_id, forwarded=False) is None
        assert await holder.fleet.server_of(company_id, forwarded=True) is None
        assert await other.fleet.server_of(company_id, forwarded=False) == "a:50051"
        with pytest.raises(LeaseLost) as refusal:
            await other.fleet.server_of(company_id, forwarded=True)
        assert refusal.value.metadata == {"company_id": str(company_id), "holder": "a"}


async def test_calls_about_what_nobody_holds_go_home(world: World) -> None:
    """So that all of them meet in one place, which learns what is stored; a company that nobody knows, too."""
    for company_id in COMPANIES:
        await world.store(company_id, SessionState.STOPPED)
    nodes = {name: await world.join(name) for name in "ab"}
    await asyncio.gather(*(node.fleet._say_alive() for node in nodes.values()))
    for company_id in (*COMPANIES, 99):
        home = home_of(company_id, "ab")
        away = "b" if home == "a" else "a"
        assert await nodes[home].fleet.server_of(company_id, forwarded=False) is None
        assert await nodes[away].fleet.server_of(company_id, forwarded=False) == f"{home}:50051"
        assert await nodes[away].fleet.server_of(company_id, forwarded=True) is None
        assert (company_id in nodes[home].companies.known) == (company_id != 99)


async def test_all_sessions_are_listed_everywhere(world: World) -> None:
    """Those held here with what only the holder knows, the others as they are stored."""
    holder = await world.join("a", replace(AT_ONCE, settle=timedelta(hours=1)))
    other = await world.join("b", replace(AT_ONCE, settle=timedelta(hours=1)))
    await world.store(9, SessionState.STOPPED)
    at_holder, elsewhere = await holder.fleet.everywhere(), await other.fleet.everywhere()
    assert [each.company_id for each in elsewhere] == [each.company_id for each in at_holder] == [*COMPANIES, 9]
    assert {each.last_ack_time for each in at_holder[:-1]} == {NOON}
    assert {each.last_ack_time for each in elsewhere} == {None}
    assert {each.holder for each in elsewhere[:-1]} == {"a"}


async def test_a_session_that_nobody_holds_is_not_connected(world: World) -> None:
    """Whatever its last holder wrote: it is DISCONNECTED until somebody takes it."""
    await SqlMemberStore(world.database).renew("idle", "idle:50051", timedelta(hours=1))
    node = await world.join("a")
    idle = [each for each in await node.fleet.everywhere() if home_of(each.company_id, ("a", "idle")) == "idle"]
    assert {(each.state, each.reason) for each in idle} == {(SessionState.DISCONNECTED, Reason.NO_HOLDER)}


async def test_what_another_gateway_took_is_let_go(world: World) -> None:
    """One that lost its lease while it slept learns who has it, and what came to rest meanwhile stays at rest."""
    sleeper = await world.join("a", replace(AT_ONCE, settle=timedelta(hours=1)))
    leases = SqlLeaseStore(world.database)
    for company_id in (1, 2):
        await leases.release(company_id, sleeper.companies.epochs.pop(company_id))
    await leases.acquire(1, "b", "b:50051", TIMES.ttl)
    await world.store(2, SessionState.REPLACED)
    await eventually(lambda: 1 not in sleeper.companies.known)
    await eventually(lambda: sleeper.companies.known[2].session.state is SessionState.REPLACED)
    assert 2 not in sleeper.companies.held()


async def test_journals_of_companies_that_moved_are_salvaged(world: World) -> None:
    """What a process left here is stored under the epoch of the gateway that holds the company now."""
    here = await world.join("a", replace(AT_ONCE, settle=timedelta(hours=1)))
    await here.companies.let_go(3)
    other = SqlLeaseStore(world.database)
    answer = await other.acquire(3, "b", "b:50051", TIMES.ttl)
    here.companies.journals.add(3)
    await eventually(lambda: not here.companies.journals)
    assert isinstance(answer, Lease)
    assert (f"salvage under {answer.epoch}", 3) in here.companies.log
