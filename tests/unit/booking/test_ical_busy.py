"""What a calendar says about when its owner is busy."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from dateutil import rrule
from hypothesis import given, settings
from hypothesis import strategies as st
from support.ical_texts import calendar, event

from wamesh.booking.ical.busy import MOST_OCCURRENCES, busy_minutes
from wamesh.booking.ical.errors import CalendarInvalid
from wamesh.slots.spans import Spans
from wamesh.slots.zones import instant_floor, instant_time

BERLIN = ZoneInfo("Europe/Berlin")
MARCH = (instant_floor(datetime(2026, 3, 1, tzinfo=UTC)), instant_floor(datetime(2026, 5, 1, tzinfo=UTC)))
ZONES = ("UTC", "Europe/Berlin", "America/Santiago", "Africa/Cairo", "Australia/Lord_Howe", "Asia/Kathmandu")


def told(*components: str, head: str = "", zone: ZoneInfo = BERLIN) -> list[str]:
    """The busy times of March and April 2026, as Berlin's clocks show them."""
    return [f"{local(start)}/{local(end)}" for start, end in busy(*components, head=head, zone=zone)]


def busy(*components: str, head: str = "", zone: ZoneInfo = BERLIN) -> Spans:
    """The same, as instants."""
    return busy_minutes(calendar(*components, head=head), zone, MARCH)


def local(instant: int) -> str:
    return f"{instant_time(instant).astimezone(BERLIN):%d.%m. %H:%M}"


def problem(text: str) -> str:
    """Why a text is refused."""
    with pytest.raises(CalendarInvalid) as refusal:
        busy_minutes(text, BERLIN, MARCH)
    return refusal.value.problem


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["DTSTART:20260325T100000Z", "DTEND:20260325T110000Z"], ["25.03. 11:00/25.03. 12:00"]),
        (["DTSTART;TZID=America/New_York:20260325T100000", "DURATION:PT30M"], ["25.03. 15:00/25.03. 15:30"]),
        (["DTSTART;TZID=W. Europe Standard Time:20260325T100000", "DURATION:PT1H"], ["25.03. 10:00/25.03. 11:00"]),
        (["DTSTART:20260325T100000", "DURATION:PT1H"], ["25.03. 10:00/25.03. 11:00"]),
        (["DTSTART;VALUE=DATE:20260325"], ["25.03. 00:00/26.03. 00:00"]),
        (["DTSTART;VALUE=DATE:20260328", "DTEND;VALUE=DATE:20260330"], ["28.03. 00:00/30.03. 00:00"]),
        (["DTSTART:20260325T100030Z", "DTEND:20260325T101010Z"], ["25.03. 11:00/25.03. 11:11"]),
        (["DTSTART:20260325T100030Z"], []),
    ],
    ids=["utc", "zone", "windows zone", "floating", "day", "days over a change", "seconds", "a moment"],
)
def test_an_event_makes_busy(lines: list[str], expected: list[str]) -> None:
    """In whole minutes; days and floating times in the company's zone; a moment takes no time."""
    assert told(event(*lines)) == expected


@pytest.mark.parametrize("line", ["TRANSP:TRANSPARENT", "STATUS:CANCELLED", "transp:transparent"])
def test_what_is_free_or_cancelled_does_not_count(line: str) -> None:
    """Whatever the case of the word."""
    assert told(event("DTSTART:20260325T100000Z", "DURATION:PT1H", line)) == []


def test_what_is_tentative_counts() -> None:
    """It may take place."""
    assert told(event("DTSTART:20260325T100000Z", "DURATION:PT1H", "STATUS:TENTATIVE")) != []


