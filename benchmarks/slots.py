"""FindSlots of a busy company through a booking process, and the slot engine by itself beside two other ways to do it.

    .venv/bin/pip install --editable '.[bench]'
    .venv/bin/python benchmarks/slots.py [--calls 300] [--rounds 3]
    .venv/bin/python benchmarks/slots.py --growth --plot docs/images/slots-growth.svg

A company with 50 staff and 10,000 bookings over 90 days is asked for the first page of 100 slots: one person's week,
everybody's week, everybody's month; and for 20 slots, as many as a chat can show. *rpc* is the whole way, from a
client's message to its answer, warm; *engine* is the search of the whole window and its 100 slots; *starts* is that
search without the slots, as *portion* and *minute scan* do it (`slot_rivals`), whose answers are compared with it.
*cold* is the first question about a company like it that the process has not in memory. Each round measures every row
once, in turn; a row shows the median over the rounds, but *cold* its only calls, one for each of 20 companies.

`--growth` measures how the rpc and the engine grow with staff (1 to 200), days (1 to 31) and bookings (0 to 100,000),
each alone, and draws it with `--plot`.
"""

import argparse
import random
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from measuring import ECHO_METHOD, Measure, echo_process, machine, measure, measure_of, median
from slot_rivals import minute_scan, with_portion

# grpc after measuring, which sets the environment that it loads in
# isort: split
import grpc
import uvloop

from wamesh.booking import memory, requests
from wamesh.booking.appointments import Appointment, BookedSegment, BookingState, Customer
from wamesh.booking.calendar import Calendar, Company, Service, Skill, StaffMember
from wamesh.booking.diary import Diary, View, Visit
from wamesh.booking.main import SERVICE_NAME
from wamesh.booking.search import Outlook, outlook
from wamesh.booking.signing import Signer
from wamesh.booking.v1 import booking_pb2, booking_pb2_grpc
from wamesh.console.mesh import Member, Mesh
from wamesh.console.ports import free_ports
from wamesh.settings import BookingSettings
from wamesh.slots.engine import Slot
from wamesh.slots.filters import grid_instants
from wamesh.slots.working import DayPlan
from wamesh.slots.zones import MINUTES_PER_DAY, instant_floor
from wamesh.storage.booking.bookings import BookingTables
from wamesh.storage.booking.calendar import CalendarTables
from wamesh.storage.database import Steps, room_database

DAYS: Final = 90
PAGE_SIZE: Final = 100
VISIT_MINUTES: Final = 45
CLEANING_MINUTES: Final = 15
OPEN: Final = (9 * 60, 18 * 60)
SIGNER: Final = Signer(b"k" * 32)


@dataclass(frozen=True, slots=True)
class Salon:
    """A company with so many staff and bookings."""

    company_id: int
    staff: int = 50
    bookings: int = 10_000


@dataclass(frozen=True, slots=True)
class Shape:
    """How much of a company is searched: so many days, of everybody or of the first `asked` people."""

    salon: Salon
    days: int
    asked: int = 0
    page: int = PAGE_SIZE

    @property
    def name(self) -> str:
        page = "" if self.page == PAGE_SIZE else f", {self.page} slots"
        return f"{self.asked or self.salon.staff} staff x {self.days} days{page}"

    def request(self, today: datetime) -> booking_pb2.FindSlotsRequest:
        """The first page, from tomorrow on."""
        first = (today + timedelta(days=1)).date()
        segment = booking_pb2.Segment(service_id=1)
        if self.asked:
            segment.staff.only.staff_ids.extend(range(1, self.asked + 1))
        last = first + timedelta(days=self.days - 1)
        return booking_pb2.FindSlotsRequest(
            company_id=self.salon.company_id,
            segments=[segment],
            dates=booking_pb2.DateRange(first_date=first.isoformat(), last_date=last.isoformat()),
            page_size=self.page,
        )


USUAL: Final = Salon(1)
COLD: Final = tuple(Salon(company_id) for company_id in range(101, 121))
SHAPES: Final = (Shape(USUAL, 7, 1), Shape(USUAL, 7), Shape(USUAL, 30))
CHAT: Final = (Shape(USUAL, 7, 1, 20), Shape(USUAL, 7, page=20))
GROWTH: Final = {
    "staff, 200 bookings each, 7 days": {
        staff: Shape(Salon(10 + staff, staff, 200 * staff), 7) for staff in (1, 10, 25, 50, 100, 200)
    },
    "days, 50 staff, 10,000 bookings": {days: Shape(USUAL, days) for days in (1, 4, 7, 14, 21, 31)},
    "bookings, 200 staff, 7 days": {
        bookings: Shape(Salon(1000 + bookings, 200, bookings), 7) for bookings in (0, 1_000, 10_000, 50_000, 100_000)
    },
}


