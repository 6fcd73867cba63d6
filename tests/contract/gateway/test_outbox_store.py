"""The rules of `OutboxStore`, over both engines."""

import asyncio
from datetime import timedelta

import pytest
from support.databases import OpenRoom
from support.gateway_messages import ANNA, NOON, draft, grant_lease, inbound, seconds

from wamesh.gateway.errors import LeaseLost
from wamesh.gateway.messages import DeliveryState, OutboxMessage
from wamesh.storage.gateway.inbox import SqlInboxStore
from wamesh.storage.gateway.outbox import SqlOutboxStore
from wamesh.whatsapp.events import ReceiptKind, ReceiptReceived
from wamesh.whatsapp.jid import Jid

SECRET = bytes(range(32))
OTHER_SECRET = bytes(range(32, 64))
S = DeliveryState


@pytest.fixture
async def outbox(room_database: OpenRoom) -> SqlOutboxStore:
    """An outbox in which company 7 is held with epoch 1, company 8 with epoch 5; nobody ever held company 9."""
    database = await room_database("gateway")
    await grant_lease(database, 7, 1)
    await grant_lease(database, 8, 5)
    return SqlOutboxStore(database)


@pytest.fixture
async def inbox(outbox: SqlOutboxStore, room_database: OpenRoom) -> SqlInboxStore:
    """The inbox beside it."""
    return SqlInboxStore(await room_database("gateway"))


async def sending(outbox: SqlOutboxStore, request_id: str = "r-1", secret: bytes = SECRET) -> OutboxMessage:
    message, added = await outbox.add(draft(request_id), secret, 1, NOON, queued=False)
    assert added
    return message


async def receive(outbox: SqlOutboxStore, kind: ReceiptKind, *message_ids: str) -> list[DeliveryState]:
    receipt = ReceiptReceived(ANNA, message_ids, kind, NOON)
    return [message.state for message in await outbox.note_receipts(7, 1, [receipt], NOON + seconds(9))]


async def test_a_message_comes_out_as_it_went_in(outbox: SqlOutboxStore) -> None:
    """Every field survives, the secret included."""
    wanted = draft(text="Ждём вас в 10:00 ✂", quoted_message_id="q-1", queueable=True, at_least_once=True)
    moment = NOON + timedelta(microseconds=3)
    message, added = await outbox.add(wanted, SECRET, 1, moment, queued=True)
    assert added
    assert message == OutboxMessage(
        sequence=message.sequence,
        company_id=7,
        request_id="r-1",
        content_hash=wanted.content_hash,
        chat=ANNA,
        text="Ждём вас в 10:00 ✂",
        quoted_message_id="q-1",
        secret=SECRET,
        queueable=True,
        at_least_once=True,
        state=S.QUEUED,
        message_id="",
        failure="",
        create_time=moment,
        update_time=moment,
    )
    assert await outbox.get(7, "r-1") == message


async def test_a_request_id_names_one_message_of_a_company(outbox: SqlOutboxStore) -> None:
    """Adding again finds the first, whatever its content; another company may use the id too."""
    first = await sending(outbox)
    found, added = await outbox.add(draft(text="Other"), bytes(32), 1, NOON + seconds(1), queued=True)
    assert (found, added) == (first, False)
    other, added = await outbox.add(draft(company_id=8), bytes(32), 5, NOON, queued=False)
    assert added and other.sequence != first.sequence


async def test_concurrent_adds_make_one_message(outbox: SqlOutboxStore) -> None:
    """However many callers ask at once, one of them adds."""
    results = await asyncio.gather(
        *(outbox.add(draft(), bytes([each]) * 32, 1, NOON, queued=False) for each in range(8))
    )
    assert sorted(added for _, added in results) == [False] * 7 + [True]
    assert len({message.secret for message, _ in results}) == 1


async def test_every_write_is_fenced(outbox: SqlOutboxStore) -> None:
    """A stale epoch raises LeaseLost and changes nothing, whatever the write."""
    message = await sending(outbox)
    receipt = ReceiptReceived(ANNA, ("id-1",), ReceiptKind.READ, NOON)
    for write in (
        outbox.add(draft("r-2"), SECRET, 2, NOON, queued=False),
        outbox.start(message, 2, NOON),
        outbox.finish(message, 2, NOON, message_id="id-1"),
        outbox.doubt(message, "id-1", 2, NOON),
        outbox.give_up(message, 2, NOON, "Why."),
        outbox.withdraw(message, 2),
        outbox.note_receipts(7, 2, [receipt], NOON),
    ):
        with pytest.raises(LeaseLost):
            await write
    assert await outbox.get(7, "r-1") == message
    assert await outbox.get(7, "r-2") is None


