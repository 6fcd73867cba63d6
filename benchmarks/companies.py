"""Ten thousand companies in one booking database: memory, a mixed load, and what one busy company costs the others.

    PYTHONPATH=tests .venv/bin/python benchmarks/companies.py [--companies 10000] [--active 200] [--engine sqlite]
        [--seconds 8] [--rounds 5]

Each company has three staff members, three services and twenty bookings in the next weeks. Callers come at random
moments, at a fixed rate however long the answers take (an open loop). `--active` companies are asked again and again;
one call in fifty goes to any of the others. Of a hundred calls ninety look for a week of slots, six book what they
found, two cancel, two list. A block of *calm* load and one with a *busy* company, which gets fifty times the load
of each other active one, follow each other; only the calls of the other companies are compared. The ratio is the median
over the rounds.
"""

import argparse
import asyncio
import itertools
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from measuring import machine

# grpc after measuring, which sets the environment that it loads in
# isort: split
import grpc
import psutil
from support.postgresql import DURABLE, running_postgresql

from wamesh.booking.appointments import Appointment, BookedSegment, BookingState, Customer
from wamesh.booking.calendar import Calendar, Company, Service, Skill, StaffMember
from wamesh.booking.main import SERVICE_NAME
from wamesh.booking.v1 import booking_pb2 as pb
from wamesh.booking.v1 import booking_pb2_grpc
from wamesh.console.mesh import Member, Mesh
from wamesh.console.ports import free_ports
from wamesh.settings import BookingSettings
from wamesh.slots.working import DayPlan
from wamesh.slots.zones import MINUTES_PER_DAY, instant_floor
from wamesh.storage.booking.bookings import BookingTables
from wamesh.storage.booking.calendar import CalendarTables
from wamesh.storage.database import Steps, room_database

STAFF: Final = 3
BOOKINGS: Final = 20
CALLS_A_SECOND: Final = 100.0
BUSY_TIMES: Final = 50
ELSEWHERE: Final = 0.02
"""So many of the calls go to companies that nobody asked before."""
FILLED_AT_ONCE: Final = 100


def calendar(company_id: int) -> Calendar:
    """A small company, in a zone of its own choice."""
    zone = ("Europe/Berlin", "America/Santiago", "Asia/Kathmandu", "Australia/Lord_Howe")[company_id % 4]
    services = tuple(Service(each, f"Service {each}", 30 * each, 20_000_000 * each) for each in (1, 2, 3))
    plan = DayPlan(((9 * 60, 18 * 60),), ((13 * 60, 13 * 60 + 30),))
    staff = tuple(
        StaffMember(each, f"Staff {each}", tuple(Skill(service) for service in (1, 2, 3)), (plan,) * 6 + (DayPlan(),))
        for each in range(1, STAFF + 1)
    )
    return Calendar(Company(company_id, f"Company {company_id}", zone, "en", "EUR"), services, staff)


def bookings(company_id: int, now: datetime) -> Iterator[Appointment]:
    """Visits that do not meet, in the next twenty days."""
    midnight = instant_floor(now) // MINUTES_PER_DAY * MINUTES_PER_DAY
    for booking_id in range(1, BOOKINGS + 1):
        start = midnight + booking_id * MINUTES_PER_DAY + 10 * 60
        segment = BookedSegment(1, booking_id % STAFF + 1, start, start + 30, start, start + 30, booking_id)
        yield Appointment(
            company_id=company_id,
            booking_id=booking_id,
            state=BookingState.CONFIRMED,
            segments=(segment,),
            price_micros=20_000_000,
            currency="EUR",
            customer=Customer(),
            note="",
            create_time=now,
            update_time=now,
        )


