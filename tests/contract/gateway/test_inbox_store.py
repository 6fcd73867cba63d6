"""The rules of `InboxStore`, over both engines."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from support.databases import OpenRoom
from support.gateway_messages import ANNA, ANNA_HIDDEN, BORIS, NOON, grant_lease, inbound, seconds, terms

from wamesh.gateway.errors import LeaseLost
from wamesh.gateway.messages import Claim, Terms
from wamesh.storage.gateway.inbox import SqlInboxStore
from wamesh.whatsapp.events import ContentKind
from wamesh.whatsapp.jid import Jid

AT_ONCE = terms()
Inbox = SqlInboxStore


@pytest.fixture
async def inbox(room_database: OpenRoom) -> Inbox:
    """An inbox in which company 7 is held with epoch 1, company 8 with epoch 5, and `worker` waits for nothing."""
    database = await room_database("gateway")
    await grant_lease(database, 7, 1)
    await grant_lease(database, 8, 5)
    store = SqlInboxStore(database)
    await store.open(AT_ONCE, NOON)
    return store


def ids(claim: Claim) -> list[str]:
    return [stored.message.message_id for stored in claim.messages]


async def claimed(inbox: Inbox, wanted: Terms = AT_ONCE, *, after: float = 0, limit: int = 10) -> list[Claim]:
    return await inbox.claim(wanted, limit, "gateway-a", NOON + seconds(after))


async def test_a_message_comes_out_as_it_went_in(inbox: Inbox) -> None:
    """Every field survives, in the conversation's order."""
    message = inbound(
        "m-1",
        ANNA_HIDDEN,
        sender=ANNA_HIDDEN.with_device(3),
        sender_alternate=ANNA,
        kind=ContentKind.IMAGE,
        text="Как вам такая стрижка? 💇",
        phone_number="+12025550101",
        push_name="Anna",
        quoted_message_id="q-1",
        time=NOON - seconds(2.5),
    )
    await inbox.append(7, 1, message, NOON)
    (claim,) = await claimed(inbox)
    assert (claim.company_id, claim.conversation, claim.attempt) == (7, str(ANNA_HIDDEN), 1)
    assert [(stored.message, stored.receive_time) for stored in claim.messages] == [(message, NOON)]


async def test_a_message_is_stored_once(inbox: Inbox) -> None:
    """The same company, chat and message id is one message, also when another chat has the same id."""
    assert await inbox.append(7, 1, inbound("m-1"), NOON) == {"worker": NOON}
    assert await inbox.append(7, 1, inbound("m-1"), NOON + seconds(1)) == {}
    assert await inbox.append(7, 1, inbound("m-1", BORIS), NOON) == {"worker": NOON}
    assert await inbox.append(8, 5, inbound("m-1"), NOON) == {"worker": NOON}
    assert [ids(claim) for claim in await claimed(inbox)] == [["m-1"]] * 3


async def test_a_stale_epoch_writes_nothing(inbox: Inbox) -> None:
    """An append whose epoch is not the current one raises LeaseLost, older or newer alike."""
    for epoch in (0, 2):
        with pytest.raises(LeaseLost):
            await inbox.append(7, epoch, inbound("m-1"), NOON)
    assert await inbox.read(7, str(ANNA), 10) == []


async def test_a_company_without_a_lease_takes_no_message(inbox: Inbox) -> None:
    """A message implies a session, and a session a lease."""
    with pytest.raises(LeaseLost):
        await inbox.append(9, 1, inbound("m-1"), NOON)


async def test_a_conversation_is_claimed_by_one_at_a_time(inbox: Inbox) -> None:
    """The next batch is not delivered until the last is acked."""
    await inbox.append(7, 1, inbound("m-1"), NOON)
    (first,) = await claimed(inbox)
    await inbox.append(7, 1, inbound("m-2"), NOON)
    assert await claimed(inbox) == []
    assert await inbox.ack(first) == NOON
    (second,) = await claimed(inbox)
    assert (ids(first), ids(second)) == (["m-1"], ["m-2"])


