"""Dead letters come back, subscriptions come and go, and conversations are joined: the rules over both engines."""

import asyncio
import random
from typing import Any

import pytest
from support.databases import OpenRoom
from support.gateway_messages import ANNA, ANNA_HIDDEN, BORIS, NOON, grant_lease, inbound, seconds, terms
from support.inbox_model import InboxWorld

from wamesh.gateway.message_errors import SubscriptionNotFound
from wamesh.gateway.messages import Claim
from wamesh.storage.gateway.inbox import SqlInboxStore
from wamesh.whatsapp.jid import Jid

ONE_TRY = terms(max_attempts=1)
Inbox = SqlInboxStore


@pytest.fixture
async def inbox(room_database: OpenRoom) -> Inbox:
    """An inbox in which company 7 is held with epoch 1, company 8 with epoch 5, and `worker` waits for nothing."""
    database = await room_database("gateway")
    await grant_lease(database, 7, 1)
    await grant_lease(database, 8, 5)
    store = SqlInboxStore(database)
    await store.open(ONE_TRY, NOON)
    return store


def ids(claim: Claim) -> list[str]:
    return [stored.message.message_id for stored in claim.messages]


async def claimed(inbox: Inbox, *, after: float = 0, **fields: Any) -> list[Claim]:
    return await inbox.claim(terms(**({"max_attempts": 1} | fields)), 10, "gateway-a", NOON + seconds(after))


async def bury(inbox: Inbox, *names: str, chat: Jid = ANNA, company_id: int = 7) -> None:
    """Makes dead letters of new messages of the chat."""
    for name in names:
        await inbox.append(company_id, {7: 1, 8: 5}[company_id], inbound(name, chat), NOON)
    (claim,) = await claimed(inbox)
    await inbox.give_back([claim], NOON, counted=True)
    assert await claimed(inbox) == []


async def test_replayed_letters_come_before_newer_messages(inbox: Inbox) -> None:
    """In order, as a batch of their own whose attempts count from 1; what is acked is no dead letter any more."""
    await bury(inbox, "m-1", "m-2")
    await inbox.append(7, 1, inbound("m-3"), NOON)
    assert await inbox.replay("worker", NOON) == 2
    (again,) = await claimed(inbox)
    assert (ids(again), again.attempt) == (["m-1", "m-2"], 1)
    assert await claimed(inbox) == []
    assert await inbox.ack(again) == NOON
    assert await inbox.dead_letters("worker", 10) == []
    assert [ids(claim) for claim in await claimed(inbox)] == [["m-3"]]


async def test_replaying_respects_the_batch_size(inbox: Inbox) -> None:
    """The rest of the letters follows after the ack."""
    await bury(inbox, "m-1", "m-2", "m-3")
    await inbox.replay("worker", NOON)
    (first,) = await claimed(inbox, max_messages=2)
    assert await inbox.ack(first) == NOON
    (second,) = await claimed(inbox, max_messages=2)
    assert await inbox.ack(second) is None
    assert (ids(first), ids(second)) == (["m-1", "m-2"], ["m-3"])


async def test_replaying_is_idempotent(inbox: Inbox) -> None:
    """Letters that wait or are being delivered are not counted again, and nothing is delivered twice."""
    await bury(inbox, "m-1")
    assert [await inbox.replay("worker", NOON) for _ in range(2)] == [1, 0]
    (again,) = await claimed(inbox)
    assert await inbox.replay("worker", NOON) == 0
    assert await claimed(inbox) == []
    await inbox.ack(again)
    assert await inbox.replay("worker", NOON) == 0


async def test_what_fails_again_is_a_dead_letter_again(inbox: Inbox) -> None:
    """With the attempts of the last time, and not replaying; the conversation goes on."""
    await bury(inbox, "m-1")
    await inbox.replay("worker", NOON)
    await inbox.append(7, 1, inbound("m-2"), NOON)
    for attempt in (1, 2, 3):
        (again,) = await claimed(inbox, max_attempts=3)
        assert (ids(again), again.attempt) == (["m-1"], attempt)
        await inbox.give_back([again], NOON, counted=True)
    assert await claimed(inbox, max_attempts=3) == []
    (letter,) = await inbox.dead_letters("worker", 10)
    assert (letter.attempts, letter.replaying) == (3, False)
    assert [ids(claim) for claim in await claimed(inbox, max_attempts=3)] == [["m-2"]]


async def test_letters_wait_for_an_open_claim(inbox: Inbox) -> None:
    """One batch of a conversation at a time; then they come first."""
    await bury(inbox, "m-1")
    await inbox.append(7, 1, inbound("m-2"), NOON)
    (opened,) = await claimed(inbox)
    await inbox.append(7, 1, inbound("m-3"), NOON)
    assert await inbox.replay("worker", NOON) == 1
    assert await claimed(inbox) == []
    await inbox.ack(opened)
    (again,) = await claimed(inbox)
    await inbox.ack(again)
    assert (ids(again), [ids(each) for each in await claimed(inbox)]) == (["m-1"], [["m-3"]])


