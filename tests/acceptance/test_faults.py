"""kill -9 in the middle of a dialogue: after the restart the customer gets each reply once."""

import asyncio

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
    assert len((await mesh.booking.ListBookings(request)).bookings) == 1
    assert await replaced_connections(mesh) == 0


async def test_a_stopped_mesh_leaves_no_process(mesh: Demo) -> None:
    """Every member, and every session process below the gateway, ends with the mesh."""
    # The mesh fixture's own teardown stops all members; here the gateway's children are seen to die with it.
    children = await _children(mesh.mesh.pid_of("gateway"))
    assert children
    kill(mesh, "gateway")
    async with asyncio.timeout(5):
        while any([await _alive(pid) for pid in children]):
            await asyncio.sleep(0.02)


async def _children(pid: int) -> list[int]:
    process = await asyncio.create_subprocess_exec(
        "ps", "--ppid", str(pid), "-o", "pid=", stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    return [int(each) for each in out.split()]


async def _alive(pid: int) -> bool:
    process = await asyncio.create_subprocess_exec("ps", "-p", str(pid), "-o", "stat=", stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    return bool(out.strip()) and not out.startswith(b"Z")
