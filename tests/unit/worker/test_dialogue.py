"""The dialogue as stories: what the customer types, and what the answer holds."""

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.worker_salon import CATALOGUE, NOW, Chat, Salon

from wamesh.worker.codec import STATE_VERSION, read_progress, read_state, write_progress, write_state
from wamesh.worker.conversation import Conversation, Offer
from wamesh.worker.dialogue import step
from wamesh.worker.events import (
    MUTATIONS,
    Book,
    CancelVisit,
    Content,
    CustomerMessage,
    CustomerSpoke,
    MoveVisit,
    Refused,
    Reply,
)
from wamesh.worker.progress import Input, PendingAction, Progress

OFFER = Offer("token", NOW, NOW, (3,), (2,))


def story(transcript: str, chat: Chat | None = None) -> Chat:
    """Plays a transcript: `>` is what the customer types (` | ` between lines of one turn), the rest must be in
    the answer.
    """
    chat = chat or Chat()
    answer = ""
    for line in (each.strip() for each in transcript.strip().splitlines()):
        if line.startswith(">"):
            answer = chat.say(*line[1:].strip().split(" | ")).replace("\u00a0", " ")
        else:
            assert line in answer, f"{line!r} is not in the answer:\n{answer}"
    return chat


def test_a_booking_in_russian() -> None:
    """Wish, choice of service, list, place in the list, thanks."""
    chat = story("""
        > Хочу на стрижку завтра вечером
        На какую услугу вас записать?
        2. Мужская стрижка — 30 мин, 25 €
        > женскую
        Женская стрижка — есть время:
        *завтра, чт 19 ноября*
        1. 17:00 — Анна
        Стоимость: 45 €
        > второе
        ✅ Записали вас:
        🗓 завтра, чт 19 ноября, 17:30
        Женская стрижка — Анна — 45 €
        📍 Lindenstraße 12, Berlin
        > спасибо!
        Пожалуйста!
    """)
    assert [each.service_ids for each in chat.salon.visits] == [(1,)]


def test_a_booking_in_english() -> None:
    """The same, with names and words of the other language."""
    story("""
        > Hi!
        Hello!
        > book me a men's haircut with Oleg next Friday after 5pm
        Men's haircut — these times are free:
        *Fri 27 November*
        1. 17:00 — Oleg
        > the second
        ✅ You're booked:
        🗓 Fri 27 November, 17:30
        Men's haircut — Oleg — 25 €
    """)


def test_five_short_lines_are_one_turn() -> None:
    """A customer who types in bursts is answered once."""
    story("""
        > добрый день | хочу маникюр | завтра | после 18
        1. 18:00 — Мария
    """)


def test_an_exact_time_that_is_free_is_asked_about() -> None:
    """Price and person were not shown yet, so nothing is booked without a yes."""
    chat = Chat()
    story("> Запишите на маникюр в пятницу в 18:30\nЕсть такое время:\n🗓 послезавтра, пт 20 ноября, 18:30", chat)
    assert chat.salon.visits == []
    story("> да\n✅ Записали вас:", chat)


def test_an_exact_time_that_is_taken_gives_the_nearest() -> None:
    """And says so."""
    chat = story("> маникюр завтра в 18:30\n> да\n✅")
    story("> маникюр завтра в 18:30\nна 18:30 времени нет\n18:00 — Мария\n19:00 — Мария", chat)


@pytest.mark.parametrize(
    "line", ["в 18:30", "давайте 18:30", "18.30", "в половине седьмого", "к Марии в 18:30", "18:30 подходит"]
)
def test_a_time_on_the_list_books_it(line: str) -> None:
    """A time that is on the list names it as its number does."""
    chat = story(f"> маникюр завтра вечером\n> {line}\n✅\n18:30")
    assert len(chat.salon.visits) == 1


def test_an_unclear_number_is_asked_about() -> None:
    """`на 2`: two o'clock is not on the list, the second line is."""
    chat = story("> маникюр завтра вечером\n> на 2\nЗаписать вас? (да / нет)")
    assert chat.salon.visits == []


def test_a_yes_to_a_list_books_nothing() -> None:
    """Which one?"""
    chat = story("> маникюр завтра\n> да\nКакой вариант записать?")
    assert chat.salon.visits == []


def test_a_no_asks_for_another_time_and_keeps_the_service() -> None:
    """Then only the day is needed."""
    story(
        "> manicure tomorrow at 6pm\n> no\nWhich day and time\n> friday then\nManicure — these times are "
        "free:\n*Fri 20 November*"
    )


