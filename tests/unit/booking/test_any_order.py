"""Booking, holding, moving, cancelling, time off and the clock in any order: what is free is what the oracle says.

On the day on which the clock in Berlin goes back, so that an hour comes twice. After each step the answer of FindSlots
for each service is compared with a minute-by-minute reading of the rules over a model of what was done.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from support import slot_oracle
from support.booking_service import Salon, serve
from support.inline_database import inline_database
from support.slot_oracle import Away, Day, Gathering, Need, Person, Pool, Step, World

from wamesh.booking import calendar as catalogue
from wamesh.booking.calendar import Absence, Calendar, Company, Resource, Service, Skill, StaffMember
from wamesh.booking.errors import SlotUnavailable
from wamesh.booking.v1 import booking_pb2 as pb
from wamesh.slots.working import CLOSED, DayPlan
from wamesh.slots.zones import MINUTES_PER_DAY, day_number
from wamesh.storage.booking.calendar import CalendarTables

DATE = date(2026, 10, 25)
"""A Sunday of 25 hours: 03:00 becomes 02:00."""
EVE = datetime(2026, 10, 24, 12, tzinfo=UTC)
MIDNIGHT = int(datetime(2026, 10, 24, 22, tzinfo=UTC).timestamp()) // 60
WINDOW = (MIDNIGHT, MIDNIGHT + 25 * 60)
STEP = 30
HOURS = {1: Day(((0, 360),)), 2: Day(((60, 300),), ((150, 165),))}
AWAY = {1: (120, 180), 2: (0, 100)}
"""The time off that each may take: local minutes of the date."""


@dataclass(frozen=True)
class Kind:
    """A service as the oracle knows it: who does it, what it takes."""

    needs: dict[int, Need]
    capacity: int = 1
    units: int = 0


KINDS = {
    1: Kind({1: Need(45, 0, 15), 2: Need(30, 0, 15)}),
    2: Kind({1: Need(60, 10, 0), 2: Need(60, 10, 0)}, units=1),
    3: Kind({1: Need(60, 0, 0)}, capacity=2),
}


def salon_calendar(away: frozenset[int]) -> Calendar:
    """The company, with the time off that people have taken."""
    midnight = day_number(DATE) * MINUTES_PER_DAY
    services = (
        Service(1, "Cut", 45, 0, buffer_after_minutes=15),
        Service(2, "Massage", 60, 0, buffer_before_minutes=10, needs=(catalogue.Need(1, 1),)),
        Service(3, "Yoga", 60, 0, capacity=2),
    )
    skills = {1: (Skill(1), Skill(2), Skill(3)), 2: (Skill(1, duration_minutes=30), Skill(2))}
    staff = tuple(
        StaffMember(
            who,
            f"Staff {who}",
            skills[who],
            (CLOSED,) * 6 + (DayPlan(day.hours, day.breaks),),
            time_off=(Absence(midnight + AWAY[who][0], midnight + AWAY[who][1], False),) if who in away else (),
        )
        for who, day in HOURS.items()
    )
    company = Company(1, "Salon", "Europe/Berlin", "en", "EUR", step_minutes=STEP)
    return Calendar(company, services, staff, resources=(Resource(1, "Room", 1),))


@dataclass(frozen=True)
class Standing:
    """A booking or hold that stands in the model."""

    service: int
    who: int
    start: int
    seats: int
    expires: datetime | None = None
    hold_token: str = ""

    @property
    def need(self) -> Need:
        return KINDS[self.service].needs[self.who]


class AnyOrder(RuleBasedStateMachine):
    """A company, and a model of it."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.database = inline_database("booking")
        self.away: frozenset[int] = frozenset()
        self.standing: dict[int, Standing] = {}
        self.holds = 0
        self.load()
        self.salon: Salon = serve(self.database, salon_calendar(self.away))
        self.salon.now = EVE

    def run(self, step: Any) -> Any:
        return self.runner.run(step)

    def load(self) -> None:
        calendars = CalendarTables(self.database)
        self.run(self.database.write(lambda: calendars.replace(salon_calendar(self.away))))

    def slots(self, service: int, party_size: int = 1, **fields: Any) -> list[pb.Slot]:
        return self.run(  # type: ignore[no-any-return]
            self.salon.find_on(DATE.isoformat(), service, party_size=party_size, **fields)
        )

    def lasting(self) -> dict[int, Standing]:
        return {
            key: each for key, each in self.standing.items() if each.expires is None or each.expires > self.salon.now
        }

    def world(self, service: int, seats: int = 1, without: int = 0, only: int | None = None) -> World:
        """What the oracle has to know, without one of the bookings, for anybody or one person only."""
        others = {key: each for key, each in self.lasting().items() if key != without}
        kind = KINDS[service]
        needs = {who: need for who, need in kind.needs.items() if only in (None, who)}
        return World(
            zone="Europe/Berlin",
            people=tuple((who, self.person(who, others)) for who in HOURS),
            visit=(Step(tuple(needs.items()), units=(kind.units,), capacity=kind.capacity, seats=seats),),
            step=STEP,
            pools=(Pool(1, tuple(_use(key, each) for key, each in others.items() if KINDS[each.service].units)),),
            gatherings=tuple(_gatherings(list(others.values()))) if service == 3 else (),
        )

    def person(self, who: int, others: dict[int, Standing]) -> Person:
        start, end = (datetime.combine(DATE, datetime.min.time()) + timedelta(minutes=each) for each in AWAY[who])
        return Person(
            week=(Day(),) * 6 + (HOURS[who],),
            away=(Away(start=start, end=end),) if who in self.away else (),
            busy=tuple(
                (each.start - each.need.before, each.start + each.need.duration + each.need.after)
                for each in others.values()
                if each.who == who
            ),
        )

    def enter(self, key: int, slot: pb.Slot, service: int, seats: int, **more: Any) -> None:
        segment = slot.segments[0]
        self.standing[key] = Standing(service, segment.staff_id, slot.start_time.seconds // 60, seats, **more)

    @rule(service=st.sampled_from(sorted(KINDS)), pick=st.integers(0, 30), seats=st.sampled_from([1, 1, 2]))
    def book(self, service: int, pick: int, seats: int) -> None:
        """What is listed is booked as it is offered."""
        seats = min(seats, KINDS[service].capacity)
        if slots := self.slots(service, seats):
            slot = slots[pick % len(slots)]
            made = self.run(self.salon.book(slot))
            assert (made.start_time, made.segments[0].staff_id) == (slot.start_time, slot.segments[0].staff_id)
            self.enter(made.booking_id, slot, service, seats)

    @rule(service=st.sampled_from(sorted(KINDS)), minute=st.integers(0, 25 * 60 - 1), on_grid=st.booleans())
    def book_what_is_not_listed(self, service: int, minute: int, on_grid: bool) -> None:
        """Invariant 17: and what is not listed is refused."""
        start = WINDOW[0] + (minute // STEP * STEP if on_grid else minute)
        if start in slot_oracle.starts(self.world(service), WINDOW):
            return
        order = self.salon.order(pb.Slot(slot_token="x"))
        order.visit.segments.add(service_id=service)
        order.visit.start_time.seconds = start * 60
        with pytest.raises(SlotUnavailable):
            self.run(self.salon.create(order))

    @rule(service=st.sampled_from(sorted(KINDS)), pick=st.integers(0, 30), seconds=st.sampled_from([30, 300]))
    def hold(self, service: int, pick: int, seconds: int) -> None:
        """What is listed can be held."""
        if slots := self.slots(service):
            slot = slots[pick % len(slots)]
            held = self.run(self.salon.hold(slot, seconds=seconds))
            self.holds += 1
            expires = self.salon.now + timedelta(seconds=seconds)
            self.enter(-self.holds, slot, service, 1, expires=expires, hold_token=held.hold_token)

    @precondition(lambda self: any(key < 0 for key in self.lasting()))
    @rule(pick=st.integers(0, 9), booked=st.booleans())
    def end_hold(self, pick: int, booked: bool) -> None:
        """A hold becomes a booking unless its person has taken time off, or is given back."""
        holds = sorted(key for key in self.lasting() if key < 0)
        key = holds[pick % len(holds)]
        held = self.standing[key]
        possible = held.start in slot_oracle.starts(self.world(held.service, without=key, only=held.who), WINDOW)
        if booked and not possible:
            with pytest.raises(SlotUnavailable):
                self.run(self.salon.book_held(held.hold_token))
            return
        del self.standing[key]
        if booked:
            made = self.run(self.salon.book_held(held.hold_token))
            assert made.start_time.seconds == held.start * 60
            self.standing[made.booking_id] = replace(held, expires=None, hold_token="")
        else:
            self.run(self.salon.release(held.hold_token))

    @precondition(lambda self: any(key > 0 for key in self.standing))
    @rule(pick=st.integers(0, 9))
    def cancel(self, pick: int) -> None:
        """A cancelled booking takes nothing."""
        bookings = sorted(key for key in self.standing if key > 0)
        key = bookings[pick % len(bookings)]
        self.run(self.salon.cancel(key))
        del self.standing[key]

    @precondition(lambda self: any(key > 0 for key in self.standing))
    @rule(pick=st.integers(0, 9), to=st.integers(0, 30))
    def move(self, pick: int, to: int) -> None:
        """A booking moves to what is free without it."""
        bookings = sorted(key for key in self.standing if key > 0)
        key = bookings[pick % len(bookings)]
        moving = self.standing[key]
        slots = self.slots(moving.service, moving.seats, exclude_booking_id=key)
        found = [slot.start_time.seconds // 60 for slot in slots]
        assert found == slot_oracle.starts(self.world(moving.service, moving.seats, without=key), WINDOW)
        if slots:
            slot = slots[to % len(slots)]
            moved = self.run(self.salon.move(key, slot_token=slot.slot_token))
            assert moved.start_time == slot.start_time
            self.enter(key, slot, moving.service, moving.seats)

    @rule(who=st.sampled_from(sorted(HOURS)))
    def change_time_off(self, who: int) -> None:
        """Somebody takes time off, or takes it back; their visits stand."""
        self.away ^= {who}
        self.load()

    @rule(seconds=st.sampled_from([20, 200]))
    def pass_time(self, seconds: int) -> None:
        """Holds end by themselves."""
        self.salon.pass_time(timedelta(seconds=seconds))

    @invariant()
    def what_is_free_is_what_the_oracle_says(self) -> None:
        """For each service, and for two seats of the class."""
        for service, seats in ((1, 1), (2, 1), (3, 1), (3, 2)):
            found = [slot.start_time.seconds // 60 for slot in self.slots(service, seats)]
            assert found == slot_oracle.starts(self.world(service, seats), WINDOW), (service, seats)

    def teardown(self) -> None:
        self.runner.close()


def _use(key: int, each: Standing) -> tuple[int, int, int, int]:
    return each.start - each.need.before, each.start + each.need.duration + each.need.after, 1, key


def _gatherings(standing: list[Standing]) -> list[Gathering]:
    """The classes that somebody has booked, by who gives them and when."""
    taken: dict[tuple[int, int], int] = {}
    for each in standing:
        if each.service == 3:
            taken[each.who, each.start] = taken.get((each.who, each.start), 0) + each.seats
    return [
        Gathering(number, who, start, start + 60, 0, 0, seats)
        for number, ((who, start), seats) in enumerate(sorted(taken.items()))
    ]


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
