"""What every reply is made of: the language, and how days, times, people and services are named in it.

Owns the wording of those parts. Refuses to know what is being said. Invariant: everything is local to the company.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from wamesh.worker.calendar_words import clock_text, day_text, price_text
from wamesh.worker.catalogue import Catalogue, Language
from wamesh.worker.conversation import Offer, Visit


class Voice:
    """One language, for one company, at one moment. `now` is aware."""

    def __init__(self, catalogue: Catalogue, language: Language, now: datetime) -> None:
        self._catalogue = catalogue
        self._language: Language = language
        self._today = now.astimezone(catalogue.zone).date()

    def _(self, russian: str, english: str) -> str:
        return russian if self._language == "ru" else english

    def _visit(self, visit: Offer | Visit) -> str:
        when = f"{self._day(self._local(visit.start).date())}, {clock_text(self._local(visit.start))}"
        parts = (self._what(visit.service_ids), self._people(visit.staff_ids), price_text(visit.price))
        return f"🗓 {when}\n" + " — ".join(each for each in parts if each)

    def _visit_line(self, visit: Visit) -> str:
        local = self._local(visit.start)
        parts = (self._what(visit.service_ids), self._people(visit.staff_ids))
        return f"{self._day(local.date())}, {clock_text(local)} — " + ", ".join(each for each in parts if each)

    def _place(self) -> list[str]:
        return [f"📍 {self._catalogue.address}"] if self._catalogue.address else []

    def _numbered(self, lines: Iterable[str]) -> list[str]:
        return [f"{index}. {line}" for index, line in enumerate(lines, 1)]

    def _what(self, service_ids: Sequence[int]) -> str:
        return self._catalogue.service_names(service_ids, self._language) or self._("Визит", "Visit")

    def _people(self, staff_ids: Sequence[int]) -> str:
        return self._catalogue.staff_names(dict.fromkeys(staff_ids), self._language)

    def _local(self, moment: datetime) -> datetime:
        return moment.astimezone(self._catalogue.zone)

    def _day(self, day: date) -> str:
        return day_text(day, self._today, self._language)