def test_a_change_of_mind_keeps_what_was_not_changed() -> None:
    """Service and person change; the day stays."""
    story(
        "> маникюр завтра\n> лучше женская стрижка к Марии\nЖенская стрижка — есть время:\n*завтра, чт 19 "
        "ноября*\n— Мария"
    )


def test_yes_but_another_time_is_no_yes() -> None:
    """The new time is asked about."""
    chat = story("> маникюр завтра в 18\n> да, но лучше в 19\nЕсть такое время:\n19:00")
    assert chat.salon.visits == []


def test_yes_with_another_person_is_no_yes() -> None:
    """What was agreed to is what was shown."""
    chat = story("> men's haircut with Anna tomorrow at 12\n> yes, but with Oleg\nThat time is free:\nOleg")
    assert chat.salon.visits == []


@pytest.mark.parametrize("line", ["any time Friday", "любое в пятницу", "второе, но в пятницу", "последнее в пятницу"])
def test_a_pick_that_contradicts_the_list_books_nothing(line: str) -> None:
    """The list is about tomorrow: Friday is looked up."""
    chat = story(
        f"> маникюр завтра\n> {line}\nFri 20 November"
        if line.isascii()
        else f"> маникюр завтра\n> {line}\nпт 20 ноября"
    )
    assert chat.salon.visits == []


def test_alternatives_are_both_offered() -> None:
    """`если нет, то` is an alternative, no correction."""
    story("> маникюр завтра в 18, если нет то в 19\n1. 18:00\n2. 19:00")


def test_more_options_are_new_ones() -> None:
    """And when there are none, the list stays."""
    chat = story(
        "> маникюр завтра\n1. 10:00\n> еще варианты\n1. 10:30\n> попозже\nТаких вариантов больше нет\n> 1\n✅\n10:30"
    )
    assert len(chat.salon.visits) == 1


def test_a_slot_taken_meanwhile_is_apologised_for() -> None:
    """And fresh slots are offered."""
    chat = story("> маникюр завтра")
    chat.salon.snatch_next = True
    story("> 3\nтолько что заняли\nесть время:", chat)
    assert chat.salon.visits == []


def test_an_old_list_is_looked_up_again() -> None:
    """After hours the slot may be gone: it is asked about afresh."""
    chat = story("> маникюр завтра")
    chat.now += timedelta(hours=4)
    story("> 2\nЭто время ещё свободно:\n> да\n✅\n12:00", chat)


def test_an_old_slot_that_is_gone_gives_others() -> None:
    """Somebody booked it in the meantime."""
    chat = story("> маникюр завтра")
    chat.salon.taken.add((2, chat.state.offers[1].start))
    chat.now += timedelta(hours=4)
    story("> 2\nуже занято\nесть время:", chat)


def test_a_closed_day_is_told_with_the_nearest() -> None:
    """Sunday."""
    story("> маникюр в воскресенье\nвыходной\nближайшее\n*пн 23 ноября*\n> первое\n✅")


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("маникюр вчера", "уже прошло"),
        ("маникюр 31 февраля", "нет в календаре"),
        ("manicure on 31 November", "There is no"),
    ],
)
def test_a_wrong_date_is_told_and_the_service_is_kept(line: str, answer: str) -> None:
    """Never guessed; the next day that is said completes the wish."""
    story(f"> {line}\n{answer}\n> 25.11\n25 ")


def test_only_what_is_missing_is_asked() -> None:
    """Person and time are kept while the service is asked for, of what that person does."""
    story("> к Олегу завтра в 5\nНа какую услугу\n2. Стрижка бороды\n> бороду\nЕсть такое время:\n17:00\nОлег")


def test_a_person_who_does_not_do_it_is_told() -> None:
    """And others are offered."""
    story("> к Олегу на маникюр завтра\nОлег: услуги «Маникюр» нет\n— Мария")


def test_a_service_that_is_not_offered_is_told() -> None:
    """With what is."""
    story("> педикюр завтра\nУслуги «педикюр» у нас нет.\n3. Маникюр")


def test_cancelling_asks_first() -> None:
    """No keeps it, yes cancels it."""
    chat = story("> маникюр завтра в 12\n> ок\n✅")
    story("> отмените запись\nОтменить эту запись? (да / нет)\n> нет\nостаётся в силе", chat)
    assert len(chat.salon.visits) == 1
    story("> отмените запись\n> да\nЗапись отменена:\n> мои записи\nпока нет записей", chat)


