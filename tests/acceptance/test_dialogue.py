"""A customer books, through every process and every hop, in both languages."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from wamesh.booking.v1 import booking_pb2 as pb
from wamesh.console.demo import COMPANY_ID, Demo
from wamesh.emulator.v1 import emulator_pb2

pytestmark = pytest.mark.asyncio(loop_scope="module")

TIME = re.compile(r"\b\d{1,2}:\d{2}\b")


async def bookings(mesh: Demo) -> list[pb.Appointment]:
    """The confirmed bookings of the salon."""
    request = pb.ListBookingsRequest(company_id=COMPANY_ID, state=pb.BOOKING_STATE_CONFIRMED)
    return list((await mesh.booking.ListBookings(request)).bookings)


async def bookable_evening_times(mesh: Demo) -> set[str]:
    """Tomorrow's free starts of the haircut from 17:00 on, as the booking service itself lists them."""
    tomorrow = (datetime.now(UTC).astimezone() + timedelta(days=1)).date().isoformat()
    services = await mesh.booking.ListServices(pb.ListServicesRequest(company_id=COMPANY_ID))
    haircut = next(each for each in services.services if "Haircut" in each.localized_names.values())
    request = pb.FindSlotsRequest(
        company_id=COMPANY_ID,
        segments=[pb.Segment(service_id=haircut.service_id)],
        dates=pb.DateRange(first_date=tomorrow),
        page_size=1000,
    )
    answer = await mesh.booking.FindSlots(request)
    return {slot.local_start[11:16] for slot in answer.slots}


@pytest.mark.parametrize(
    ("number", "ask", "choose"),
    [
        ("+12025550110", "Хочу на стрижку завтра вечером", "2"),
        ("+12025550111", "I'd like a haircut tomorrow evening", "the second one"),
    ],
)
async def test_a_customer_books_a_slot(shared_mesh: Demo, number: str, ask: str, choose: str) -> None:
    """Asked for a service and a day, the salon offers real slots; the chosen one is booked."""
    customer = shared_mesh.customer(number, "Alex")
    free = await bookable_evening_times(shared_mesh)
    offer = await customer.ask(ask)
    offered = TIME.findall(offer)
    assert offered, offer
    assert set(offered) <= free
    before = await bookings(shared_mesh)
    confirmation = await customer.ask(choose)
    made = [each for each in await bookings(shared_mesh) if each not in before]
    assert len(made) == 1, confirmation
    assert made[0].local_start[11:16] in confirmation
    assert made[0].local_start[11:16] == offered[1]
    assert number.removeprefix("+") in made[0].customer.chat or made[0].customer.phone_number == number


async def test_a_sticker_is_answered_politely(shared_mesh: Demo) -> None:
    """A message without words gets an answer, and the conversation goes on after it."""
    customer = shared_mesh.customer("+12025550112", "Kim")
    await customer.send(emulator_pb2.Content(sticker=emulator_pb2.StickerContent()))
    assert await customer.next_reply()
    assert TIME.search(await customer.ask("Haircut tomorrow"))


async def test_a_booking_is_cancelled_by_message(shared_mesh: Demo) -> None:
    """What was booked by message is cancelled by message."""
    customer = shared_mesh.customer("+12025550113", "Robin")
    await customer.ask("Manicure tomorrow")
    await customer.ask("1")
    before = await bookings(shared_mesh)
    await customer.ask("Please cancel my appointment")
    await customer.ask("yes")
    assert len(await bookings(shared_mesh)) == len(before) - 1
