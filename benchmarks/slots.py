"""FindSlots of a busy company through a booking process, and the slot engine by itself, next to a plain echo.

    .venv/bin/python benchmarks/slots.py [--calls 300] [--rounds 3]

A company with 50 staff and 10,000 bookings over 90 days is asked for the first page of 100 slots: one person's week,
everybody's week, everybody's month. *rpc* is the whole way, from a client's message to its answer; *engine* is the
search of the whole window and its 100 slots alone, over busy times that were read before, as calls of a function; the
rpc looks at the first days only, where they fill the page. *cold* is the first call that a process ever answers. Each
round measures every row once, in turn; a row shows the median over the rounds, `cold` the only call there is.
"""

import argparse
import random
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from measuring import ECHO_METHOD, Measure, echo_process, machine, measure, measure_of, median

# grpc after measuring, which sets the environment that it loads in
# isort: split
import grpc
import uvloop

from wamesh.booking import requests
from wamesh.booking.appointments import Appointment, BookedSegment, BookingState, Customer
from wamesh.booking.calendar import Calendar, Company, Service, Skill, StaffMember
from wamesh.booking.main import SERVICE_NAME
from wamesh.booking.search import Outlook, outlook
from wamesh.booking.v1 import booking_pb2, booking_pb2_grpc
from wamesh.console.mesh import Member, Mesh
from wamesh.console.ports import free_ports
from wamesh.settings import BookingSettings
from wamesh.slots.engine import Slot
from wamesh.slots.spans import Spans
from wamesh.slots.working import DayPlan
from wamesh.slots.zones import MINUTES_PER_DAY, instant_floor
from wamesh.storage.booking_bookings import BookingTables
from wamesh.storage.booking_calendar import CalendarTables
from wamesh.storage.database import Steps, room_database

COMPANY_ID: Final = 1
STAFF: Final = 50
BOOKINGS: Final = 10_000
DAYS: Final = 90
PAGE_SIZE: Final = 100
VISIT_MINUTES: Final = 45
CLEANING_MINUTES: Final = 15
OPEN: Final = (9 * 60, 18 * 60)


@dataclass(frozen=True, slots=True)
class Shape:
    """How much is searched: so many staff over so many days."""

    staff: int
    days: int

    @property
    def name(self) -> str:
        return f"{self.staff} staff x {self.days} days"

    def request(self, today: datetime) -> booking_pb2.FindSlotsRequest:
        """The first page, from tomorrow on."""
        first = (today + timedelta(days=1)).date()
        segment = booking_pb2.Segment(service_id=1)
        if self.staff < STAFF:
            segment.staff.only.staff_ids.extend(range(1, self.staff + 1))
        last = first + timedelta(days=self.days - 1)
        return booking_pb2.FindSlotsRequest(
            company_id=COMPANY_ID,
            segments=[segment],
            dates=booking_pb2.DateRange(first_date=first.isoformat(), last_date=last.isoformat()),
            page_size=PAGE_SIZE,
        )


SHAPES: Final = (Shape(1, 7), Shape(STAFF, 7), Shape(STAFF, 30))


def calendar() -> Calendar:
    """A company whose staff work alike, Monday to Sunday, each with a lunch break of their own."""
    company = Company(COMPANY_ID, "Benchmark", "Europe/Berlin", "en", "EUR", horizon_minutes=DAYS * MINUTES_PER_DAY)
    visit = Service(1, "Visit", VISIT_MINUTES, 35_000_000, buffer_after_minutes=CLEANING_MINUTES)
    return Calendar(company, (visit,), tuple(_member(staff_id) for staff_id in range(1, STAFF + 1)))


def _member(staff_id: int) -> StaffMember:
    lunch = 12 * 60 + staff_id % 5 * 15
    plan = DayPlan((OPEN,), ((lunch, lunch + 30),))
    return StaffMember(staff_id, f"Staff {staff_id}", (Skill(1),), (plan,) * 7)


def bookings(today: datetime) -> Iterator[Appointment]:
    """The same bookings for the same day: hours that do not meet, on random days of random staff."""
    midnight = instant_floor(today) // MINUTES_PER_DAY * MINUTES_PER_DAY
    hours = range(OPEN[0], OPEN[1] - 60, VISIT_MINUTES + CLEANING_MINUTES)
    places = [(staff, day, hour) for staff in range(1, STAFF + 1) for day in range(DAYS) for hour in hours]
    chosen = random.Random(7).sample(places, BOOKINGS)
    for booking_id, (staff_id, day, hour) in enumerate(chosen, 1):
        start = midnight + day * MINUTES_PER_DAY + hour
        end = start + VISIT_MINUTES
        segment = BookedSegment(1, staff_id, start, end, start, end + CLEANING_MINUTES)
        state = BookingState.CONFIRMED
        yield Appointment(COMPANY_ID, booking_id, state, (segment,), 35_000_000, "EUR", Customer(), "", today)


