"""From the text of a calendar to the minutes at which it makes its owner busy.

The library recurring-ical-events knows recurrences, exceptions and zones. Owns what busy means: whole minutes of every
occurrence that is neither TRANSPARENT nor CANCELLED; a day, or a time without a zone, is one of the given zone, unless
the calendar names another (X-WR-TIMEZONE).

Refuses what it cannot be sure of, with CalendarInvalid: half a text, an unknown zone, a date or rule that cannot be
read. Guessing there would call somebody free who is not. Never to be called on an event loop, nor without a limit of
time: a text of 1 MiB can ask for years of computing (`ical.expansion` has the limits).

Invariant: an answer depends on its arguments alone, and is a canonical set within the stretch.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events

from wamesh.booking.ical.errors import CalendarInvalid
from wamesh.slots.spans import Span, Spans, canonical, clip
from wamesh.slots.zones import instant_ceil, instant_floor, instant_time

MOST_OCCURRENCES: Final = 10_000
"""More of them in the stretch are refused."""

_FOLD: Final = re.compile(r"(\r?\n)+[ \t]")
_BREAK: Final = re.compile(r"\r?\n")
_BOUNDARY: Final = re.compile(r"(BEGIN|END):([A-Z0-9-]+)[ \t]*", re.IGNORECASE)
_TOO_OFTEN: Final = re.compile(r"RRULE\b.*FREQ=(SECONDLY|MINUTELY)", re.IGNORECASE)
_TIMES: Final = ("DTSTART", "DTEND", "DURATION", "RECURRENCE-ID")
_LISTS: Final = ("RDATE", "EXDATE")
_TELLING: Final = {*_TIMES, *_LISTS, "RRULE", "STATUS", "TRANSP", "FREEBUSY"}
_DEEPEST: Final = 8
_WIDEST_OFFSET: Final = timedelta(days=1)


def busy_minutes(text: str, zone: ZoneInfo, stretch: Span) -> Spans:
    """Returns the instants of the stretch at which the calendar's events take place. Raises CalendarInvalid."""
    text = text.removeprefix("\ufeff")
    _expect_whole(text)
    try:
        calendars = icalendar.Calendar.from_ical(text, multiple=True)
        spans = [span for calendar in calendars for span in _spans(calendar, zone, stretch)]
    except CalendarInvalid:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise CalendarInvalid(f"cannot be read: {_shortened(str(error))}; export the calendar again") from error
    return clip(canonical(spans), stretch)


def _expect_whole(text: str) -> None:
    """Raises CalendarInvalid unless every part of the text that begins also ends, and all is in VCALENDAR."""
    if "\0" in text:
        raise CalendarInvalid("has a NUL character; upload an .ics file")
    opened: list[str] = []
    seen = False
    for line in filter(None, _BREAK.split(_FOLD.sub("", text))):
        if not opened and not re.fullmatch(r"BEGIN:VCALENDAR[ \t]*", line, re.IGNORECASE):
            raise CalendarInvalid("is not a calendar: it does not begin with BEGIN:VCALENDAR; upload an .ics file")
        if found := _BOUNDARY.fullmatch(line):
            seen = True
            _step(opened, *(each.upper() for each in found.groups()))
        elif found := _TOO_OFTEN.match(line):
            raise CalendarInvalid(
                f"has a rule that recurs {found[1].upper()}; remove it, or let it recur at most HOURLY"
            )
    if opened or not seen:
        raise CalendarInvalid("is cut off: its END:VCALENDAR is missing; upload the whole file")


def _step(opened: list[str], boundary: str, component: str) -> None:
    if boundary == "BEGIN" and len(opened) < _DEEPEST:
        opened.append(component)
    elif boundary == "BEGIN" or opened.pop() != component:
        raise CalendarInvalid(f"has a {boundary}:{_shortened(component)} out of place; export the calendar again")


def _spans(calendar: icalendar.Component, zone: ZoneInfo, stretch: Span) -> Iterator[Span]:
    for each in calendar.walk(select=lambda component: component.name in ("VEVENT", "VFREEBUSY")):
        _expect_readable(each)
    start, end = (instant_time(minute) for minute in stretch)
    occurrences = recurring_ical_events.of(calendar).between(start - _WIDEST_OFFSET, end + _WIDEST_OFFSET)
    if len(occurrences) > MOST_OCCURRENCES:
        raise CalendarInvalid(
            f"has more than {MOST_OCCURRENCES} events in the time asked about; split it, or shorten it"
        )
    yield from (_span(each.start, each.end, zone) for each in occurrences if _counts(each))
    for told in calendar.walk("VFREEBUSY"):
        yield from (_span(each.start, each.end, zone) for each in _all(told, "FREEBUSY") if _is_busy(each))


def _counts(event: Any) -> bool:
    transparent = str(event.get("TRANSP", "")).upper() == "TRANSPARENT"
    return not transparent and str(event.get("STATUS", "")).upper() != "CANCELLED"


def _is_busy(period: Any) -> bool:
    return str(period.params.get("FBTYPE", "")).upper() != "FREE"


def _span(start: date, end: date, zone: ZoneInfo) -> Span:
    """Returns the minutes from a start to an end; none when they are the same.

    What lasts over a change of the clocks ends when the clock or the stopwatch says, whichever is later: RFC 5545 has
    durations exact, many programs go by the clock, and nobody shall be called free who is not.
    """
    clocks = _instant(start, zone), _instant(end, zone)
    first, last = (each.astimezone(UTC) for each in clocks)
    if isinstance(start, datetime) and clocks[0].tzinfo == clocks[1].tzinfo:
        last = max(last, first + (clocks[1].replace(tzinfo=None) - clocks[0].replace(tzinfo=None)))
    return (instant_floor(first), instant_ceil(last)) if first < last else (0, 0)


def _instant(moment: date, zone: ZoneInfo) -> datetime:
    """Returns a date's midnight, or a time, as an aware one."""
    clock = moment if isinstance(moment, datetime) else datetime.combine(moment, time())
    return clock if clock.tzinfo else clock.replace(tzinfo=zone)


def _expect_readable(event: Any) -> None:
    """Raises CalendarInvalid for an event whose time the library would leave out or guess."""
    for name, problem in event.errors:
        if name in _TELLING:
            raise CalendarInvalid(f"has an event whose {name} cannot be read: {_shortened(problem)}; repair it")
    if event.name == "VEVENT" and "DTSTART" not in event:
        raise CalendarInvalid("has an event without DTSTART; repair it")
    for rule in _all(event, "RRULE"):
        if not rule.get("FREQ"):
            raise CalendarInvalid("has an event whose RRULE has no FREQ; repair it")
    for prop, moment in _moments(event):
        zone = prop.params.get("TZID")
        if zone and isinstance(moment, datetime) and moment.tzinfo is None:
            sentence = f"names the unknown time zone {_shortened(str(zone))}; export it with its VTIMEZONE, or in UTC"
            raise CalendarInvalid(sentence)


def _moments(event: Any) -> Iterator[tuple[Any, Any]]:
    """Yields the properties of an event that say when, with the dates and times in them."""
    for name in _TIMES:
        yield from ((each, each.dt) for each in _all(event, name))
    for name in _LISTS:
        yield from ((each, listed.dt) for each in _all(event, name) for listed in each.dts)


def _all(event: Any, name: str) -> list[Any]:
    """Returns a property's values, however often it is there."""
    value = event.get(name, [])
    return value if isinstance(value, list) else [value]


def _shortened(text: str) -> str:
    line = "".join(each if each.isprintable() else " " for each in text)
    return line if len(line) <= 100 else f"{line[:99]}…"
