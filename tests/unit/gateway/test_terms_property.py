"""Two gateways take a company from one another at any moment: no message is doubled, and none is left behind.

The world keeps the lease's discipline: a session process lives only under the newest epoch. All else is random: who
takes over when, who notices late that it lost, where a send is cut off, when receipts come.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeAlias

from hypothesis import given, settings
from hypothesis import strategies as st
from support.fake_sessions import FakeSessions, Network
from support.gateway_messages import ANNA, BORIS, NOON, draft, grant_lease, seconds
from support.inline_database import InlineDatabase, inline_database

from wamesh.errors import MeshError
from wamesh.gateway.errors import SessionProcessUnavailable
from wamesh.gateway.health import SendLog
from wamesh.gateway.messages import DeliveryState, OutboxMessage
from wamesh.gateway.outbox.outbox import Outbox
from wamesh.gateway.outbox.policy import OutboxPolicy
from wamesh.gateway.session.state import SessionState
from wamesh.storage.gateway.outbox import SqlOutboxStore
from wamesh.whatsapp.events import ReceiptKind, ReceiptReceived
from wamesh.whatsapp.transport import OutgoingMessage, SendOutcome, Sent

S = DeliveryState
POLICY = OutboxPolicy(doubt_time=seconds(0), pause=seconds(0))
CUTS = ("never", "before the id", "before the wire", "after the wire")

Step: TypeAlias = tuple[str, int]


class UnhurriedStore:
    """A store whose caller may be cancelled before and after each transaction."""

    def __init__(self, store: SqlOutboxStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        call: Callable[..., Any] = getattr(self._store, name)

        async def unhurried(*args: Any, **kwargs: Any) -> Any:
            await asyncio.sleep(0)
            result = await call(*args, **kwargs)
            await asyncio.sleep(0)
            return result

        return unhurried


class MortalSessions(FakeSessions):
    """A gateway's sessions; they answer only while the gateway has the world's one session process."""

    def __init__(self, world: "World") -> None:
        super().__init__(7, network=world.network)
        self.set(7, SessionState.DISCONNECTED, 0)
        self._world = world

    async def send(self, company_id: int, message: OutgoingMessage) -> SendOutcome:
        await asyncio.sleep(0)
        self._obey()
        cut, self._world.cut = self._world.cut, "never"
        if cut != "before the id":
            message_id = self.network.write_down(message)
            await asyncio.sleep(0)
            self._obey()
            if cut != "before the wire":
                self.network.wire.append(message)
                await asyncio.sleep(0)
        if cut != "never":
            await asyncio.Event().wait()
        self._obey()
        return Sent(message_id, NOON)

    async def find_sent(self, company_id: int, secret: bytes) -> str | None:
        await asyncio.sleep(0)
        self._obey()
        return await super().find_sent(company_id, secret)

    def _obey(self) -> None:
        if self._world.process is not self:
            raise SessionProcessUnavailable(7)


class World:
    """One database, one WhatsApp, two gateways."""

    def __init__(self, database: InlineDatabase) -> None:
        self.database = database
        self.store = SqlOutboxStore(database)
        self.network = Network.empty()
        self.cut = "never"
        self.epoch = 0
        self.gateways = [MortalSessions(self), MortalSessions(self)]
        self.outboxes = [self._outbox(each) for each in self.gateways]
        self.process: MortalSessions | None = None
        self.callers: list[asyncio.Task[OutboxMessage]] = []

    async def take(self, which: int, *, noticed: bool) -> None:
        """A gateway gets the lease; the other one, if it had it, may not have noticed yet."""
        self.process = None
        if noticed:
            self.lose(1 - which)
        self.epoch += 1
        await grant_lease(self.database, 7, self.epoch)
        self.process = self.gateways[which]
        self.process.set(7, SessionState.CONNECTED, self.epoch)
        self.outboxes[which].begin(7, self.epoch)

    def lose(self, which: int) -> None:
        """A gateway's term is over, and so is its process."""
        if self.process is self.gateways[which]:
            self.process = None
        self.gateways[which].set(7, SessionState.DISCONNECTED, self.epoch)
        self.outboxes[which].end(7)

    def connect(self, state: SessionState) -> None:
        """The holder's network comes or goes; its process stays."""
        if self.process is not None:
            self.process.set(7, state, self.epoch)

    def send(self, which: int, number: int) -> None:
        """Somebody asks a gateway; the same request more than once, too."""
        chat = ANNA if number % 2 else BORIS
        wanted = draft(f"r-{number}", text=f"{number}", chat=chat, queueable=number % 3 == 0)
        self.callers.append(asyncio.create_task(self.outboxes[which].send(wanted)))

    def cancel(self, number: int) -> None:
        """Somebody takes a request back, through either gateway."""
        self.callers.append(asyncio.create_task(self.outboxes[number % 2].cancel(7, f"r-{number}")))

    async def receive(self) -> None:
        """Receipts for all that WhatsApp has, to whoever holds the company."""
        if self.process is not None:
            ids = tuple(self.network.written[each.secret] for each in self.network.wire)
            outbox = self.outboxes[self.gateways.index(self.process)]
            await outbox.note_receipts(7, self.epoch, [ReceiptReceived(ANNA, ids, ReceiptKind.DELIVERED, NOON)])

    async def settle(self) -> None:
        """A gateway holds the company for good; whoever had a refusal asks again."""
        await self.take(0, noticed=True)
        await asyncio.gather(*self.callers, return_exceptions=True)
        while await self.store.open_messages(7):  # noqa: ASYNC110 (rows tell nobody)
            await asyncio.sleep(0)
        for outbox in self.outboxes:
            await outbox.close()

    def _outbox(self, sessions: MortalSessions) -> Outbox:
        store: Any = UnhurriedStore(self.store)
        return Outbox(store, sessions, lambda: NOON, SendLog(), POLICY)


