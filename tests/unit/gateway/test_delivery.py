"""Deliveries keep order, lose nothing and are acked once, whatever arrives, is nacked, breaks or runs late."""

import asyncio
from collections import defaultdict
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.gateway_messages import ANNA, BORIS, NOON, grant_lease, inbound, seconds, terms
from support.inline_database import inline_database

from wamesh.gateway.inbox.delivery import Agenda, Window, retry_delay
from wamesh.gateway.messages import Claim, StoredMessage, Terms
from wamesh.storage.database import Database, Steps, execute
from wamesh.storage.gateway.inbox import SqlInboxStore

CHATS = (ANNA, BORIS)
SUBSCRIPTIONS = ("worker", "webhooks")


def claim(delivery_id: str, deadline_seconds: float = 60) -> Claim:
    stored = StoredMessage(1, inbound("m-1"), NOON)
    return Claim(delivery_id, "worker", 7, str(ANNA), (stored,), 1, NOON + seconds(deadline_seconds))


def test_a_window_takes_no_more_than_its_limit() -> None:
    """Each open delivery takes one place; closing it gives the place back, once."""
    window = Window(2)
    window.admit(claim("a"))
    window.admit(claim("b"))
    with pytest.raises(OverflowError):
        window.admit(claim("c"))
    assert window.close("a") == claim("a")
    assert window.close("a") is None
    assert window.free == 1


def test_a_delivery_expires_at_its_deadline() -> None:
    """Not before, and not when it was extended."""
    window = Window(3)
    window.admit(claim("a", 60))
    window.admit(claim("b", 60))
    assert window.extend("b", NOON + seconds(90)) == claim("b", 60)
    assert window.extend("c", NOON + seconds(90)) is None
    assert window.next_deadline == NOON + seconds(60)
    assert window.expire(NOON + seconds(59)) == []
    assert window.expire(NOON + seconds(60)) == [claim("a", 60)]
    assert window.next_deadline == NOON + seconds(90)
    assert window.close_all() == [claim("b", 60)]
    assert window.free == 3
    assert window.next_deadline is None


def test_an_agenda_remembers_the_earliest_moment() -> None:
    """A later note changes nothing; a moment that has come is taken once."""
    agenda = Agenda()
    assert not agenda.note(None)
    assert agenda.note(NOON + seconds(2))
    assert not agenda.note(NOON + seconds(3))
    assert agenda.note(NOON + seconds(1))
    assert not agenda.take(NOON)
    assert agenda.take(NOON + seconds(1))
    assert not agenda.take(NOON + seconds(9))


def test_nacked_deliveries_come_back_ever_later() -> None:
    """From a second on, doubling, up to five minutes."""
    delays = [retry_delay(attempt).total_seconds() for attempt in (1, 2, 3, 9, 10, 1000)]
    assert delays == [1, 2, 4, 256, 300, 300]


_PENDING_IDS = """
SELECT m.message_id FROM inbox_messages m
JOIN inbox_pending p ON m.company_id = p.company_id AND m.conversation = p.conversation
WHERE p.subscription = $1 AND p.conversation = $2 AND m.sequence > p.acked_sequence ORDER BY m.sequence
"""


