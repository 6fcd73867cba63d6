"""Local minutes become instants as the wall clock says, on the days when it jumps."""

import itertools
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.slot_worlds import PLACES

from wamesh.slots import zones
from wamesh.slots.spans import measure
from wamesh.slots.zones import MINUTES_PER_DAY, Offset


def minute(text: str) -> int:
    """A UTC time as an instant."""
    return zones.instant_floor(datetime.fromisoformat(text).replace(tzinfo=UTC))


def hours_of(zone: str, day: date) -> float:
    """How many hours a local date has."""
    local = zones.day_number(day) * MINUTES_PER_DAY
    offsets = zones.offsets_between(ZoneInfo(zone), local - 3000, local + 5000)
    return measure(zones.instants_of([(local, local + MINUTES_PER_DAY)], offsets)) / 60


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("America/Santiago", date(2026, 9, 6), 23),
        ("America/Santiago", date(2026, 4, 4), 25),
        ("Africa/Cairo", date(2026, 4, 24), 23),
        ("Australia/Lord_Howe", date(2026, 10, 4), 23.5),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
        ("Asia/Kathmandu", date(2026, 10, 25), 24),
        ("Pacific/Apia", date(2011, 12, 30), 0),
    ],
)
def test_a_local_date_has_as_many_hours_as_the_zone_gives_it(zone: str, day: date, hours: float) -> None:
    """23, 24, 25, half hours, and none at all."""
    assert hours_of(zone, day) == hours


def test_offsets_change_at_the_very_minute() -> None:
    """Berlin turns its clock back at 01:00 UTC on 2026-10-25."""
    start, end = minute("2026-10-24"), minute("2026-10-27")
    change = minute("2026-10-25T01:00")
    offsets = zones.offsets_between(ZoneInfo("Europe/Berlin"), start, end)
    assert offsets == (Offset(start, change, 120), Offset(change, end, 60))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(PLACES), st.integers(-3000, 3000), st.integers(1, 4000))
def test_offsets_cover_their_window_and_read_the_wall_clock(place: tuple[str, date], shift: int, length: int) -> None:
    """Adjacent, in order, and right at each edge."""
    zone, start = ZoneInfo(place[0]), zones.day_number(place[1]) * MINUTES_PER_DAY + shift
    offsets = zones.offsets_between(zone, start, start + length)
    assert (offsets[0].start, offsets[-1].end) == (start, start + length)
    assert all(one.end == two.start for one, two in itertools.pairwise(offsets))
    for piece in offsets:
        for instant in (piece.start, piece.end - 1):
            clock = datetime.fromtimestamp(instant * 60, zone).replace(tzinfo=None)
            local = zones.local_of(instant, offsets)
            assert datetime(1970, 1, 1) + timedelta(minutes=local) == clock


def test_instants_round_to_whole_minutes() -> None:
    """Down to the minute that has begun, up to the one that has not."""
    time = datetime(2026, 1, 1, 10, 0, 30, tzinfo=UTC)
    assert zones.instant_ceil(time) - zones.instant_floor(time) == 1
    assert zones.instant_time(zones.instant_floor(time)) == time.replace(second=0)
    assert zones.instant_ceil(time.replace(second=0)) == zones.instant_floor(time)


def test_days_and_weekdays_count_from_the_epoch() -> None:
    """1970-01-01 was a Thursday."""
    assert zones.day_number(date(1970, 1, 1)) == 0
    assert zones.weekday_of(0) == 3
    assert zones.day_date(zones.day_number(date(2028, 2, 29))) == date(2028, 2, 29)
    assert all(
        zones.weekday_of(zones.day_number(day)) == day.weekday() for day in (date(2026, 11, 23), date(1969, 12, 28))
    )


def test_a_date_that_the_zone_skips_is_no_date() -> None:
    """Apia went from the 29th to the 31st; a span that ends at midnight does not touch the date after."""
    start, end = minute("2011-12-28T10:00"), minute("2012-01-01T10:00")
    offsets = zones.offsets_between(ZoneInfo("Pacific/Apia"), start, end)
    dates = [zones.day_date(day) for day in zones.days_of([(start, end)], offsets)]
    assert dates == [date(2011, 12, 28), date(2011, 12, 29), date(2011, 12, 31), date(2012, 1, 1)]


def test_an_empty_window_has_no_offsets() -> None:
    """And so no days, and an instant outside is refused."""
    assert zones.offsets_between(ZoneInfo("UTC"), 5, 5) == ()
    assert zones.local_span(()) == (0, 0)
    assert list(zones.local_days(())) == []
    with pytest.raises(LookupError, match="instant 5 lies outside"):
        zones.local_of(5, ())


def test_readings_are_spanned_closely() -> None:
    """In the hour that comes twice the clock reads less at the end than before."""
    offsets = zones.offsets_between(ZoneInfo("Europe/Berlin"), minute("2026-10-25T00:10"), minute("2026-10-25T01:20"))
    span = zones.local_span(offsets)
    assert span == (minute("2026-10-25T02:00"), minute("2026-10-25T03:00"))
    assert list(zones.local_days(offsets)) == [zones.day_number(date(2026, 10, 25))]
