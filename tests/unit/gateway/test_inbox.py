"""The inbox wakes whoever waits, and a wake-up that is lost costs no message."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from support.gateway_messages import ANNA, BORIS, grant_lease, inbound, seconds, terms
from support.inline_database import InlineDatabase, empty_copy

from wamesh.clock import utc_now
from wamesh.errors import Unavailable
from wamesh.gateway.errors import LeaseLost
from wamesh.gateway.inbox.feed import Consumer
from wamesh.gateway.inbox.inbox import Inbox
from wamesh.gateway.messages import Claim, Terms
from wamesh.storage.gateway.inbox import SqlInboxStore
from wamesh.whatsapp.events import InboundMessage
from wamesh.whatsapp.jid import Jid

MOMENT = timedelta(milliseconds=20)


class Hiccup(Unavailable):
    """A database that does not answer for a moment."""

    def __init__(self) -> None:
        super().__init__("The database does not answer.", MOMENT)


class Store(SqlInboxStore):
    """A store that fails when told to."""

    failures = 0
    committed: asyncio.Event | None = None

    async def append(
        self, company_id: int, epoch: int, message: InboundMessage, now: datetime
    ) -> Mapping[str, datetime]:
        due = await super().append(company_id, epoch, message, now)
        if self.committed is not None:
            self.committed.set()
            await asyncio.sleep(0)  # the answer of a database comes a moment after its commit
        return due

    async def claim(self, terms: Terms, limit: int, claimant: str, now: datetime) -> list[Claim]:
        if self.failures:
            self.failures -= 1
            raise Hiccup
        return await super().claim(terms, limit, claimant, now)


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    database: InlineDatabase = await empty_copy("gateway")
    await grant_lease(database, 7, 1)
    yield Store(database)
    await database.close()


@pytest.fixture
async def inbox(store: Store) -> AsyncIterator[Inbox]:
    inbox = Inbox(store, utc_now, "gateway-a")
    yield inbox
    await inbox.close()


async def batch(consumer: Consumer) -> list[str]:
    """The ids of the next delivery; fails the test when none comes."""
    return ids(await delivery(consumer))


async def delivery(consumer: Consumer) -> Claim:
    async with asyncio.timeout(5):
        claim = await consumer.next()
    assert claim is not None
    return claim


def ids(claim: Claim) -> list[str]:
    return [stored.message.message_id for stored in claim.messages]


async def test_arrival_wakes_a_waiting_consumer(inbox: Inbox) -> None:
    """Once for each message, however they interleave with acks."""
    async with inbox.open(terms()) as consumer:
        for number in range(3):
            await inbox.accept(7, 1, inbound(f"m-{number}"))
            claim = await delivery(consumer)
            assert ids(claim) == [f"m-{number}"]
            await consumer.ack(claim.delivery_id)


async def test_a_message_wakes_though_whoever_brought_it_is_cancelled(inbox: Inbox, store: Store) -> None:
    """A session process that is killed takes its carrier along, perhaps between the commit and the wake-up; when the
    message comes again it is known already, and wakes nobody.
    """
    store.committed = asyncio.Event()
    async with inbox.open(terms()) as consumer:
        carrier = asyncio.create_task(inbox.accept(7, 1, inbound("m-1")))
        await store.committed.wait()
        carrier.cancel()
        with pytest.raises(asyncio.CancelledError):
            await carrier
        assert await batch(consumer) == ["m-1"]


async def test_a_consumer_that_comes_late_finds_what_is_due(inbox: Inbox) -> None:
    """Also when its subscription was served before and nobody was left to take what came since."""
    async with inbox.open(terms()):
        pass
    await inbox.accept(7, 1, inbound("m-1"))
    for _ in range(3):
        await asyncio.sleep(0)
    async with inbox.open(terms()) as consumer:
        assert await batch(consumer) == ["m-1"]


async def test_a_batch_waits_for_quiet(inbox: Inbox) -> None:
    """What comes within the quiet period comes as one."""
    async with inbox.open(terms(quiet_period=MOMENT, max_wait=seconds(5))) as consumer:
        for number in range(3):
            await inbox.accept(7, 1, inbound(f"m-{number}"))
        assert await batch(consumer) == ["m-0", "m-1", "m-2"]


async def test_room_is_used_as_soon_as_it_is_there(inbox: Inbox) -> None:
    """An ack lets the next conversation in, in the order in which they became due."""
    chats = [Jid.of_phone_number(f"+1202555{number:04}") for number in range(100, 105)]
    for chat in chats:
        await inbox.accept(7, 1, inbound("m-1", chat))
    async with inbox.open(terms(max_conversations=1)) as consumer:
        for chat in chats:
            claim = await delivery(consumer)
            assert claim.conversation == str(chat)
            await consumer.ack(claim.delivery_id)


async def test_a_missed_deadline_brings_the_delivery_again(inbox: Inbox) -> None:
    """And gives its place back; the late ack of the first one is ignored."""
    await inbox.accept(7, 1, inbound("m-1"))
    async with inbox.open(terms(max_conversations=1, ack_deadline=MOMENT)) as consumer:
        first = await delivery(consumer)
        second = await delivery(consumer)
        assert (first.attempt, second.attempt) == (1, 2)
        await consumer.ack(first.delivery_id)
        await consumer.extend(second.delivery_id, seconds(60))
        await consumer.ack(second.delivery_id)
        await inbox.accept(7, 1, inbound("m-2"))
        assert await batch(consumer) == ["m-2"]


async def test_a_nacked_delivery_waits_and_others_do_not(inbox: Inbox) -> None:
    """It comes again after its delay."""
    await inbox.accept(7, 1, inbound("m-1"))
    async with inbox.open(terms()) as consumer:
        await consumer.nack((await delivery(consumer)).delivery_id, MOMENT)
        await inbox.accept(7, 1, inbound("m-1", BORIS))
        assert (await delivery(consumer)).conversation == str(BORIS)
        assert (await delivery(consumer)).conversation == str(ANNA)


async def test_what_a_consumer_leaves_goes_to_the_next_at_once(inbox: Inbox) -> None:
    """What it saw counts as an attempt, what it never saw does not."""
    for chat in (ANNA, BORIS):
        await inbox.accept(7, 1, inbound("m-1", chat))
    async with inbox.open(terms()) as consumer:
        seen = await delivery(consumer)
    async with inbox.open(terms()) as successor:
        attempts = {claim.conversation: claim.attempt for claim in [await delivery(successor) for _ in range(2)]}
    assert attempts == {seen.conversation: 2, str(BORIS if seen.conversation == str(ANNA) else ANNA): 1}


async def test_other_gateways_messages_are_found_by_looking(store: Store) -> None:
    """Where the database is shared, a slow look replaces the wake-up that nobody gives."""
    inbox = Inbox(store, utc_now, "gateway-a", poll=MOMENT)
    async with inbox.open(terms()) as consumer:
        await store.append(7, 1, inbound("m-1"), utc_now())
        assert await batch(consumer) == ["m-1"]
    await inbox.close()


async def test_a_database_that_stumbles_delays_and_loses_nothing(inbox: Inbox, store: Store) -> None:
    """The feed tries again after a pause."""
    await inbox.accept(7, 1, inbound("m-1"))
    store.failures = 2
    async with inbox.open(terms()) as consumer:
        assert await batch(consumer) == ["m-1"]


async def test_a_filter_that_nobody_matches_disturbs_no_one(inbox: Inbox) -> None:
    """A stream for other companies neither gets the message nor keeps it from those who want it."""
    async with inbox.open(terms(company_ids=frozenset({8}))) as other, inbox.open(terms()) as consumer:
        await inbox.accept(7, 1, inbound("m-1"))
        assert await batch(consumer) == ["m-1"]
        assert other.window.free == other.terms.max_conversations


async def test_the_claims_of_a_gateway_that_died_are_released_at_its_start(store: Store) -> None:
    """Its successor of the same name delivers at once, without waiting for deadlines."""
    await store.append(7, 1, inbound("m-1"), utc_now())
    await store.open(terms(), utc_now())
    assert len(await store.claim(terms(), 10, "gateway-a", utc_now())) == 1
    inbox = Inbox(store, utc_now, "gateway-a")
    await inbox.start()
    async with inbox.open(terms()) as consumer:
        assert (await delivery(consumer)).attempt == 2
    await inbox.close()


async def test_a_stale_epoch_is_told_to_the_caller(inbox: Inbox) -> None:
    """The supervisor learns that it lost the lease, and the message stays in its journal."""
    with pytest.raises(LeaseLost):
        await inbox.accept(7, 2, inbound("m-1"))


@pytest.mark.parametrize(
    "message",
    [
        inbound("m-1", from_me=True),
        inbound("m-1", Jid("120363001234567890", "g.us"), sender=ANNA, group=True),
        inbound("m-1", Jid("status", "broadcast"), sender=ANNA),
    ],
    ids=["from the owner", "in a group", "a status"],
)
async def test_what_nobody_is_to_answer_is_not_stored(inbox: Inbox, store: Store, message: Any) -> None:
    """Only what a customer writes to the company itself."""
    await inbox.accept(7, 1, message)
    assert await store.read(7, str(message.chat), 10) == []
