"""What every store of conversations promises, on both engines."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from support.databases import OpenRoom

from wamesh.storage.database import Database, Steps, execute
from wamesh.storage.worker.conversations import ConversationTables
from wamesh.worker.conversation import Conversation, Stage
from wamesh.worker.events import CancelVisit, CustomerMessage
from wamesh.worker.progress import Input, Progress
from wamesh.worker.stores import (
    ClosedTurn,
    ConversationStore,
    Key,
    Memory,
    OpenTurnUnreadable,
    Outcome,
    OwedReply,
    TurnTaken,
)

NOW = datetime(2026, 11, 18, 10, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
KEY = Key(1, "12025550123@s.whatsapp.net")
OTHER = Key(2, KEY.chat)
HIDDEN = Key(1, "98765432101234@lid")
STATE = Conversation(language="ru", stage=Stage.OFFERED)
REPLIES = (OwedReply("r-1", "раз"), OwedReply("r-2", "два"))
INPUT = Input((CustomerMessage("отмените"),), ("M1",), 7, NOW, "Ольга", "+12025550123", (HIDDEN.chat,))
PROGRESS = Progress(INPUT, STATE, ("Минутку.",), CancelVisit(3))
FIRST = ClosedTurn(0, False, ("M1",), STATE, REPLIES)
OPENED = replace(FIRST, opened=True)


@pytest.fixture
async def database(room_database: OpenRoom) -> Database:
    """The worker's tables, empty."""
    return await room_database("worker")


@pytest.fixture
def store(database: Database) -> ConversationStore:
    """An empty store."""
    return ConversationTables(database)


async def test_a_new_chat_is_empty(store: ConversationStore) -> None:
    """Nobody wrote yet."""
    assert await store.load(KEY, ["M1"], [HIDDEN.chat]) == Memory(Conversation())


async def test_a_closed_turn_is_state_and_owed_replies(store: ConversationStore) -> None:
    """Together; replies in their order; of this company alone."""
    await store.close_turn(KEY, FIRST, NOW)
    assert await store.load(KEY) == Memory(STATE, 1, None, REPLIES)
    assert await store.load(OTHER) == Memory(Conversation())


async def test_a_closed_turn_has_handled_its_messages(store: ConversationStore) -> None:
    """These and no others: an older message that was never answered is new."""
    await store.close_turn(KEY, replace(FIRST, message_ids=("M3", "M4")), NOW)
    assert (await store.load(KEY, ["M1", "M2", "M3", "M4"])).handled == {"M3", "M4"}
    assert (await store.load(OTHER, ["M3"])).handled == set()


async def test_an_open_turn_keeps_its_progress(store: ConversationStore) -> None:
    """All of it, until it is closed."""
    await store.open_turn(KEY, 0, PROGRESS)
    assert await store.load(KEY, ["M1"]) == Memory(Conversation(), 0, PROGRESS)
    await store.close_turn(KEY, OPENED, NOW)
    assert await store.load(KEY, ["M1"]) == Memory(STATE, 1, None, REPLIES, frozenset({"M1"}))


async def test_a_turn_is_closed_once(store: ConversationStore) -> None:
    """The second of two workers is told, and changes nothing."""
    await store.close_turn(KEY, FIRST, NOW)
    for late in (replace(FIRST, message_ids=("M2",), replies=(OwedReply("r-3", "три"),)), OPENED):
        with pytest.raises(TurnTaken):
            await store.close_turn(KEY, late, NOW)
    with pytest.raises(TurnTaken):
        await store.open_turn(KEY, 0, PROGRESS)
    assert await store.load(KEY, ["M1", "M2"]) == Memory(STATE, 1, None, REPLIES, frozenset({"M1"}))