async def test_gateways_share_the_due_conversations(inbox: Inbox) -> None:
    """Claims made side by side never name one conversation twice."""
    chats = [Jid.of_phone_number(f"+1202555{number:04}") for number in range(100, 120)]
    for chat in chats:
        await inbox.append(7, 1, inbound("m-1", chat), NOON)
    rounds = await asyncio.gather(*(claimed(inbox, limit=6) for _ in range(5)))
    taken = [claim.conversation for each in rounds for claim in each] + [
        claim.conversation for claim in await claimed(inbox, limit=100)
    ]
    assert sorted(taken) == sorted(str(chat) for chat in chats)


async def test_an_acked_conversation_leaves_nothing_pending(inbox: Inbox) -> None:
    """Progress costs no row once everything is acked, and the messages stay."""
    await inbox.append(7, 1, inbound("m-1"), NOON)
    (claim,) = await claimed(inbox)
    assert await inbox.ack(claim) is None
    assert await inbox.next_time("worker", ()) is None
    assert [stored.message.message_id for stored in await inbox.read(7, str(ANNA), 10)] == ["m-1"]


async def test_a_batch_waits_for_quiet(inbox: Inbox) -> None:
    """Each message puts the batch off by the quiet period, but never beyond the maximum wait after the first."""
    wanted = terms(quiet_period=seconds(3), max_wait=seconds(7))
    await inbox.open(wanted, NOON)
    due = [(await inbox.append(7, 1, inbound(f"m-{at}"), NOON + seconds(at)))["worker"] - NOON for at in (0, 2, 4, 6)]
    assert due == [seconds(3), seconds(5), seconds(7), seconds(7)]
    assert await claimed(inbox, wanted, after=6.9) == []
    assert [ids(claim) for claim in await claimed(inbox, wanted, after=7)] == [["m-0", "m-2", "m-4", "m-6"]]


async def test_a_full_batch_waits_no_longer(inbox: Inbox) -> None:
    """The maximum count makes a batch due at once, and bounds it; the rest follows after the ack."""
    wanted = terms(quiet_period=seconds(3), max_wait=seconds(9), max_messages=2)
    await inbox.open(wanted, NOON)
    for number in range(3):
        await inbox.append(7, 1, inbound(f"m-{number}"), NOON)
    (first,) = await claimed(inbox, wanted)
    assert ids(first) == ["m-0", "m-1"]
    assert await inbox.ack(first) == NOON + seconds(3)
    assert [ids(claim) for claim in await claimed(inbox, wanted, after=3)] == [["m-2"]]


async def test_messages_that_came_meanwhile_wait_for_their_own_quiet(inbox: Inbox) -> None:
    """After an ack the next batch is due a quiet period after its last message."""
    wanted = terms(quiet_period=seconds(3), max_wait=seconds(9))
    await inbox.open(wanted, NOON)
    await inbox.append(7, 1, inbound("m-1"), NOON)
    (first,) = await claimed(inbox, wanted, after=3)
    await inbox.append(7, 1, inbound("m-2"), NOON + seconds(4))
    assert await inbox.ack(first) == NOON + seconds(7)


async def test_changed_waits_hold_for_what_waits_already(inbox: Inbox) -> None:
    """The last client to open a subscription sets its waits."""
    slow = terms(quiet_period=seconds(60), max_wait=seconds(60))
    await inbox.open(slow, NOON)
    await inbox.append(7, 1, inbound("m-1"), NOON)
    assert await inbox.next_time("worker", ()) == NOON + seconds(60)
    await inbox.open(terms(quiet_period=seconds(1), max_wait=seconds(2)), NOON)
    assert await inbox.next_time("worker", ()) == NOON + seconds(1)


async def test_a_missed_deadline_redelivers(inbox: Inbox) -> None:
    """A claim that is not acked by its deadline is claimed anew, counted, and its own ack is ignored then."""
    wanted = terms(ack_deadline=seconds(60))
    await inbox.append(7, 1, inbound("m-1"), NOON)
    (late,) = await claimed(inbox, wanted)
    assert await inbox.next_time("worker", ()) == NOON + seconds(60)
    assert await claimed(inbox, wanted, after=59) == []
    (again,) = await claimed(inbox, wanted, after=60)
    assert (late.attempt, again.attempt, ids(again)) == (1, 2, ["m-1"])
    assert await inbox.ack(late) is None
    assert await inbox.next_time("worker", ()) == NOON + seconds(120)


async def test_an_ack_after_the_deadline_counts_while_nobody_else_has_the_batch(inbox: Inbox) -> None:
    """A late ack spares the redelivery when it can."""
    await inbox.append(7, 1, inbound("m-1"), NOON)
    (late,) = await claimed(inbox)
    await inbox.ack(late)
    assert await claimed(inbox, after=3600) == []


