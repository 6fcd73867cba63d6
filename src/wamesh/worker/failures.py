"""What can stop a turn, as the runner tells it apart.

TryLater        nothing is lost; the delivery is given back and comes again
CompanyUnknown  booking has no such company; nobody can answer, so the delivery is done with
"""

from datetime import timedelta


class TryLater(Exception):
    """A service cannot answer now. `retry_after` is its wish, if it has one."""

    def __init__(self, why: str, retry_after: timedelta | None = None) -> None:
        super().__init__(why)
        self.retry_after = retry_after


class CompanyUnknown(Exception):
    """Booking does not know the company."""