async def test_a_company_that_nobody_ever_held_has_epoch_zero(outbox: SqlOutboxStore) -> None:
    """A message may queue for a session that never started."""
    message, added = await outbox.add(draft(company_id=9, queueable=True), SECRET, 0, NOON, queued=True)
    assert added and message.state is S.QUEUED
    with pytest.raises(LeaseLost):
        await outbox.add(draft("r-2", company_id=9), SECRET, 1, NOON, queued=True)


async def test_a_message_goes_its_way(outbox: SqlOutboxStore) -> None:
    """QUEUED, SENDING, SENT, DELIVERED, READ, each with its time."""
    message, _ = await outbox.add(draft(), SECRET, 1, NOON, queued=True)
    message = await outbox.start(message, 1, NOON + seconds(1))
    assert (message.state, message.update_time) == (S.SENDING, NOON + seconds(1))
    message = await outbox.finish(message, 1, NOON + seconds(2), message_id="id-1")
    assert (message.state, message.message_id, message.update_time) == (S.SENT, "id-1", NOON + seconds(2))
    assert await receive(outbox, ReceiptKind.DELIVERED, "id-1") == [S.DELIVERED]
    assert await receive(outbox, ReceiptKind.READ, "id-1") == [S.READ]


async def test_a_state_never_moves_back(outbox: SqlOutboxStore) -> None:
    """A late or repeated receipt changes nothing, and a settled message cannot be settled again."""
    message = await outbox.finish(await sending(outbox), 1, NOON, message_id="id-1")
    assert await receive(outbox, ReceiptKind.READ, "id-1") == [S.READ]
    assert await receive(outbox, ReceiptKind.DELIVERED, "id-1") == []
    assert await receive(outbox, ReceiptKind.READ, "id-1") == []
    assert (await outbox.finish(message, 1, NOON, failure="Too late.")).state is S.READ
    assert (await outbox.give_up(message, 1, NOON, "Too late.")).state is S.READ


@pytest.mark.parametrize(
    ("kinds", "state"),
    [
        ([ReceiptKind.DELIVERED], S.DELIVERED),
        ([ReceiptKind.READ], S.READ),
        ([ReceiptKind.READ, ReceiptKind.DELIVERED], S.READ),
    ],
)
async def test_a_receipt_may_come_before_the_ack(
    outbox: SqlOutboxStore, kinds: list[ReceiptKind], state: DeliveryState
) -> None:
    """A receipt for an id that is not known yet is kept while something is being sent."""
    message = await sending(outbox)
    for kind in kinds:
        assert await receive(outbox, kind, "id-1") == []
    finished = await outbox.finish(message, 1, NOON, message_id="id-1")
    assert (finished.state, finished.message_id) == (state, "id-1")


async def test_receipts_for_the_owners_own_messages_are_dropped(outbox: SqlOutboxStore) -> None:
    """While nothing is being sent, an unknown id is none of ours."""
    assert await receive(outbox, ReceiptKind.READ, "id-1") == []
    finished = await outbox.finish(await sending(outbox), 1, NOON, message_id="id-1")
    assert finished.state is S.SENT


async def test_receipts_that_nobody_claims_are_pruned(outbox: SqlOutboxStore) -> None:
    """What waited for longer than asked is forgotten."""
    message = await sending(outbox)
    await receive(outbox, ReceiptKind.READ, "id-1")
    await outbox.prune_receipts(timedelta(days=1), NOON + timedelta(days=2))
    assert (await outbox.finish(message, 1, NOON, message_id="id-1")).state is S.SENT


async def test_one_receipt_may_name_many_messages(outbox: SqlOutboxStore) -> None:
    """Each of them moves; ids of others are passed over."""
    for number in (1, 2):
        message = await sending(outbox, f"r-{number}")
        await outbox.finish(message, 1, NOON, message_id=f"id-{number}")
    assert await receive(outbox, ReceiptKind.READ, "id-1", "id-x", "id-2") == [S.READ, S.READ]


async def test_a_doubt_is_resolved_by_a_receipt(outbox: SqlOutboxStore) -> None:
    """In doubt a message stays SENDING with its id; a receipt proves it."""
    message = await outbox.doubt(await sending(outbox), "id-1", 1, NOON + seconds(1))
    assert (message.state, message.message_id) == (S.SENDING, "id-1")
    assert await receive(outbox, ReceiptKind.DELIVERED, "id-1") == [S.DELIVERED]
    assert (await outbox.give_up(message, 1, NOON, "Nobody knows.")).state is S.DELIVERED


