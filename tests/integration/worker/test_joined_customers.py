"""A customer whom the gateway learns to know by number and by hidden id, as its inbox names the conversation."""

from datetime import timedelta

import pytest
from support.gateway_messages import NOON, grant_lease, inbound, terms
from support.inline_database import empty_copy
from support.worker_faults import COMPANY, Town, unhurried

from wamesh.gateway import wire
from wamesh.storage.gateway.inbox import SqlInboxStore
from wamesh.storage.worker.conversations import ConversationTables
from wamesh.whatsapp.events import InboundMessage
from wamesh.whatsapp.jid import Jid

NUMBER = Jid.of_phone_number("+12025550123")
HIDDEN = Jid("98765432101234", "lid")


async def hears(town: Town, inbox: SqlInboxStore, message: InboundMessage) -> str:
    """The message goes through the inbox to a fresh worker; returns the name of its conversation."""
    await inbox.append(COMPANY, 1, message, NOON)
    (claim,) = await inbox.claim(terms(), 10, "gateway-a", NOON)
    await town.worker().answer(wire.delivery(claim), unhurried())
    await inbox.ack(claim)
    town.salon.pass_time(timedelta(minutes=1))
    return claim.conversation


@pytest.fixture
async def town() -> Town:
    """A salon, and its customer."""
    return await Town.fresh(ConversationTables(await empty_copy("worker")))


@pytest.fixture
async def inbox() -> SqlInboxStore:
    """The gateway's tables, with the worker's subscription."""
    database = await empty_copy("gateway")
    await grant_lease(database, COMPANY, 1)
    store = SqlInboxStore(database)
    await store.open(terms(), NOON)
    return store


async def test_a_dialogue_goes_on_when_the_names_are_joined(town: Town, inbox: SqlInboxStore) -> None:
    """Begun under the number, it goes on under the older name; what was booked under either is found."""
    names = [
        await hears(town, inbox, inbound("m-1", HIDDEN, text="привет")),
        await hears(town, inbox, inbound("m-2", NUMBER, text="Хочу на маникюр завтра вечером")),
        await hears(
            town,
            inbox,
            inbound("m-3", HIDDEN, text="2", sender_alternate=NUMBER, phone_number="+12025550123"),
        ),
    ]
    assert names == [str(HIDDEN), str(NUMBER), str(HIDDEN)]
    assert town.postbox.texts[-1].startswith("✅ Записали вас:")
    assert [request.chat for request in town.postbox.sent] == names


async def test_a_dialogue_goes_on_under_the_number(town: Town, inbox: SqlInboxStore) -> None:
    """The same the other way about: begun under the hidden id, it goes on under the number."""
    names = [
        await hears(town, inbox, inbound("m-1", NUMBER, text="привет")),
        await hears(town, inbox, inbound("m-2", HIDDEN, text="Хочу на маникюр завтра вечером")),
        await hears(town, inbox, inbound("m-3", NUMBER, text="2", sender_alternate=HIDDEN)),
    ]
    assert names == [str(NUMBER), str(HIDDEN), str(NUMBER)]
    assert town.postbox.texts[-1].startswith("✅ Записали вас:")


async def test_one_customer_of_two_names_has_one_conversation(town: Town, inbox: SqlInboxStore) -> None:
    """Known together from the first message on, whichever of them comes next."""
    both = {"phone_number": "+12025550123"}
    first = inbound("m-1", NUMBER, text="Хочу на маникюр завтра вечером", sender_alternate=HIDDEN, **both)
    second = inbound("m-2", HIDDEN, text="2", sender_alternate=NUMBER, **both)
    assert [await hears(town, inbox, each) for each in (first, second)] == [str(NUMBER)] * 2
    assert town.postbox.texts[-1].startswith("✅ Записали вас:")
