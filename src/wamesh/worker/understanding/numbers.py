"""Numbers in words, in Russian cases and in English: `двадцать пятого`, `half past *six*`, `twenty-fifth`.

Owns the vocabulary from 0 to 59 (hours, minutes, days of the month). Refuses larger numbers: nobody spells a phone
number. Invariant: a word has at most one value.
"""

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

Form: TypeAlias = Literal["", "th", "gen"]
"""Cardinal, ordinal, or Russian ordinal in the genitive (`пятого`: a date, or the hour in `полпятого`)."""


@dataclass(frozen=True, slots=True)
class Number:
    """A value with the grammar that tells a date from a count."""

    value: int
    form: Form = ""

    def __str__(self) -> str:
        return f"{self.value}{self.form}"


def _in_order(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_RUSSIAN_CARDINALS = {
    0: "ноль нуль",
    1: "один одна одно одну одного одной одному",
    2: "два две двух двум двумя пара пару пары",
    3: "три трех трем тремя",
    4: "четыре четырех четырем четырьмя",
    5: "пять пяти пятью",
    6: "шесть шести шестью",
    7: "семь семи семью",
    8: "восемь восьми восемью",
    9: "девять девяти девятью",
    10: "десять десяти десятью",
    11: "одиннадцать одиннадцати",
    12: "двенадцать двенадцати",
    13: "тринадцать тринадцати",
    14: "четырнадцать четырнадцати",
    15: "пятнадцать пятнадцати",
    16: "шестнадцать шестнадцати",
    17: "семнадцать семнадцати",
    18: "восемнадцать восемнадцати",
    19: "девятнадцать девятнадцати",
    20: "двадцать двадцати",
    30: "тридцать тридцати",
    40: "сорок сорока",
    50: "пятьдесят пятидесяти",
}
_ENGLISH_CARDINALS = _in_order(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
)
_ENGLISH_TENS = {30: "thirty", 40: "forty", 50: "fifty"}
_RUSSIAN_ORDINAL_STEMS = {
    1: "перв",
    2: "втор",
    3: "трет",
    4: "четверт",
    5: "пят",
    6: "шест",
    7: "седьм",
    8: "восьм",
    9: "девят",
    10: "десят",
    11: "одиннадцат",
    12: "двенадцат",
    13: "тринадцат",
    14: "четырнадцат",
    15: "пятнадцат",
    16: "шестнадцат",
    17: "семнадцат",
    18: "восемнадцат",
    19: "девятнадцат",
    20: "двадцат",
    30: "тридцат",
}
_ENGLISH_ORDINALS = _in_order(
    "zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth "
    "fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
)
_ORDINAL_ENDINGS = "ый ий ой ая ое ую ом ым ему ому ья ье ью ьим ьем ьей ых"
_GENITIVE_ENDINGS = "ого его ьего"
_SUFFIX = re.compile(r"(й|я|е|ый|ой|ое|ая|ую|ю|м|ом|му|х|st|nd|rd|th)")
_GENITIVE_SUFFIX = re.compile(r"(го|ого|его)")


def _vocabulary() -> dict[str, Number]:
    words: dict[str, Number] = {"couple": Number(2), "dozen": Number(12), "thirtieth": Number(30, "th")}
    for value, forms in _RUSSIAN_CARDINALS.items():
        words |= {form: Number(value) for form in forms.split()}
    words |= {word: Number(value) for value, word in enumerate(_ENGLISH_CARDINALS)}
    words |= {word: Number(value) for value, word in _ENGLISH_TENS.items()}
    words |= {word: Number(value, "th") for value, word in enumerate(_ENGLISH_ORDINALS)}
    for value, stem in _RUSSIAN_ORDINAL_STEMS.items():
        words |= {stem + ending: Number(value, "th") for ending in _ORDINAL_ENDINGS.split()}
        words |= {stem + ending: Number(value, "gen") for ending in _GENITIVE_ENDINGS.split()}
    return words


WORDS: dict[str, Number] = _vocabulary()
"""Every number word, lower case, `ё` written `е`."""


def from_suffix(value: int, suffix: str) -> Number | None:
    """Reads `25-го`, `2nd`, `3й`; None when the suffix is no ordinal ending."""
    if _GENITIVE_SUFFIX.fullmatch(suffix):
        return Number(value, "gen")
    return Number(value, "th") if _SUFFIX.fullmatch(suffix) else None


def compound(tens: Number, units: Number) -> Number | None:
    """Joins `двадцать` and `пятого` to 25gen; None when the two are separate numbers, as in `семь тридцать`."""
    if tens.form or tens.value not in (20, 30, 40, 50) or not 1 <= units.value <= 9:
        return None
    return Number(tens.value + units.value, units.form)
