"""kill -9 in the middle of a dialogue: after the restart the customer gets each reply once."""

import asyncio

import psutil
import pytest
from support.mesh import kill

from wamesh.booking.v1 import booking_pb2 as pb
from wamesh.console.demo import COMPANY_ID, SALON_NUMBER, Demo
from wamesh.emulator.v1 import emulator_pb2

ANSWERED_SECONDS = 60


async def texts_sent_to(mesh: Demo, customer: str) -> list[str]:
    """Every text that the network delivered to a customer, in order: the truth that no process can forge."""
    filters = emulator_pb2.EventFilter(customer_phone_number=customer, kinds=[emulator_pb2.EVENT_KIND_MESSAGE_SENT])
    answer = await mesh.emulator.ListEvents(emulator_pb2.ListEventsRequest(filter=filters))
    return [event.text for event in answer.events]


async def replaced_connections(mesh: Demo) -> int:
    """How often a connection of the salon's number was taken over by another."""
    filters = emulator_pb2.EventFilter(account_phone_number=SALON_NUMBER, kinds=[emulator_pb2.EVENT_KIND_REPLACED])
    return len((await mesh.emulator.ListEvents(emulator_pb2.ListEventsRequest(filter=filters))).events)


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
    assert await replaced_connections(mesh) == 0


async def test_no_session_outlives_its_gateway(mesh: Demo) -> None:
    """The session processes of a killed gateway end by themselves, at once."""
    sessions = psutil.Process(mesh.mesh.pid_of("gateway")).children()
    assert sessions
    kill(mesh, "gateway")
    _, alive = await asyncio.to_thread(psutil.wait_procs, sessions, ANSWERED_SECONDS)
    assert alive == []