async def test_an_extended_claim_lasts(inbox: Inbox) -> None:
    """A deadline can be moved while the claim is open, and only then."""
    await inbox.append(7, 1, inbound("m-1"), NOON)
    (claim,) = await claimed(inbox)
    assert await inbox.extend(claim, NOON + seconds(300))
    assert await claimed(inbox, after=299) == []
    await inbox.ack(claim)
    assert not await inbox.extend(claim, NOON + seconds(600))


async def test_a_delayed_conversation_blocks_no_other(inbox: Inbox) -> None:
    """A claim that was given back waits for its time, whatever else arrives; others go on."""
    await inbox.append(7, 1, inbound("m-1"), NOON)
    (claim,) = await claimed(inbox)
    await inbox.give_back([claim], NOON + seconds(30), counted=True)
    await inbox.append(7, 1, inbound("m-2"), NOON)
    await inbox.append(7, 1, inbound("m-1", BORIS), NOON)
    assert [each.conversation for each in await claimed(inbox, after=29)] == [str(BORIS)]
    (again,) = await claimed(inbox, after=30)
    assert (ids(again), again.attempt) == (["m-1", "m-2"], 2)


async def test_an_uncounted_return_is_no_attempt(inbox: Inbox) -> None:
    """What a draining gateway gives back counts as never delivered."""
    await inbox.append(7, 1, inbound("m-1"), NOON)
    await inbox.give_back(await claimed(inbox), NOON, counted=False)
    assert [claim.attempt for claim in await claimed(inbox)] == [1]


async def test_a_dead_gateways_claims_are_released(inbox: Inbox) -> None:
    """Releasing a claimant makes all its claims due, and nobody else's."""
    await inbox.append(7, 1, inbound("m-1"), NOON)
    await inbox.append(7, 1, inbound("m-1", BORIS), NOON)
    (mine,) = await inbox.claim(AT_ONCE, 1, "gateway-a", NOON)
    (other,) = await inbox.claim(AT_ONCE, 1, "gateway-b", NOON)
    await inbox.release("gateway-a", NOON)
    assert [claim.conversation for claim in await claimed(inbox)] == [mine.conversation]
    assert mine.conversation != other.conversation


async def test_a_batch_that_nobody_acks_becomes_dead_letters(inbox: Inbox) -> None:
    """After the maximum of attempts the delivered messages are set aside, and the conversation goes on."""
    wanted = terms(max_attempts=2, max_messages=2)
    for number in range(3):
        await inbox.append(7, 1, inbound(f"m-{number}"), NOON)
    for attempt in (1, 2):
        (claim,) = await claimed(inbox, wanted)
        assert (ids(claim), claim.attempt) == (["m-0", "m-1"], attempt)
        await inbox.give_back([claim], NOON, counted=True)
    assert await claimed(inbox, wanted) == []
    letters = await inbox.dead_letters("worker", 10)
    assert [(letter.sequence, letter.attempts) for letter in letters] == [
        (stored.sequence, 2) for stored in claim.messages
    ]
    (rest,) = await claimed(inbox, wanted)
    assert (ids(rest), rest.attempt) == (["m-2"], 1)


async def test_subscriptions_progress_independently(inbox: Inbox) -> None:
    """What one subscription acked, another still gets."""
    webhooks = terms("webhooks")
    await inbox.open(webhooks, NOON)
    assert await inbox.append(7, 1, inbound("m-1"), NOON) == {"worker": NOON, "webhooks": NOON}
    (claim,) = await claimed(inbox)
    await inbox.ack(claim)
    assert [ids(each) for each in await claimed(inbox, webhooks)] == [["m-1"]]
    assert await claimed(inbox) == []


async def test_the_worker_subscription_exists_from_the_start(room_database: OpenRoom) -> None:
    """Messages that come before the first worker wait for it."""
    database = await room_database("gateway")
    await grant_lease(database, 7, 1)
    store = SqlInboxStore(database)
    assert await store.append(7, 1, inbound("m-1"), NOON) == {"worker": NOON + seconds(3)}


