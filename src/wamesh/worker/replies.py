"""Every text that a customer reads, in Russian and English.

Short, friendly, without gender or formality traps: one thought a line, numbers in lists. Owns wording. Refuses
decisions. Invariant: each function gives non-empty text of at most 4096 characters in both languages.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from itertools import groupby

from wamesh.worker.calendar_words import clock_text, day_text, days_text, duration_text, minute_text, price_text
from wamesh.worker.catalogue import Catalogue, Language, Service
from wamesh.worker.conversation import Offer, Visit, Wish
from wamesh.worker.events import NoSlots
from wamesh.worker.understanding import DayProblem

MAX_SERVICES = 20


class Replies:
    """The texts in one language, for one company, at one moment. `now` is aware."""

    def __init__(self, catalogue: Catalogue, language: Language, now: datetime) -> None:
        self._catalogue = catalogue
        self._language: Language = language
        self._today = now.astimezone(catalogue.zone).date()

    def _(self, russian: str, english: str) -> str:
        return russian if self._language == "ru" else english

    # --- talk ------------------------------------------------------------------------------------------------------

    def welcome(self) -> str:
        """First words to somebody who only greeted."""
        return self._(
            f"Здравствуйте! 👋 Это {self._catalogue.name}. Подберём время и запишем вас.\n"
            "Напишите, на какую услугу и когда удобно — например: «{0} завтра вечером».",
            f"Hello! 👋 This is {self._catalogue.name}. I can find a time and book you in.\n"
            "Tell me which service and when — for example: “{0} tomorrow evening”.",
        ).format(self._example())

    def _example(self) -> str:
        services = self._catalogue.services
        return services[0].name_in(self._language).lower() if services else self._("запись", "an appointment")

    def help(self) -> str:
        """What can be said here."""
        return self._(
            "Не получилось понять сообщение 🙂 Можно так:\n• записаться — «{0} в пятницу вечером»\n• узнать свои "
            "записи — «мои записи»\n"
            "• перенести или отменить — «отмените запись»",
            "I didn't quite get that 🙂 I can:\n• book you in — “{0} on Friday evening”\n• show your appointments — "
            "“my bookings”\n"
            "• move or cancel one — “cancel my appointment”",
        ).format(self._example())

    def only_text(self) -> str:
        """To a sticker, a voice message, a picture."""
        return self._(
            "Пока здесь понятен только текст 🙂 Напишите, пожалуйста, словами: какая услуга и когда удобно.",
            "I can only read text for now 🙂 Please write which service you'd like and when.",
        )

    def thanks(self) -> str:
        """To thanks."""
        return self._("Пожалуйста! Будем рады видеть вас 🙂", "You're welcome! See you soon 🙂")

    def goodbye(self) -> str:
        """To a goodbye."""
        return self._("До встречи! 👋", "See you! 👋")

    def glad(self) -> str:
        """To a yes or a no that answers nothing."""
        return self._(
            "Хорошо! Если понадобится запись — просто напишите 🙂", "Alright! Just write when you need a booking 🙂"
        )

    def no_hurry(self) -> str:
        """To somebody who wants to think it over."""
        return self._(
            "Хорошо, пока всё остаётся как есть. Напишите, когда решите 🙂",
            "Alright, I'll leave everything as it is. Write when you've decided 🙂",
        )

    def restarted(self) -> str:
        """After *start over*."""
        return self._("Начнём сначала.", "Let's start over.")

    def dropped(self) -> str:
        """The request was given up before anything was booked."""
        return self._("Хорошо, ничего не записываю.", "Alright, I won't book anything.")

    def human(self) -> str:
        """To somebody who asks for a person."""
        return self._(
            "Я бот и веду запись. Сотрудники видят этот чат, но когда ответят — не знаю. Записать, перенести или "
            "отменить могу прямо сейчас.",
            "I'm a bot and take bookings. The team can see this chat, but I don't know when they will answer. "
            "I can book, move or cancel right now.",
        )

    def address(self) -> str:
        """Where the company is."""
        if not self._catalogue.address:
            return self._(
                "Адреса у меня, к сожалению, нет. С записью помогу.",
                "I'm afraid I don't have the address. I can help with a booking.",
            )
        return f"📍 {self._catalogue.name}: {self._catalogue.address}"

    def hours(self) -> str:
        """To a question about opening hours: everybody has their own."""
        return self._(
            "Часы у каждого мастера свои. Напишите услугу и день — покажу, когда можно прийти.",
            "Everyone here has their own hours. Tell me a service and a day, and I'll show when you can come.",
        )

    def one_at_a_time(self) -> str:
        """Several people want to come."""
        return self._(
            "Записываю по одному: сейчас подберём время для первого визита, потом напишите про следующий.",
            "I book one person at a time: let's find the first visit, then tell me about the next one.",
        )

    # --- services --------------------------------------------------------------------------------------------------

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

    # --- slots -----------------------------------------------------------------------------------------------------

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

    def confirm(self, offer: Offer, *, again: bool = False) -> str:
        """Is this the one? `again`: the list was old, and this slot is still free."""
        head = (
            self._("Это время ещё свободно:", "That time is still free:")
            if again
            else self._("Есть такое время:", "That time is free:")
        )
        return "\n".join((head, self._visit(offer), self._("Записать вас? (да / нет)", "Shall I book it? (yes / no)")))

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

    # --- bookings --------------------------------------------------------------------------------------------------

    def booked(self, visit: Visit) -> str:
        """It is booked: day, time, service, staff, price, address."""
        lines = [self._("✅ Записали вас:", "✅ You're booked:"), self._visit(visit)]
        return "\n".join(
            (
                *lines,
                *self._place(),
                self._(
                    "Если планы изменятся — напишите «перенести» или «отменить».",
                    "If plans change, write “move” or “cancel”.",
                ),
            )
        )

    def moved(self, visit: Visit) -> str:
        """It was moved."""
        return "\n".join(
            (self._("✅ Перенесли запись:", "✅ Your appointment is moved:"), self._visit(visit), *self._place())
        )

    def visits(self, visits: Sequence[Visit]) -> str:
        """What stands."""
        if not visits:
            return self._(
                "У вас пока нет записей. Напишите, на какую услугу и когда записать.",
                "You have no appointments yet. Tell me which service you'd like and when.",
            )
        head = self._("Ваши записи:", "Your appointments:")
        return "\n".join((head, *(f"• {self._visit_line(each)}" for each in visits)))

    def no_visits(self) -> str:
        """Nothing to cancel or to move."""
        return self._("Не нашли у вас предстоящих записей.", "I can't find an upcoming appointment of yours.")

    def ask_visit(self, visits: Sequence[Visit], *, moving: bool) -> str:
        """Which one to cancel or move? A numbered list."""
        question = (
            self._("Какую запись перенести?", "Which appointment shall I move?")
            if moving
            else self._("Какую запись отменить?", "Which appointment shall I cancel?")
        )
        return "\n".join((question, *self._numbered(self._visit_line(each) for each in visits)))

    def confirm_cancel(self, visits: Sequence[Visit]) -> str:
        """Really cancel?"""
        question = (
            self._("Отменить эту запись? (да / нет)", "Cancel this appointment? (yes / no)")
            if len(visits) == 1
            else self._("Отменить все эти записи? (да / нет)", "Cancel all of these? (yes / no)")
        )
        return "\n".join((question, *(self._visit_line(each) for each in visits)))

    def cancelled(self, visits: Sequence[Visit]) -> str:
        """They are cancelled."""
        head = (
            self._("Записи отменены:", "Your appointments are cancelled:")
            if len(visits) > 1
            else self._("Запись отменена:", "Your appointment is cancelled:")
        )
        end = self._("Будем рады видеть вас в другой раз!", "Hope to see you another time!")
        return "\n".join((head, *(self._visit_line(each) for each in visits), end))

    def kept(self) -> str:
        """It was not cancelled after all."""
        return self._("Хорошо, всё остаётся в силе 👍", "Alright, everything stays as it was 👍")

    def moving(self, visit: Visit) -> str:
        """About to move this one."""
        return self._(f"Переносим: {self._visit_line(visit)}.", f"Moving: {self._visit_line(visit)}.")

    def trouble(self) -> str:
        """Booking refused for good what should have worked."""
        return self._(
            "Не получилось: расписание только что изменилось. Давайте подберём время заново — какая услуга и когда?",
            "That didn't work: the schedule has just changed. Let's try again — which service, and when?",
        )

    # --- parts -----------------------------------------------------------------------------------------------------

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