def test_exceptions_and_moved_occurrences() -> None:
    """One is left out, one moved, one cancelled, one shown as free, one added."""
    lines = ["DTSTART;TZID=Europe/Berlin:20260323T100000", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=6"]
    series = event(*lines, "EXDATE;TZID=Europe/Berlin:20260324T100000", "RDATE:20260401T080000Z")
    moved = event(
        "RECURRENCE-ID;TZID=Europe/Berlin:20260325T100000",
        "DTSTART;TZID=Europe/Berlin:20260325T150000",
        "DURATION:PT2H",
    )
    cancelled, free = (
        event(
            f"RECURRENCE-ID;TZID=Europe/Berlin:202603{day}T100000",
            f"DTSTART;TZID=Europe/Berlin:202603{day}T100000",
            "DURATION:PT1H",
            line,
        )
        for day, line in ((26, "STATUS:CANCELLED"), (27, "TRANSP:TRANSPARENT"))
    )
    assert told(series, moved, cancelled, free) == [
        "23.03. 10:00/23.03. 11:00",
        "25.03. 15:00/25.03. 17:00",
        "28.03. 10:00/28.03. 11:00",
        "01.04. 10:00/01.04. 11:00",
    ]


def test_the_calendars_own_zone_comes_before_the_companys() -> None:
    """X-WR-TIMEZONE says where floating times are, as programs write it."""
    floating = event("DTSTART:20260325T100000", "DURATION:PT1H")
    assert told(floating, head="X-WR-TIMEZONE:America/New_York\r\n") == ["25.03. 15:00/25.03. 16:00"]


def test_an_occurrence_in_the_gap_keeps_its_length() -> None:
    """On 29 March the clocks of Berlin go from 02:00 to 03:00; 02:30 is 03:30 there, and is not lost."""
    nightly = event("DTSTART;TZID=Europe/Berlin:20260328T023000", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=2")
    assert told(nightly) == ["28.03. 02:30/28.03. 03:30", "29.03. 03:30/29.03. 04:30"]


def test_free_busy_times_count() -> None:
    """Some programs publish nothing else."""
    component = (
        "BEGIN:VFREEBUSY\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\n"
        "FREEBUSY;FBTYPE=BUSY-UNAVAILABLE:20260325T100000Z/PT1H,20260326T100000Z/20260326T120000Z\r\n"
        "FREEBUSY;FBTYPE=FREE:20260327T100000Z/PT1H\r\nFREEBUSY:20260328T100000Z/PT1H\r\nEND:VFREEBUSY\r\n"
    )
    assert told(component) == ["25.03. 11:00/25.03. 12:00", "26.03. 11:00/26.03. 13:00", "28.03. 11:00/28.03. 12:00"]


def test_events_that_overlap_or_touch_are_one_time() -> None:
    """The set is canonical, and ends at the stretch."""
    hours = (("20260325T10", "20260325T11"), ("20260325T11", "20260325T12"), ("20260101T00", "20260302T00"))
    events = [event(f"DTSTART:{a}0000Z", f"DTEND:{b}0000Z", uid=a) for a, b in hours]
    assert told(*events) == ["01.03. 01:00/02.03. 01:00", "25.03. 11:00/25.03. 13:00"]


@settings(max_examples=60, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    first=st.dates(date(2026, 2, 1), date(2026, 4, 20)),
    # Not around the hours at which clocks change: there nobody agrees.
    begin=st.integers(8 * 60, 16 * 60),
    minutes=st.integers(1, 300),
    frequency=st.sampled_from(["DAILY", "WEEKLY", "MONTHLY"]),
    interval=st.integers(1, 3),
)
def test_recurrences_are_those_of_dateutil(
    zone: str, first: date, begin: int, minutes: int, frequency: str, interval: int
) -> None:
    """Occurrences are by the wall clock, whatever the zone's offset does meanwhile."""
    start = datetime.combine(first, time(begin // 60, begin % 60))
    lines = [f"DTSTART;TZID={zone}:{start:%Y%m%dT%H%M%S}", f"DURATION:PT{minutes}M"]
    rule = rrule.rrule(getattr(rrule, frequency), interval=interval, dtstart=start)
    expected = []
    for each in rule.between(start, datetime(2026, 5, 3), inc=True):
        instant = instant_floor(each.replace(tzinfo=ZoneInfo(zone)))
        expected.append((max(instant, MARCH[0]), min(instant + minutes, MARCH[1])))
    found = busy(event(*lines, f"RRULE:FREQ={frequency};INTERVAL={interval}"))
    assert found == [span for span in expected if span[0] < span[1]]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "cut off"),
        ("<html><body>Sign in</body></html>", "does not begin with BEGIN:VCALENDAR"),
        (event("DTSTART:20260325T100000Z"), "does not begin with BEGIN:VCALENDAR"),
        (calendar(event("DTSTART:20260325T100000Z"))[:-30], "cut off"),
        (calendar("BEGIN:VEVENT\r\n"), "out of place"),
        (calendar("BEGIN:A\r\n" * 50), "out of place"),
        (calendar("SUMMARY:a\0b\r\n"), "NUL"),
        (calendar("nonsense\r\n"), "cannot be read"),
        (calendar(event("SUMMARY:never")), "without DTSTART"),
        (calendar(event("DTSTART:soon")), "DTSTART cannot be read"),
        (calendar(event("DTSTART:20260325T100000Z", "RRULE:FREQ=OFTEN")), "RRULE cannot be read"),
        (calendar(event("DTSTART:20260325T100000Z", "RRULE:often")), "RRULE has no FREQ"),
        (calendar(event("DTSTART:20260325T100000Z", "RRULE:FREQ=DAILY", "EXDATE:later")), "EXDATE cannot be read"),
        (calendar(event("DTSTART;TZID=Mars/Olympus:20260325T100000")), "unknown time zone Mars/Olympus"),
        (
            calendar(event("DTSTART:20260325T100000Z", "RRULE:FREQ=DAILY", "EXDATE;TZID=Mars:20260325T100000")),
            "unknown time zone Mars",
        ),
        (calendar(event("DTSTART:20260325T100000Z", "RRULE:FREQ=SECONDLY")), "recurs SECONDLY"),
        (calendar(event("DTSTART:20260325T100000Z", "RRULE:COUNT=9;FREQ=MINU\r\n TELY")), "recurs MINUTELY"),
    ],
)
def test_what_is_not_sure_is_refused(text: str, word: str) -> None:
    """Guessing, or leaving out, would call somebody free who is not."""
    assert word in problem(text)


def test_too_many_events_are_refused() -> None:
    """Each occurrence counts."""
    hours = ",".join(map(str, range(24)))
    often = event(
        "DTSTART:20260301T000000Z", "DURATION:PT1M", f"RRULE:FREQ=DAILY;BYHOUR={hours};BYMINUTE=0,10,20,30,40,45,50,55"
    )
    assert str(MOST_OCCURRENCES) in problem(calendar(often))


def test_a_byte_order_mark_is_no_mistake() -> None:
    """Some programs write one."""
    assert busy_minutes("\ufeff" + calendar(), BERLIN, MARCH) == []


@settings(max_examples=100, deadline=timedelta(seconds=5))
@given(
    st.text(), st.lists(st.sampled_from(["BEGIN:VEVENT", "END:VEVENT", "DTSTART:", "RRULE:FREQ=DAILY", ";=:", "\0"]))
)
def test_no_text_does_anything_but_be_refused_or_read(noise: str, lines: list[str]) -> None:
    """No other exception comes out."""
    for text in (noise, calendar("".join(f"{each}{noise}\r\n" for each in lines))):
        try:
            busy_minutes(text, BERLIN, MARCH)
        except CalendarInvalid as invalid:
            assert invalid.problem
