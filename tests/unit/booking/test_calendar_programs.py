"""The feed and the import, tried with vobject: a reader and writer of calendars that shares no code with wamesh's."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import vobject
from dateutil import rrule, tz
from hypothesis import given, settings
from hypothesis import strategies as st
from support.booking_service import ANNA, HAIRCUT, SALON_FILE

from wamesh.booking.appointments import Appointment, BookedSegment, BookingState, Customer
from wamesh.booking.catalogue.file import parse_catalogue
from wamesh.booking.ical.busy import busy_minutes
from wamesh.booking.ical.feed import feed_text
from wamesh.slots.spans import canonical, clip
from wamesh.slots.zones import instant_floor, instant_time

CALENDAR = parse_catalogue(SALON_FILE.read_text(encoding="utf-8"))
MEMBER = next(each for each in CALENDAR.staff if each.staff_id == ANNA)
BOOKED = datetime(2026, 3, 1, 8, tzinfo=UTC)
ZONES = ("Europe/Berlin", "America/Santiago", "Africa/Cairo", "Asia/Kathmandu", "Australia/Lord_Howe")
SPRING = (instant_floor(datetime(2026, 3, 1, tzinfo=UTC)), instant_floor(datetime(2026, 5, 1, tzinfo=UTC)))

names = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cf", "Zl", "Zp"]), max_size=90).map(str.strip)
minutes = st.integers(*SPRING)


def appointment(start: int, name: str, note: str, state: BookingState, revision: int) -> Appointment:
    """A visit of an hour."""
    return Appointment(
        company_id=1,
        booking_id=5,
        state=state,
        segments=(BookedSegment(HAIRCUT, ANNA, start, start + 60, start, start + 60, 5),),
        price_micros=0,
        currency="EUR",
        customer=Customer(name),
        note=note,
        create_time=BOOKED,
        update_time=BOOKED + timedelta(days=1),
        revision=revision,
    )


@settings(max_examples=60, deadline=None)
@given(minutes, names, names, st.sampled_from(BookingState), st.integers(1, 99))
def test_a_feed_reads_as_it_was_written(start: int, name: str, note: str, state: BookingState, revision: int) -> None:
    """Texts with commas, semicolons, backslashes, emoji, in lines of more than 75 bytes; instants to the second."""
    feed = feed_text(CALENDAR, MEMBER, [appointment(start, name, note, state, revision)], "realm")
    (event,) = vobject.readOne(feed).vevent_list
    assert event.uid.value == "1-5-0@realm"
    assert (event.dtstart.value, event.dtend.value) == (instant_time(start), instant_time(start + 60))
    assert event.last_modified.value == BOOKED + timedelta(days=1)
    assert event.status.value == ("CANCELLED" if state is BookingState.CANCELLED else "CONFIRMED")
    assert event.sequence.value == str(revision)
    assert event.summary.value == (f"Стрижка, {name}" if name else "Стрижка")
    assert (event.description.value if note else "") == note


def instant_of(clock: datetime, zone: str) -> int:
    """A wall clock reading as an instant."""
    return instant_floor(clock.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC))


def add_clock(event: Any, name: str, value: object, zone: str) -> None:
    """Adds a reading of a zone's clocks; vobject's own description of a zone is wrong on days of change."""
    line = event.add(name)
    line.value = value
    line.params["TZID"] = [zone]


@pytest.mark.parametrize("zone", ZONES)
@settings(max_examples=25, deadline=None)
@given(
    day=st.dates(date(2026, 2, 1), date(2026, 4, 20)),
    begin=st.integers(0, 1439),
    length=st.integers(1, 600),
    every=st.sampled_from([None, rrule.DAILY, rrule.WEEKLY]),
    count=st.integers(1, 40),
    left_out=st.integers(0, 40),
    state=st.sampled_from(["", "TRANSPARENT", "CANCELLED"]),
)
def test_what_another_program_writes_is_busy_when_it_says(
    zone: str, day: date, begin: int, length: int, every: int | None, count: int, left_out: int, state: str
) -> None:
    """In zones by name; repeated, with a date left out; free or cancelled is not busy.

    Over a change of the clocks it lasts to the later of what clock and stopwatch say.
    """
    clock = datetime.combine(day, datetime.min.time()) + timedelta(minutes=begin)
    written = vobject.iCalendar()
    event = written.add("vevent")
    event.add("uid").value = "a"
    add_clock(event, "dtstart", clock, zone)
    event.add("duration").value = timedelta(minutes=length)
    clocks = [clock]
    if every is not None:
        times = rrule.rrule(every, count=count, dtstart=clock)
        clocks = list(times)
        event.add("rrule").value = f"FREQ={rrule.FREQNAMES[every]};COUNT={count}"
        if left_out < len(clocks) and len(clocks) > 1:
            gone = clocks.pop(left_out)
            add_clock(event, "exdate", [gone], zone)
    if state == "TRANSPARENT":
        event.add("transp").value = state
    elif state:
        event.add("status").value = state
    spans = [(instant_of(each, zone), instant_of(each + timedelta(minutes=length), zone)) for each in clocks]
    later = [(start, max(end, start + length)) for start, end in spans]
    expected = [] if state else clip(canonical(later), SPRING)
    assert busy_minutes(written.serialize(), ZoneInfo(zone), SPRING) == expected


def test_a_moved_occurrence_is_busy_where_it_went() -> None:
    """RECURRENCE-ID, as calendar programs write it when one of many is moved; the zone comes along as VTIMEZONE."""
    zone = tz.gettz("Europe/Berlin")
    written = vobject.iCalendar()
    series = written.add("vevent")
    series.add("uid").value = "a"
    series.add("dtstart").value = datetime(2026, 3, 26, 10, tzinfo=zone)
    series.add("dtend").value = datetime(2026, 3, 26, 11, tzinfo=zone)
    series.add("rrule").value = "FREQ=DAILY;COUNT=5"
    moved = written.add("vevent")
    moved.add("uid").value = "a"
    moved.add("recurrence-id").value = datetime(2026, 3, 29, 10, tzinfo=zone)
    moved.add("dtstart").value = datetime(2026, 3, 29, 15, tzinfo=zone)
    moved.add("dtend").value = datetime(2026, 3, 29, 16, tzinfo=zone)
    clocks = ["26 09:00", "27 09:00", "28 09:00", "29 13:00", "30 08:00"]
    told = busy_minutes(written.serialize(), ZoneInfo("Europe/Berlin"), SPRING)
    assert [f"{instant_time(start):%d %H:%M}" for start, _ in told] == clocks
    assert {end - start for start, end in told} == {60}