async def test_a_doubt_is_resolved_by_a_receipt_that_came_first(outbox: SqlOutboxStore) -> None:
    """What waited for the id proves it at once."""
    message = await sending(outbox)
    await receive(outbox, ReceiptKind.DELIVERED, "id-1")
    assert (await outbox.doubt(message, "id-1", 1, NOON)).state is S.DELIVERED


async def test_a_doubt_without_proof_becomes_unknown(outbox: SqlOutboxStore) -> None:
    """UNKNOWN says why; a receipt that comes after all still tells the truth."""
    message = await outbox.doubt(await sending(outbox), "id-1", 1, NOON)
    message = await outbox.give_up(message, 1, NOON, "Nobody knows.")
    assert (message.state, message.failure, message.message_id) == (S.UNKNOWN, "Nobody knows.", "id-1")
    assert await receive(outbox, ReceiptKind.READ, "id-1") == [S.READ]
    found = await outbox.get(7, "r-1")
    assert found is not None and found.failure == ""


async def test_a_doubt_may_be_sent_again(outbox: SqlOutboxStore) -> None:
    """Under a new secret, and SENDING still; a receipt for either send proves the message."""
    wanted, _ = await outbox.add(draft(at_least_once=True), SECRET, 1, NOON, queued=False)
    message = await outbox.doubt(wanted, "id-1", 1, NOON)
    message = await outbox.renew(message, OTHER_SECRET, 1, NOON + seconds(60))
    assert (message.state, message.message_id, message.secret) == (S.SENDING, "id-1", OTHER_SECRET)
    assert await outbox.open_messages(7) == [message]
    await receive(outbox, ReceiptKind.DELIVERED, "id-2")
    assert (await outbox.finish(message, 1, NOON, message_id="id-2")).state is S.DELIVERED


async def test_what_a_receipt_proved_is_not_sent_again(outbox: SqlOutboxStore) -> None:
    """The receipt came between the last look and the new secret."""
    wanted, _ = await outbox.add(draft(at_least_once=True), SECRET, 1, NOON, queued=False)
    message = await outbox.doubt(wanted, "id-1", 1, NOON)
    await receive(outbox, ReceiptKind.DELIVERED, "id-1")
    assert (await outbox.renew(message, OTHER_SECRET, 1, NOON)).state is S.DELIVERED


async def test_open_messages_come_in_order(outbox: SqlOutboxStore) -> None:
    """QUEUED and SENDING ones of the company, oldest first; settled ones and others' do not."""
    first = await sending(outbox, "r-1")
    settled = await sending(outbox, "r-2")
    third, _ = await outbox.add(draft("r-3"), SECRET, 1, NOON, queued=True)
    await outbox.add(draft("r-4", company_id=8), SECRET, 5, NOON, queued=True)
    await outbox.finish(settled, 1, NOON, failure="Refused.")
    assert await outbox.open_messages(7) == [first, third]


async def test_a_withdrawn_message_leaves_no_trace(outbox: SqlOutboxStore) -> None:
    """Its request id is free again; one that was written to the wire stays."""
    await outbox.withdraw(await sending(outbox), 1)
    assert await outbox.get(7, "r-1") is None
    doubtful = await outbox.doubt(await sending(outbox), "id-1", 1, NOON)
    await outbox.withdraw(doubtful, 1)
    assert await outbox.get(7, "r-1") == doubtful


async def test_first_contacts_are_counted_over_a_day(outbox: SqlOutboxStore, inbox: SqlInboxStore) -> None:
    """The limit's oldest makes room a day later; a chat that is known, by either side's message, is never counted."""
    day, moment = timedelta(days=1), NOON + seconds(9)
    first, second, third, fourth, fifth = (Jid.of_phone_number(f"+120255501{each}") for each in range(11, 16))
    assert await outbox.contact(7, first, 1, 2, NOON) is None
    assert await outbox.contact(7, second, 1, 2, moment) is None
    assert await outbox.contact(7, third, 1, 2, moment) == NOON + day
    assert await outbox.contact(7, first, 1, 2, moment) is None
    await inbox.append(7, 1, inbound("m-1", third), NOON)
    assert await outbox.contact(7, third, 1, 2, moment) is None
    await outbox.add(draft(chat=fourth), SECRET, 1, NOON, queued=True)
    assert await outbox.contact(7, fourth, 1, 2, moment) == NOON + day
    await outbox.add(draft("r-2", chat=fourth), SECRET, 1, NOON, queued=False)
    assert await outbox.contact(7, fourth, 1, 2, moment) is None
    assert await outbox.contact(8, first, 5, 1, moment) is None
    assert await outbox.contact(7, fifth, 1, 2, NOON + day) is None
    with pytest.raises(LeaseLost):
        await outbox.contact(7, Jid.of_phone_number("+12025550116"), 2, 9, NOON)


