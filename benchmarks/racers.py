"""Many callers for one slot, again and again: exactly one books it, and everybody else is offered something else.

    PYTHONPATH=tests .venv/bin/python benchmarks/racers.py [--rounds 1000] [--racers 64] [--engines sqlite postgresql]

Real booking processes: one on SQLite, two on one PostgreSQL, between which the racers of a round are divided. A company
with one staff member who works all day; each round is about the next free hour. All racers ask for it at once, each
with a request id of its own. Then a loser, drawn at random, books the first suggestion that it got, which is cancelled
again. At the end the bookings are listed and must not meet. Exit code 1 when a rule was broken.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from measuring import machine

# grpc after measuring, which sets the environment that it loads in
# isort: split
import grpc
from support.postgresql import DURABLE, running_postgresql

from wamesh.booking.calendar import Calendar, Company, Service, Skill, StaffMember
from wamesh.booking.main import SERVICE_NAME
from wamesh.booking.v1 import booking_pb2 as pb
from wamesh.booking.v1 import booking_pb2_grpc
from wamesh.console.mesh import Member, Mesh
from wamesh.console.ports import free_ports
from wamesh.rpc.errors import refusal_of
from wamesh.settings import BookingSettings
from wamesh.slots.working import DayPlan
from wamesh.slots.zones import MINUTES_PER_DAY
from wamesh.storage.booking.calendar import CalendarTables
from wamesh.storage.database import room_database

COMPANY_ID: Final = 1
HORIZON_DAYS: Final = 90
FIRST_DAY: Final = 2


def calendar() -> Calendar:
    """One staff member who works around the clock, an hour a visit."""
    company = Company(
        COMPANY_ID, "Races", "UTC", "en", "EUR", step_minutes=60, horizon_minutes=HORIZON_DAYS * MINUTES_PER_DAY
    )
    plan = DayPlan(((0, MINUTES_PER_DAY),))
    return Calendar(company, (Service(1, "Hour", 60, 10_000_000),), (StaffMember(1, "Ada", (Skill(1),), (plan,) * 7),))


@asynccontextmanager
async def booking_processes(directory: Path, url: str, count: int) -> AsyncIterator[list[Any]]:
    """Stubs of so many booking processes over one database, with the company in it."""
    settings = BookingSettings(data_directory=directory, database_url=url)
    async with room_database(settings.room_database_url("booking"), "booking") as database:
        await database.write(lambda: CalendarTables(database).replace(calendar()))
    addresses = {f"booking-{index}": f"127.0.0.1:{port}" for index, port in enumerate(free_ports(count))}
    members = [
        Member(name, 1, program="booking", environment={"WAMESH_BOOKING_ADDRESS": address})
        for name, address in addresses.items()
    ]
    environment = {"WAMESH_DATA_DIRECTORY": str(directory), "WAMESH_DATABASE_URL": url, "WAMESH_LOG_LEVEL": "error"}
    async with Mesh(members, environment, print_line) as mesh, AsyncExitStack() as channels:
        for address in addresses.values():
            await mesh.ready({SERVICE_NAME: address})
        yield [
            booking_pb2_grpc.BookingStub(await channels.enter_async_context(grpc.aio.insecure_channel(address)))
            for address in addresses.values()
        ]


def print_line(name: str, line: str) -> None:
    """What a process says."""
    print(f"{name} | {line}", file=sys.stderr)


class Race:
    """The rounds over one engine, and what they broke."""

    def __init__(self, bookings: Sequence[Any], racers: int, dice: random.Random) -> None:
        self._bookings = bookings
        self._racers = racers
        self._dice = dice
        self.violations: list[str] = []
        self.taken = 0

    async def round(self, number: int, start: datetime) -> None:
        """All racers at once for one start; then a loser's suggestion."""
        requests = [self._request(f"{number}-{racer}", start) for racer in range(self._racers)]
        outcomes = await asyncio.gather(
            *(self._bookings[index % len(self._bookings)].CreateBooking(each) for index, each in enumerate(requests)),
            return_exceptions=True,
        )
        won = [each for each in outcomes if isinstance(each, pb.CreateBookingResponse)]
        lost = [each for each in outcomes if isinstance(each, grpc.aio.AioRpcError)]
        self.taken += len(won)
        if len(won) != 1 or len(lost) != self._racers - 1:
            self.violations.append(f"round {number}: {len(won)} booked, {len(lost)} refused")
        suggested = [self._suggestions(number, each) for each in lost]
        await self._take(number, self._dice.choice(suggested))

    def _request(self, request_id: str, start: datetime) -> pb.CreateBookingRequest:
        request = pb.CreateBookingRequest(
            company_id=COMPANY_ID, request_id=request_id, customer=pb.Customer(name="Racer")
        )
        request.visit.segments.add(service_id=1)
        request.visit.start_time.FromDatetime(start)
        return request

    def _suggestions(self, number: int, error: grpc.aio.AioRpcError) -> list[pb.Slot]:
        """What a loser was offered."""
        detail = pb.SlotUnavailable()
        refusal = refusal_of(error)
        found = any(each.Unpack(detail) for each in refusal.details)
        if refusal.reason != "SLOT_UNAVAILABLE" or not found or not detail.suggested_slots:
            self.violations.append(f"round {number}: {error.code().name} {error.details()}, without suggestions")
        return list(detail.suggested_slots)

    async def _take(self, number: int, suggestions: Sequence[pb.Slot]) -> None:
        """The first suggestion can be booked."""
        if not suggestions:
            return
        request = pb.CreateBookingRequest(
            company_id=COMPANY_ID,
            request_id=f"{number}-again",
            slot_token=suggestions[0].slot_token,
            customer=pb.Customer(name="Loser"),
        )
        try:
            booking = (await self._bookings[0].CreateBooking(request)).booking
        except grpc.aio.AioRpcError as error:
            self.violations.append(f"round {number}: a suggestion was refused: {error.details()}")
            return
        await self._bookings[-1].CancelBooking(
            pb.CancelBookingRequest(company_id=COMPANY_ID, booking_id=booking.booking_id)
        )

    async def judge(self) -> None:
        """The bookings that stand are as many as were told, and do not meet."""
        spans: list[tuple[int, int]] = []
        request = pb.ListBookingsRequest(company_id=COMPANY_ID, state=pb.BOOKING_STATE_CONFIRMED, page_size=1000)
        while True:
            page = await self._bookings[0].ListBookings(request)
            spans += [(each.start_time.seconds, each.end_time.seconds) for each in page.bookings]
            if not page.next_page_token:
                break
            request.page_token = page.next_page_token
        if len(spans) != self.taken:
            self.violations.append(f"{self.taken} were told, {len(spans)} stand")
        self.violations += [f"{before} meets {after}" for before, after in pairwise(spans) if before[1] > after[0]]