async def test_a_replay_may_name_a_company_and_a_chat(inbox: Inbox) -> None:
    """The other letters stay where they are."""
    await bury(inbox, "m-1")
    await bury(inbox, "m-2", chat=BORIS)
    await bury(inbox, "m-3", company_id=8)
    assert await inbox.replay("worker", NOON, company_id=7, chat=str(BORIS)) == 1
    letters = await inbox.dead_letters("worker", 10)
    assert [(each.stored.message.message_id, each.replaying) for each in letters] == [
        ("m-1", False),
        ("m-2", True),
        ("m-3", False),
    ]
    assert await inbox.replay("worker", NOON, company_id=8) == 1
    assert await inbox.replay("worker", NOON) == 1


async def test_dead_letters_are_listed_in_pages(inbox: Inbox) -> None:
    """After a sequence, of one company or all."""
    await bury(inbox, "m-1", "m-2")
    await bury(inbox, "m-3", company_id=8)
    first, *rest = await inbox.dead_letters("worker", 10)
    assert await inbox.dead_letters("worker", 1) == [first]
    assert await inbox.dead_letters("worker", 10, after=first.sequence) == rest
    assert await inbox.dead_letters("worker", 10, company_id=8) == rest[1:]


async def test_subscriptions_tell_how_far_behind_they_are(inbox: Inbox) -> None:
    """Conversations, the age of the oldest message that is not acked, also when that is replayed, and dead letters."""
    await bury(inbox, "m-1")
    await inbox.open(terms("audit", quiet_period=seconds(2), max_wait=seconds(9), max_messages=4), NOON)
    await inbox.append(7, 1, inbound("m-2", BORIS), NOON + seconds(1))
    audit, worker = await inbox.subscriptions()
    assert (audit.subscription, audit.pending_conversations, audit.oldest_pending_time) == ("audit", 2, NOON)
    assert (audit.quiet_period, audit.max_wait, audit.max_messages) == (seconds(2), seconds(9), 4)
    assert (worker.pending_conversations, worker.oldest_pending_time, worker.dead_letters) == (1, NOON + seconds(1), 1)
    await inbox.replay("worker", NOON + seconds(5))
    assert (await inbox.subscriptions())[1].oldest_pending_time == NOON


async def test_a_deleted_subscription_is_gone(inbox: Inbox) -> None:
    """Nothing is kept for it; opened again it begins at the earliest message."""
    await bury(inbox, "m-1")
    await inbox.append(7, 1, inbound("m-2"), NOON)
    (stale,) = await claimed(inbox)
    await inbox.delete("worker")
    assert await inbox.append(7, 1, inbound("m-3"), NOON) == {}
    assert await inbox.ack(stale) is None
    assert await inbox.subscriptions() == []
    for refused in (
        inbox.delete("worker"),
        inbox.dead_letters("worker", 1),
        inbox.replay("worker", NOON),
        inbox.next_time("worker", ()),
    ):
        with pytest.raises(SubscriptionNotFound):
            await refused
    await inbox.open(ONE_TRY, NOON)
    assert await inbox.dead_letters("worker", 10) == []
    assert [ids(claim) for claim in await claimed(inbox)] == [["m-1", "m-2", "m-3"]]


async def test_deleting_while_messages_arrive_leaves_nothing_behind(inbox: Inbox) -> None:
    """A message that is stored beside the deletion is pending in no subscription that is gone."""

    async def write(number: int) -> None:
        await inbox.append(7, 1, inbound(f"m-{number}"), NOON)

    await asyncio.gather(*map(write, range(10)), inbox.delete("worker"), *map(write, range(10, 20)))
    await inbox.open(ONE_TRY, NOON)
    (claim,) = await claimed(inbox)
    assert len(claim.messages) == 20


async def test_a_join_redelivers_nothing_that_was_acked(inbox: Inbox) -> None:
    """What one conversation had not acked, though older than what the other had, comes first, alone."""
    await inbox.append(7, 1, inbound("m-1", ANNA), NOON)
    (held,) = await claimed(inbox)
    await inbox.append(7, 1, inbound("m-2", ANNA_HIDDEN), NOON)
    (done,) = await claimed(inbox)
    await inbox.ack(done)
    await inbox.give_back([held], NOON, counted=False)
    await inbox.append(7, 1, inbound("m-3", ANNA_HIDDEN, sender_alternate=ANNA), NOON)
    (first,) = await claimed(inbox)
    await inbox.ack(first)
    (second,) = await claimed(inbox)
    assert (ids(first), ids(second)) == (["m-1"], ["m-3"])


