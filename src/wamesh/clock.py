"""Time as the mesh sees it: aware datetimes in UTC, handed in by whoever composes the process.

Owns the one call of the wall clock and the one conversion to what tables hold: whole microseconds since
1970-01-01T00:00Z. Refuses naive datetimes (TypeError). Invariant: the conversion is exact in both directions.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

Clock: TypeAlias = Callable[[], datetime]
"""Tells the present moment as an aware datetime in UTC; a test hands in one that it moves itself."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def utc_now() -> datetime:
    """The wall clock, in UTC."""
    return datetime.now(UTC)


def to_epoch_microseconds(moment: datetime) -> int:
    """The moment as a table keeps it; any zone is fine, none at all is a TypeError."""
    return (moment - EPOCH) // _MICROSECOND


def from_epoch_microseconds(microseconds: int) -> datetime:
    """The moment a table kept, in UTC."""
    return EPOCH + timedelta(microseconds=microseconds)
