"""What booking needs of a database: transactions, and two stores that take part in them.

A transaction is composed of steps (`storage.database`): the service writes the story of a booking as one
generator, and each store contributes its part with `yield from`. So the predicate runs between the reading
and the writing of one transaction, and this room knows no SQL.

A company has two revisions. The catalogue's grows with each change of its catalogue, the diary's with each change of
its bookings and holds; a picture of either is good for as long as the revision stays (`booking.memory`).

Owns the ports. Invariant: every method is about one company, and sees nothing of another.
"""

from collections.abc import Callable, Generator, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol, TypeAlias, TypeVar

from wamesh.booking.appointments import Appointment, BookingQuery, Change, RecordedRequest
from wamesh.booking.calendar import Calendar, Company
from wamesh.booking.diary import Visit

T = TypeVar("T")

Steps: TypeAlias = Generator[Any, Any, T]
"""A part of a transaction; what it yields is between the store and its database."""


class Revisions(NamedTuple):
    """The revisions of a company's catalogue and of its diary."""

    catalogue: int
    diary: int


class Transactions(Protocol):
    """Runs steps. They may run more than once, and off the event loop: they compute and yield, nothing else."""

    async def write(self, steps: Callable[[], Steps[T]]) -> T:
        """Runs the steps as one transaction, durable when it returns."""

    async def read(self, steps: Callable[[], Steps[T]]) -> T:
        """Runs the steps over one snapshot."""


class CalendarStore(Protocol):
    """The catalogues of companies."""

    def revisions(self, company_id: int) -> Steps[Revisions]:
        """Reads a company's revisions. Raises CompanyNotFound."""

    def lock(self, company_id: int) -> Steps[Revisions]:
        """Reads a company's revisions and keeps every other writer of this company waiting until the transaction ends.

        Raises CompanyNotFound.
        """

    def lock_new(self, company_id: int) -> Steps[bool]:
        """Keeps every other maker of a company that `lock` did not find waiting until the transaction ends.

        Returns whether one has made it meanwhile; it is locked then.
        """

    def read(self, company_id: int) -> Steps[Calendar]:
        """Reads a company's catalogue, archived parts included. Raises CompanyNotFound."""

    def companies(self, after_id: int, limit: int, *, archived: bool) -> Steps[list[tuple[Company, int]]]:
        """Reads the companies behind an id, by id, with their catalogues' revisions; archived ones only when asked."""

    def replace(self, calendar: Calendar) -> Steps[bool]:
        """Puts a calendar in the place of the company's present one, if it has one; bookings stay.

        Returns whether anything changed; an equal calendar changes nothing, not even the revision.
        """


class BookingStore(Protocol):
    """The bookings and holds of companies. Whatever changes one is called by a transaction that has locked the company,
    and raises the diary's revision.
    """

    def visits(self, company_id: int, after_revision: int, ends_after: int) -> Steps[list[Visit]]:
        """Reads the bookings and holds that changed after a revision of the diary; those that block nothing any more
        come without segments. After revision 0 all that block and end after a minute.
        """

    def find_request(self, company_id: int, request_id: str) -> Steps[RecordedRequest | None]:
        """Reads the outcome of an earlier request id."""

    def record_request(self, company_id: int, request_id: str, fingerprint: str, booking_id: int) -> Steps[None]:
        """Keeps what a request id stands for."""

    def get(self, company_id: int, booking_id: int) -> Steps[Appointment]:
        """Reads a booking, not a hold. Raises BookingNotFound."""

    def history(self, company_id: int, booking_id: int) -> Steps[Sequence[Change]]:
        """Reads what happened to a booking, oldest first."""

    def next_id(self, company_id: int) -> Steps[int]:
        """Takes the next booking id of a company; holds take one too."""

    def add(self, booking: Appointment) -> Steps[None]:
        """Stores a new booking or hold. The database itself refuses one whose occupancy meets another's, or that takes
        more seats or resources than there are.
        """

    def change(self, booking: Appointment) -> Steps[None]:
        """Stores a booking in the place of what it was: its state, times, people, price and revision."""

    def write_history(self, company_id: int, booking_id: int, change: Change) -> Steps[None]:
        """Adds an entry to a booking's history."""

    def release(self, company_id: int, hold_id: int, time: datetime) -> Steps[bool]:
        """Frees what a hold keeps, if it still keeps it. Returns whether the hold is known: an old one is forgotten."""

    def expire(self, company_id: int, time: datetime) -> Steps[None]:
        """Frees what expired holds keep, so that the constraints no longer see it. Changes no revision when there are
        none.
        """

    def list(self, query: BookingQuery) -> Steps[list[Appointment]]:
        """Reads bookings by start, then id."""
