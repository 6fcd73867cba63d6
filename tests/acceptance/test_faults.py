"""kill -9 in the middle of a dialogue: after the restart the customer gets each reply once."""

import asyncio

import psutil
import pytest
from support.mesh import count_of, kill, session_processes, texts_sent_to

from wamesh.booking.v1 import booking_pb2 as pb
from wamesh.console.demo import COMPANY_ID, Demo
from wamesh.emulator.v1 import emulator_pb2

ANSWERED_SECONDS = 60


@pytest.mark.parametrize("member", ["gateway", "booking", "worker", "api"])
@pytest.mark.parametrize("delay_seconds", [0.0, 0.35])
async def test_each_reply_comes_once_after_a_kill(mesh: Demo, member: str, delay_seconds: float) -> None:
    """A process killed while a booking dialogue is under way costs no reply, and doubles none."""
    number = "+12025550120"
    customer = mesh.customer(number, "Alex")
    await customer.ask("Haircut tomorrow evening")
    await customer.write("1")
    await asyncio.sleep(delay_seconds)  # where in the work the kill strikes; every outcome must be right
    kill(mesh, member)
    confirmation = await customer.next_reply()
    thanks = await customer.ask("Thank you!")
    sent = await texts_sent_to(mesh, number)
    assert sent[1:] == [confirmation, thanks]
    request = pb.ListBookingsRequest(company_id=COMPANY_ID, state=pb.BOOKING_STATE_CONFIRMED)
    made = await mesh.booking.ListBookings(request, wait_for_ready=True, timeout=ANSWERED_SECONDS)
    assert len(made.bookings) == 1
    assert await count_of(mesh, emulator_pb2.EVENT_KIND_REPLACED) == 0


async def test_no_session_outlives_its_gateway(mesh: Demo) -> None:
    """The session processes of a killed gateway end by themselves, at once."""
    sessions = session_processes(mesh)
    assert sessions
    kill(mesh, "gateway")
    _, alive = await asyncio.to_thread(psutil.wait_procs, sessions, ANSWERED_SECONDS)
    assert alive == []


async def test_no_frozen_session_outlives_its_gateway(mesh: Demo) -> None:
    """Neither do those that are stopped, which cannot end by themselves."""
    sessions = session_processes(mesh)
    assert sessions
    for session in sessions:
        session.suspend()
    kill(mesh, "gateway")
    _, alive = await asyncio.to_thread(psutil.wait_procs, sessions, ANSWERED_SECONDS)
    assert alive == []
