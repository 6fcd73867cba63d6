"""Greetings, help and everything else that books nothing."""

from wamesh.worker.replies.voice import Voice


class Talk(Voice):
    """What is said around bookings."""

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
