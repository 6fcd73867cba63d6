"""What booking needs of a database: transactions, and two stores that take part in them.

A transaction is composed of steps (`storage.database`): the service writes the story of a booking as one
generator, and each store contributes its part with `yield from`. So the predicate runs between the reading
and the writing of one transaction, and this room knows no SQL.

Owns the ports. Invariant: every method is about one company, and sees nothing of another.
"""

from collections.abc import Callable, Collection, Generator, Mapping
from datetime import datetime
from typing import Any, Protocol, TypeAlias, TypeVar

from wamesh.booking.appointments import Appointment, BookingQuery, RecordedRequest
from wamesh.booking.calendar import Calendar
from wamesh.slots.spans import Span

T = TypeVar("T")

Steps: TypeAlias = Generator[Any, Any, T]
"""A part of a transaction; what it yields is between the store and its database."""


class Transactions(Protocol):
    """Runs steps. They may run more than once, and off the event loop: they compute and yield, nothing else."""

    async def write(self, steps: Callable[[], Steps[T]]) -> T:
        """Runs the steps as one transaction, durable when it returns."""

    async def read(self, steps: Callable[[], Steps[T]]) -> T:
        """Runs the steps over one snapshot."""


class CalendarStore(Protocol):
    """The catalogues of companies."""

    def load(self, company_id: int) -> Steps[Calendar]:
        """Reads a company's calendar. Raises CompanyNotFound."""

    def lock(self, company_id: int) -> Steps[Calendar]:
        """Reads a company's calendar and keeps every other writer of this company waiting until the
        transaction ends.

        Raises CompanyNotFound.
        """

    def replace(self, calendar: Calendar) -> Steps[bool]:
        """Puts a calendar in the place of the company's present one, if it has one; bookings stay.

        Returns whether anything changed; an equal calendar changes nothing, not even the revision.
        """


class BookingStore(Protocol):
    """The bookings of companies."""

    def busy(
        self, company_id: int, staff_ids: Collection[int], within: Span, exclude_booking_id: int = 0
    ) -> Steps[Mapping[int, list[Span]]]:
        """Reads what confirmed bookings occupy, by staff id: the spans that meet `within`, in any order."""

    def find_request(self, company_id: int, request_id: str) -> Steps[RecordedRequest | None]:
        """Reads the outcome of an earlier request id."""

    def get(self, company_id: int, booking_id: int) -> Steps[Appointment]:
        """Reads a booking. Raises BookingNotFound."""

    def next_id(self, company_id: int) -> Steps[int]:
        """Takes the next booking id of a company that this transaction has locked."""

    def add(self, booking: Appointment, request_id: str, fingerprint: str) -> Steps[None]:
        """Stores a new booking. The database itself refuses one whose occupancy meets another's."""

    def cancel(self, company_id: int, booking_id: int, time: datetime, reason: str) -> Steps[None]:
        """Marks a booking as cancelled and frees its time."""

    def list(self, query: BookingQuery) -> Steps[list[Appointment]]:
        """Reads bookings by start, then id."""
