"""What every store of conversations promises, on both engines."""

from datetime import UTC, datetime, timedelta

import pytest
from support.databases import OpenRoom

from wamesh.storage.worker_conversations import ConversationTables
from wamesh.worker.conversation import Conversation, Stage
from wamesh.worker.events import CustomerMessage
from wamesh.worker.stores import ConversationStore, Input, Key, Memory, Outcome, OwedReply, TurnTaken

NOW = datetime(2026, 11, 18, 10, tzinfo=UTC)
KEY = Key(1, "12025550123@s.whatsapp.net")
OTHER = Key(2, KEY.chat)
INPUT = Input((CustomerMessage("маникюр"),), "M1", 7, NOW, "Ольга", "+12025550123")
STATE = Conversation(language="ru", stage=Stage.OFFERED)
REPLIES = (OwedReply("r-1", "раз"), OwedReply("r-2", "два"))


@pytest.fixture
async def store(room_database: OpenRoom) -> ConversationStore:
    """An empty store."""
    return ConversationTables(await room_database("worker"))


async def test_a_new_chat_is_empty(store: ConversationStore) -> None:
    """Nobody wrote yet."""
    assert await store.load(KEY) == Memory(Conversation())


async def test_a_closed_turn_is_state_and_owed_replies(store: ConversationStore) -> None:
    """Together; replies in their order; of this company alone."""
    await store.close_turn(KEY, 0, INPUT, STATE, REPLIES, NOW)
    assert await store.load(KEY) == Memory(STATE, 1, 7, None, REPLIES)
    assert await store.load(OTHER) == Memory(Conversation())


async def test_an_open_turn_keeps_its_input(store: ConversationStore) -> None:
    """Until it is closed."""
    await store.open_turn(KEY, 0, INPUT)
    assert await store.load(KEY) == Memory(Conversation(), 0, 0, INPUT)
    await store.close_turn(KEY, 0, INPUT, STATE, (), NOW)
    assert (await store.load(KEY)).open_input is None


async def test_a_turn_is_closed_once(store: ConversationStore) -> None:
    """The second of two workers is told, and changes nothing."""
    await store.close_turn(KEY, 0, INPUT, STATE, REPLIES, NOW)
    with pytest.raises(TurnTaken):
        await store.close_turn(KEY, 0, INPUT, Conversation(), (OwedReply("r-3", "три"),), NOW)
    with pytest.raises(TurnTaken):
        await store.open_turn(KEY, 0, INPUT)
    assert await store.load(KEY) == Memory(STATE, 1, 7, None, REPLIES)


async def test_an_outcome_ends_what_is_owed(store: ConversationStore) -> None:
    """Each reply by itself, again without effect."""
    await store.close_turn(KEY, 0, INPUT, STATE, REPLIES, NOW)
    for _ in range(2):
        await store.note_outcome(KEY, "r-1", Outcome.SENT, NOW)
    assert (await store.load(KEY)).owed == REPLIES[1:]


async def test_equal_request_ids_of_two_companies_are_two_replies(store: ConversationStore) -> None:
    """No company sees another."""
    for key in (KEY, OTHER):
        await store.close_turn(key, 0, INPUT, STATE, REPLIES, NOW)
    await store.note_outcome(KEY, "r-1", Outcome.SENT, NOW)
    assert (await store.load(OTHER)).owed == REPLIES


async def test_the_purge_keeps_what_is_owed_or_open(store: ConversationStore) -> None:
    """Old and finished is forgotten; the rest stays."""
    await store.close_turn(KEY, 0, INPUT, STATE, REPLIES[:1], NOW)
    await store.open_turn(OTHER, 0, INPUT)
    assert await store.purge(NOW + timedelta(days=1)) == 0
    await store.note_outcome(KEY, "r-1", Outcome.SENT, NOW)
    assert await store.purge(NOW + timedelta(days=1)) == 2
    assert await store.load(KEY) == Memory(Conversation())
    assert (await store.load(OTHER)).open_input == INPUT
