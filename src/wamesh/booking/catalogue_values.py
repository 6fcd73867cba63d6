"""Values of a catalogue file: one node of the YAML tree, and the small languages of its texts.

Owns the spelling of times, ranges, dates, weekdays and prices, and the sentence for each wrong one. A node
knows its path in the file and collects problems instead of raising, so that a reader can go on and tell all
of them at once. Every scalar is the text that stands in the file: YAML's guesses (`10:00` as 600, `no` as
false) are switched off.

Invariant: after a problem was noted, a reader gets a harmless value of the right type; the calendar built of
it is thrown away.
"""

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeVar
from zoneinfo import available_timezones

import yaml

from wamesh.slots.spans import Span
from wamesh.slots.zones import MINUTES_PER_DAY, day_number

T = TypeVar("T")

WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MAX_ID: Final = 2**63 - 1
_TIME: Final = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)|24:00")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_LARGEST_PRICE: Final = Decimal(1_000_000_000)


class Broken(ValueError):
    """A text that does not mean what it should: the message goes behind the text, unless it is `complete`."""

    def __init__(self, message: str, complete: bool = False) -> None:
        super().__init__(message)
        self.complete = complete


@dataclass(frozen=True, slots=True)
class Node:
    """A value of the file with its path; None when the file has nothing there."""

    value: Any
    path: str = ""
    problems: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return self.value is not None

    def problem(self, sentence: str) -> None:
        """Notes what is wrong here."""
        self.problems.append(f"{self.path or 'the file'}: {sentence}")

    def get(self, key: str) -> "Node":
        """Returns the value under a key."""
        value = self.value.get(key) if isinstance(self.value, Mapping) else None
        return Node(None if value == "" else value, f"{self.path}.{key}" if self.path else key, self.problems)

    def expect_keys(self, *known: str) -> "Node":
        """Notes a value that is not a mapping, and each key that is not known. Returns the node."""
        for key, _ in self.entries():
            if key not in known:
                close = difflib.get_close_matches(key, known, n=1)
                hint = f"did you mean {close[0]}?" if close else f"known are {', '.join(known)}"
                self.get(key).problem(f"is not a known key; {hint}")
        return self

    def entries(self) -> Iterator[tuple[str, "Node"]]:
        """Yields the keys of a mapping with their values."""
        if isinstance(self.value, Mapping):
            yield from ((str(key), self.get(str(key))) for key in self.value)
        elif self:
            self.problem("must be a mapping of keys to values")

    def items(self) -> list["Node"]:
        """Returns the elements of a list; a lone value is a list of one."""
        if not self:
            return []
        values = self.value if isinstance(self.value, list) else [self.value]
        return [Node(each, f"{self.path}[{index}]", self.problems) for index, each in enumerate(values)]

    def texts(self) -> list["Node"]:
        """Like `items`, but a lone value keeps its own path."""
        return self.items() if isinstance(self.value, list) else [self] if self else []

    def text(self, default: str | None = None) -> str:
        """Returns a text that is not empty; required unless there is a default."""
        return self.parsed(_filled, "" if default is None else default, required=default is None)

    def number(self, low: int, high: int, default: int | None = None) -> int:
        """Returns a whole number of a range; required unless there is a default."""

        def whole(text: str) -> int:
            if not re.fullmatch(r"[+-]?\d{1,19}", text) or not low <= int(text) <= high:
                raise Broken(f"is not a whole number from {low} to {high}")
            return int(text)

        return self.parsed(whole, low if default is None else default, required=default is None)

    def parsed(self, parse: Callable[[str], T], default: T, required: bool = False) -> T:
        """Returns what the text means, or the default, noting what is wrong."""
        if not self:
            if required:
                self.problem("is missing")
            return default
        if not isinstance(self.value, str):
            self.problem("must be a single value")
            return default
        try:
            return parse(self.value.strip())
        except Broken as error:
            self.problem(str(error) if error.complete else f'"{self.value}" {error}')
            return default


def _filled(text: str) -> str:
    if not text:
        raise Broken("must not be empty")
    return text


def zone_of(text: str) -> str:
    """Reads an IANA time zone."""
    if text not in available_timezones():
        raise Broken("is not a time zone; write an IANA name such as Europe/Berlin")
    return text


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


def price_micros_of(text: str) -> int:
    """Reads an amount such as 35 or 35.50, in micros."""
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise Broken("is not a price; write an amount such as 35.50") from None
    if not amount.is_finite() or not 0 <= amount <= _LARGEST_PRICE or amount * 1_000_000 % 1:
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


class TextLoader(yaml.BaseLoader):
    """YAML in which every scalar is text, and a key stands once in its mapping."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Refuses a key that stands twice, which YAML would let win silently."""
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, str) or key in seen:
                problem = f"the key {key} stands twice" if isinstance(key, str) else "a key must be a text"
                raise yaml.constructor.ConstructorError(None, None, problem, key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)