async def test_a_new_subscription_begins_at_the_earliest_message(inbox: Inbox) -> None:
    """History is delivered in order, due at once, also what others acked long ago."""
    for number in range(3):
        await inbox.append(7, 1, inbound(f"m-{number}"), NOON)
    for claim in await claimed(inbox):
        await inbox.ack(claim)
    audit = terms("audit", quiet_period=seconds(60), max_wait=seconds(60))
    await inbox.open(audit, NOON)
    assert [ids(claim) for claim in await claimed(inbox, audit)] == [["m-0", "m-1", "m-2"]]


async def test_opening_while_messages_arrive_loses_none(inbox: Inbox) -> None:
    """A message stored beside the birth of a subscription is pending in it exactly once."""
    audit = terms("audit")

    async def write(number: int) -> None:
        await inbox.append(7, 1, inbound(f"m-{number:02}"), NOON)

    writes: list[Awaitable[None]] = [write(number) for number in range(20)]
    await asyncio.gather(*writes[:10], inbox.open(audit, NOON), *writes[10:])
    (claim,) = await claimed(inbox, audit)
    assert sorted(ids(claim)) == [f"m-{number:02}" for number in range(20)]


async def test_a_client_may_take_some_companies_only(inbox: Inbox) -> None:
    """A filter bounds what is claimed and what is waited for."""
    await inbox.append(7, 1, inbound("m-1"), NOON)
    only = terms(company_ids=frozenset({8, 9}))
    assert await claimed(inbox, only) == []
    assert await inbox.next_time("worker", {8, 9}) is None
    await inbox.append(8, 5, inbound("m-1"), NOON)
    assert [claim.company_id for claim in await claimed(inbox, only)] == [8]


Arrival = Callable[[str], tuple[Jid, Jid | None]]


@pytest.mark.parametrize(
    "arrivals",
    [
        [(ANNA, ANNA_HIDDEN), (ANNA_HIDDEN, ANNA), (ANNA, None), (ANNA_HIDDEN, None)],
        [(ANNA_HIDDEN, None), (ANNA_HIDDEN, ANNA), (ANNA, None)],
        [(ANNA_HIDDEN, ANNA), (ANNA, None)],
    ],
)
async def test_both_addresses_of_a_customer_are_one_conversation(
    inbox: Inbox, arrivals: list[tuple[Jid, Jid | None]]
) -> None:
    """Once the pair is known, phone number and hidden id lead to the conversation that was first."""
    for number, (chat, alternate) in enumerate(arrivals):
        await inbox.append(7, 1, inbound(f"m-{number}", chat, sender_alternate=alternate), NOON)
    (claim,) = await claimed(inbox)
    assert (claim.conversation, ids(claim)) == (
        str(arrivals[0][0]),
        [f"m-{number}" for number in range(len(arrivals))],
    )


async def test_a_pair_that_is_learnt_late_joins_two_conversations(inbox: Inbox) -> None:
    """The messages of both are one conversation's, in order, and a repeated message is still known."""
    await inbox.append(7, 1, inbound("m-1", ANNA), NOON)
    await inbox.append(7, 1, inbound("m-2", ANNA_HIDDEN), NOON)
    await inbox.append(7, 1, inbound("m-3", ANNA_HIDDEN, sender_alternate=ANNA), NOON)
    assert await inbox.append(7, 1, inbound("m-1", ANNA), NOON) == {}
    await inbox.append(7, 1, inbound("m-4", ANNA), NOON)
    found = {claim.conversation: ids(claim) for claim in await claimed(inbox)}
    assert found == {str(ANNA_HIDDEN): ["m-1", "m-2", "m-3", "m-4"]}


async def test_identities_are_a_companys_own(inbox: Inbox) -> None:
    """What one company knows of a customer changes nothing for another."""
    await inbox.append(7, 1, inbound("m-1", ANNA_HIDDEN, sender_alternate=ANNA), NOON)
    await inbox.append(8, 5, inbound("m-1", ANNA), NOON)
    assert {(claim.company_id, claim.conversation) for claim in await claimed(inbox)} == {
        (7, str(ANNA_HIDDEN)),
        (8, str(ANNA)),
    }


async def test_times_keep_their_microseconds(inbox: Inbox) -> None:
    """Nothing is rounded on the way through the table."""
    moment = NOON + timedelta(microseconds=1)
    await inbox.append(7, 1, inbound("m-1"), moment)
    assert await inbox.next_time("worker", ()) == moment