async def play(world: World, steps: list[Step]) -> None:
    for name, number in steps:
        match name:
            case "take":
                await world.take(number % 2, noticed=number < 2)
            case "lose":
                world.lose(number % 2)
            case "send":
                world.send(0 if world.process is world.gateways[0] else 1, number)
            case "ask the wrong one":
                world.send(1 if world.process is world.gateways[0] else 0, number)
            case "cancel":
                world.cancel(number)
            case "cut":
                world.cut = CUTS[number % 4]
            case "connect":
                world.connect(SessionState.CONNECTED if number % 2 else SessionState.DISCONNECTED)
            case "receive":
                await world.receive()
            case "pass":
                for _ in range(number):
                    await asyncio.sleep(0)
    world.cut = "never"
    async with asyncio.timeout(2):
        await world.settle()


STEPS = st.one_of(
    st.tuples(st.sampled_from(["take", "lose", "cut", "connect", "receive"]), st.integers(0, 3)),
    st.tuples(st.sampled_from(["send", "send", "ask the wrong one", "cancel"]), st.integers(0, 5)),
    st.tuples(st.just("pass"), st.integers(1, 12)),
)


@settings(max_examples=200, deadline=None)
@given(steps=st.lists(STEPS, max_size=40))
def test_no_message_is_doubled_or_left_behind(steps: list[Step]) -> None:
    """Each request reaches WhatsApp once at most, every row has an outcome, and the outcome is the truth."""
    world = World(inline_database("gateway"))

    async def played() -> list[OutboxMessage]:
        await play(world, steps)
        rows = [await world.store.get(7, f"r-{each}") for each in range(6)]
        return [row for row in rows if row is not None]

    messages = asyncio.run(played())
    sent = Counter(each.text for each in world.network.wire)
    assert all(times == 1 for times in sent.values())
    for message in messages:
        assert message.state in {S.SENT, S.DELIVERED, S.UNKNOWN, S.CANCELLED}
        if message.state is not S.UNKNOWN:
            assert (message.text in sent) == (message.state is not S.CANCELLED)
    assert set(sent) <= {each.text for each in messages}
    refusals = [each.exception() for each in world.callers if not each.cancelled()]
    assert all(each is None or isinstance(each, MeshError) for each in refusals)