@pytest.mark.parametrize("answer", ["ack", "nack", "extend"])
async def test_an_open_delivery_survives_a_join(inbox: Inbox, answer: str) -> None:
    """Its answer counts under either name, for its own messages and no others, and nothing is delivered beside it."""
    await inbox.append(7, 1, inbound("m-1", ANNA), NOON)
    await inbox.append(7, 1, inbound("m-2", ANNA_HIDDEN), NOON)
    await inbox.append(7, 1, inbound("m-3", ANNA), NOON)
    (held, *rest) = sorted(await claimed(inbox, max_attempts=9), key=lambda each: each.messages[0].sequence)
    await inbox.give_back(rest, NOON, counted=True)
    await inbox.append(7, 1, inbound("m-4", ANNA_HIDDEN, sender_alternate=ANNA), NOON)
    assert await claimed(inbox, max_attempts=9) == []
    if answer == "ack":
        await inbox.ack(held)
        assert [ids(each) for each in await claimed(inbox, max_attempts=9)] == [["m-2"]]
    elif answer == "nack":
        await inbox.give_back([held], NOON, counted=True)
        (again,) = await claimed(inbox, max_attempts=9)
        assert (ids(again), again.attempt) == (["m-1", "m-2", "m-3"], held.attempt + 1)
    else:
        assert await inbox.extend(held, NOON + seconds(500))
        assert await claimed(inbox, after=499, max_attempts=9) == []


async def test_a_message_that_came_by_both_addresses_is_one_after_the_join(inbox: Inbox) -> None:
    """It was stored twice while nobody knew of the pair; then it is delivered once."""
    await inbox.append(7, 1, inbound("m-1", ANNA), NOON)
    await inbox.append(7, 1, inbound("m-1", ANNA_HIDDEN), NOON)
    await inbox.append(7, 1, inbound("m-2", ANNA_HIDDEN, sender_alternate=ANNA), NOON)
    assert [ids(each) for each in await claimed(inbox)] == [["m-1", "m-2"]]


async def test_dead_letters_follow_a_join(inbox: Inbox) -> None:
    """They are replayed under either name, before what is newer."""
    await bury(inbox, "m-1", chat=ANNA)
    await inbox.append(7, 1, inbound("m-2", ANNA_HIDDEN), NOON)
    await inbox.append(7, 1, inbound("m-3", ANNA_HIDDEN, sender_alternate=ANNA), NOON)
    assert [each.conversation for each in await inbox.dead_letters("worker", 9)] == [str(ANNA_HIDDEN)]
    assert await inbox.replay("worker", NOON, company_id=7, chat=str(ANNA)) == 1
    (again,) = await claimed(inbox)
    await inbox.ack(again)
    assert (ids(again), [ids(each) for each in await claimed(inbox)]) == (["m-1"], [["m-2", "m-3"]])


@pytest.mark.parametrize("seed", range(3))
async def test_a_walk_keeps_every_promise(room_database: OpenRoom, seed: int) -> None:
    """A random client, over the real engines: `test_inbox_promises` says what is promised."""
    database = await room_database("gateway")
    await grant_lease(database, 7, 1)
    world, draw = InboxWorld(SqlInboxStore(database)), random.Random(seed)
    await world.store.delete("worker")
    await world.open("worker")
    people = [(Jid.of_phone_number(f"+120255501{each}"), Jid(f"98765432{each}", "lid")) for each in range(10, 16)]
    for _ in range(60):
        person, form = draw.choice(people), draw.randrange(2)
        await world.write(person[form], draw.choice([None, None, None, person[1 - form]]))
        world.wait(draw.choice([0, 5, 60]))
        for claim in await world.claim("worker"):
            if draw.random() < 0.4:
                await world.ack(claim)
            elif draw.random() < 0.7:
                await world.nack(claim, 0, counted=True)
        if draw.random() < 0.1:
            await world.replay("worker")
        await world.check()
    await world.settle()


async def test_a_replay_counts_its_own_attempts(inbox: Inbox) -> None:
    """Those of the newer batch that it overtakes are not its own; that one counts anew after it."""
    await bury(inbox, "m-1")
    await inbox.append(7, 1, inbound("m-2"), NOON)
    (failed,) = await claimed(inbox, max_attempts=5)
    await inbox.give_back([failed], NOON + seconds(300), counted=True)
    await inbox.replay("worker", NOON)
    (again,) = await claimed(inbox, max_attempts=5)
    await inbox.ack(again)
    (rest,) = await claimed(inbox, max_attempts=5)
    assert [(ids(each), each.attempt) for each in (again, rest)] == [(["m-1"], 1), (["m-2"], 1)]