class World:
    """A store, a clock, and per subscription what is claimed and what was acked, by conversation."""

    def __init__(self, database: Database, waits: timedelta, max_messages: int) -> None:
        self.database = database
        self.store = SqlInboxStore(database)
        self.now = NOON
        self.terms = {
            name: terms(name, quiet_period=waits, max_wait=waits * 3, max_messages=max_messages, max_attempts=10**6)
            for name in SUBSCRIPTIONS
        }
        self.sent: dict[str, list[str]] = defaultdict(list)
        self.acked: dict[tuple[str, str], list[str]] = defaultdict(list)
        self.open: dict[str, list[Claim]] = defaultdict(list)

    async def arrive(self, chat: int, repeated: bool) -> None:
        conversation = str(CHATS[chat])
        known = self.sent[conversation]
        message_id = known[-1] if repeated and known else f"{conversation}/{len(known)}"
        if message_id not in known:
            known.append(message_id)
        await self.store.append(7, 1, inbound(message_id, CHATS[chat]), self.now)

    async def claim(self, subscription: str, limit: int = 5) -> list[Claim]:
        claims = await self.store.claim(self.terms[subscription], limit, "gateway-a", self.now)
        held = {each.conversation for each in self.open[subscription] if each.deadline > self.now}
        assert not held & {each.conversation for each in claims}, "a conversation was delivered twice at a time"
        self.open[subscription] += claims
        return claims

    async def ack(self, subscription: str, index: int) -> None:
        """Acks one of the open claims, late ones included: only a claim that is still its own may count."""
        if not self.open[subscription]:
            return
        claim = self.open[subscription].pop(index % len(self.open[subscription]))
        before = await self.pending(claim)
        await self.store.ack(claim)
        if await self.pending(claim) != before:
            self.acked[subscription, claim.conversation] += [each.message.message_id for each in claim.messages]

    async def pending(self, claim: Claim) -> list[str]:
        """What a fresh subscriber would still get of the claim's conversation, without taking it."""

        def steps() -> Steps[list[str]]:
            rows = yield execute(_PENDING_IDS, claim.subscription, claim.conversation)
            return [row[0] for row in rows]

        return await self.database.read(steps)

    async def give_back(self, subscription: str, index: int, delay: int) -> None:
        if self.open[subscription]:
            claim = self.open[subscription].pop(index % len(self.open[subscription]))
            await self.store.give_back([claim], self.now + seconds(delay), counted=bool(delay % 2))

    async def break_stream(self, subscription: str) -> None:
        await self.store.give_back(self.open[subscription], self.now, counted=True)
        self.open[subscription].clear()

    async def restart(self) -> None:
        await self.store.release("gateway-a", self.now)
        self.open.clear()

    async def drain(self) -> None:
        await self.restart()
        for subscription in SUBSCRIPTIONS:
            while (time := await self.store.next_time(subscription, ())) is not None:
                self.now = max(self.now, time)
                assert await self.claim(subscription)
                while self.open[subscription]:
                    await self.ack(subscription, 0)


SUBSCRIPTION = st.sampled_from(SUBSCRIPTIONS)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("arrive"), st.integers(0, 1), st.booleans()),
        st.tuples(st.just("claim"), SUBSCRIPTION, st.integers(1, 2)),
        st.tuples(st.just("ack"), SUBSCRIPTION, st.integers(0, 3)),
        st.tuples(st.just("give_back"), SUBSCRIPTION, st.integers(0, 3), st.integers(0, 90)),
        st.tuples(st.just("break_stream"), SUBSCRIPTION),
        st.tuples(st.just("restart")),
        st.tuples(st.just("wait"), st.integers(0, 70)),
    ),
    max_size=40,
)


async def play(database: Database, steps: list[tuple[object, ...]], waits: int, max_messages: int) -> World:
    await grant_lease(database, 7, 1)
    world = World(database, seconds(waits), max_messages)
    for wanted in world.terms.values():
        await world.store.open(wanted, NOON)
    for name, *arguments in steps:
        if name == "wait":
            world.now += seconds(arguments[0])  # type: ignore[arg-type]
        else:
            await getattr(world, str(name))(*arguments)
    await world.drain()
    await database.close()
    return world


@settings(max_examples=150, deadline=None)
@given(steps=STEPS, waits=st.sampled_from([0, 3]), max_messages=st.sampled_from([1, 2, 50]))
def test_order_is_kept_nothing_is_lost_and_nothing_is_acked_twice(
    steps: list[tuple[object, ...]], waits: int, max_messages: int
) -> None:
    """For each subscription and conversation, what was acked is what arrived, in order, once."""
    world = asyncio.run(play(inline_database("gateway"), steps, waits, max_messages))
    expected = {
        (subscription, conversation): ids
        for subscription in SUBSCRIPTIONS
        for conversation, ids in world.sent.items()
        if ids
    }
    assert {key: ids for key, ids in world.acked.items() if ids} == expected


def test_the_terms_of_the_contract_are_the_defaults() -> None:
    """Absent fields of OpenSubscription mean what the contract says."""
    default = Terms("worker")
    assert (default.max_conversations, default.max_messages, default.max_attempts) == (16, 50, 10)
    assert (default.quiet_period, default.max_wait, default.ack_deadline) == (seconds(3), seconds(15), seconds(60))