async def race(engine: str, directory: Path, url: str, rounds: int, racers: int) -> int:
    """Races over one engine. Returns how many rules were broken."""
    first = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=FIRST_DAY)
    async with booking_processes(directory, url, 2 if url else 1) as bookings:
        running = Race(bookings, racers, random.Random(7))
        began = time.monotonic()
        for number in range(rounds):
            await running.round(number, first + timedelta(hours=number))
        seconds = time.monotonic() - began
        await running.judge()
    calls = rounds * (racers + 2) / seconds
    print(f"{engine}: {rounds} rounds of {racers} racers, {running.taken} booked, {calls:,.0f} calls/s")
    for violation in running.violations:
        print(f"VIOLATION {engine}: {violation}")
    return len(running.violations)


def main() -> int:
    """Races. Returns the exit code."""
    parser = argparse.ArgumentParser(description="Many callers for one slot.")
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--racers", type=int, default=64)
    parser.add_argument("--engines", nargs="+", choices=("sqlite", "postgresql"), default=["sqlite", "postgresql"])
    arguments = parser.parse_args()
    print(machine())
    broken = 0
    for engine in arguments.engines:
        with tempfile.TemporaryDirectory(prefix="wamesh-racers-") as directory:
            if engine == "sqlite":
                broken += asyncio.run(race(engine, Path(directory), "", arguments.rounds, arguments.racers))
                continue
            with running_postgresql(DURABLE) as server, server.fresh_database() as url:
                broken += asyncio.run(race(engine, Path(directory), url, arguments.rounds, arguments.racers))
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
