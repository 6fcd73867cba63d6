"""What was booked, moved and cancelled."""

from collections.abc import Sequence

from wamesh.worker.conversation import Visit
from wamesh.worker.replies.voice import Voice


class Bookings(Voice):
    """Appointments."""

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

    def unmoved(self, visit: Visit) -> str:
        """It is where it was to be moved to."""
        line = self._visit_line(visit)
        return self._(f"Вы и так записаны: {line}.", f"That is when you are booked already: {line}.")

    def nobody_else_for(self, visit: Visit) -> str:
        """It was to be moved to another person."""
        line = self._visit_line(visit)
        return self._(
            f"Других мастеров для этой услуги нет. Запись остаётся в силе: {line}.",
            f"Nobody else does this. Your appointment stays as it is: {line}.",
        )

    def visit_gone(self) -> str:
        """It was cancelled while its new time was being chosen."""
        return self._(
            "Прежняя запись уже отменена, поэтому переносить нечего.",
            "That appointment is cancelled by now, so there is nothing to move.",
        )

    def trouble(self) -> str:
        """Booking refused for good what should have worked."""
        return self._(
            "Не получилось: расписание только что изменилось. Давайте подберём время заново — какая услуга и когда?",
            "That didn't work: the schedule has just changed. Let's try again — which service, and when?",
        )
