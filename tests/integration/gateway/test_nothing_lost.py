"""What customers write while a session is stopped, over the real library: its client tells WhatsApp that a message has
arrived before anybody has stored it.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.session_world import COMPANY, SALON, World, fresh_world, linked, reach

from wamesh.gateway.session.state import SessionState as S

CUSTOMERS = ("+447700900110", "+447700900111", "+447700900112")
STOPS = 5


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with fresh_world(tmp_path, monkeypatch) as world:
        yield world


async def test_an_orderly_stop_loses_no_message(world: World) -> None:
    """Customers write as fast as they can, through several stops: each message comes, in the order of its customer."""
    said: dict[str, list[str]] = {customer: [] for customer in CUSTOMERS}
    heard: dict[str, dict[str, None]] = {customer: {} for customer in CUSTOMERS}
    silence = asyncio.Event()

    def talk(customer: str) -> None:
        while not silence.is_set():
            said[customer].append(world.emulator.say(customer, SALON, f"line {len(said[customer])}"))

    async with world.gateway() as held:
        steps = await linked(held, world)
        await steps.aclose()
        talking = [asyncio.create_task(asyncio.to_thread(talk, customer)) for customer in CUSTOMERS]
        for number in range(STOPS):
            await asyncio.sleep(0.2 + 0.03 * number)  # where in the talk the stop falls; every outcome must be right
            await held.supervisor.stop(COMPANY)
            await held.supervisor.start(COMPANY)
            await reach(held, S.CONNECTED)
        silence.set()
        await asyncio.gather(*talking)
        while any(len(heard[each]) < len(said[each]) for each in CUSTOMERS):
            message = await held.received()
            heard[message.phone_number or ""].setdefault(message.message_id)  # what was not acknowledged comes again
    assert {customer: list(ids) for customer, ids in heard.items()} == said