def test_the_visit_that_is_meant_is_found_by_its_day() -> None:
    """Of two visits; without a hint a list is shown."""
    chat = story("> маникюр завтра в 12\n> да\n✅\n> маникюр в пятницу в 12\n> да\n✅")
    story("> cancel my appointment on Friday\nFri 20 November\n> no\nstays", chat)
    story("> отмените запись\nКакую запись отменить?\n2. \n> 2\nОтменить эту запись?\n> да\nотменена", chat)
    assert [each.start.day for each in chat.salon.visits] == [19]


def test_all_visits_are_cancelled_together() -> None:
    """After one question that lists them; asked for at once, or when asked which."""
    booked = "> маникюр завтра в 12\n> да\n✅\n> маникюр в пятницу в 12\n> да\n✅"
    chat = story(f"{booked}\n> отмените все\nОтменить все эти записи?\nпт 20 ноября\n> нет\nостаётся в силе")
    assert len(chat.salon.visits) == 2
    story("> cancel my appointment\n> both\nCancel all of these?\n> yes\nare cancelled:", chat)
    assert chat.salon.visits == []


def test_the_visit_is_told_by_its_words_when_asked_which() -> None:
    """A service or a day is as good as a number, and begins no new request."""
    story("""
        > маникюр завтра в 12
        > да
        > мужская стрижка в пятницу в 12
        > да
        > перенесите на субботу
        Какую запись перенести?
        > маникюр
        Переносим: завтра, чт 19 ноября, 12:00 — Маникюр, Мария.
        *сб 21 ноября*
    """)


def test_a_service_is_added_to_the_visit() -> None:
    """`и ... тоже` adds, another service by itself replaces."""
    story("> маникюр завтра в 12\n> и окрашивание тоже\nМаникюр + Окрашивание\n> бороду\nСтрижка бороды — Олег")


def test_somebody_else_is_offered() -> None:
    """Without those on the list."""
    story("> женская стрижка завтра\n1. 10:00 — Анна\n> а есть кто-нибудь другой?\n1. 10:00 — Мария")


def test_nobody_else_is_told() -> None:
    """The list stands."""
    story("> маникюр завтра\n> а другой мастер есть?\nДругих мастеров для этой услуги нет.\n> 2\n✅")


@pytest.mark.parametrize(
    "line",
    [
        "any later?",
        "what's the latest?",
        "мы у вас первый раз",
        "не первый",
        "anything but the first",
        "на первое декабря",
        "последний вопрос: где вы?",
        "I don't care about the price",
        "2 часа это долго",
        "в любую пятницу",
        "the second half of the day",
        "just a second",
    ],
)
def test_words_of_choice_in_passing_book_nothing(line: str) -> None:
    """A place in the list is picked for certain only when nothing else is said; else it is asked about."""
    assert story(f"> маникюр завтра\n1. \n> {line}").salon.visits == []


@pytest.mark.parametrize(
    "line",
    [
        "да, но попозже",
        "ok let me think",
        "хорошо, спрошу у мужа",
        "можно с другим мастером?",
        "да, только в 13",
        "стоп",
    ],
)
def test_a_yes_with_a_reservation_books_nothing(line: str) -> None:
    """Consent is without *but*, and no question."""
    assert story(f"> маникюр завтра в 12\nЗаписать вас?\n> {line}").salon.visits == []


def test_a_stranger_is_told() -> None:
    """Nobody of that name works here; slots of others follow."""
    story("> маникюр у Светланы завтра\nМастера по имени Светлана у нас нет.\n1. 10:00 — Мария")


def test_two_people_are_booked_one_by_one() -> None:
    """And told so before the list."""
    story("> меня и дочку на маникюр завтра\nЗаписываю по одному\n1. 10:00 — Мария")


def test_questions_beside_an_offer_keep_it() -> None:
    """Hours, price, another language: the list still stands."""
    story("""
        > маникюр завтра
        > до скольки вы работаете?
        Часы у каждого мастера свои.
        > а сколько это будет стоить?
        Стоимость: 30 €
        > in English please
        *tomorrow, Thu 19 November*
        > 2
        ✅ You're booked:
    """)


def test_when_am_i_coming_lists_the_visits() -> None:
    """Though a service and a day are named, no new visit is meant."""
    story("> маникюр завтра в 12\n> да\n> во сколько я завтра записана на маникюр?\nВаши записи:\n12:00 — Маникюр")


