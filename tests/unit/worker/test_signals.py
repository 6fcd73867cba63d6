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
        ("2 вариант", 2),
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
