"""Which times of day a customer means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.worker_salon import CATALOGUE, NOW

from wamesh.worker.calendar_words import minute_text
from wamesh.worker.understanding import understand
from wamesh.worker.understanding.times import find_times
from wamesh.worker.understanding.words import Scan, canonical

EXACT = [
    ("в 18:30", "18:30"),
    ("18.30", "18:30"),
    ("в 18 30", "18:30"),
    ("18-30", "18:30"),
    ("18ч", "18:00"),
    ("в 18 часов 30 минут", "18:30"),
    ("в 1730", "17:30"),
    ("в 7 вечера", "19:00"),
    ("8 утра", "08:00"),
    ("в 2 часа дня", "14:00"),
    ("в час дня", "13:00"),
    ("в час", "13:00"),
    ("в 7", "19:00"),
    ("на 5", "17:00"),
    ("в 5", "17:00"),
    ("в 9:30", "09:30"),
    ("7:30", "19:30"),
    ("07:30", "07:30"),
    ("в 12", "12:00"),
    ("в полдень", "12:00"),
    ("at noon", "12:00"),
    ("в полседьмого", "18:30"),
    ("в пол-третьего", "14:30"),
    ("в половине третьего", "14:30"),
    ("без четверти семь", "18:45"),
    ("без пяти шесть", "17:55"),
    ("четверть восьмого", "19:15"),
    ("10 минут седьмого", "18:10"),
    ("в семь тридцать", "19:30"),
    ("двадцать тридцать", "20:30"),
    ("6pm", "18:00"),
    ("6:15 p.m.", "18:15"),
    ("at 6", "18:00"),
    ("at six", "18:00"),
    ("at half past six", "18:30"),
    ("half six", "18:30"),
    ("quarter to six", "17:45"),
    ("at a quarter past three", "15:15"),
    ("ten past five", "17:10"),
    ("at 10 to 5", "16:50"),
    ("how about 7pm", "19:00"),
    ("вечером в 8", "20:00"),
    ("завтра 18", "18:00"),
    ("сб 12", "12:00"),
    ("17", "17:00"),
    ("tonight at 8", "20:00"),
    ("25 ноября в 15:00", "15:00"),
    ("не в 18, а в 19", "19:00"),
    ("6:30pm works", "18:30"),
]


@pytest.mark.parametrize(("text", "expected"), EXACT)
def test_an_exact_time_is_found(text: str, expected: str) -> None:
    """Digits, words, halves and quarters; an hour without am or pm lies inside the working day."""
    times = understand(text, NOW, CATALOGUE).times
    assert (minute_text(times.exact or 0), times.about) == (expected, False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("часов в 6", "18:00"),
        ("около шести", "18:00"),
        ("к 10", "10:00"),
        ("about 3 pm", "15:00"),
        ("at 4ish", "16:00"),
    ],
)
def test_about_a_time_is_found(text: str, expected: str) -> None:
    """Near is as good."""
    times = understand(text, NOW, CATALOGUE).times
    assert (minute_text(times.exact or 0), times.about) == (expected, True)


RANGES = [
    ("утром", "06:00-12:00"),
    ("с утра пораньше", "06:00-12:00"),
    ("рано утром", "06:00-10:00"),
    ("днём", "11:00-17:00"),
    ("в обед", "12:00-14:00"),
    ("после обеда", "13:00-18:00"),
    ("послезавтра до обеда", "06:00-13:00"),
    ("во второй половине дня", "13:00-18:00"),
    ("вечером", "17:00-24:00"),
    ("zavtra vecherom", "17:00-24:00"),
    ("ближе к вечеру", "16:00-20:00"),
    ("после работы", "18:00-24:00"),
    ("in the evening", "17:00-24:00"),
    ("this afternoon", "12:00-18:00"),
    ("after lunch tomorrow", "13:00-18:00"),
    ("после 18", "18:00-24:00"),
    ("after 6pm", "18:00-24:00"),
    ("any slots tomorrow after 5?", "17:00-24:00"),
    ("с трёх", "15:00-24:00"),
    ("не раньше 15", "15:00-24:00"),
    ("not before 3pm", "15:00-24:00"),
    ("до 12", "00:00-12:00"),
    ("before noon", "00:00-12:00"),
    ("не позже 19", "00:00-19:00"),
    ("no later than 7", "00:00-19:00"),
    ("с 14 до 17", "14:00-17:00"),
    ("14-17", "14:00-17:00"),
    ("с двух до пяти", "14:00-17:00"),
    ("с 10 до 2", "10:00-14:00"),
    ("с пяти до восьми вечера", "17:00-20:00"),
    ("between 2 and 5", "14:00-17:00"),
    ("2-5 pm", "14:00-17:00"),
    ("between 10am and 1pm on Saturday", "10:00-13:00"),
    ("не раньше 12 и не позже 16", "12:00-16:00"),
    ("завтра после 19 вечером", "19:00-24:00"),
    ("утром или вечером", "06:00-12:00 17:00-24:00"),
    ("не утром", "00:00-06:00 12:00-24:00"),
    ("через час", "12:00-24:00"),
    ("сегодня вечером, ой, лучше утром", "06:00-12:00"),
]


@pytest.mark.parametrize(("text", "expected"), RANGES)
def test_a_range_of_times_is_found(text: str, expected: str) -> None:
    """Parts of the day, bounds and both together; [start, end)."""
    times = understand(text, NOW, CATALOGUE).times
    found = " ".join(f"{minute_text(first)}-{minute_text(last)}" for first, last in times.ranges)
    assert (found, times.exact) == (expected, None)


@pytest.mark.parametrize(
    "text",
    [
        "25.11",
        "на 2 человека",
        "через 2 дня",
        "добрый вечер",
        "с 25 по 28 ноября",
        "мне 2 стрижки",
        "1500 рублей",
        "good morning",
    ],
)
def test_what_is_no_time_is_not_read_as_one(text: str) -> None:
    """Dates, counts, prices and greetings are not times."""
    assert not understand(text, NOW, CATALOGUE).times


@given(st.text(max_size=80))
def test_ranges_are_ascending_and_inside_the_day(text: str) -> None:
    """Whatever is typed."""
    _check(text)


def _words(text: str) -> list[str]:
    return text.split(" ")


WORDS = _words(
    "в с до после 5 18 18:30 30 полседьмого вечера утром half past six pm between and или не без четверти . часов -"
)


@given(st.lists(st.sampled_from(WORDS), max_size=8).map(" ".join))
def test_any_order_of_clock_words_is_read(text: str) -> None:
    """Words of the grammar in any order keep the invariants too."""
    _check(text)


def _check(text: str) -> None:
    times = find_times(Scan(canonical(text)), NOW)
    bounds = [each for span in times.ranges for each in span]
    assert bounds == sorted(set(bounds))
    assert all(0 <= each <= 1440 for each in bounds)
    assert times.exact is None or (times.exact in times.readings and 0 <= times.exact < 1440)