def test_not_being_able_to_come_cancels_only_what_is_booked() -> None:
    """While times are being offered it is about them."""
    chat = story("> маникюр завтра\n> в субботу не смогу прийти\nесть время:\n> 1\n✅")
    story("> не смогу прийти завтра\nОтменить эту запись?", chat)


def test_by_how_much_later_counts_from_what_is_offered() -> None:
    """From the only slot, or from the first day of a list."""
    story("> маникюр завтра в 15\nЗаписать вас?\n> на час позже\n19 ноября, 16:00\nЗаписать вас?")
    story("> маникюр завтра\n> на день позже\n20 ноября*\n1. 10:00\n6. 19:30")


def test_moving_keeps_the_booking() -> None:
    """In one step, so that nothing is lost when the new time is taken."""
    chat = story(
        "> маникюр завтра в 12\n> да\n> перенесите запись с четверга на пятницу\nПереносим:\n> "
        "последний\nПеренесли запись:\n19:30"
    )
    assert [(each.booking_id, each.start.day) for each in chat.salon.visits] == [(1, 20)]


def test_moving_by_an_hour_counts_from_the_old_time() -> None:
    """`на час позже`."""
    story("> маникюр завтра в 15\n> да\n> перенесите на час позже\n16:00\nПеренести запись?\n> да\nПеренесли запись:")


def test_moving_to_where_it_is_changes_nothing() -> None:
    """The time that the visit has is never offered as a new one."""
    chat = story("> маникюр завтра в 15\n> да\n> перенесите запись на завтра на 15:00\nВы и так записаны:")
    offered = chat.say("перенесите запись на завтра с 14 до 17").partition("\n")[2]
    assert [each in offered for each in ("14:30", "15:00", "15:30")] == [True, False, True]
    story("> на 15:00\nВы и так записаны:", chat)
    assert [each.start.hour for each in chat.salon.visits] == [15]


def test_who_meant_a_new_visit_says_so() -> None:
    """A time by itself, just after a booking, was taken for its correction."""
    chat = story("> маникюр завтра в 15\n> да\n> можно в пятницу в 12?\nПеренести запись?\n> нет, новую запись")
    story("> в пятницу в 12\nЗаписать вас?\n> да\n✅ Записали вас:", chat)
    assert [each.start.day for each in chat.salon.visits] == [19, 20]


def test_moving_to_one_of_several_services_asks_which() -> None:
    """And keeps the time."""
    chat = story("> маникюр завтра в 15\n> да\n> поменяйте на стрижку\nПереносим:\n1. Женская стрижка\n> 1\n15:00")
    story("> да\nПеренесли запись:", chat)
    assert [(each.booking_id, each.service_ids, each.start.hour) for each in chat.salon.visits] == [(1, (1,), 15)]


def test_a_new_time_that_was_snatched_leaves_the_old() -> None:
    """Others are offered, and the visit still moves there."""
    chat = story("> маникюр завтра в 15\n> да\n> перенесите на пятницу в 12\nПеренести запись?")
    chat.salon.snatch_next = True
    story("> да\nзаняли", chat)
    assert [each.start.day for each in chat.salon.visits] == [19]
    story("> 1\nПеренесли запись:", chat)
    assert [(each.booking_id, each.start.day) for each in chat.salon.visits] == [(1, 20)]


def test_what_was_cancelled_meanwhile_is_booked_anew_when_agreed() -> None:
    """The salon cancels the visit while its new time is being chosen."""
    chat = story("> маникюр завтра в 15\n> да\n> перенесите на пятницу в 12\nПеренести запись?")
    chat.salon.visits.clear()
    story("> да\nпереносить нечего\nЗаписать вас?\n> да\n✅ Записали вас:", chat)
    assert [each.start.day for each in chat.salon.visits] == [20]


def test_giving_up_before_booking_drops_the_wish() -> None:
    """`отмена` while a list is on show cancels nothing that is booked."""
    chat = story("> маникюр завтра в 12\n> да\n✅\n> женская стрижка завтра\n> отмена\nничего не записываю")
    assert len(chat.salon.visits) == 1


def test_small_talk_is_answered() -> None:
    """Prices, address, team, help."""
    story("""
        > сколько стоит маникюр?
        Маникюр — 1 ч, 30 €
        > а где вы?
        Lindenstraße 12
        > какие мастера?
        Мария — женская стрижка, маникюр
        > позовите администратора
        Сотрудники видят этот чат
        > asdfgh
        I didn't quite get that
    """)


