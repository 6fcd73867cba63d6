"""Moments go into tables and come out the same."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wamesh.clock import from_epoch_microseconds, to_epoch_microseconds, utc_now

moments = st.datetimes(timezones=st.integers(-23, 23).map(lambda hours: timezone(timedelta(hours=hours))))


@given(moments)
def test_a_moment_survives_the_table(moment: datetime) -> None:
    """Whole microseconds, exact in both directions, in whatever zone the moment came."""
    kept = from_epoch_microseconds(to_epoch_microseconds(moment))
    assert (kept, kept.tzinfo) == (moment, UTC)


def test_the_epoch_is_zero() -> None:
    """Zero is 1970-01-01T00:00Z, one is a microsecond later."""
    assert to_epoch_microseconds(datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC)) == 1


def test_a_naive_moment_is_refused() -> None:
    """A datetime without a zone is no moment."""
    with pytest.raises(TypeError):
        to_epoch_microseconds(datetime(2026, 1, 1))


def test_the_wall_clock_knows_its_zone() -> None:
    """`utc_now` is aware, in UTC."""
    assert utc_now().tzinfo is UTC
