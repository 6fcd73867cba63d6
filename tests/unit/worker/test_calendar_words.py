"""Dates, prices and durations as people read them."""

from datetime import date, timedelta

import pytest

from wamesh.worker.calendar_words import day_text, days_text, duration_text, price_text
from wamesh.worker.catalogue import Language, Price

TODAY = date(2026, 11, 18)


@pytest.mark.parametrize(
    ("ahead", "language", "expected"),
    [
        (0, "ru", "сегодня, ср 18 ноября"),
        (2, "ru", "послезавтра, пт 20 ноября"),
        (3, "ru", "сб 21 ноября"),
        (1, "en", "tomorrow, Thu 19 November"),
        (2, "en", "Fri 20 November"),
        (60, "en", "Sun 17 January 2027"),
    ],
)
def test_a_day_is_named_as_people_name_it(ahead: int, language: Language, expected: str) -> None:
    """Near days have their word; another year is told."""
    assert day_text(TODAY + timedelta(days=ahead), TODAY, language) == expected


def test_several_days_are_told_briefly() -> None:
    """Two apart with *or*, a run by its ends."""
    first, other = date(2026, 11, 20), date(2026, 11, 27)
    assert days_text((first, other), TODAY, "en") == "Fri 20 November or Fri 27 November"
    assert days_text((first, first + timedelta(days=1)), TODAY, "ru") == "пт 20 ноября – сб 21 ноября"


@pytest.mark.parametrize(
    ("price", "expected"),
    [
        (Price("EUR", 45), "45\u00a0€"),
        (Price("RUB", 1500), "1\u00a0500\u00a0₽"),
        (Price("USD", 35, 500_000_000), "$35.50"),
        (Price("CHF", 40), "40\u00a0CHF"),
        (Price(), ""),
    ],
)
def test_a_price_is_written_with_its_sign(price: Price, expected: str) -> None:
    """Unknown is empty."""
    assert price_text(price) == expected


def test_a_duration_is_hours_and_minutes() -> None:
    """Without zeros."""
    assert duration_text(timedelta(minutes=90), "ru") == "1 ч 30 мин"
    assert duration_text(timedelta(minutes=45), "en") == "45 min"
