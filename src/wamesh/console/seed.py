"""`wamesh seed`: loads a salon from its YAML file, or prints the demo salon's to start from."""

import asyncio
import sys
from importlib import resources
from pathlib import Path
from typing import Final

from wamesh import settings
from wamesh.booking.catalogue_file import CatalogueInvalid, load_catalogue
from wamesh.console.process import refuse
from wamesh.errors import MeshError
from wamesh.storage.booking_calendar import CalendarTables
from wamesh.storage.database import room_database

DEMO_SALON: Final = Path(str(resources.files("wamesh") / "demo" / "salon.yaml"))


async def load_salon(file: Path, target: settings.BookingSettings) -> str:
    """Loads the file into the booking database. Returns one line that says what happened.

    Raises CatalogueInvalid with every problem of the file, DatabaseUnavailable.
    """
    async with room_database(target.room_database_url("booking"), "booking") as database:
        calendar, outcome = await load_catalogue(file, database, CalendarTables(database))
    return f"Company {calendar.company.company_id}, {calendar.company.name}: {outcome}."


def run_seed(file: Path) -> int:
    """Loads a salon and prints what happened. Returns the exit code."""
    try:
        print(asyncio.run(load_salon(file, settings.load(settings.BookingSettings))))
    except (CatalogueInvalid, settings.WrongSetting, MeshError) as refusal:
        return refuse("seed", str(refusal))
    return 0


def print_example() -> int:
    """Prints the demo salon's file."""
    sys.stdout.write(DEMO_SALON.read_text(encoding="utf-8"))
    return 0
