"""`wamesh calendar ...`: feeds of bookings, and other calendars of the staff.

Owns: names, options and help. What they do is imported when one of them runs, so that --help is quick.
"""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter, validators

app = App(name="calendar", help="Bookings in the staff's calendar programs, and busy times from them.")

Company = Annotated[int, Parameter(name="--company", validator=validators.Number(gt=0))]
Staff = Annotated[int, Parameter(name="--staff", validator=validators.Number(gt=0))]
FileOrInput = Annotated[Path, Parameter(allow_leading_hyphen=True)]


@app.command
def feed(*, company_id: Company, staff_id: Staff) -> int:
    """Print the path of a staff member's feed on the HTTP API, for calendar programs to subscribe to. It is a secret.

    Parameters
    ----------
    company_id
        The company.
    staff_id
        Whose bookings.
    """
    from wamesh.console import calendar_calls

    return calendar_calls.open_feed(company_id, staff_id)


@app.command
def revoke(*, company_id: Company, staff_id: Staff) -> int:
    """Close a staff member's feed; the next one has another URL.

    Parameters
    ----------
    company_id
        The company.
    staff_id
        Whose feed.
    """
    from wamesh.console import calendar_calls

    return calendar_calls.revoke_feed(company_id, staff_id)


@app.command(name="export")
def export_bookings(*, company_id: Company, staff_id: Staff) -> int:
    """Print a staff member's bookings as an .ics file.

    Parameters
    ----------
    company_id
        The company.
    staff_id
        Whose bookings.
    """
    from wamesh.console import calendar_calls

    return calendar_calls.export_calendar(company_id, staff_id)


@app.command(name="import")
def import_calendar(file: FileOrInput, *, company_id: Company, staff_id: Staff, name: str) -> int:
    """Make a staff member busy when another calendar of theirs tells so, instead of what it told before.

    Parameters
    ----------
    file
        The calendar, an .ics file; - reads the standard input, as in `curl -fsS URL | wamesh calendar import ... -`.
    company_id
        The company.
    staff_id
        Who is busy.
    name
        Tells the calendar from others of theirs.
    """
    from wamesh.console import calendar_calls

    return calendar_calls.import_calendar(company_id, staff_id, name, file)


@app.command
def forget(*, company_id: Company, staff_id: Staff, name: str) -> int:
    """Forget a calendar that was imported, and its busy times.

    Parameters
    ----------
    company_id
        The company.
    staff_id
        Who was busy.
    name
        The calendar.
    """
    from wamesh.console import calendar_calls

    return calendar_calls.forget_calendar(company_id, staff_id, name)


@app.command(name="list")
def list_calendars(*, company_id: Company, staff_id: Staff) -> int:
    """Show the calendars that were imported for a staff member.

    Parameters
    ----------
    company_id
        The company.
    staff_id
        Whose calendars.
    """
    from wamesh.console import calendar_calls

    return calendar_calls.list_calendars(company_id, staff_id)
