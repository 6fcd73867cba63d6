"""Which days a customer means. The table's now is Wednesday, 18 November 2026, in Berlin."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.worker_salon import CATALOGUE, NOW

from wamesh.worker.understanding import understand
from wamesh.worker.understanding.dates import WINDOW_DAYS
from wamesh.worker.understanding.days import find_days
from wamesh.worker.understanding.words import Scan, canonical

TODAY = NOW.date()

ONE_DAY = [
    ("сегодня", "11-18"),
    ("срочно нужно сегодня", "11-18"),
    ("щас", "11-18"),
    ("today", "11-18"),
    ("завтра", "11-19"),
    ("ЗАВТРА!!!", "11-19"),
    ("завтар", "11-19"),
    ("zavtra", "11-19"),
    ("tomorrow", "11-19"),
    ("tmrw at 9am", "11-19"),
    ("haircutt tomorow evning", "11-19"),
    ("послезавтра", "11-20"),
    ("послезафтра", "11-20"),
    ("после завтра", "11-20"),
    ("the day after tomorrow", "11-20"),
    ("через день", "11-20"),
    ("через 2 дня", "11-20"),
    ("через пару дней", "11-20"),
    ("in two days", "11-20"),
    ("in a couple of days", "11-20"),
    ("в пятницу", "11-20"),
    ("пт веч маник", "11-20"),
    ("в эту пятницу", "11-20"),
    ("Friday", "11-20"),
    ("this Friday", "11-20"),
    ("чт", "11-19"),
    ("субота утро", "11-21"),
    ("во второник", "11-24"),
    ("в среду", "11-25"),
    ("в следующую пятницу", "11-27"),
    ("next Friday", "11-27"),
    ("next week Thursday at half past four", "11-26"),
    ("на следующей неделе в среду", "11-25"),
    ("через неделю", "11-25"),
    ("через неделю в пятницу", "11-27"),
    ("через две недели в пятницу", "12-04"),
    ("через пару недель", "12-02"),
    ("a week from today", "11-25"),
    ("a week from Friday", "11-27"),
    ("in 3 weeks", "12-09"),
    ("через месяц", "12-18"),
    ("25 ноября", "11-25"),
    ("двадцать пятого ноября", "11-25"),
    ("25-го", "11-25"),
    ("на 25-е", "11-25"),
    ("на 24е в 14", "11-24"),
    ("24 числа вечером", "11-24"),
    ("25.11", "11-25"),
    ("25.11.2026", "11-25"),
    ("25/11", "11-25"),
    ("11/25", "11-25"),
    ("2026-11-25", "11-25"),
    ("Nov 25", "11-25"),
    ("Nov. 23", "11-23"),
    ("25th of November", "11-25"),
    ("November 25th, 2026", "11-25"),
    ("the 25th", "11-25"),
    ("26th at 5", "11-26"),
    ("2nd of December", "12-02"),
    ("на первое декабря", "12-01"),
    ("on Friday the 27th", "11-27"),
    ("в пятницу, 27-го", "11-27"),
    ("Thursday 26 Nov, 5:30 PM", "11-26"),
    ("31-го", "12-31"),
    ("маникюр, пятница, вечер, Мария", "11-20"),
]


@pytest.mark.parametrize(("text", "expected"), ONE_DAY)
def test_one_day_is_found(text: str, expected: str) -> None:
    """Relative days, days of the week and calendar dates, in both languages, with slips."""
    assert understand(text, NOW, CATALOGUE).days.wanted == (date.fromisoformat(f"2026-{expected}"),)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5 января", date(2027, 1, 5)),
        ("5го января", date(2027, 1, 5)),
        ("5 января 2027 года", date(2027, 1, 5)),
        ("29.02.2028", date(2028, 2, 29)),
        ("January 5th", date(2027, 1, 5)),
    ],
)
def test_a_date_that_is_long_over_this_year_means_next_year(text: str, expected: date) -> None:
    """Nobody books ten months back."""
    assert understand(text, NOW, CATALOGUE).days.wanted == (expected,)


PERIODS = [
    ("на следующей неделе", "11-23", "11-29", 7),
    ("next week", "11-23", "11-29", 7),
    ("Sometime next week, preferably in the evening", "11-23", "11-29", 7),
    ("на этой неделе", "11-18", "11-22", 5),
    ("на выходных", "11-21", "11-22", 2),
    ("this weekend", "11-21", "11-22", 2),
    ("в следующие выходные", "11-28", "11-29", 2),
    ("в будни вечером", "11-18", "11-26", 7),
    ("с понедельника по среду", "11-23", "11-25", 3),
    ("четверг-пятница вечером", "11-19", "11-20", 2),
    ("с 25 по 28 ноября", "11-25", "11-28", 4),
    ("25-28 ноября", "11-25", "11-28", 4),
    ("завтра или послезавтра", "11-19", "11-20", 2),
    ("в пятницу или субботу", "11-20", "11-21", 2),
    ("на следующей неделе в среду или четверг", "11-25", "11-26", 2),
    ("в субботу или воскресенье после обеда", "11-21", "11-22", 2),
    ("по субботам", "11-21", "11-28", 2),
    ("после пятницы", "11-21", "12-03", 13),
    ("не раньше понедельника", "11-23", "12-06", 14),
    ("after the 25th", "11-26", "12-08", 13),
    ("до пятницы", "11-18", "11-19", 2),
    ("by Friday", "11-18", "11-20", 3),
    ("в декабре", "12-01", "12-31", 31),
    ("in December", "12-01", "12-31", 31),
    ("next month", "12-01", "12-31", 31),
    ("в начале декабря", "12-01", "12-10", 10),
    ("в конце следующей недели", "11-26", "11-28", 3),
    ("в любой день", "11-18", "12-01", 14),
    ("ближайшее свободное время", "11-18", "12-01", 14),
    ("as soon as possible", "11-18", "12-01", 14),
    ("the earliest available", "11-18", "12-01", 14),
    ("in the next couple of days", "11-18", "11-21", 4),
]


@pytest.mark.parametrize(("text", "first", "last", "count"), PERIODS)
def test_a_period_is_found(text: str, first: str, last: str, count: int) -> None:
    """Weeks, weekends, months, ranges, alternatives and open ends."""
    wanted = understand(text, NOW, CATALOGUE).days.wanted
    assert wanted is not None
    assert (wanted[0], wanted[-1], len(wanted)) == (
        date.fromisoformat(f"2026-{first}"),
        date.fromisoformat(f"2026-{last}"),
        count,
    )


@pytest.mark.parametrize(
    ("text", "wanted", "unwanted"),
    [
        ("не завтра, а в пятницу", "11-20", "11-19"),
        ("завтра не могу, давайте в субботу", "11-21", "11-19"),
        ("завтра не получится, может в субботу?", "11-21", "11-19"),
        ("нет, завтра никак, лучше в понедельник", "11-23", "11-19"),
        ("can't do tomorrow but Friday works", "11-20", "11-19"),
        ("I can't do Monday, what about Wednesday?", "11-25", "11-23"),
        ("not tomorrow", None, "11-19"),
        ("кроме воскресенья любой день", None, "11-22"),
    ],
)
def test_a_denied_day_is_not_wanted(text: str, wanted: str | None, unwanted: str) -> None:
    """`не завтра`, `завтра не могу`, `can't do tomorrow`."""
    days = understand(text, NOW, CATALOGUE).days
    assert days.wanted == (None if wanted is None else (date.fromisoformat(f"2026-{wanted}"),))
    assert date.fromisoformat(f"2026-{unwanted}") in days.unwanted


@pytest.mark.parametrize(
    "text",
    [
        "Не могли бы вы записать меня на завтра?",
        "Не подскажете, завтра есть время?",
        "нет ли времени завтра",
        "в пятницу, ой, лучше завтра",
        "Friday, no, tomorrow",
        "в пятницу\nхотя нет, завтра",
    ],
)
def test_politeness_denies_nothing_and_a_correction_replaces(text: str) -> None:
    """A polite negation is a question; what is said last stands."""
    assert understand(text, NOW, CATALOGUE).days.wanted == (TODAY + timedelta(days=1),)


@pytest.mark.parametrize(
    "text", ["вчера", "вчера вечером", "last Friday", "на прошлой неделе", "1 ноября", "15.10.2026"]
)
def test_a_past_date_is_a_problem(text: str) -> None:
    """A day that is over is told, never guessed."""
    days = understand(text, NOW, CATALOGUE).days
    assert (days.wanted, days.problem and days.problem.kind) == (None, "past")


@pytest.mark.parametrize(
    "text", ["31 февраля", "30.02", "32 декабря", "45.11", "29 февраля", "31 November", "2026-13-40"]
)
def test_an_impossible_date_is_a_problem(text: str) -> None:
    """A day that never was is told, never guessed. (2027 is no leap year.)"""
    days = understand(text, NOW, CATALOGUE).days
    assert (days.wanted, days.problem and days.problem.kind) == (None, "impossible")


@pytest.mark.parametrize(
    "text", ["в 18.30", "18.30", "добрый день", "доброе утро!", "до завтра!", "2", "второе", "спасибо"]
)
def test_what_is_no_day_is_not_read_as_one(text: str) -> None:
    """Times, greetings and places in a list are not days."""
    assert understand(text, NOW, CATALOGUE).days.wanted is None


@given(st.text(max_size=80), st.dates(date(2024, 1, 1), date(2030, 12, 31)))
def test_days_are_ascending_unique_and_not_past(text: str, today: date) -> None:
    """Whatever is typed on whatever day."""
    wanted = find_days(Scan(canonical(text)), today).wanted or ()
    assert list(wanted) == sorted(set(wanted))
    assert len(wanted) <= WINDOW_DAYS
    assert all(each >= today for each in wanted)


def _words(text: str) -> list[str]:
    return text.split(" ")


WORDS = _words(
    "в на не с по до 25 31 2 ноября февраля пятницу завтра next friday week the 25th of nov через 2 недели . 11 - или"
)


@given(st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join), st.dates(date(2024, 1, 1), date(2030, 12, 31)))
def test_any_order_of_calendar_words_is_read(text: str, today: date) -> None:
    """Words of the grammar in any order keep the invariants too."""
    wanted = find_days(Scan(canonical(text)), today).wanted or ()
    assert list(wanted) == sorted(set(wanted))
    assert all(each >= today for each in wanted)
