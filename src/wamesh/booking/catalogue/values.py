"""The values of a catalogue as people write them: times, ranges, dates, weekdays, prices.

Owns the reading of these small languages, the limits of each, and the sentence for each wrong text. The way back is
`catalogue.spelling`; files and rpcs read alike.

Invariant: a reader returns a value that the calendar allows, or raises Broken.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Final
from zoneinfo import available_timezones

from wamesh.booking.calendar import MAX_SERVICE_MINUTES, Absence
from wamesh.slots.spans import Span
from wamesh.slots.zones import MINUTES_PER_DAY, day_number

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MAX_ID: Final = 2**63 - 1
MAX_TEXT: Final = 200
MAX_REMARK: Final = 500
MAX_QUANTITY: Final = 1000
MAX_NOTICE_MINUTES: Final = 60 * MINUTES_PER_DAY
MAX_HORIZON_DAYS: Final = 730
MAX_ABSENCE_MINUTES: Final = 5 * 366 * MINUTES_PER_DAY
_TIME: Final = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)|24:00")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_UNWRITABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
LARGEST_PRICE: Final = 1_000_000_000


class Broken(ValueError):
    """A text that does not mean what it should: the message goes behind the text, unless it is `complete`."""

    def __init__(self, message: str, complete: bool = False) -> None:
        super().__init__(message)
        self.complete = complete


def line_of(text: str, most: int = MAX_TEXT) -> str:
    """Reads one line of text, without the space around it."""
    line = text.strip()
    if not line:
        raise Broken("must not be empty", complete=True)
    if len(line) > most:
        raise Broken(f"must have at most {most} characters", complete=True)
    if _UNWRITABLE.search(line):
        raise Broken("must be one line without control characters", complete=True)
    return line


def flag_of(text: str) -> bool:
    """Reads true or false."""
    if text not in ("true", "false"):
        raise Broken("is neither true nor false")
    return text == "true"


def name_in(names: Mapping[str, str], language: str) -> str:
    """Returns the name in a language, else the first there is: what is archived may have none in a new language."""
    return names.get(language) or next(iter(names.values()), "")


def zone_of(text: str) -> str:
    """Reads an IANA time zone."""
    if text not in _time_zones():
        raise Broken("is not a time zone; write an IANA name such as Europe/Berlin")
    return text


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def language_of(text: str) -> str:
    """Reads a BCP 47 language."""
    if not _LANGUAGE.fullmatch(text):
        raise Broken("is not a language; write a BCP 47 tag such as en")
    return text


def currency_of(text: str) -> str:
    """Reads an ISO 4217 currency."""
    if not _CURRENCY.fullmatch(text):
        raise Broken("is not a currency; write an ISO 4217 code such as EUR")
    return text


def country_of(text: str) -> str:
    """Reads an ISO 3166-1 country."""
    if not _COUNTRY.fullmatch(text):
        raise Broken("is not a country; write an ISO 3166-1 code such as DE")
    return text


def price_micros_of(text: str) -> int:
    """Reads an amount such as 35 or 35.50, in micros."""
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise Broken("is not a price; write an amount such as 35.50") from None
    if not amount.is_finite() or not 0 <= amount <= LARGEST_PRICE or amount * 1_000_000 % 1:
        raise Broken("is not a price; write an amount such as 35.50")
    return int(amount * 1_000_000)


def day_of(text: str) -> int:
    """Reads a date such as 2026-12-24, as a day number."""
    try:
        return day_number(date.fromisoformat(text))
    except ValueError:
        raise Broken("is not a date; write it as 2026-12-24") from None


def moment_of(text: str) -> tuple[int, bool]:
    """Reads a date or a date with a time, such as 2026-12-24 14:00, as local minutes; and whether it is a
    date.
    """
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return day_of(text) * MINUTES_PER_DAY, True
    try:
        moment = datetime.strptime(text, "%Y-%m-%d %H:%M")
    except ValueError:
        raise Broken("is not a date or a date with a time; write 2026-12-24 or 2026-12-24 14:00") from None
    return day_number(moment.date()) * MINUTES_PER_DAY + moment.hour * 60 + moment.minute, False


def absence_of(start: tuple[int, bool], end: tuple[int, bool], note: str) -> Absence:
    """Makes an absence of its ends, as `moment_of` gives them: dates both inclusive, or a moment and the one at which
    it is over.
    """
    (first, whole_first), (last, whole_last) = start, end
    if whole_first != whole_last:
        raise Broken("has a date at one end and a moment at the other; write two of a kind", complete=True)
    last += MINUTES_PER_DAY if whole_last else 0
    if last <= first:
        raise Broken("ends before it begins", complete=True)
    if last - first > MAX_ABSENCE_MINUTES:
        raise Broken("lasts longer than 5 years", complete=True)
    return Absence(first, last, whole_first, note)


def minutes_range_of(text: str) -> tuple[int, int]:
    """Reads durations such as 30-90, in minutes, as the shortest and the longest."""
    match = re.fullmatch(r"(\d{1,4})\s*[-–]\s*(\d{1,4})", text)
    shortest, longest = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= shortest <= longest <= MAX_SERVICE_MINUTES:
        raise Broken(f"is not a range of minutes from 1 to {MAX_SERVICE_MINUTES}; write it as 30-90")
    return shortest, longest


def ranges_of(text: str) -> tuple[Span, ...]:
    """Reads `10:00-19:30`, several with commas, or `closed`, as ranges of minutes; 22:00-02:00 ends the next
    day.
    """
    if text == "closed":
        return ()
    return tuple(_range_of(each.strip()) for each in text.split(","))


def _range_of(text: str) -> Span:
    first, dash, last = text.replace("–", "-").partition("-")
    if not dash:
        raise Broken("is not a range of times; write it as 10:00-19:30")
    start, end = _time_of(first.strip()), _time_of(last.strip())
    if start == MINUTES_PER_DAY:
        raise Broken("begins at 24:00; write 00:00 of the next day")
    if start == end:
        raise Broken("is empty; a whole day is 00:00-24:00")
    return start, end if end > start else end + MINUTES_PER_DAY


def _time_of(text: str) -> int:
    if not _TIME.fullmatch(text):
        raise Broken(f'"{text}" is not a time; write it as 18:30', complete=True)
    hours, _, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes)


def weekdays_of(text: str) -> tuple[int, ...]:
    """Reads `mon`, `mon-fri`, `sat-mon`, `mon, wed` or `daily`, as weekdays from Monday 0."""
    if text == "daily":
        return tuple(range(7))
    return tuple(day for part in text.split(",") for day in _weekday_range(part.strip()))


def _weekday_range(text: str) -> tuple[int, ...]:
    first, dash, last = text.partition("-")
    if first not in WEEKDAYS or (dash and last not in WEEKDAYS):
        raise Broken(f"is not a day of the week; write one of {', '.join(WEEKDAYS)}, or mon-fri, or daily")
    start, end = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
    return tuple(day % 7 for day in range(start, end + 1 if end >= start else end + 8))
