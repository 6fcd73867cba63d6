"""Calendars that ask for too much, in the process that has limits."""

import pytest
from support.ical_texts import calendar, event

from wamesh.booking.ical.errors import CalendarInvalid
from wamesh.booking.ical.expansion import Expansion
from wamesh.slots.zones import MINUTES_PER_DAY

DAY = 20_537
"""2026-03-25."""
STRETCH = (DAY * MINUTES_PER_DAY, (DAY + 76) * MINUTES_PER_DAY)
NUMBERS = ",".join(map(str, range(24)))
SIXTY = ",".join(map(str, range(60)))


async def problem(text: str) -> str:
    """Why a text is refused within a second of computing."""
    with pytest.raises(CalendarInvalid) as refusal:
        await Expansion(most_seconds=1).busy(text, "Europe/Berlin", STRETCH)
    return refusal.value.problem


async def test_a_calendar_is_expanded_elsewhere() -> None:
    """With the same answer as here."""
    text = calendar(event("DTSTART;VALUE=DATE:20260326", "RRULE:FREQ=WEEKLY;COUNT=2"))
    begin = (DAY + 1) * MINUTES_PER_DAY - 60
    over_the_change = (begin + 7 * MINUTES_PER_DAY - 60, begin + 8 * MINUTES_PER_DAY - 60)
    expected = ((begin, begin + MINUTES_PER_DAY), over_the_change)
    assert await Expansion().busy(text, "Europe/Berlin", STRETCH) == expected


async def test_a_refusal_comes_back_in_words() -> None:
    """As from the reader itself."""
    assert "does not begin with BEGIN:VCALENDAR" in await problem("hello")


@pytest.mark.parametrize(
    "lines",
    [
        [f"RRULE:FREQ=DAILY;BYHOUR={NUMBERS};BYMINUTE={SIXTY};BYSECOND={SIXTY}"],
        ["RRULE:FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30"],
        ["RRULE:FREQ=DAILY;INTERVAL=1;UNTIL=99991231T235959Z;BYMONTH=2;BYMONTHDAY=30"],
    ],
    ids=["every second of the day", "a day that never comes, by the hour", "a day that never comes"],
)
async def test_a_bomb_goes_off_where_it_does_no_harm(lines: list[str]) -> None:
    """Rules that no list of forbidden ones has."""
    text = calendar(*(event("DTSTART:19700101T000000Z", "DURATION:PT1S", *lines, uid=str(uid)) for uid in range(20)))
    assert "too much computing" in await problem(text)


def zone(rule: str) -> str:
    """A zone of a calendar's own: UTC+3, and UTC+4 from the end of March until the rule."""
    return (
        "BEGIN:VTIMEZONE\r\nTZID:Office\r\n"
        f"BEGIN:STANDARD\r\nDTSTART:19701025T030000\r\nTZOFFSETFROM:+0400\r\nTZOFFSETTO:+0300\r\n{rule}\r\n"
        "END:STANDARD\r\nBEGIN:DAYLIGHT\r\nDTSTART:19700329T020000\r\nTZOFFSETFROM:+0300\r\nTZOFFSETTO:+0400\r\n"
        "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3\r\nEND:DAYLIGHT\r\nEND:VTIMEZONE\r\n"
    )


IN_OFFICE = event("DTSTART;TZID=Office:20260326T100000", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=2")


async def test_a_calendar_brings_its_own_zone() -> None:
    """The zone of one calendar is unknown to the next."""
    expansion = Expansion()
    text = calendar(zone("RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10"), IN_OFFICE)
    first = (DAY + 1) * MINUTES_PER_DAY + 7 * 60
    second = first + 7 * MINUTES_PER_DAY - 60
    expected = ((first, first + 60), (second, second + 60))
    assert await expansion.busy(text, "Europe/Berlin", STRETCH) == expected
    assert "unknown time zone Office" in await problem(calendar(IN_OFFICE))


async def test_a_zone_can_be_a_bomb_too() -> None:
    """The library follows the rules of a zone from their beginning."""
    rule = f"RRULE:FREQ=DAILY;BYHOUR={NUMBERS};BYMINUTE={SIXTY};BYSECOND={SIXTY}"
    assert "too much computing" in await problem(calendar(zone(rule), IN_OFFICE))


async def test_a_zone_that_cannot_be_read_is_refused() -> None:
    """Its times would be guessed."""
    assert await problem(calendar(zone("RRULE:often"), IN_OFFICE))
