"""What always holds of booking, by the numbers of the design's invariants; 1 to 15 are in tests/unit/slots.

Of 17 and 19 test_any_order tells more, with changes in any order; of 18 contract/booking/test_promises, over both
databases; of 20 integration/booking/test_bad_input, over the wire.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.booking_service import BEARD, COACHING, FACIAL, HAIRCUT, MASSAGE, YOGA, Salon, open_studio
from support.inline_database import inline_database

from wamesh.booking.catalogue.changing import change
from wamesh.booking.catalogue.edits import SERVICES, archive
from wamesh.booking.errors import HoldTokenInvalid, SlotTokenInvalid, SlotUnavailable
from wamesh.booking.v1 import booking_pb2 as pb
from wamesh.errors import InvalidArgument
from wamesh.storage.booking.calendar import CalendarTables
from wamesh.storage.database import Database

DAY, OTHER_DAY = "2026-11-24", "2026-11-25"
SERVICES_DONE = (HAIRCUT, YOGA, MASSAGE, FACIAL, COACHING)

few = settings(max_examples=20, deadline=None)
services = st.sampled_from(SERVICES_DONE)
picks = st.integers(0, 10_000)


@dataclass
class World:
    """A studio in memory, and a loop to run it."""

    runner: asyncio.Runner
    database: Database
    studio: Salon

    def run(self, call: Coroutine[Any, Any, Any]) -> Any:
        """What the call returns."""
        return self.runner.run(call)

    def slots(self, service_id: int, day: str = DAY, **fields: Any) -> list[pb.Slot]:
        """All slots of a date."""
        return self.run(self.studio.find_on(day, service_id, **fields))  # type: ignore[no-any-return]

    def pick(self, service_id: int, number: int, day: str = DAY) -> pb.Slot | None:
        """One of them."""
        slots = self.slots(service_id, day)
        return slots[number % len(slots)] if slots else None

    def answers(self) -> list[bytes]:
        """What FindSlots says of every service on two dates, to the byte, but for when it was asked."""
        found = []
        for service_id in SERVICES_DONE:
            for day in (DAY, OTHER_DAY):
                answer = self.run(self.studio.find(self.studio.question(day, service_id)))
                answer.ClearField("revision")
                found.append(answer.SerializeToString(deterministic=True))
        return found


def a_world(database: Database | None = None, company_id: int = 1, key: bytes = b"k" * 32) -> World:
    """A fresh studio, another company of the same database, or an installation with another key."""
    runner = asyncio.Runner()
    database = database or inline_database("booking")
    return World(runner, database, runner.run(open_studio(database, company_id, key)))


def do_anything(world: World, data: st.DataObject) -> None:
    """Books, holds, cancels or moves something, or archives another service."""
    action = data.draw(st.sampled_from(["book", "hold", "cancel", "move", "archive"]))
    if action == "archive":
        calendars, company_id = CalendarTables(world.database), world.studio.company_id
        edit = partial(archive, kind=SERVICES, thing_id=BEARD)
        world.run(world.database.write(lambda: change(calendars, company_id, edit)))
        return
    slot = world.pick(data.draw(services), data.draw(picks))
    if slot is None:
        return
    if action == "hold":
        world.run(world.studio.hold(slot))
        return
    made = world.run(world.studio.book(slot))
    if action == "cancel":
        world.run(world.studio.cancel(made.booking_id))
    elif action == "move" and (target := world.pick(slot.segments[0].service_id, data.draw(picks), OTHER_DAY)):
        world.run(world.studio.move(made.booking_id, slot_token=target.slot_token))


@few
@given(st.data())
def test_another_company_changes_nothing(data: st.DataObject) -> None:
    """Invariant 16: whatever happens in company 2, with the same ids of staff, services and bookings."""
    ours = a_world()
    theirs = a_world(ours.database, company_id=2)
    if slot := ours.pick(data.draw(services), data.draw(picks)):
        ours.run(ours.studio.book(slot))
    before = ours.answers(), ours.run(ours.studio.bookings())
    for _ in range(data.draw(st.integers(1, 4))):
        do_anything(theirs, data)
    assert (ours.answers(), ours.run(ours.studio.bookings())) == before


@few
@given(services, st.lists(st.tuples(services, picks), max_size=4))
def test_what_is_listed_is_booked_and_nothing_else(service_id: int, booked: list[tuple[int, int]]) -> None:
    """Invariant 17: of each quarter of an hour of a date, and of the minutes beside it."""
    world = a_world()
    for each, number in booked:
        if slot := world.pick(each, number):
            world.run(world.studio.book(slot))
    listed = {slot.start_time.seconds // 60 for slot in world.slots(service_id)}
    midnight = min(listed, default=0) // 1440 * 1440
    for start in range(midnight, midnight + 1440, 15):
        for minute in (start, start + 1):
            order = world.studio.order(pb.Slot(slot_token="x"))
            order.visit.segments.add(service_id=service_id)
            order.visit.start_time.seconds = minute * 60
            if minute in listed:
                made = world.run(world.studio.create(order))
                world.run(world.studio.cancel(made.booking_id))
            else:
                with pytest.raises(SlotUnavailable):
                    world.run(world.studio.create(order))


@few
@given(st.integers(1, 3), st.integers(2, 9), st.integers(0, 3))
def test_of_many_racers_as_many_succeed_as_there_are_seats(taken: int, racers: int, twins: int) -> None:
    """Invariant 18: in a class of three seats; and however often one of them sends its order, it has one booking."""
    world = a_world()
    (slot, *_) = world.slots(YOGA)
    for _ in range(taken):
        world.run(world.studio.book(slot))
    orders = [world.studio.order(slot) for _ in range(racers)]
    orders += [orders[0]] * twins

    async def race() -> list[Any]:
        return await asyncio.gather(*map(world.studio.create, orders), return_exceptions=True)

    outcomes = world.run(race())
    won = {each.booking_id for each in outcomes if isinstance(each, pb.Appointment)}
    assert len(won) == min(racers, 3 - taken)
    assert all(isinstance(each, pb.Appointment | SlotUnavailable) for each in outcomes)
    assert len(world.run(world.studio.bookings()).bookings) == taken + len(won)


@few
@given(services, picks, st.integers(1, 3600), st.booleans())
def test_a_hold_hides_what_a_booking_would_and_gives_it_back(
    service_id: int, number: int, seconds: int, released: bool
) -> None:
    """Invariant 19: to the second."""
    world = a_world()
    before = world.answers()
    slot = world.pick(service_id, number)
    assert slot is not None
    booked = world.run(world.studio.book(slot))
    taken = world.answers()
    world.run(world.studio.cancel(booked.booking_id))
    assert world.answers() == before
    held = world.run(world.studio.hold(slot, seconds=seconds))
    assert world.answers() == taken
    if released:
        world.run(world.studio.release(held.hold_token))
        assert world.answers() == before
        return
    world.studio.pass_time(timedelta(seconds=seconds, microseconds=-1))
    hidden = world.slots(service_id)
    assert slot not in hidden or slot.segments[0].open_seats
    world.studio.pass_time(timedelta(microseconds=1))
    assert slot in world.slots(service_id) or seconds > 60  # a minute later the notice may have reached it


def changed(token: str, at: int, letter: str) -> str:
    """With another letter somewhere."""
    at %= len(token)
    return token[:at] + letter + token[at + 1 :]


TAMPERINGS: dict[str, Callable[[str, int, str], str]] = {
    "changed": changed,
    "cut off": lambda token, at, letter: token[: at % len(token)],
    "prolonged": lambda token, at, letter: token + letter * (1 + at % 4),
    "something else": lambda token, at, letter: letter * (1 + at % 300),
}


@cache
def world_with_tokens() -> tuple[World, dict[str, str]]:
    """A studio, and a token of each kind that books there."""
    world = a_world()
    slot = world.slots(HAIRCUT)[0]
    return world, {"slot_token": slot.slot_token, "hold_token": world.run(world.studio.hold(slot)).hold_token}


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(["slot_token", "hold_token"]),
    st.sampled_from(sorted(TAMPERINGS)),
    picks,
    st.characters(exclude_categories=["Cs"]),
)
def test_a_tampered_token_is_no_token(field: str, how: str, at: int, letter: str) -> None:
    """Invariant 21: wherever it was changed; the field is named."""
    world, tokens = world_with_tokens()
    wrong = TAMPERINGS[how](tokens[field], at, letter)
    if wrong == tokens[field]:
        return
    order = pb.CreateBookingRequest(company_id=1, request_id="r", customer=pb.Customer(), **{field: wrong})  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument) as refused:
        world.run(world.studio.create(order))
    assert [each.field for each in refused.value.violations] == [field]


def test_a_foreign_token_is_no_token() -> None:
    """Invariant 21: of another company, of another installation, or of another kind."""
    world = a_world()
    slot = world.slots(HAIRCUT)[0]
    wrong = [(world.run(world.studio.hold(slot)).hold_token, slot.slot_token)]
    for other in (a_world(world.database, company_id=2), a_world(key=b"x" * 32)):
        foreign = other.slots(HAIRCUT)[0]
        wrong.append((foreign.slot_token, other.run(other.studio.hold(foreign)).hold_token))
    for slot_token, hold_token in wrong:
        with pytest.raises(SlotTokenInvalid):
            world.run(world.studio.book(pb.Slot(slot_token=slot_token)))
        with pytest.raises(HoldTokenInvalid):
            world.run(world.studio.book_held(hold_token))