def calendar(salon: Salon) -> Calendar:
    """A company whose staff work alike, Monday to Sunday, each with a lunch break of their own."""
    company = Company(
        salon.company_id, "Benchmark", "Europe/Berlin", "en", "EUR", horizon_minutes=DAYS * MINUTES_PER_DAY
    )
    visit = Service(1, "Visit", VISIT_MINUTES, 35_000_000, buffer_after_minutes=CLEANING_MINUTES)
    return Calendar(company, (visit,), tuple(_member(staff_id) for staff_id in range(1, salon.staff + 1)))


def _member(staff_id: int) -> StaffMember:
    lunch = 12 * 60 + staff_id % 5 * 15
    plan = DayPlan((OPEN,), ((lunch, lunch + 30),))
    return StaffMember(staff_id, f"Staff {staff_id}", (Skill(1),), (plan,) * 7)


def visits(salon: Salon, today: datetime) -> Iterator[Visit]:
    """The same bookings for the same day: hours that do not meet, on random days of random staff."""
    midnight = instant_floor(today) // MINUTES_PER_DAY * MINUTES_PER_DAY
    hours = range(OPEN[0], OPEN[1] - 60, VISIT_MINUTES + CLEANING_MINUTES)
    places = [(staff, day, hour) for staff in range(1, salon.staff + 1) for day in range(DAYS) for hour in hours]
    for visit_id, (staff_id, day, hour) in enumerate(random.Random(7).sample(places, salon.bookings), 1):
        start = midnight + day * MINUTES_PER_DAY + hour
        end = start + VISIT_MINUTES
        yield Visit(visit_id, (BookedSegment(1, staff_id, start, end, start, end + CLEANING_MINUTES, visit_id),))


def appointment(salon: Salon, visit: Visit, today: datetime) -> Appointment:
    """The booking of a visit."""
    return Appointment(
        company_id=salon.company_id,
        booking_id=visit.visit_id,
        state=BookingState.CONFIRMED,
        segments=visit.segments,
        price_micros=35_000_000,
        currency="EUR",
        customer=Customer(),
        note="",
        create_time=today,
        update_time=today,
    )


async def fill(settings: BookingSettings, salons: Sequence[Salon], today: datetime) -> None:
    """Stores the companies and their bookings."""
    async with room_database(settings.room_database_url("booking"), "booking") as database:
        calendars, tables = CalendarTables(database), BookingTables()

        def steps(salon: Salon) -> Steps[None]:
            yield from calendars.replace(calendar(salon))
            for each in visits(salon, today):
                yield from tables.add(appointment(salon, each, today))

        for salon in salons:
            await database.write(partial(steps, salon))


class Search:
    """The engine's part of an answer, over a company in memory."""

    def __init__(self, shape: Shape, today: datetime) -> None:
        self._salon = memory.Salon(calendar(shape.salon), Diary().with_visits(visits(shape.salon, today), 1), today)
        self._asked = requests.question_of(shape.request(today), None, SIGNER)
        self._today = today
        self._ready: Outlook = outlook(self._salon.calendar, self._asked.inquiry, today)
        self._view: View = self._salon.diary.at(today)

    def slots(self) -> list[Slot]:
        """Every start of the window, and the slots of the first page."""
        finding = self._ready.look(self._view)
        return finding.slots_at(finding.starts[:PAGE_SIZE])

    def starts(self) -> list[int]:
        """Every start of the window."""
        return self._ready.look(self._view).starts

    def scanned(self) -> list[int]:
        """Every start, minute by minute."""
        return minute_scan(*self._given())

    def by_portion(self) -> list[int]:
        """Every start, with a library of intervals."""
        return with_portion(*self._given())

    def _given(self) -> tuple[Any, Any, Any]:
        question = self._ready.question
        offsets, agendas = self._ready.agendas(self._view)
        grid = list(grid_instants(question.window, question.step, offsets))
        return grid, question.segments[0].duties, agendas


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


async def measure_cold(booking: Any, days: int, today: datetime) -> Measure:
    """Asks one question about each company that the process has not in memory."""
    latencies: list[float] = []
    for salon in COLD:
        request = Shape(salon, days).request(today)
        started = time.perf_counter()
        await booking.FindSlots(request)
        latencies.append(time.perf_counter() - started)
    return measure_of(latencies, sum(latencies))