async def test_a_turn_is_opened_once(store: ConversationStore) -> None:
    """A worker whose delivery had other messages cannot put its own decision in the place of the first."""
    await store.open_turn(KEY, 0, PROGRESS)
    with pytest.raises(TurnTaken):
        await store.open_turn(KEY, 0, replace(PROGRESS, action=CancelVisit(4)))
    assert (await store.load(KEY)).open_turn == PROGRESS


async def test_an_open_turn_is_closed_by_those_who_know_it(store: ConversationStore) -> None:
    """A worker that decided without it is told: what it changed in the calendar would be forgotten."""
    await store.open_turn(KEY, 0, PROGRESS)
    with pytest.raises(TurnTaken):
        await store.close_turn(KEY, FIRST, NOW)
    assert await store.load(KEY, ["M1"]) == Memory(Conversation(), 0, PROGRESS)


async def test_a_message_belongs_to_one_turn(store: ConversationStore) -> None:
    """A turn with a message that an earlier one has answered is refused as a whole."""
    await store.close_turn(KEY, replace(FIRST, replies=()), NOW)
    again = ClosedTurn(1, False, ("M2", "M1"), Conversation(), REPLIES)
    with pytest.raises(TurnTaken):
        await store.close_turn(KEY, again, NOW)
    assert await store.load(KEY, ["M1", "M2"]) == Memory(STATE, 1, handled=frozenset({"M1"}))


async def test_a_turn_of_another_release_stops_the_conversation(store: ConversationStore, database: Database) -> None:
    """It may have booked already, so it is neither run again nor forgotten."""
    await store.open_turn(KEY, 0, PROGRESS)

    def spoil() -> Steps[None]:
        yield execute("UPDATE conversations SET open_turn = '[99, {}]'")

    await database.write(spoil)
    with pytest.raises(OpenTurnUnreadable):
        await store.load(KEY)


async def test_the_state_is_the_customers_newest(store: ConversationStore) -> None:
    """Under whichever of the names the gateway joined it went on; turns, replies and messages stay each name's own."""
    await store.close_turn(HIDDEN, replace(FIRST, state=Conversation(language="en")), NOW)
    assert await store.load(KEY, ["M1"], [HIDDEN.chat]) == Memory(Conversation(language="en"))
    await store.close_turn(KEY, replace(FIRST, replies=()), LATER)
    assert await store.load(KEY, (), [HIDDEN.chat]) == Memory(STATE, 1)
    assert (await store.load(HIDDEN, (), [KEY.chat])) == Memory(STATE, 1, None, REPLIES)
    assert await store.load(HIDDEN) == Memory(Conversation(language="en"), 1, None, REPLIES)


async def test_an_outcome_ends_what_is_owed(store: ConversationStore) -> None:
    """Each reply by itself, again without effect."""
    await store.close_turn(KEY, FIRST, NOW)
    for _ in range(2):
        await store.note_outcome(KEY, "r-1", Outcome.SENT, NOW)
    assert (await store.load(KEY)).owed == REPLIES[1:]


async def test_equal_ids_of_two_companies_are_different(store: ConversationStore) -> None:
    """No company sees another."""
    for key in (KEY, OTHER):
        await store.close_turn(key, FIRST, NOW)
    await store.note_outcome(KEY, "r-1", Outcome.SENT, NOW)
    assert (await store.load(OTHER)).owed == REPLIES


async def test_the_purge_keeps_what_is_owed_or_open(store: ConversationStore) -> None:
    """Old and finished is forgotten; the rest stays."""
    await store.close_turn(KEY, replace(FIRST, replies=REPLIES[:1]), NOW)
    await store.open_turn(OTHER, 0, PROGRESS)
    assert await store.purge(NOW) == 0
    assert await store.purge(LATER) == 1  # the handled message
    await store.note_outcome(KEY, "r-1", Outcome.SENT, NOW)
    assert await store.purge(LATER) == 2
    assert await store.load(KEY, ["M1"]) == Memory(Conversation())
    assert (await store.load(OTHER)).open_turn == PROGRESS
