"""Two gateways serve one subscription over one database: a conversation is with one of them, and never lost with it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from support.gateway_messages import grant_lease, inbound, seconds, terms

from wamesh.clock import utc_now
from wamesh.gateway.inbox.feed import Consumer
from wamesh.gateway.inbox.inbox import Inbox
from wamesh.gateway.message_errors import SubscriptionNotFound
from wamesh.gateway.messages import Claim
from wamesh.storage.database import Database, migrate, open_database, schema_of
from wamesh.storage.gateway.inbox import SqlInboxStore
from wamesh.whatsapp.jid import Jid

POLL = timedelta(milliseconds=50)
pytestmark = pytest.mark.postgres


@pytest.fixture
async def databases(postgresql_url: str) -> AsyncIterator[tuple[Database, Database]]:
    """Each gateway's own connections; company 7 is held with epoch 1."""
    await migrate(postgresql_url, "gateway")
    one, other = [await open_database(postgresql_url, schema_of("gateway")) for _ in range(2)]
    await grant_lease(one, 7, 1)
    yield one, other
    await one.close()
    await other.close()


@pytest.fixture
async def gateways(databases: tuple[Database, Database]) -> AsyncIterator[tuple[Inbox, Inbox]]:
    """Two inboxes that look at each other's writes every 50 ms."""
    one, other = (
        Inbox(SqlInboxStore(database), utc_now, f"gateway-{number}", POLL) for number, database in enumerate(databases)
    )
    yield one, other
    await one.close()
    await other.close()


async def take(consumer: Consumer) -> Claim:
    """The next delivery; fails the test when none comes."""
    async with asyncio.timeout(10):
        claim = await consumer.next()
    assert claim is not None
    return claim


async def test_a_conversation_is_delivered_by_one_gateway_at_a_time(gateways: tuple[Inbox, Inbox]) -> None:
    """What is stored by one is delivered by either, each message once and in order."""
    people = [Jid.of_phone_number(f"+120255501{number}") for number in range(10, 22)]
    got: dict[str, list[str]] = {str(each): [] for each in people}
    held: set[str] = set()

    async def work(consumer: Consumer) -> None:
        while True:
            claim = await take(consumer)
            assert claim.conversation not in held
            held.add(claim.conversation)
            await asyncio.sleep(0)
            got[claim.conversation] += [each.message.message_id for each in claim.messages]
            held.discard(claim.conversation)
            await consumer.ack(claim.delivery_id)

    wanted = terms(max_messages=2, max_conversations=3)
    async with gateways[0].open(wanted) as one, gateways[1].open(wanted) as other:
        workers = [asyncio.create_task(work(each)) for each in (one, other)]
        for number in range(5):
            await asyncio.gather(*(gateways[0].accept(7, 1, inbound(f"m-{number}", each)) for each in people))
        async with asyncio.timeout(20):
            while sum(map(len, got.values())) < 5 * len(people):  # noqa: ASYNC110 (the workers have no end to wait for)
                await asyncio.sleep(0.01)
        for each in workers:
            each.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
    assert got == {str(each): [f"m-{number}" for number in range(5)] for each in people}


async def test_a_dead_gateways_claim_comes_back_at_its_deadline(
    gateways: tuple[Inbox, Inbox], databases: tuple[Database, Database]
) -> None:
    """Another gateway delivers it then, as a further attempt, and not before."""
    wanted = terms(ack_deadline=seconds(1))
    store = SqlInboxStore(databases[0])
    await store.open(wanted, utc_now())
    await gateways[0].accept(7, 1, inbound("m-1"))
    (lost,) = await store.claim(wanted, 1, "gateway-0", utc_now())
    async with gateways[1].open(wanted) as consumer:
        again = await take(consumer)
        assert (again.attempt, again.deadline >= lost.deadline + seconds(1)) == (2, True)


async def test_a_restarted_gateway_gives_its_claims_back_at_once(
    gateways: tuple[Inbox, Inbox], databases: tuple[Database, Database]
) -> None:
    """Whoever has room delivers them, long before their deadline."""
    wanted = terms(ack_deadline=seconds(600))
    store = SqlInboxStore(databases[0])
    await store.open(wanted, utc_now())
    await gateways[0].accept(7, 1, inbound("m-1"))
    await store.claim(wanted, 1, "gateway-0", utc_now())
    async with gateways[1].open(wanted) as consumer:
        await gateways[0].start()
        assert (await take(consumer)).attempt == 2


async def test_a_deletion_ends_the_streams_of_the_other_gateway(gateways: tuple[Inbox, Inbox]) -> None:
    """At its next look."""
    async with gateways[1].open(terms("audit")) as consumer:
        await gateways[0].delete("audit")
        with pytest.raises(SubscriptionNotFound):
            await take(consumer)


async def test_what_one_gateway_replays_the_other_delivers(
    gateways: tuple[Inbox, Inbox], databases: tuple[Database, Database]
) -> None:
    """A replay makes no sound on other gateways; they look."""
    wanted, store = terms(max_attempts=1), SqlInboxStore(databases[0])
    await store.open(wanted, utc_now())
    await gateways[0].accept(7, 1, inbound("m-1"))
    async with gateways[1].open(wanted) as consumer:
        await consumer.nack((await take(consumer)).delivery_id, timedelta(0))
        async with asyncio.timeout(10):
            while not await store.dead_letters("worker", 1):  # noqa: ASYNC110 (the store has no event for it)
                await asyncio.sleep(0.01)
        assert await gateways[0].replay("worker", None, "") == 1
        assert [each.message.message_id for each in (await take(consumer)).messages] == ["m-1"]
