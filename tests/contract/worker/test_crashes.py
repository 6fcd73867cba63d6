"""A worker that is killed at any call it makes, of any turn: its successor ends as if nothing had happened.

The calls are not chosen by hand: each that a whole story makes is cut, before and after its effect.
"""

from collections.abc import Iterator
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.databases import OpenRoom
from support.inline_database import empty_copy
from support.worker_faults import COMPANY, Fate, Kill, Town

from wamesh.storage.worker.conversations import ConversationTables
from wamesh.worker.conversation import Conversation
from wamesh.worker.stores import ConversationStore, Key

STORY = (
    "Хочу на маникюр завтра вечером",
    "2",
    "перенесите запись на послезавтра",
    "1",
    "педикюр завтра в 12",
    "да",
    "отмените все записи",
    "да",
)
"""Books, moves and cancels: every action, and a turn that changes the calendar twice."""
CHANGES = (1, 3, 7)
"""The turns that book, move, and cancel two."""
NEVER = 1 << 30

Ending = tuple[list[str], list[tuple[int, int, str]], Conversation, int]
"""What the customer read; id, state and start of each booking; the worker's state and number of turns."""


async def ending(town: Town) -> Ending:
    """All that a story leaves behind."""
    memory = await town.store.load(Key(COMPANY, town.chat))
    assert (memory.owed, memory.open_turn) == ((), None)
    bookings = [(each.booking_id, int(each.state), each.local_start) for each in await town.appointments()]
    return town.postbox.texts, bookings, memory.state, memory.turn


async def played(
    store: ConversationStore, cuts: dict[int, list[Fate]], chat: str = "12025550101@s.whatsapp.net"
) -> Town:
    """The story, told to workers whose fates in each turn are given."""
    town = await Town.fresh(store, chat)
    for number, line in enumerate(STORY):
        town.hears(line)
        await town.served(*cuts.get(number, []))
    return town


async def calls_of_turns() -> list[list[str]]:
    """The calls that each turn of the story makes when nothing goes wrong."""
    watching = [Kill(NEVER, after=False) for _ in STORY]
    await played(await memory_store(), {number: [each] for number, each in enumerate(watching)})
    return [each.calls for each in watching]


async def memory_store() -> ConversationStore:
    """An empty store in memory."""
    return ConversationTables(await empty_copy("worker"))


def chats() -> Iterator[str]:
    """Fictional customers, so that many stories share a database."""
    return (f"447700900{number:03}@s.whatsapp.net" for number in range(1000))


async def test_any_call_of_any_turn_may_be_the_last(room_database: OpenRoom) -> None:
    """One booking, one reply a turn, and the state as without the crash, on both engines."""
    store, customer = ConversationTables(await room_database("worker")), chats()
    expected = await ending(await played(store, {}, next(customer)))
    for number, calls in enumerate(await calls_of_turns()):
        for at, after in product(range(len(calls)), (False, True)):
            town = await played(store, {number: [Kill(at, after)]}, next(customer))
            assert await ending(town) == expected, f"turn {number + 1}, {calls[at]}, {after=}"


@pytest.mark.parametrize("number", CHANGES)
async def test_the_successor_may_be_killed_as_well(number: int) -> None:
    """Every pair of calls of one turn, the second one being the successor's."""
    calls = (await calls_of_turns())[number]
    expected = await ending(await played(await memory_store(), {}))
    for first, second in product(product(range(len(calls)), (False, True)), repeat=2):
        town = await played(await memory_store(), {number: [Kill(*first), Kill(*second)]})
        assert await ending(town) == expected, f"{first}, {second} of {calls}"


kills = st.builds(Kill, st.integers(0, 10), st.booleans())


@given(st.dictionaries(st.integers(0, len(STORY) - 1), st.lists(kills, max_size=4)))
@settings(max_examples=100, deadline=None)
async def test_many_may_be_killed(cuts: dict[int, list[Fate]]) -> None:
    """Up to four in each turn of the story."""
    expected = await ending(await played(await memory_store(), {}))
    assert await ending(await played(await memory_store(), cuts)) == expected
