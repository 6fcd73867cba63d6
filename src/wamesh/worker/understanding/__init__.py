"""What customers mean, in Russian and English: language, signals, services, staff, shifts, days, times, a choice from
a list.

Deterministic: the same text at the same moment over the same catalogue always means the same. No network, no model.
Owns the order in which the grammars read (places in the list, staff, shifts, days, times, services), since what one has
read the next does not see. Refuses to decide what to do about it: dialogue.py does. Invariant: any text gives an
`Understanding`, never an exception.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from wamesh.worker.catalogue import Catalogue, Language
from wamesh.worker.understanding.choices import BARE_NUMBER, Option, by_place, stands_alone
from wamesh.worker.understanding.dates import DayProblem
from wamesh.worker.understanding.days import Days, find_days
from wamesh.worker.understanding.intents import COURTESIES, Signal, find_signals
from wamesh.worker.understanding.language import find_language
from wamesh.worker.understanding.names import MAX_SERVICES, Services, Staff, catalogue_words, find_services, find_staff
from wamesh.worker.understanding.shifts import Shift, find_shift
from wamesh.worker.understanding.times import Times, find_times
from wamesh.worker.understanding.words import Scan, canonical

__all__ = [
    "MAX_SERVICES",
    "DayProblem",
    "Days",
    "Option",
    "Services",
    "Shift",
    "Signal",
    "Staff",
    "Times",
    "Understanding",
    "understand",
]


@dataclass(frozen=True, slots=True)
class Understanding:
    """Everything that one turn of a customer says."""

    language: Language | None = None
    signals: frozenset[Signal] = frozenset()
    services: Services = field(default_factory=Services)
    staff: Staff = field(default_factory=Staff)
    shift: Shift = field(default_factory=Shift)
    days: Days = field(default_factory=Days)
    times: Times = field(default_factory=Times)
    picked: tuple[int, ...] = ()
    alone: bool = False
    """Nothing was said besides, and nothing asked."""
    text: str = ""

    def says(self, *signals: Signal) -> bool:
        """Whether any of the signals holds."""
        return not self.signals.isdisjoint(signals)

    @property
    def details(self) -> bool:
        """Whether anything about a visit was said: what, who, when."""
        return (
            bool(
                self.services.chosen
                or self.services.options
                or self.services.unknown
                or self.staff.wanted
                or self.staff.unwanted
                or self.staff.anyone
                or self.staff.unknown
            )
            or self.when
        )

    @property
    def when(self) -> bool:
        """Whether a day or a time was said, wanted or not."""
        days, times = self.days, self.times
        return bool(days.wanted or days.unwanted or days.problem or times or times.unwanted)


def understand(text: str, now: datetime, catalogue: Catalogue, offered: Sequence[Option] | int = ()) -> Understanding:
    """Reads one turn: one line, or several joined by new lines.

    `now` is aware; days are those of the company's zone. `offered` is the list that the customer is looking at, so
    that a bare number is a place in it and never a date: slots, or just how many lines it has.
    """
    local = now.astimezone(catalogue.zone)
    scan = Scan(canonical(text, catalogue_words(catalogue)))
    options = _blank_options(offered, local) if isinstance(offered, int) else offered
    for _ in scan.take(COURTESIES):
        pass
    picked = by_place(scan, options) if options else ()
    signals = find_signals(scan.whole)
    staff = find_staff(scan, catalogue)
    shift = find_shift(scan, moving=Signal.MOVE in signals)
    days = find_days(scan, local.date())
    times = _times(scan, local)
    if times.today and days.wanted is None:
        days = Days((local.date(),), days.unwanted)
    services = find_services(scan, catalogue)
    return Understanding(
        language=find_language(text, scan.whole),
        signals=signals,
        services=services,
        staff=staff,
        shift=shift,
        days=days,
        times=times,
        picked=picked,
        alone=stands_alone(scan),
        text=scan.whole,
    )


def _times(scan: Scan, now: datetime) -> Times:
    """The times of the text; a number alone that is no place in a list is an hour."""
    if (said := BARE_NUMBER.match(scan.rest)) is not None:
        return find_times(Scan(f"в {said[1]}"), now)
    return find_times(scan, now)


def _blank_options(count: int, now: datetime) -> tuple[Option, ...]:
    return tuple(Option(now) for _ in range(count))
