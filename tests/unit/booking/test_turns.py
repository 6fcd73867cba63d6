"""Whose turn it is among calls of many companies."""

import asyncio
from contextlib import suppress

import pytest

from wamesh.booking.errors import CompanyBusy
from wamesh.booking.turns import Turns


async def test_calls_of_one_company_go_one_after_the_other() -> None:
    """In the order in which they came."""
    turns, seen = Turns(), list[str]()

    async def call(number: int) -> None:
        async with turns.of(1):
            seen.append(f"begin {number}")
            await asyncio.sleep(0)
            seen.append(f"end {number}")

    await asyncio.gather(*(call(number) for number in range(3)))
    assert seen == [f"{moment} {number}" for number in range(3) for moment in ("begin", "end")]


async def test_a_call_waits_for_no_other_company() -> None:
    """However many of another are waiting."""
    turns = Turns()
    async with turns.of(1):
        waiting = [asyncio.ensure_future(turns.of(1).__aenter__()) for _ in range(50)]
        await asyncio.sleep(0)
        async with asyncio.timeout(1), turns.of(2):
            pass
    for each in waiting:
        each.cancel()
        with suppress(asyncio.CancelledError):
            await each


async def test_a_company_with_too_many_waiting_is_refused() -> None:
    """RESOURCE_EXHAUSTED, until one has had its turn; the others are not."""
    turns = Turns(most_waiting=1)
    gate = asyncio.Event()

    async def call() -> None:
        async with turns.of(1):
            await gate.wait()

    calls = [asyncio.create_task(call()) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(CompanyBusy) as refused:
        async with turns.of(1):
            pass
    assert refused.value.metadata == {"company_id": "1"}
    gate.set()
    await asyncio.gather(*calls)
    async with turns.of(1):
        pass


async def test_a_caller_that_gives_up_leaves_the_queue() -> None:
    """The next one gets the turn, and nothing is kept for a company without calls."""
    turns = Turns(most_waiting=1)
    async with turns.of(1):
        impatient = asyncio.create_task(turns.of(1).__aenter__())
        await asyncio.sleep(0)
        impatient.cancel()
        with suppress(asyncio.CancelledError):
            await impatient
        patient = asyncio.create_task(turns.of(1).__aenter__())
        await asyncio.sleep(0)
        assert not patient.done()
        patient.cancel()
        with suppress(asyncio.CancelledError):
            await patient
    assert turns._queues == {}
