"""Two workers with one conversation: the first was slow or stopped, its delivery came to the second, and it woke up.

The second may have more messages than the first, so that each of them would decide something else. Every order in which
their calls can mix with up to three switches between them is tried, and a sample of the others. Afterwards the delivery
comes once more, as it does when neither ack arrived.
"""

import asyncio
from collections.abc import Sequence
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.databases import OpenRoom
from support.inline_database import empty_copy
from support.worker_faults import CHAT, COMPANY, Stepper, Town, unhurried

from wamesh.storage.worker.conversations import ConversationTables
from wamesh.worker.stores import ConversationStore, Key, TurnTaken

LONGEST = 13
"""Calls that one worker makes at most: a turn that books, and one that looks for slots."""

LONGEST_ALONE = 9
"""Calls that the first worker makes at most: its one turn."""

FIRST_AND_MORE = {
    "both book": ("2", ""),
    "only the first books": ("2", "нет, лучше 3"),
    "only the second books": ("", "2"),
    "nobody books": ("а сколько стоит?", "и где вы?"),
}
"""Two messages; an empty one has no words, such as a sticker."""


async def offered(store: ConversationStore | None = None, chat: str = CHAT) -> Town:
    """A customer who was shown six times; in a store of its own, or in one that others use."""
    town = await Town.fresh(store or ConversationTables(await empty_copy("worker")), chat)
    town.hears("Хочу на маникюр завтра вечером")
    await town.served()
    return town


async def race(town: Town, schedule: Sequence[int], lines: Sequence[str]) -> None:
    """The first worker has the first line, the second has all of them; the last has what the redelivery brings."""
    town.hears(lines[0])
    first = town.delivery()
    for line in lines[1:]:
        town.hears(line)
    stepper = Stepper(schedule)
    errors = await stepper.run(
        town.worker(stepper.fate(0)).answer(first, unhurried()),
        town.worker(stepper.fate(1)).answer(town.delivery(), unhurried()),
    )
    assert all(error is None or isinstance(error, TurnTaken) for error in errors), errors
    assert None in errors, "one of them gets through"
    await town.served()
    await check(town)


async def check(town: Town) -> None:
    """Each message in one turn, each turn one reply, and what the customer was told is what stands."""
    memory = await town.store.load(Key(COMPANY, town.chat), [f"M{number + 1}" for number in range(town.heard)])
    assert len(memory.handled) == town.heard
    assert (memory.owed, memory.open_turn) == ((), None)
    assert memory.turn == len(town.postbox.sent) <= town.heard
    assert len({each.request_id for each in town.postbox.sent}) == len(town.postbox.sent)
    told = [text.splitlines()[1][-5:] for text in town.postbox.texts if text.startswith("✅")]
    assert [each.local_start[11:16] for each in await town.appointments()] == told


@pytest.mark.parametrize("lines", FIRST_AND_MORE.values(), ids=FIRST_AND_MORE)
async def test_every_short_schedule(lines: tuple[str, ...]) -> None:
    """The first goes on for some calls, then the second, then the first again, then the second to its end."""
    for steps in product(range(LONGEST_ALONE), range(LONGEST), (1, LONGEST)):
        schedule = [index % 2 for index, count in enumerate((*steps, LONGEST)) for _ in range(count)]
        await race(await offered(), schedule, lines)


@given(
    st.sampled_from(list(FIRST_AND_MORE.values())),
    st.lists(st.integers(0, 1), max_size=2 * LONGEST),
)
@settings(max_examples=200, deadline=None)
async def test_any_schedule(lines: tuple[str, ...], schedule: list[int]) -> None:
    """Their calls mix in any order."""
    await race(await offered(), schedule, lines)


async def test_both_engines_let_one_of_two_go_on(room_database: OpenRoom) -> None:
    """Switches at every call, with the tables of either engine."""
    store, lines = ConversationTables(await room_database("worker")), FIRST_AND_MORE["both book"]
    for number, (first, second) in enumerate(product(range(LONGEST), (3, 5, LONGEST))):
        chat = f"447700900{number:03}@s.whatsapp.net"
        await race(await offered(store, chat), [0] * first + [1] * second + [0] * LONGEST, lines)


async def test_both_engines_let_one_of_two_racing_workers_go_on(room_database: OpenRoom) -> None:
    """Without anybody who tells them when: their transactions overlap as they may."""
    store = ConversationTables(await room_database("worker"))
    for number, lines in enumerate([*FIRST_AND_MORE.values()] * 5):
        town = await offered(store, f"447700900{number:03}@s.whatsapp.net")
        town.hears(lines[0])
        first = town.delivery()
        town.hears(lines[1])
        workers = (town.worker().answer(each, unhurried()) for each in (first, town.delivery()))
        errors = await asyncio.gather(*workers, return_exceptions=True)
        assert all(error is None or isinstance(error, TurnTaken) for error in errors), errors
        await town.served()
        await check(town)
