"""Offers, and why there is none."""

from collections.abc import Sequence
from itertools import groupby

from wamesh.worker.calendar_words import clock_text, days_text, minute_text, price_text
from wamesh.worker.conversation import Offer, Wish
from wamesh.worker.events import NoSlots
from wamesh.worker.replies.voice import Voice
from wamesh.worker.understanding import DayProblem


class Slots(Voice):
    """Free times."""

    def offer(self, offers: Sequence[Offer], asked: Wish, *, exact_missed: bool = False) -> str:
        """A numbered list of slots with day, time, staff and price."""
        head = self._offer_head(offers, asked, exact_missed)
        lines = self._offer_lines(offers)
        foot = self._(
            "Какой вариант записать? Ответьте номером или напишите другое время.",
            "Which one shall I book? Reply with a number, or tell me another time.",
        )
        return "\n".join((head, *lines, foot))

    def _offer_head(self, offers: Sequence[Offer], asked: Wish, exact_missed: bool) -> str:
        what = self._what(offers[0].service_ids)
        if exact_missed and asked.exact is not None:
            clock = minute_text(asked.exact)
            return self._(
                f"{what}: на {clock} времени нет. Ближайшее:", f"{what}: {clock} isn't free. The nearest times:"
            )
        return self._(f"{what} — есть время:", f"{what} — these times are free:")

    def _offer_lines(self, offers: Sequence[Offer]) -> list[str]:
        one_price = len({each.price for each in offers}) == 1 and len(offers) > 1 and bool(offers[0].price)
        lines: list[str] = []
        numbered = enumerate(offers, 1)
        for day, group in groupby(numbered, key=lambda each: self._local(each[1].start).date()):
            lines.append(f"*{self._day(day)}*")
            lines += [f"{index}. {self._slot(each, price=not one_price)}" for index, each in group]
        return [*lines, self._("Стоимость: ", "Price: ") + price_text(offers[0].price)] if one_price else lines

    def _slot(self, offer: Offer, *, price: bool) -> str:
        parts = (
            clock_text(self._local(offer.start)),
            self._people(offer.staff_ids),
            price_text(offer.price) if price else "",
        )
        return " — ".join(each for each in parts if each)

    def confirm(self, offer: Offer, *, again: bool, moving: bool) -> str:
        """Is this the one? `again`: the list was old, and this slot is still free. `moving`: a visit that stands."""
        head = (
            self._("Это время ещё свободно:", "That time is still free:")
            if again
            else self._("Есть такое время:", "That time is free:")
        )
        question = (
            self._("Перенести запись? (да / нет)", "Shall I move it there? (yes / no)")
            if moving
            else self._("Записать вас? (да / нет)", "Shall I book it? (yes / no)")
        )
        return "\n".join((head, self._visit(offer), question))

    def which_of_them(self) -> str:
        """A yes to a list."""
        return self._("Какой вариант записать? Ответьте номером.", "Which one shall I book? Reply with its number.")

    def other_time(self) -> str:
        """A no to a list or to a question."""
        return self._("Хорошо. Какой день и время подойдут?", "Alright. Which day and time would suit you?")

    def taken(self) -> str:
        """Somebody was faster."""
        return self._("Извините, это время только что заняли 😔", "Sorry, that time has just been taken 😔")

    def expired(self) -> str:
        """The list was old and the slot is gone."""
        return self._("Извините, это время уже занято.", "Sorry, that time is gone by now.")

    def no_slots(self, reason: NoSlots, wish: Wish) -> str:
        """Why nothing is free."""
        when = (
            days_text(wish.days, self._today, self._language) if wish.days else self._("ближайшие дни", "the next days")
        )
        who = self._people(wish.staff_ids)
        of_them = f" ({who})" if who else ""
        texts = {
            NoSlots.CLOSED: (f"На {when} записи нет: выходной{of_them}.", f"A day off{of_them}: {when}."),
            NoSlots.FULLY_BOOKED: (f"На {when} всё уже занято 😔", f"Everything is booked for {when} 😔"),
            NoSlots.NO_ELIGIBLE_STAFF: ("Этот мастер не делает эту услугу.", "Nobody you named does this service."),
            NoSlots.NO_MATCHING_TIME: (
                f"В это время на {when} свободного нет.",
                f"Nothing is free at that time for {when}.",
            ),
            NoSlots.TOO_SOON: (f"На {when} записаться уже не успеть.", f"It's too late to book for {when}."),
            NoSlots.BEYOND_HORIZON: (
                f"Так далеко вперёд ({when}) запись ещё не открыта.",
                f"Booking isn't open that far ahead yet ({when}).",
            ),
            NoSlots.UNKNOWN: (f"На {when} свободного времени нет.", f"Nothing is free for {when}."),
        }
        return self._(*texts[reason])

    def nearest_instead(self) -> str:
        """Introduces suggestions after `no_slots`."""
        return self._("Могу предложить ближайшее:", "Here is the nearest I have:")

    def ask_other_day(self) -> str:
        """Nothing to suggest."""
        return self._("Напишите другой день — посмотрю.", "Tell me another day and I'll have a look.")

    def no_more(self, *, one: bool) -> str:
        """*More options*, *earlier* or *later* when there are none; `one` slot is on offer, or a list."""
        if one:
            return self._(
                "Таких вариантов больше нет. Записать на то, что есть? (да / нет) Или напишите другой день.",
                "There is nothing more like that. Shall I book that one? (yes / no) Or tell me another day.",
            )
        return self._(
            "Таких вариантов больше нет: выберите из списка или напишите другой день или время.",
            "There is nothing more like that: pick one from the list, or tell me another day or time.",
        )

    def wrong_day(self, problem: DayProblem) -> str:
        """A date that is over or never was."""
        if problem.kind == "past":
            return self._(
                f"«{problem.said}» — уже прошло 🙂 На какой день вас записать?",
                f"“{problem.said}” is over already 🙂 Which day would you like?",
            )
        return self._(
            f"Даты «{problem.said}» нет в календаре 🙂 Какой день имеете в виду?",
            f"There is no “{problem.said}” in the calendar 🙂 Which day do you mean?",
        )
