"""What the commands of `wamesh calendar` do: feeds of bookings, and other calendars of the staff.

Every function returns an exit code: 0 for done, 1 for a refusal, which is printed with its reason, 2 for a file that
cannot be read.
"""

import sys
from collections.abc import Awaitable, Callable
from datetime import UTC
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from wamesh import settings
from wamesh.booking.v1 import calendars_pb2 as pb
from wamesh.booking.v1 import calendars_pb2_grpc
from wamesh.console.calls import Service, connected
from wamesh.console.process import refuse

CALENDARS: Final = pb.DESCRIPTOR.services_by_name["Calendars"]
STDIN: Final = Path("-")
_IMPORT_SECONDS: Final = 60.0

_console = Console(highlight=False)


def open_feed(company_id: int, staff_id: int) -> int:
    """Prints the path of a staff member's feed on the HTTP API, and opens it when it is not."""

    async def call(calendars: Any) -> int:
        print((await calendars.CreateFeed(pb.CreateFeedRequest(company_id=company_id, staff_id=staff_id))).path)
        return 0

    return _with_calendars(call)


def revoke_feed(company_id: int, staff_id: int) -> int:
    """Closes a staff member's feed."""

    async def call(calendars: Any) -> int:
        await calendars.RevokeFeed(pb.RevokeFeedRequest(company_id=company_id, staff_id=staff_id))
        _console.print("Revoked. The next feed has another URL.")
        return 0

    return _with_calendars(call)


def export_calendar(company_id: int, staff_id: int) -> int:
    """Prints a staff member's bookings as the text of a calendar."""

    async def call(calendars: Any) -> int:
        answer = await calendars.ExportCalendar(pb.ExportCalendarRequest(company_id=company_id, staff_id=staff_id))
        sys.stdout.write(answer.calendar)
        return 0

    return _with_calendars(call)


def import_calendar(company_id: int, staff_id: int, name: str, file: Path) -> int:
    """Makes a staff member busy as the calendar in a file tells, or in the standard input for `-`."""
    try:
        content = sys.stdin.buffer.read() if file == STDIN else file.read_bytes()
        text = content.decode("utf-8-sig")
    except OSError as error:
        return refuse("calendar import", f"{error.strerror}: {file}")
    except UnicodeDecodeError:
        return refuse("calendar import", f"{file} is not UTF-8; upload an .ics file.")

    async def call(calendars: Any) -> int:
        request = pb.ImportBusyTimeRequest(company_id=company_id, staff_id=staff_id, calendar_name=name, calendar=text)
        answer = await calendars.ImportBusyTime(request, timeout=_IMPORT_SECONDS)
        _console.print(_told(answer.calendar))
        return 0

    return _with_calendars(call)


def forget_calendar(company_id: int, staff_id: int, name: str) -> int:
    """Forgets what a calendar told."""

    async def call(calendars: Any) -> int:
        request = pb.DeleteBusyTimeRequest(company_id=company_id, staff_id=staff_id, calendar_name=name)
        await calendars.DeleteBusyTime(request)
        _console.print(f"{name}: forgotten.")
        return 0

    return _with_calendars(call)


def list_calendars(company_id: int, staff_id: int) -> int:
    """Prints the calendars that were imported for a staff member."""

    async def call(calendars: Any) -> int:
        answer = await calendars.ListBusyTime(pb.ListBusyTimeRequest(company_id=company_id, staff_id=staff_id))
        table = Table("calendar", "imported", "busy times", "known until", box=None, padding=(0, 2, 0, 0))
        for each in answer.calendars:
            table.add_row(each.calendar_name, _moment(each.import_time), str(len(each.busy_times)), _until(each))
        _console.print(table)
        return 0

    return _with_calendars(call)


def _told(calendar: pb.BusyCalendar) -> str:
    return f"{calendar.calendar_name}: {len(calendar.busy_times)} busy times, known until {_until(calendar)}."


def _moment(time: Any) -> str:
    return f"{time.ToDatetime(UTC):%Y-%m-%d %H:%M}Z"


def _until(calendar: pb.BusyCalendar) -> str:
    return f"{calendar.cover_time.ToDatetime(UTC):%Y-%m-%d}"


def _with_calendars(call: Callable[[Any], Awaitable[int]]) -> int:
    service = Service("booking", CALENDARS, calendars_pb2_grpc.CalendarsStub, settings.ClientSettings)
    return connected(service, call)
