"""What the company offers, and who does it."""

from collections.abc import Iterable, Sequence
from typing import Final

from wamesh.worker.calendar_words import duration_text, price_text
from wamesh.worker.catalogue import Service
from wamesh.worker.replies.voice import Voice

MAX_SERVICES: Final = 20


class Services(Voice):
    """Services and people."""

    def services(self, ids: Iterable[int] = ()) -> str:
        """The price list, of these services or of all; not numbered."""
        chosen = set(ids)
        listed = [each for each in self._catalogue.services if not chosen or each.id in chosen]
        head = "" if chosen else self._("Наши услуги:\n", "Our services:\n")
        return head + "\n".join(f"• {self._service_line(each)}" for each in listed[:MAX_SERVICES])

    def ask_service(self, ids: Sequence[int]) -> str:
        """Which service? A numbered list."""
        question = self._("На какую услугу вас записать?", "Which service would you like?")
        return "\n".join((question, *self._numbered(self._service_line(each) for each in self._listed(ids))))

    def _listed(self, ids: Sequence[int]) -> list[Service]:
        return [service for each in ids if (service := self._catalogue.service(each)) is not None]

    def _service_line(self, service: Service) -> str:
        parts = (
            service.name_in(self._language),
            duration_text(service.duration, self._language),
            price_text(service.price),
        )
        name, *details = (each for each in parts if each)
        return f"{name} — {', '.join(details)}" if details else name

    def not_offered(self, word: str) -> str:
        """The customer named something that is not in the catalogue."""
        return self._(f"Услуги «{word}» у нас нет.", f"We don't offer “{word}”.")

    def team(self, service_ids: Sequence[int] = ()) -> str:
        """Who works here, and what each does; of these services, when some are given."""
        able = [each for each in self._catalogue.staff if set(service_ids) <= set(each.service_ids)]
        lines = []
        for each in (able or self._catalogue.staff)[:MAX_SERVICES]:
            what = ", ".join(service.name_in(self._language) for service in self._listed(each.service_ids))
            lines.append(f"• {each.name_in(self._language)}" + (f" — {what.lower()}" if what else ""))
        return "\n".join((self._("Наши мастера:", "Our team:"), *lines))

    def nothing_to_book(self) -> str:
        """The catalogue is empty."""
        return self._(
            "Онлайн-запись пока не настроена, записать вас здесь не получится.",
            "Online booking isn't set up yet, so I can't book you in here.",
        )

    def nobody_called(self, name: str) -> str:
        """The customer asked for somebody who does not work here."""
        return self._(f"Мастера по имени {name} у нас нет.", f"Nobody called {name} works here.")

    def nobody_else(self) -> str:
        """Somebody else is asked for, and nobody else does the service."""
        return self._(
            "Других мастеров для этой услуги нет. Предложенное время в силе — или напишите другой день.",
            "Nobody else does this. What I offered still stands, or tell me another day.",
        )

    def not_done_by(self, staff_ids: Sequence[int], service_ids: Sequence[int]) -> str:
        """The chosen person does not do the service."""
        who, what = self._people(staff_ids), self._what(service_ids)
        return self._(
            f"{who}: услуги «{what}» нет. Вот свободное время у других мастеров.",
            f"{who} doesn't do “{what}”. Here is who does.",
        )