async def fill(settings: BookingSettings, companies: int) -> None:
    """Stores the companies and their bookings."""
    now = datetime.now(UTC)
    async with room_database(settings.room_database_url("booking"), "booking") as database:
        calendars, tables = CalendarTables(database), BookingTables()

        def some(first: int) -> Callable[[], Steps[None]]:
            def steps() -> Steps[None]:
                for company_id in range(first, min(first + FILLED_AT_ONCE, companies + 1)):
                    yield from calendars.replace(calendar(company_id))
                    for each in bookings(company_id, now):
                        yield from tables.next_id(company_id)
                        yield from tables.add(each)

            return steps

        for first in range(1, companies + 1, FILLED_AT_ONCE):
            await database.write(some(first))


@dataclass
class Load:
    """Callers of many companies, and how long their answers took."""

    booking: Any
    companies: int
    active: list[int]
    dice: random.Random
    numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    booked: list[tuple[int, int]] = field(default_factory=list)

    async def block(self, seconds: float, busy_company: int | None) -> list[float]:
        """Calls for so long; returns the seconds that each call of the others took."""
        rate = CALLS_A_SECOND
        share = BUSY_TIMES / len(self.active) if busy_company else 0.0
        others: list[float] = []
        async with asyncio.TaskGroup() as calls:
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                await asyncio.sleep(self.dice.expovariate(rate * (1 + share)))
                if busy_company and self.dice.random() < share / (1 + share):
                    calls.create_task(self._call(busy_company, []))
                else:
                    calls.create_task(self._call(self._other(), others))
        return others

    def _other(self) -> int:
        return self.dice.randint(1, self.companies) if self.dice.random() < ELSEWHERE else self.dice.choice(self.active)

    async def _call(self, company_id: int, times: list[float]) -> None:
        began = time.perf_counter()
        kind = self.dice.random()
        if kind < 0.90:
            await self._find(company_id)
        elif kind < 0.96:
            await self._book(company_id)
        elif kind < 0.98 and self.booked:
            await self._cancel(*self.booked.pop())
        else:
            await self.booking.ListBookings(pb.ListBookingsRequest(company_id=company_id, page_size=20))
        times.append(time.perf_counter() - began)

    async def _find(self, company_id: int) -> pb.FindSlotsResponse:
        request = pb.FindSlotsRequest(company_id=company_id, page_size=20)
        request.segments.add(service_id=self.dice.randint(1, 3))
        first = datetime.now(UTC).date() + timedelta(days=self.dice.randint(0, 30))
        request.dates.first_date, request.dates.last_date = first.isoformat(), (first + timedelta(days=6)).isoformat()
        return await self.booking.FindSlots(request)  # type: ignore[no-any-return]

    async def _book(self, company_id: int) -> None:
        slots = (await self._find(company_id)).slots
        if slots:
            request = pb.CreateBookingRequest(
                company_id=company_id,
                request_id=f"load-{next(self.numbers)}",
                slot_token=self.dice.choice(slots).slot_token,
                customer=pb.Customer(name="Load"),
            )
            try:
                made = (await self.booking.CreateBooking(request)).booking
                self.booked.append((company_id, made.booking_id))
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.FAILED_PRECONDITION:
                    raise

    async def _cancel(self, company_id: int, booking_id: int) -> None:
        await self.booking.CancelBooking(pb.CancelBookingRequest(company_id=company_id, booking_id=booking_id))


def cuts_ms(times: list[float]) -> tuple[float, float]:
    """Median and 99th percentile, in milliseconds."""
    cuts = statistics.quantiles(times, n=100)
    return cuts[49] * 1000, cuts[98] * 1000


@asynccontextmanager
async def booking_process(settings: BookingSettings) -> AsyncIterator[tuple[Any, psutil.Process]]:
    """A stub of a booking process, and the process."""
    environment = {
        "WAMESH_DATA_DIRECTORY": str(settings.data_directory),
        "WAMESH_DATABASE_URL": settings.database_url,
        "WAMESH_BOOKING_ADDRESS": settings.booking_address,
        "WAMESH_LOG_LEVEL": "error",
    }
    async with Mesh([Member("booking", 1)], environment, lambda name, line: print(line, file=sys.stderr)) as mesh:
        await mesh.ready({SERVICE_NAME: settings.booking_address})
        async with grpc.aio.insecure_channel(settings.booking_address) as channel:
            yield booking_pb2_grpc.BookingStub(channel), psutil.Process(mesh.pid_of("booking"))


