"""The one way to change a catalogue: lock, edit, check the whole, replace - for files, rpcs and the console alike.

Owns the order of these steps and what an expected revision means. Invariant: what is stored is consistent by
`catalogue.rules`; an edit that changes nothing succeeds and leaves the revision as it is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from wamesh.booking.calendar import Calendar
from wamesh.booking.catalogue.changes import CatalogueChange, changes_between
from wamesh.booking.catalogue.edits import merged
from wamesh.booking.catalogue.errors import CatalogueChanged, CatalogueInvalid
from wamesh.booking.catalogue.rules import contradictions
from wamesh.booking.errors import CompanyNotFound
from wamesh.booking.stores import CalendarStore, Steps, Transactions

Edit: TypeAlias = Callable[[Calendar], Calendar]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an edit came to: the catalogue as it is now, how it differs from before, and its revision.

    `is_new` tells that there was no such company before. With `validate_only` nothing of it was stored, and the
    revision is the one that stays.
    """

    calendar: Calendar
    changes: Sequence[CatalogueChange]
    revision: int
    is_new: bool = False


def change(
    calendars: CalendarStore,
    company_id: int,
    edit: Edit,
    *,
    start: Calendar | None = None,
    expected_revision: int = 0,
    validate_only: bool = False,
) -> Steps[Outcome]:
    """Changes a company's catalogue within a write; `start` is what is edited when there is no such company.

    An expected revision (0 for any) is not asked of an edit that changes nothing: so a repeated change succeeds. Raises
    CompanyNotFound without `start` or with an expected revision, CatalogueChanged, CatalogueInvalid, and what the edit
    raises.
    """
    before = yield from _present(calendars, company_id)
    if before is None and (start is None or expected_revision):
        raise CompanyNotFound(company_id)
    after = edit(before or start)  # type: ignore[arg-type]
    revision = before.revision if before else 0
    if after == before:
        return Outcome(after, (), revision)
    if expected_revision not in (0, revision):
        raise CatalogueChanged(expected_revision, revision)
    if broken := contradictions(after):
        raise CatalogueInvalid(broken)
    if not validate_only:
        yield from calendars.replace(after)
        revision = (yield from calendars.revisions(company_id)).catalogue
    return Outcome(after, changes_between(before, after), revision, before is None)


def _present(calendars: CalendarStore, company_id: int) -> Steps[Calendar | None]:
    try:
        yield from calendars.lock(company_id)
    except CompanyNotFound:
        if not (yield from calendars.lock_new(company_id)):
            return None
    return (yield from calendars.read(company_id))


def applied(
    calendars: CalendarStore, file: Calendar, *, expected_revision: int = 0, validate_only: bool = False
) -> Steps[Outcome]:
    """Makes a company what a file says, within a write: what the file no longer names is archived. Raises as `change`,
    CompanyNotFound only with an expected revision.
    """
    return change(
        calendars,
        file.company.company_id,
        lambda present: merged(present, file),
        start=file,
        expected_revision=expected_revision,
        validate_only=validate_only,
    )


async def load_catalogue(
    file: Calendar, database: Transactions, calendars: CalendarStore, *, validate_only: bool = False
) -> Outcome:
    """Loads the calendar of a file, in one transaction. Raises CatalogueInvalid."""
    return await database.write(lambda: applied(calendars, file, validate_only=validate_only))