def test_what_is_no_text_gets_a_polite_answer_in_the_conversations_language() -> None:
    """A sticker after English gets English; the company's language before any word."""
    sticker = CustomerSpoke((CustomerMessage("", Content.OTHER),))
    assert Chat().hear(sticker).startswith("Пока здесь понятен только текст")
    chat = story("> hello")
    assert chat.hear(sticker).startswith("I can only read text")


def test_a_reaction_answers_only_a_question() -> None:
    """👍 to yes-or-no books; anywhere else it is left alone."""
    thumb = CustomerSpoke((CustomerMessage("👍", Content.REACTION),))
    chat = story("> привет")
    assert chat.hear(thumb) == ""
    story("> маникюр завтра в 12", chat)
    assert "✅" in chat.hear(thumb)


def test_a_day_of_silence_starts_afresh() -> None:
    """A number a week later picks nothing."""
    chat = story("> маникюр завтра")
    chat.now += timedelta(days=7)
    assert "✅" not in chat.say("2")


def test_a_refusal_for_good_is_told() -> None:
    """The schedule has changed under the conversation."""
    chat = story("> маникюр завтра")
    assert "подберём время заново" in chat.hear(Refused("SERVICE_NOT_FOUND"))


def _lines(text: str) -> list[str]:
    return text.split(" | ")


LINES = _lines(
    "привет | да | нет | 1 | 2 | 7 | маникюр | стрижку | завтра | в пятницу вечером | 18:30 | отмените запись |"
    " перенесите на час позже | "
    "мои записи | еще | пораньше | другой день | к Олегу | не завтра | спасибо | cancel | yes |"
    " manicure tomorrow | вчера | сначала | на 2 | ? "
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(LINES) | st.text(max_size=30), max_size=10))
def test_every_dialogue_goes_on_and_its_state_survives_storage(lines: list[str]) -> None:
    """Any lines in any order: never an error, an answer to each line, and a state that round-trips through JSON."""
    chat = Chat(Salon())
    for line in lines:
        answer = chat.say(line)
        assert answer
        assert len(answer) <= 4096
        assert read_state(write_state(chat.state)) == chat.state


@given(st.lists(st.sampled_from(LINES), max_size=6), st.sampled_from(LINES))
@settings(max_examples=40, deadline=None)
def test_nothing_is_looked_up_before_the_calendar_changes(lines: list[str], last: str) -> None:
    """Within a turn a search never leads to a booking: a turn run again after a crash books the same."""
    chat = Chat(Salon())
    for line in lines:
        chat.say(line)
    state, actions = step(chat.state, CustomerSpoke((CustomerMessage(last),)), chat.now, CATALOGUE)
    searched = False
    while pending := [each for each in actions if not isinstance(each, Reply)]:
        assert not (searched and isinstance(pending[0], Book | MoveVisit))
        searched = searched or not isinstance(pending[0], MUTATIONS)
        state, actions = step(state, chat.salon.perform(pending[0], chat.now), chat.now, CATALOGUE)


def test_a_state_of_another_version_is_not_read() -> None:
    """It starts afresh instead of failing."""
    text = write_state(Conversation(language="ru"))
    assert read_state(text.replace(f"[{STATE_VERSION},", "[999,", 1)) is None
    assert read_state("{") is None


def test_a_state_of_the_version_before_is_read() -> None:
    """A worker that was updated goes on with the conversation."""
    state = Conversation(language="ru", greeted=True)
    assert read_state(write_state(state).replace(f"[{STATE_VERSION},", "[1,", 1)) == state


@pytest.mark.parametrize("action", [Book(OFFER), MoveVisit(7, OFFER), CancelVisit(7)])
def test_an_open_turn_keeps_its_very_action(action: PendingAction) -> None:
    """Though the fields of one are among those of another."""
    progress = Progress(Input((), ("M1",), 1, NOW), Conversation(), (), action)
    assert read_progress(write_progress(progress)) == progress


@pytest.mark.parametrize(
    "text", ["можно позвать администратора?", "хочу поговорить с человеком", "I want to talk to a human", "опаздываю"]
)
def test_who_wants_a_person_is_not_asked_for_a_service(text: str) -> None:
    """In words of wanting, too."""
    assert "Какую услугу" not in (answer := Chat().say(text))
    assert "Сотрудники видят" in answer or "The team can see" in answer


def test_the_clock_is_the_callers() -> None:
    """The same event at the same moment gives the same step."""
    event = CustomerSpoke((CustomerMessage("маникюр завтра"),))
    assert step(Conversation(), event, NOW, CATALOGUE) == step(Conversation(), event, NOW, CATALOGUE)
