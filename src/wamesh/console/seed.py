"""`wamesh seed` and `wamesh catalogue`: a salon from its YAML file into the booking database, and back.

Exit codes: 0 for done or nothing to do, 1 for a dry run that found changes, 2 for a refusal, with every problem of the
file.
"""

import asyncio
import sys
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Final

from wamesh import settings
from wamesh.booking.calendar import Calendar
from wamesh.booking.catalogue.changes import CatalogueChange
from wamesh.booking.catalogue.changing import Outcome, load_catalogue
from wamesh.booking.catalogue.errors import CatalogueInvalid
from wamesh.booking.catalogue.file import read_catalogue
from wamesh.booking.catalogue.writing import write_catalogue
from wamesh.console.process import EXIT_REFUSED, refuse
from wamesh.errors import MeshError
from wamesh.storage.booking.calendar import CalendarTables
from wamesh.storage.database import room_database

DEMO_SALON: Final = Path(str(resources.files("wamesh") / "demo" / "salon.yaml"))
EXIT_WOULD_CHANGE: Final = 1
_LONGEST_TEXT: Final = 100


async def load_salon(file: Path, target: settings.BookingSettings, *, dry_run: bool = False) -> Outcome:
    """Loads the file into the booking database, or only finds what that would change.

    Raises CatalogueInvalid with every problem of the file, DatabaseUnavailable.
    """
    calendar = await asyncio.to_thread(read_catalogue, file)
    async with room_database(target.room_database_url("booking"), "booking") as database:
        return await load_catalogue(calendar, database, CalendarTables(database), validate_only=dry_run)


def run_seed(file: Path, *, dry_run: bool = False) -> int:
    """Loads a salon and prints what changed. Returns the exit code."""
    try:
        outcome = asyncio.run(load_salon(file, settings.load(settings.BookingSettings), dry_run=dry_run))
    except CatalogueInvalid as invalid:
        print("\n".join(f"wamesh seed: {file}: {problem}" for problem in invalid.problems), file=sys.stderr)
        return EXIT_REFUSED
    except (settings.WrongSetting, MeshError) as refusal:
        return refuse("seed", str(refusal))
    if not outcome.is_new:
        print("".join(f"  {line}\n" for line in _lines(outcome.changes)), end="")
    print(_summary(outcome, dry_run=dry_run))
    return EXIT_WOULD_CHANGE if dry_run and outcome.changes else 0


def _lines(changes: Iterable[CatalogueChange]) -> Iterable[str]:
    for path, before, after in changes:
        yield f"{path}: {_shortened(before) or '(none)'} -> {_shortened(after) or '(none)'}"


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else f"{text[: _LONGEST_TEXT - 1]}…"


def _summary(outcome: Outcome, *, dry_run: bool) -> str:
    company, count = outcome.calendar.company, len(outcome.changes)
    if not outcome.changes:
        what = "unchanged"
    elif outcome.is_new:
        what = "new, not loaded" if dry_run else "loaded"
    else:
        what = f"{count} change{'s' if count > 1 else ''}, {'not loaded' if dry_run else 'loaded'}"
    return f"Company {company.company_id}, {company.name}: {what}."


def run_export(company_id: int) -> int:
    """Prints a company's catalogue as a file. Returns the exit code."""
    try:
        calendar = asyncio.run(_stored(company_id, settings.load(settings.BookingSettings)))
    except (settings.WrongSetting, MeshError) as refusal:
        return refuse("catalogue export", str(refusal))
    sys.stdout.write(write_catalogue(calendar))
    return 0


async def _stored(company_id: int, target: settings.BookingSettings) -> Calendar:
    async with room_database(target.room_database_url("booking"), "booking") as database:
        calendars = CalendarTables(database)
        return await database.read(lambda: calendars.read(company_id))


def print_example() -> int:
    """Prints the demo salon's file."""
    sys.stdout.write(DEMO_SALON.read_text(encoding="utf-8"))
    return 0