async def fill(settings: BookingSettings, today: datetime) -> dict[Shape, Callable[[], list[Slot]]]:
    """Stores the company and its bookings; returns the pure search of each shape, over busy times read from there."""
    async with room_database(settings.room_database_url("booking"), "booking") as database:
        calendars, tables = CalendarTables(database), BookingTables(database)

        def add_all() -> Steps[None]:
            for each in bookings(today):
                yield from tables.add(each, f"r{each.booking_id}", "")

        await database.write(lambda: calendars.replace(calendar()))
        await database.write(add_all)
        known = await database.read(lambda: calendars.load(COMPANY_ID))
        searches: dict[Shape, Callable[[], list[Slot]]] = {}
        for shape in SHAPES:
            ready = outlook(known, requests.inquiry_of(shape.request(today)), today)
            busy = await database.read(partial(tables.busy, COMPANY_ID, ready.staff_ids, ready.stretch))
            searches[shape] = partial(search, ready, busy)
        return searches


def search(ready: Outlook, busy: Mapping[int, Spans]) -> list[Slot]:
    """The engine's part of an answer: every start, and the slots of the first page."""
    finding = ready.look(busy)
    return finding.slots_at(finding.starts[:PAGE_SIZE])


def measure_search(search: Callable[[], object], calls: int) -> Measure:
    """Calls a function so many times."""
    latencies: list[float] = []
    for _ in range(calls):
        started = time.perf_counter()
        search()
        latencies.append(time.perf_counter() - started)
    return measure_of(latencies, sum(latencies))


@asynccontextmanager
async def booking_process(settings: BookingSettings) -> AsyncIterator[Any]:
    """A stub of a booking process that is ready and has answered no call yet."""
    environment = {
        "WAMESH_DATA_DIRECTORY": str(settings.data_directory),
        "WAMESH_DATABASE_URL": "",
        "WAMESH_BOOKING_ADDRESS": settings.booking_address,
    }
    async with Mesh([Member("booking", 1)], environment, lambda name, line: None) as mesh:
        await mesh.ready({SERVICE_NAME: settings.booking_address})
        async with grpc.aio.insecure_channel(settings.booking_address) as channel:
            await channel.channel_ready()
            yield booking_pb2_grpc.BookingStub(channel)


async def first_call_ms(settings: BookingSettings, request: booking_pb2.FindSlotsRequest) -> float:
    """How long a fresh process takes for its first answer."""
    async with booking_process(settings) as booking:
        started = time.perf_counter()
        await booking.FindSlots(request)
        return (time.perf_counter() - started) * 1000


async def run(calls: int, rounds: int, echo_port: int) -> None:
    """Measures everything and prints the table."""
    today = datetime.now(UTC)
    with tempfile.TemporaryDirectory(prefix="wamesh-benchmark-") as directory:
        address = f"127.0.0.1:{free_ports(1)[0]}"
        settings = BookingSettings(data_directory=Path(directory), database_url="", booking_address=address)
        searches = await fill(settings, today)
        questions = {shape: shape.request(today) for shape in SHAPES}
        cold = {f"rpc, {shape.name}": await first_call_ms(settings, questions[shape]) for shape in SHAPES}
        found: dict[str, list[Measure]] = {}
        async with (
            booking_process(settings) as booking,
            grpc.aio.insecure_channel(f"127.0.0.1:{echo_port}") as channel,
        ):
            call_echo: Any = channel.unary_unary(ECHO_METHOD)
            echo = partial(call_echo, questions[SHAPES[0]].SerializeToString())
            rpcs = {f"rpc, {shape.name}": partial(booking.FindSlots, questions[shape]) for shape in SHAPES}
            for call in (echo, *rpcs.values()):
                await measure(call, 1, calls // 5)
            for _ in range(rounds):
                for name, call in {"echo": echo, **rpcs}.items():
                    found.setdefault(name, []).append(await measure(call, 1, calls))
                for shape, search in searches.items():
                    found.setdefault(f"engine, {shape.name}", []).append(measure_search(search, calls))
    print_table({name: median(measures) for name, measures in found.items()}, cold)


def print_table(results: dict[str, Measure], cold: dict[str, float]) -> None:
    """Prints the machine and a Markdown table."""
    print(f"{machine()}; {BOOKINGS:,} bookings over {DAYS} days, page of {PAGE_SIZE}, one caller\n")
    print("| subject | p50 ms | p99 ms | cold ms |")
    print("|---|---:|---:|---:|")
    for name, result in results.items():
        first = f"{cold[name]:.1f}" if name in cold else ""
        print(f"| {name} | {result.p50_ms:.2f} | {result.p99_ms:.2f} | {first} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--calls", type=int, default=300, help="calls a row and round")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with echo_process() as port:
        uvloop.run(run(arguments.calls, arguments.rounds, port))


if __name__ == "__main__":
    main()
