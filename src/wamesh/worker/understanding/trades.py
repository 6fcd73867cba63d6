"""Customers' words for what catalogues call by other names: `подстричься`, `haircut` and *Стрижка* are one thing.

Owns a small vocabulary of the beauty and care trades in both languages, so that a Russian catalogue is understood
in English and a verb finds its noun. A catalogue's own names and aliases come on top. Invariant: a word means at
most one thing; meanings start with `@`, those that say for whom with `@for`.
"""

import re
from functools import lru_cache

from wamesh.worker.understanding.vocabulary import words

_TRADES: dict[str, str] = {
    "@haircut": r"(?:под|по|о)?стри(?:ж|чь|г)\w*|hair ?cuts?|haircut\w*|cut|trim|трим\w*|hairdo",
    "@colouring": r"(?:по|пере|о)?кра(?:сить\w*|шу\w*|шива\w*|ск[аиуе]|ской|сим\w*)|колорирован\w*|тонирован\w*|"
    r"colou?r\w*|"
    r"dye|dyeing|tint\w*",
    "@highlights": r"мелирован\w*|highlights?",
    "@manicure": r"маник\w*|mani|manicures?|ногт\w*|ногот\w*|nails?|ноготоч\w*",
    "@pedicure": r"педик\w*|pedi|pedicures?",
    "@massage": r"массаж\w*|massages?",
    "@brows": r"бров\w*|brows?|eyebrows?",
    "@lashes": r"ресни\w*|lash|lashes|eyelash\w*",
    "@beard": r"бород\w*|beards?|усы|усов",
    "@shave": r"(?:по)?бри(?:ть|ться|тье|тья|тьем)|shav\w+",
    "@facial": r"чистк\w*|facials?",
    "@waxing": r"депиляц\w*|эпиляц\w*|шугаринг\w*|wax\w*|epilation|sugaring",
    "@styling": r"уклад\w*|уложить\w*|blow ?dry\w*|styling|blowout|style",
    "@makeup": r"макияж\w*|мейк\w*|make ?up|makeup",
    "@for men": r"мужск\w*|мужчин\w*|men's|mens|men|man|male|gentlem\w+|муж|мужа|мужу|парню|парня",
    "@for women": r"женск\w*|женщин\w*|дамск\w*|women's|womens|women|woman|female|lad(?:y|ies)|ladies'",
    "@for children": r"детск\w*|ребен\w*|дет(?:ей|ям|и)|сын\w*|доч\w+|child\w*|children's|kids?|kid's|kids'|daughter",
}
_COMPILED = tuple((meaning, re.compile(pattern)) for meaning, pattern in _TRADES.items())


@lru_cache(maxsize=4096)
def trade_of(word: str) -> str | None:
    """The meaning of the word, such as `@haircut`; None when it is not a trade word."""
    return next((meaning for meaning, pattern in _COMPILED if pattern.fullmatch(word)), None)


TRADE_WORDS = words(
    """
    стрижка стрижку стрижки подстричься постричься окрашивание окраску покраситься маникюр педикюр массаж
    укладка укладку макияж
    борода бороду бороды брови ресницы депиляция эпиляция мужская мужскую женская женскую детская детскую
    haircut haircuts manicure pedicure massage beard eyebrows lashes colouring coloring styling
    """
)
"""Common forms, for the correction of typos."""