async def visit_all(booking: Any, companies: int) -> None:
    """Asks each company once, sixteen at a time."""
    numbers = iter(range(1, companies + 1))

    async def caller() -> None:
        for company_id in numbers:
            request = pb.FindSlotsRequest(company_id=company_id, page_size=1)
            request.segments.add(service_id=1)
            request.dates.first_date = (datetime.now(UTC).date() + timedelta(days=1)).isoformat()
            await booking.FindSlots(request)

    await asyncio.gather(*(caller() for _ in range(16)))


async def run(settings: BookingSettings, arguments: argparse.Namespace) -> None:
    """Fills, measures, prints."""
    began = time.monotonic()
    await fill(settings, arguments.companies)
    print(
        f"{machine()}; {arguments.engine}, {arguments.companies:,} companies filled in {time.monotonic() - began:.0f} s"
    )
    dice = random.Random(7)
    async with booking_process(settings) as (booking, process):
        empty_mb = process.memory_full_info().uss / 1e6
        began = time.monotonic()
        await visit_all(booking, arguments.companies)
        seconds, full_mb = time.monotonic() - began, process.memory_full_info().uss / 1e6
        print(
            f"each asked once: {arguments.companies / seconds:,.0f}/s, {empty_mb:.0f} MB before, {full_mb:.0f} MB after"
        )
        active = dice.sample(range(1, arguments.companies + 1), arguments.active)
        load = Load(booking, arguments.companies, active, dice)
        await load.block(arguments.seconds / 2, None)
        rows: list[tuple[float, float, float, float]] = []
        for _ in range(arguments.rounds):
            calm = cuts_ms(await load.block(arguments.seconds, None))
            busy = cuts_ms(await load.block(arguments.seconds, active[0]))
            rows.append((*calm, *busy))
        print_table(rows)
        print(f"\nafter it: {process.memory_full_info().uss / 1e6:.0f} MB")


def print_table(rows: list[tuple[float, float, float, float]]) -> None:
    """Prints each round, and the median ratios."""
    print("\n| round | calm p50 ms | p99 ms | busy p50 ms | p99 ms | p50 ratio | p99 ratio |")
    print("|---:|---:|---:|---:|---:|---:|---:|")
    for number, (p50, p99, busy_p50, busy_p99) in enumerate(rows, 1):
        ratios = f"{busy_p50 / p50:.2f} | {busy_p99 / p99:.2f}"
        print(f"| {number} | {p50:.2f} | {p99:.2f} | {busy_p50:.2f} | {busy_p99:.2f} | {ratios} |")
    p50_ratio = statistics.median(row[2] / row[0] for row in rows)
    p99_ratio = statistics.median(row[3] / row[1] for row in rows)
    print(f"\nmedian ratio of p50 {p50_ratio:.2f}, of p99 {p99_ratio:.2f}; target below 1.20")


def main() -> None:
    """Measures once."""
    parser = argparse.ArgumentParser(description="Ten thousand companies in one booking database.")
    parser.add_argument("--companies", type=int, default=10_000)
    parser.add_argument("--active", type=int, default=200)
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wamesh-companies-")))
        url = ""
        if arguments.engine == "postgresql":
            url = stack.enter_context(stack.enter_context(running_postgresql(DURABLE)).fresh_database())
        address = f"127.0.0.1:{free_ports(1)[0]}"
        asyncio.run(
            run(BookingSettings(data_directory=directory, database_url=url, booking_address=address), arguments)
        )


if __name__ == "__main__":
    main()
