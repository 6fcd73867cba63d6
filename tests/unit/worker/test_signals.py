"""What a customer is doing, in which language, and which option is picked."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.worker_salon import CATALOGUE, NOW

from wamesh.worker.understanding import Option, Signal, understand

SIGNALS = [
    ("привет", Signal.GREETING),
    ("Здравствуйте!", Signal.GREETING),
    ("Добрый вечер", Signal.GREETING),
    ("hey there", Signal.GREETING),
    ("спасибо!", Signal.THANKS),
    ("спс", Signal.THANKS),
    ("thx", Signal.THANKS),
    ("🙏", Signal.THANKS),
    ("хочу записаться", Signal.BOOK),
    ("есть окошко на завтра?", Signal.BOOK),
    ("I'd like to book", Signal.BOOK),
    ("отмените мою запись", Signal.CANCEL),
    ("отминить запись", Signal.CANCEL),
    ("cancle my apointment", Signal.CANCEL),
    ("remove my booking", Signal.CANCEL),
    ("не смогу прийти завтра", Signal.CANNOT_COME),
    ("can't make it tomorrow", Signal.CANNOT_COME),
    ("перенесите запись на пятницу", Signal.MOVE),
    ("please reschedule my booking", Signal.MOVE),
    ("мои записи", Signal.LIST),
    ("во сколько я записана?", Signal.LIST),
    ("when is my appointment", Signal.LIST),
    ("да", Signal.YES),
    ("ДА!!!", Signal.YES),
    ("ага давай", Signal.YES),
    ("хорошо, подходит", Signal.YES),
    ("почему бы и нет", Signal.YES),
    ("да, всё верно", Signal.YES),
    ("+", Signal.YES),
    ("👍", Signal.YES),
    ("yes please", Signal.YES),
    ("sure", Signal.YES),
    ("ok", Signal.YES),
    ("no problem", Signal.YES),
    ("нет", Signal.NO),
    ("да нет", Signal.NO),
    ("неа", Signal.NO),
    ("не надо", Signal.NO),
    ("не подходит", Signal.NO),
    ("спасибо, не надо", Signal.NO),
    ("я передумала", Signal.NO),
    ("nope", Signal.NO),
    ("no thank you", Signal.NO),
    ("that doesn't work", Signal.NO),
    ("сколько стоит маникюр", Signal.PRICE),
    ("how much is it", Signal.PRICE),
    ("где вы находитесь?", Signal.ADDRESS),
    ("what's your address", Signal.ADDRESS),
    ("какие услуги у вас есть", Signal.SERVICES),
    ("позовите администратора", Signal.HUMAN),
    ("еще варианты", Signal.MORE),
    ("anything else?", Signal.MORE),
    ("а пораньше?", Signal.EARLIER),
    ("попозже есть?", Signal.LATER),
    ("другой день", Signal.OTHER_DAY),
    ("start over", Signal.RESTART),
    ("какие у вас мастера?", Signal.TEAM),
    ("sounds good", Signal.YES),
    ("nah", Signal.NO),
    ("cancel pls", Signal.CANCEL),
    ("отмена", Signal.CANCEL),
    ("во сколько я записан?", Signal.LIST),
    ("what are your prices", Signal.PRICE),
    ("до скольки вы работаете?", Signal.HOURS),
    ("what time do you close?", Signal.HOURS),
    ("where r u located", Signal.ADDRESS),
    ("спасибо большое!", Signal.THANKS),
    ("thx a lot 🙏", Signal.THANKS),
    ("👎", Signal.NO),
    ("ага, давайте", Signal.YES),
    ("угу", Signal.YES),
    ("ок", Signal.YES),
    ("окей, подходит", Signal.YES),
    ("супер, спасибо", Signal.YES),
    ("супер, спасибо", Signal.THANKS),
    ("хорошо, записывайте", Signal.YES),
    ("не, не подходит", Signal.NO),
    ("нет, спасибо", Signal.NO),
    ("yep", Signal.YES),
    ("perfect thanks", Signal.YES),
    ("perfect thanks", Signal.THANKS),
    ("no that doesn't work", Signal.NO),
    ("that works for me", Signal.YES),
    ("ok cool", Signal.YES),
    ("sure thing", Signal.YES),
    ("go for it", Signal.YES),
    ("no thanks", Signal.NO),
    ("not really", Signal.NO),
    ("есть что-нибудь ещё?", Signal.MORE),
    ("другие варианты есть?", Signal.MORE),
    ("а попозже нет?", Signal.LATER),
    ("anything earlier?", Signal.EARLIER),
    ("got anything later in the day?", Signal.LATER),
    ("any other times?", Signal.MORE),
    ("другой день можно?", Signal.OTHER_DAY),
    ("а на другой день?", Signal.OTHER_DAY),
    ("отменяем", Signal.CANCEL),
    ("хочу отменить визит", Signal.CANCEL),
    ("удалите запись пожалуйста", Signal.CANCEL),
    ("я передумала, отмените", Signal.CANCEL),
    ("I need to cancel my appointment", Signal.CANCEL),
    ("sorry i wont be able to come", Signal.CANNOT_COME),
    ("заболела, не приду", Signal.CANNOT_COME),
    ("к сожалению не получится прийти", Signal.CANNOT_COME),
    ("Отмените все", Signal.CANCEL),
    ("Отмените все", Signal.ALL),
    ("отмените все мои записи", Signal.CANCEL),
    ("отмените все мои записи", Signal.ALL),
    ("cancel everything", Signal.CANCEL),
    ("cancel everything", Signal.ALL),
    ("cancel both", Signal.CANCEL),
    ("cancel both", Signal.ALL),
    ("перенести можно?", Signal.MOVE),
    ("давайте перенесём на другое время", Signal.MOVE),
    ("can I reschedule?", Signal.MOVE),
    ("поменять время записи", Signal.MOVE),
    ("когда я записана?", Signal.LIST),
    ("на какое время у меня запись", Signal.LIST),
    ("напомните когда мне приходить", Signal.LIST),
    ("what time is my appointment?", Signal.LIST),
    ("do I have anything booked?", Signal.LIST),
    ("when's my appointment", Signal.LIST),
    ("когда у меня маникюр?", Signal.LIST),
    ("хочу поговорить с человеком", Signal.HUMAN),
    ("can I talk to a real person", Signal.HUMAN),
    ("какие услуги есть?", Signal.SERVICES),
    ("что вы умеете?", Signal.HELP),
    ("what services do you offer?", Signal.SERVICES),
    ("hello there", Signal.GREETING),
    ("доброе утро!", Signal.GREETING),
    ("good evening", Signal.GREETING),
    ("до свидания", Signal.GOODBYE),
    ("пока!", Signal.GOODBYE),
    ("bye", Signal.GOODBYE),
    ("начать заново", Signal.RESTART),
    ("на новый год работаете?", Signal.HOURS),
    ("можно отказаться от записи?", Signal.CANCEL),
    ("уже не актуально", Signal.NO),
    ("нет нет нет", Signal.NO),
    ("конечно да", Signal.YES),
    ("Да, запишите!", Signal.YES),
    ("всё супер", Signal.YES),
    ("ну ладно", Signal.YES),
    ("можно", Signal.YES),
    ("i wanna cancel", Signal.CANCEL),
    ("id like to change my appointment time", Signal.MOVE),
    ("when do i come in?", Signal.LIST),
    ("what have I booked?", Signal.LIST),
    ("no thanks, another day please", Signal.OTHER_DAY),
    ("во сколько я записана на маникюр?", Signal.RECALL),
    ("when's my appointment tomorrow?", Signal.RECALL),
    ("и маникюр тоже", Signal.ALSO),
    ("add a manicure as well", Signal.ALSO),
    ("нас двое", Signal.TOGETHER),
    ("me and my daughter", Signal.TOGETHER),
    ("можно по-английски?", Signal.LANGUAGE),
    ("in Russian please", Signal.LANGUAGE),
    ("а есть кто-нибудь другой?", Signal.OTHER_STAFF),
    ("someone else please", Signal.OTHER_STAFF),
    ("too late", Signal.EARLIER),
    ("рановато", Signal.LATER),
    ("мы опоздаем на 10 минут", Signal.HUMAN),
    ("how long does it take?", Signal.PRICE),
    ("кто делает маникюр?", Signal.TEAM),
    ("вы завтра работаете?", Signal.HOURS),
]


@pytest.mark.parametrize(("text", "expected"), SIGNALS)
def test_a_signal_is_found(text: str, expected: Signal) -> None:
    """In both languages, with slips, emoji and capitals."""
    assert expected in understand(text, NOW, CATALOGUE).signals


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("хочу на стрижку", "ru"),
        ("I want a haircut", "en"),
        ("хочу haircut tomorrow", "ru"),
        ("zapishite menya zavtra", "ru"),
        ("2", None),
        ("👍", None),
        ("можно по-английски?", "en"),
        ("in Russian please", "ru"),
    ],
)
def test_the_language_is_told_by_the_words(text: str, language: str | None) -> None:
    """Numbers and emoji do not change it."""
    assert understand(text, NOW, CATALOGUE).language == language


OFFERED = tuple(Option(NOW.replace(hour=17) + timedelta(minutes=30 * index), (2,)) for index in range(6))


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("2", 2),
        ("2️⃣", 2),
        ("2.", 2),
        ("№2", 2),
        ("второе", 2),
        ("второй вариант", 2),
        ("давайте второе", 2),
        ("Номер 2 пожалуйста", 2),
        ("хорошо, 2", 2),
        ("the second", 2),
        ("the second one please", 2),
        ("option 2", 2),
        ("number two", 2),
        ("I'll take the first one", 1),
        ("первый", 1),
        ("самое раннее", 1),
        ("любое", 1),
        ("any of them is fine", 1),
        ("последний", 6),
        ("the last one", 6),
        ("latest", 6),
        ("2nd pls", 2),
        ("1)", 1),
        ("1й", 1),
        ("беру второе", 2),
        ("ладно, 3", 3),
        ("2 вариант", 2),
    ],
)
def test_a_place_in_the_list_is_picked(text: str, place: int) -> None:
    """Numbers, ordinals and extremes; and nothing of it is read as a date or a time."""
    said = understand(text, NOW, CATALOGUE, OFFERED)
    assert (said.picked, said.days.wanted, said.times.exact) == ((place - 1,), None, None)


@pytest.mark.parametrize("text", ["7", "18", "да", "завтра", "спасибо", "wait a second", "в 18:30"])
def test_what_is_no_place_picks_nothing(text: str) -> None:
    """A number beyond the list is an hour; a time is matched by the dialogue."""
    assert understand(text, NOW, CATALOGUE, OFFERED).picked == ()


@given(st.text(max_size=300))
def test_any_text_is_understood_without_an_error(text: str) -> None:
    """Whatever a customer sends."""
    said = understand(text, NOW, CATALOGUE, OFFERED)
    assert not said.signals >= {Signal.YES, Signal.NO}
    assert all(0 <= each < len(OFFERED) for each in said.picked)


@given(st.text(max_size=120))
def test_the_same_text_means_the_same(text: str) -> None:
    """Deterministic."""
    assert understand(text, NOW, CATALOGUE) == understand(text, NOW, CATALOGUE)