async def test_concurrent_first_contacts_keep_the_limit(outbox: SqlOutboxStore) -> None:
    """However many ask at once."""
    chats = [Jid.of_phone_number(f"+120255501{each}") for each in range(20, 30)]
    answers = await asyncio.gather(*(outbox.contact(7, each, 1, 3, NOON) for each in chats))
    assert answers.count(None) == 3


async def test_a_queued_message_may_be_cancelled(outbox: SqlOutboxStore) -> None:
    """Only while it is QUEUED, and as often as asked; who starts it afterwards finds it CANCELLED."""
    message, _ = await outbox.add(draft(), SECRET, 1, NOON, queued=True)
    for _ in range(2):
        cancelled = await outbox.cancel(7, "r-1", 1, NOON + seconds(1))
        assert cancelled is not None
        assert (cancelled.state, cancelled.update_time) == (S.CANCELLED, NOON + seconds(1))
    assert (await outbox.start(message, 1, NOON)).state is S.CANCELLED
    assert (await outbox.finish(message, 1, NOON, failure="Too late.")).state is S.CANCELLED
    sent = await sending(outbox, "r-2")
    found = await outbox.cancel(7, "r-2", 1, NOON)
    assert found == sent
    assert await outbox.cancel(7, "r-3", 1, NOON) is None
    with pytest.raises(LeaseLost):
        await outbox.cancel(7, "r-1", 2, NOON)


async def test_a_start_and_a_cancel_never_both_win(outbox: SqlOutboxStore) -> None:
    """Whichever comes first decides, and both see what it decided."""
    messages = [(await outbox.add(draft(f"r-{each}"), SECRET, 1, NOON, queued=True))[0] for each in range(8)]
    results = await asyncio.gather(
        *(outbox.start(each, 1, NOON) for each in messages),
        *(outbox.cancel(7, each.request_id, 1, NOON) for each in messages),
    )
    for started, cancelled in zip(results[:8], results[8:], strict=True):
        assert started is not None and cancelled is not None
        assert started.state is cancelled.state


async def test_scheduled_messages_are_found_by_their_time(outbox: SqlOutboxStore) -> None:
    """In order of (schedule_time, sequence), a page at a time, and never among those that wait for nothing."""
    for number, minutes in ((1, 20), (2, 10), (3, 20)):
        wanted = draft(f"r-{number}", schedule_time=NOON + timedelta(minutes=minutes), expire_time=NOON)
        await outbox.add(wanted, SECRET, 1, NOON, queued=True)
    await outbox.add(draft("r-4"), SECRET, 1, NOON, queued=True)
    first = await outbox.scheduled(7, (NOON, 0), 2)
    assert [each.request_id for each in first] == ["r-2", "r-1"]
    assert (first[0].schedule_time, first[0].expire_time) == (NOON + timedelta(minutes=10), NOON)
    rest = await outbox.scheduled(7, (NOON + timedelta(minutes=20), first[1].sequence), 2)
    assert [each.request_id for each in rest] == ["r-3"]
    assert [each.request_id for each in await outbox.open_messages(7)] == ["r-4"]
    begun = await outbox.start(rest[0], 1, NOON)
    assert [each.request_id for each in await outbox.open_messages(7)] == ["r-3", "r-4"]
    assert begun.schedule_time == NOON + timedelta(minutes=20)


async def test_what_waits_too_long_is_given_up(outbox: SqlOutboxStore) -> None:
    """QUEUED messages of every company, whoever holds it, up to a limit; what was begun is left alone."""
    late, later = NOON + seconds(1), NOON + seconds(2)
    await outbox.add(draft("r-1", expire_time=late), SECRET, 1, NOON, queued=True)
    await outbox.add(draft("r-2", expire_time=late), SECRET, 1, NOON, queued=False)
    await outbox.add(draft("r-3", company_id=8, expire_time=late), SECRET, 5, NOON, queued=True)
    await outbox.add(draft("r-4", expire_time=later), SECRET, 1, NOON, queued=True)
    assert [await outbox.expire(late, "Too late.", 1) for _ in range(3)] == [1, 1, 0]
    states = [await outbox.get(each, name) for each, name in ((7, "r-1"), (7, "r-2"), (8, "r-3"), (7, "r-4"))]
    assert [each and each.state for each in states] == [S.FAILED, S.SENDING, S.FAILED, S.QUEUED]
    assert states[0] is not None
    assert (states[0].failure, states[0].update_time) == ("Too late.", late)
