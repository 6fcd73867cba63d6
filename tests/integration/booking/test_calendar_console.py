"""`wamesh calendar` as a user meets it: processes of its own, and a server that they call."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from support.booking_service import ANNA, HAIRCUT, Salon, open_salon
from support.command_line import WAMESH, wamesh
from support.ical_service import calendars_over
from support.ical_texts import calendar, event, events_of

from wamesh.rpc.server import Server
from wamesh.settings import BookingSettings
from wamesh.storage.database import room_database

ABOUT = ("--company", "1", "--staff", str(ANNA))
HOLIDAY = calendar(event("DTSTART;VALUE=DATE:20261124", "DTEND;VALUE=DATE:20261126"))


@pytest.fixture
async def salon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Salon]:
    """The demo salon, at the address that the commands call."""
    target = BookingSettings(data_directory=tmp_path / "data")
    async with room_database(target.room_database_url("booking"), "booking") as database:
        opened = await open_salon(database)
        server = await Server([calendars_over(database, opened)], "127.0.0.1:0").start()
        await server.set_ready(True)
        monkeypatch.setenv("WAMESH_BOOKING_TARGET", f"127.0.0.1:{server.port}")
        yield opened
        await server.stop(0)


async def run(verb: str, *arguments: str) -> tuple[int, str, str]:
    """Runs `wamesh calendar` about Anna."""
    finished = await wamesh("calendar", verb, *arguments, *ABOUT)
    return finished.code, finished.out, finished.err


async def test_a_feed_is_opened_and_revoked(salon: Salon) -> None:
    """The path alone, so that a script can use it."""
    code, path, _ = await run("feed")
    assert (code, path.startswith("/v1/feeds/"), path.endswith(".ics\n")) == (0, True, True)
    assert await run("feed") == (0, path, "")
    assert await run("revoke") == (0, "Revoked. The next feed has another URL.\n", "")
    assert (await run("feed"))[1] != path


async def test_bookings_are_exported(salon: Salon) -> None:
    """As an .ics file on the standard output."""
    await salon.book((await salon.find_on("2026-11-24", HAIRCUT, ANNA))[0])
    process = await asyncio.create_subprocess_exec(WAMESH, "calendar", "export", *ABOUT, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert [each["STATUS"] for each in events_of(out.decode())] == ["CONFIRMED"]


async def test_a_calendar_is_imported_listed_and_forgotten(salon: Salon, tmp_path: Path) -> None:
    """From a file; the second time in the place of the first."""
    file = tmp_path / "home.ics"
    file.write_text(HOLIDAY, encoding="utf-8", newline="")
    for _ in range(2):
        told = (0, "home: 1 busy times, known until 2027-02-06.\n", "")
        assert await run("import", str(file), "--name", "home") == told
    code, listed, _ = await run("list")
    assert (code, listed.split()[-5:]) == (0, ["home", "2026-11-23", "08:00Z", "1", "2027-02-06"])
    assert await run("forget", "--name", "home") == (0, "home: forgotten.\n", "")
    assert "home" not in (await run("list"))[1]


async def test_a_calendar_comes_through_a_pipe(salon: Salon) -> None:
    """As curl writes it; and what curl writes when it fails is refused."""
    for text, code in ((HOLIDAY, 0), ("", 1), ("<html>Sign in</html>", 1)):
        command = (WAMESH, "calendar", "import", *ABOUT, "--name", "home", "-")
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe)
        await process.communicate(text.encode())
        assert process.returncode == code
    assert "home" in (await run("list"))[1]


async def test_what_cannot_be_imported_is_told_in_a_line(salon: Salon, tmp_path: Path) -> None:
    """With what to do."""
    file = tmp_path / "home.ics"
    missing = await run("import", str(file), "--name", "home")
    assert (missing[0], missing[2].startswith("wamesh calendar import: ")) == (2, True)
    file.write_bytes(HOLIDAY.encode().replace(b"test", b"\xff\xfe"))
    assert (await run("import", str(file), "--name", "home"))[2].endswith("is not UTF-8; upload an .ics file.\n")
    file.write_text(HOLIDAY[:-20], encoding="utf-8")
    code, _, told = await run("import", str(file), "--name", "home")
    assert (code, told.startswith("wamesh booking: CALENDAR_INVALID: calendar: ")) == (1, True)
