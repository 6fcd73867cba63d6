"""Dates, times and prices as people read them, in each language.

Owns the words of the calendar for replies. Refuses the words around them: replies.py. Invariant: moments are
converted to the company's zone before they are shown.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from wamesh.worker.catalogue import Language, Price

_WEEKDAYS: dict[Language, tuple[str, ...]] = {
    "ru": ("пн", "вт", "ср", "чт", "пт", "сб", "вс"),
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
}
_MONTHS: dict[Language, tuple[str, ...]] = {
    "ru": (
        *("января", "февраля", "марта", "апреля", "мая", "июня"),
        *("июля", "августа", "сентября", "октября", "ноября", "декабря"),
    ),
    "en": (
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
}
_NEAR: dict[Language, tuple[str, ...]] = {"ru": ("сегодня", "завтра", "послезавтра"), "en": ("today", "tomorrow")}
_SIGNS = {"RUB": "₽", "EUR": "€", "USD": "$", "GBP": "£", "KZT": "₸", "UAH": "₴", "ILS": "₪", "TRY": "₺"}
_SIGN_FIRST = ("USD", "GBP")


def day_text(day: date, today: date, language: Language) -> str:
    """`завтра, чт 19 ноября` or `Fri 20 November`; the year only when it is another one."""
    weekday, month = _WEEKDAYS[language][day.weekday()], _MONTHS[language][day.month - 1]
    year = "" if day.year == today.year else f" {day.year}"
    plain = f"{weekday} {day.day} {month}{year}"
    ahead = (day - today).days
    return f"{_NEAR[language][ahead]}, {plain}" if 0 <= ahead < len(_NEAR[language]) else plain


def days_text(days: Sequence[date], today: date, language: Language) -> str:
    """One day as `day_text`, two joined by *or*, more as first - last. `days` is ascending, not empty."""
    if len(days) == 1:
        return day_text(days[0], today, language)
    if len(days) == 2 and days[1] - days[0] > timedelta(days=1):
        joint = " или " if language == "ru" else " or "
        return joint.join(day_text(each, today, language) for each in days)
    return f"{_short(days[0], language)} – {_short(days[-1], language)}"


def _short(day: date, language: Language) -> str:
    return f"{_WEEKDAYS[language][day.weekday()]} {day.day} {_MONTHS[language][day.month - 1]}"


def clock_text(moment: datetime) -> str:
    """`18:30`, of a local moment."""
    return f"{moment:%H:%M}"


def minute_text(minute: int) -> str:
    """`18:30`, of minutes since midnight."""
    return f"{minute // 60:02}:{minute % 60:02}"


def price_text(price: Price) -> str:
    """`1 500 ₽`, `$35`, `35.50 CHF`; empty when unknown."""
    if not price:
        return ""
    cents = price.nanos // 10_000_000
    amount = f"{price.units:,}".replace(",", "\u00a0") + (f".{cents:02}" if cents else "")
    sign = _SIGNS.get(price.currency, price.currency)
    return f"{sign}{amount}" if price.currency in _SIGN_FIRST else f"{amount}\u00a0{sign}"


def duration_text(duration: timedelta, language: Language) -> str:
    """`1 ч 30 мин`, `45 min`; empty when unknown."""
    hours, minutes = divmod(int(duration.total_seconds()) // 60, 60)
    words = ("ч", "мин") if language == "ru" else ("h", "min")
    return " ".join(f"{count} {word}" for count, word in zip((hours, minutes), words, strict=True) if count)
