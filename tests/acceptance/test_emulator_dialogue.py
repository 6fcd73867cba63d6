"""A customer books, moves and cancels through the real client library, against the emulator of WhatsApp's protocol."""

import asyncio
import re
from dataclasses import dataclass

import psutil
import pytest
from support.mesh import count_of, kill, session_processes, texts_sent_to

from wamesh.booking.v1 import booking_pb2 as pb
from wamesh.console.demo import COMPANY_ID, Demo
from wamesh.console.up import EMULATOR
from wamesh.emulator.v1 import emulator_pb2

TIME = re.compile(r"\b\d{1,2}:\d{2}\b")
ANSWERED_SECONDS = 60
# Not at once: the library tells WhatsApp that it has a message before it hands it on, so a kill in that very moment
# loses the message, as docs/neonize.md says.
BEFORE_THE_BOOKING, BEFORE_THE_REPLY = 0.15, 0.35


@dataclass(frozen=True, slots=True)
class Words:
    """What a customer says in a language, and what the salon's answers begin with."""

    find: str
    pick: str
    booked: str
    move: str
    moved: str
    cancel: str
    sure: str
    yes: str
    cancelled: str


RUSSIAN = Words(
    find="Хочу на стрижку завтра вечером",
    pick="вторая",
    booked="✅ Записали вас",
    move="Можно перенести запись на послезавтра?",
    moved="✅ Перенесли запись",
    cancel="Отмените запись",
    sure="Отменить эту запись?",
    yes="да",
    cancelled="Запись отменена",
)
ENGLISH = Words(
    find="I'd like a haircut tomorrow evening",
    pick="the second one",
    booked="✅ You're booked",
    move="Can I move my appointment to the day after tomorrow?",
    moved="✅ Your appointment is moved",
    cancel="Please cancel my appointment",
    sure="Cancel this appointment?",
    yes="yes",
    cancelled="Your appointment is cancelled",
)


async def confirmed(mesh: Demo) -> list[pb.Appointment]:
    """The confirmed bookings of the salon; waits for a booking service that is starting again."""
    request = pb.ListBookingsRequest(company_id=COMPANY_ID, state=pb.BOOKING_STATE_CONFIRMED)
    answer = await mesh.booking.ListBookings(request, wait_for_ready=True, timeout=ANSWERED_SECONDS)
    return list(answer.bookings)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(("number", "words"), [("+12025550110", RUSSIAN), ("+12025550111", ENGLISH)])
async def test_a_customer_books_moves_and_cancels(shared_protocol_mesh: Demo, number: str, words: Words) -> None:
    """Each step of the conversation does in the calendar what it says; the network delivers each reply once."""
    mesh, customer = shared_protocol_mesh, shared_protocol_mesh.customer(number, "Alex")
    offer = await customer.ask(words.find)
    booked = await customer.ask(words.pick)
    (first,) = await confirmed(mesh)
    assert booked.startswith(words.booked)
    assert first.local_start[11:16] == TIME.findall(offer)[1]

    other_day = await customer.ask(words.move)
    moved = await customer.ask("1")
    (second,) = await confirmed(mesh)
    assert moved.startswith(words.moved)
    assert second.local_start[:10] > first.local_start[:10]
    assert second.local_start[11:16] in moved

    sure = await customer.ask(words.cancel)
    cancelled = await customer.ask(words.yes)
    assert sure.startswith(words.sure)
    assert cancelled.startswith(words.cancelled)
    assert await confirmed(mesh) == []
    assert await texts_sent_to(mesh, number) == [offer, booked, other_day, moved, sure, cancelled]


@pytest.mark.parametrize(
    ("victim", "words", "delay_seconds"),
    [
        ("session process", RUSSIAN, BEFORE_THE_BOOKING),
        ("session process", ENGLISH, BEFORE_THE_REPLY),
        ("gateway", ENGLISH, BEFORE_THE_BOOKING),
        ("gateway", RUSSIAN, BEFORE_THE_REPLY),
    ],
)
async def test_a_kill_costs_no_reply(protocol_mesh: Demo, victim: str, words: Words, delay_seconds: float) -> None:
    """kill -9 while a choice is being booked: it is booked once and confirmed once, without a new QR code."""
    number, mesh = "+12025550120", protocol_mesh
    customer = mesh.customer(number, "Alex")
    offer = await customer.ask(words.find)
    await customer.write(words.pick)
    await asyncio.sleep(delay_seconds)  # where in the work the kill strikes; every outcome must be right
    if victim == "gateway":
        kill(mesh, "gateway")
    else:
        for process in session_processes(mesh):
            process.kill()
    booked = await customer.next_reply()
    assert booked.startswith(words.booked)
    (made,) = await confirmed(mesh)
    assert made.local_start[11:16] == TIME.findall(offer)[1]
    sure = await customer.ask(words.cancel)
    cancelled = await customer.ask(words.yes)
    assert await confirmed(mesh) == []
    assert await texts_sent_to(mesh, number) == [offer, booked, sure, cancelled]
    assert await count_of(mesh, emulator_pb2.EVENT_KIND_PAIRED) == 1
    assert await count_of(mesh, emulator_pb2.EVENT_KIND_REPLACED) == 0


async def test_the_network_comes_back_as_it_was(protocol_mesh: Demo) -> None:
    """kill -9 of the emulator: it remembers device, chat and log, the client logs in again, the dialogue goes on."""
    number, mesh = "+12025550121", protocol_mesh
    customer = mesh.customer(number, "Alex")
    offer = await customer.ask(ENGLISH.find)
    emulator = psutil.Process(mesh.mesh.pid_of("emulator"))
    kill(mesh, "emulator")
    await asyncio.to_thread(emulator.wait, ANSWERED_SECONDS)
    await mesh.mesh.ready({EMULATOR: mesh.addresses.emulator})
    booked = await customer.ask(ENGLISH.pick)
    assert booked.startswith(ENGLISH.booked)
    assert await texts_sent_to(mesh, number) == [offer, booked]
    assert await count_of(mesh, emulator_pb2.EVENT_KIND_PAIRED) == 1
    assert await count_of(mesh, emulator_pb2.EVENT_KIND_LOGGED_IN) == 2