async def compare(settings: BookingSettings, calls: int, rounds: int, echo_port: int) -> None:
    """Measures the usual company in every way, and prints the table."""
    today = datetime.now(UTC)
    await fill(settings, [USUAL, *COLD], today)
    searches = {shape: Search(shape, today) for shape in SHAPES}
    for search in searches.values():
        if not search.starts() == search.scanned() == search.by_portion():
            raise SystemExit("The three ways do not agree.")
    questions = {shape: shape.request(today) for shape in (*SHAPES, *CHAT)}
    found: dict[str, list[Measure]] = {}
    async with booking_process(settings) as booking, grpc.aio.insecure_channel(f"127.0.0.1:{echo_port}") as channel:
        call_echo: Any = channel.unary_unary(ECHO_METHOD)
        echo = partial(call_echo, questions[SHAPES[0]].SerializeToString())
        rpcs = {f"rpc, {shape.name}": partial(booking.FindSlots, question) for shape, question in questions.items()}
        for call in (echo, *rpcs.values()):
            await measure(call, 1, calls // 5)
        found["cold rpc, 50 staff x 7 days"] = [await measure_cold(booking, 7, today)]
        for _ in range(rounds):
            for name, call in {"echo": echo, **rpcs}.items():
                found.setdefault(name, []).append(await measure(call, 1, calls))
            for shape, search in searches.items():
                for way, times, few in (
                    ("engine", search.slots, calls),
                    ("starts", search.starts, calls),
                    ("portion", search.by_portion, max(calls // 20, 3)),
                    ("minute scan", search.scanned, max(calls // 20, 3)),
                ):
                    found.setdefault(f"{way}, {shape.name}", []).append(measure_search(times, few))
    print_table({name: median(measures) for name, measures in found.items()})


def print_table(results: dict[str, Measure]) -> None:
    """Prints the machine and a Markdown table; a rival's ratio is to *starts* of the same shape."""
    print(f"{machine()}; {USUAL.bookings:,} bookings over {DAYS} days, page of {PAGE_SIZE}, one caller\n")
    print("| subject | p50 ms | p99 ms | times starts |")
    print("|---|---:|---:|---:|")
    for name, result in results.items():
        way, _, shape = name.partition(", ")
        ours = results.get(f"starts, {shape}")
        ratio = f"{result.p50_ms / ours.p50_ms:.1f}" if ours and way in ("portion", "minute scan") else ""
        print(f"| {name} | {result.p50_ms:.2f} | {result.p99_ms:.2f} | {ratio} |")


async def grow(settings: BookingSettings, calls: int, plot: Path | None) -> None:
    """Measures rpc and engine as each dimension grows, prints the figures, and draws them."""
    today = datetime.now(UTC)
    await fill(settings, list({shape.salon: None for row in GROWTH.values() for shape in row.values()}), today)
    grown: dict[str, list[tuple[int, float, float]]] = {}
    print(f"{machine()}; page of {PAGE_SIZE}, median of {calls} calls\n")
    async with booking_process(settings) as booking:
        for axis, row in GROWTH.items():
            print(f"| {axis} | rpc ms | engine ms |\n|---:|---:|---:|")
            for value, shape in row.items():
                find = partial(booking.FindSlots, shape.request(today))
                await measure(find, 1, calls // 5)
                rpc = (await measure(find, 1, calls)).p50_ms
                engine = measure_search(Search(shape, today).slots, calls).p50_ms
                grown.setdefault(axis, []).append((value, rpc, engine))
                print(f"| {value:,} | {rpc:.2f} | {engine:.2f} |", flush=True)
            print()
    if plot:
        draw(grown, plot)


def draw(grown: dict[str, list[tuple[int, float, float]]], file: Path) -> None:
    """Draws one panel a dimension."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "wamesh"
    from matplotlib import pyplot

    figure, panels = pyplot.subplots(1, len(grown), figsize=(12, 3.4), layout="constrained")
    for panel, (axis, points) in zip(panels, grown.items(), strict=True):
        values = [value for value, _, _ in points]
        panel.plot(values, [rpc for _, rpc, _ in points], marker="o", label="rpc, first page of 100")
        panel.plot(values, [engine for _, _, engine in points], marker="s", label="engine, whole window")
        panel.set(xlabel=axis, ylabel="ms, median", ylim=(0, None))
        panel.grid(alpha=0.3)
    panels[0].legend(frameon=False)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--calls", type=int, default=300, help="calls a row and round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--growth", action="store_true", help="measure how it grows instead")
    parser.add_argument("--plot", type=Path, help="draw the growth into this SVG file")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="wamesh-benchmark-") as directory, echo_process() as port:
        address = f"127.0.0.1:{free_ports(1)[0]}"
        settings = BookingSettings(data_directory=Path(directory), database_url="", booking_address=address)
        if arguments.growth:
            uvloop.run(grow(settings, arguments.calls, arguments.plot))
        else:
            uvloop.run(compare(settings, arguments.calls, arguments.rounds, port))


if __name__ == "__main__":
    main()
