"""From what a customer typed to text that rules can match: one spelling for each word, number and sign.

The canonical text is lower case, `ё` written `е`, one space between tokens; numbers in words become digits (`25gen`
for `двадцать пятого`), typos of vocabulary words become the words, emoji become `да`, `нет`, `спасибо`, Russian
typed in Latin letters becomes Cyrillic when that gives known words, and a new line becomes `;`.

`Scan` is canonical text being read: a rule that recognises something blanks it, so that nothing is read twice. Owns
spelling; refuses meaning. Invariant: any text at all gives a canonical text, and the same text the same one.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator
from functools import lru_cache

from rapidfuzz import process
from rapidfuzz.distance import OSA

from wamesh.worker.understanding import numbers
from wamesh.worker.understanding.trades import TRADE_WORDS, trade_of
from wamesh.worker.understanding.vocabulary import ENGLISH, KNOWN, RUSSIAN

MAX_CHARACTERS = 1000
"""More than this of one customer's turn is not read."""

_EMOJI = {
    **dict.fromkeys("👍👌✅✔💯🆗☑", " да "),
    **dict.fromkeys("👎❌🚫🙅", " нет "),
    **dict.fromkeys("🙏❤💐🌹😘🥰", " спасибо "),
    **dict.fromkeys("👋", " привет "),
}
_INVISIBLE = re.compile("[\u200b-\u200f\u2060-\u2064\ufe0e\ufe0f\u20e3\u00ad]")
_CLOCK_SUFFIX = re.compile(r"(?<=\d)\s*\b([ap])\.?\s?m\b\.?")
_TOKEN = re.compile(
    r"(?P<iso>\d{4}-\d{1,2}-\d{1,2}(?!\d))"
    r"|(?P<clock>(?<!\d)\d{1,2}(?::|h)\d{2}(?!\d))"
    r"|(?P<dashed>(?<![\d.-])[01]?\d-[03]0(?![\d.])|(?<![\d.-])2[0-3]-[03]0(?![\d.]))"
    r"|(?P<dotted>(?<!\d)\d{1,2}[./]\d{1,2}(?:[./](?:\d{4}|\d{2}))?(?!\d))"
    r"|(?P<number>\d+)"
    r"|(?P<word>[^\W\d_]+(?:'[^\W\d_]+)?)"
    r"|(?P<line>\n+)"
    r"|(?P<sign>[^\w\s])"
)
_LATIN_LOOKALIKES = str.maketrans("aceopxykmtbhe", "асеорхукмтвне")
_TRANSLITERATION = (
    *(("shch", "щ"), ("sch", "щ"), ("zh", "ж"), ("ch", "ч"), ("sh", "ш"), ("kh", "х"), ("ts", "ц")),
    *(("yu", "ю"), ("ya", "я"), ("ju", "ю"), ("ja", "я"), ("yo", "е"), ("iy", "ий")),
    *zip("abvgdezijklmnoprstufhcy'wxq", "абвгдезийклмнопрстуфхцыьвкк", strict=True),
)
_LATIN_SPELLINGS = {
    "horosho": "хорошо", "da": "да", "net": "нет", "na": "на", "v": "в", "vo": "во", "k": "к", "u": "у",
    "s": "с", "do": "до",
    "ne": "не", "i": "и", "ili": "или", "a": "а", "no": "но",
}  # fmt: skip
_SHORTHAND = {
    "tmrw": "tomorrow", "tmr": "tomorrow", "tmw": "tomorrow", "tomo": "tomorrow", "2moro": "tomorrow",
    "pls": "please", "plz": "please", "thx": "thanks", "ty": "thanks", "appt": "appointment", "u": "you",
    "wensday": "wednesday", "arvo": "afternoon",
    "aft": "afternoon", "eve": "evening", "wknd": "weekend", "cant": "can't", "dont": "don't", "doesnt": "doesn't",
    "im": "i'm", "id": "i'd", "ur": "your", "cannot": "can't", "wont": "won't", "isnt": "isn't",
    "пжл": "пожалуйста", "пж": "пожалуйста", "пожста": "пожалуйста", "плиз": "пожалуйста", "спс": "спасибо",
    "пасиб": "спасибо", "сёдня": "сегодня", "седня": "сегодня", "сегодняшний": "сегодня", "сегодняшнего": "сегодня",
    "завтрашний": "завтра", "завтрашнего": "завтра", "здрасте": "здравствуйте", "здрасьте": "здравствуйте",
    "ничо": "ничего", "щас": "сейчас", "счас": "сейчас", "сутра": "утром", "свечера": "вечером",
}  # fmt: skip


def canonical(text: str, names: Collection[str] = frozenset()) -> str:
    """The canonical text. `names` are words of the catalogue (lower case), never corrected into other words.

    >>> canonical("Завтар в полседьмого!")
    'завтра в пол 7gen !'
    """
    return _canonical(text[:MAX_CHARACTERS], frozenset(names))


@lru_cache(maxsize=256)
def _canonical(text: str, names: frozenset[str]) -> str:
    plain = _plain(text)
    tokens = _tokens(plain, names)
    if not _has_cyrillic(plain) and any(_has_cyrillic(each) for each in tokens):
        tokens = [_russian(each, names) for each in tokens]
    return " ".join(_merge_numbers(tokens))


def _russian(token: str, names: frozenset[str]) -> str:
    """The token of a text that turned out to be Russian in Latin letters, with a slip or two: `manikur`."""
    if (word := _LATIN_SPELLINGS.get(token)) is not None or not token.isalpha() or _has_cyrillic(token):
        return word or token
    cyrillic = _transliterate(token)
    return _corrected(cyrillic, names) or (cyrillic if trade_of(cyrillic) else token)


def _has_cyrillic(text: str) -> bool:
    return any("а" <= char <= "я" for char in text)


def _plain(text: str) -> str:
    """Lower case, one form of each letter and sign, emoji as words."""
    text = "".join(_EMOJI.get(char, char) for char in text)
    text = _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).lower().replace("ё", "е")
    text = text.translate(str.maketrans("’‘`´–—−‐", "''''----")).replace("\r", "\n")
    return _CLOCK_SUFFIX.sub(r" \1m ", text)


def _tokens(text: str, names: frozenset[str]) -> list[str]:
    found: list[str] = []
    skip_to = 0
    for match in _TOKEN.finditer(text):
        if match.start() < skip_to:
            continue
        kind, value = match.lastgroup, match.group()
        if kind == "number" and (suffixed := _suffixed(text, match)) is not None:
            number, skip_to = suffixed
            found.append(str(number))
        elif kind == "word":
            found += _spell(value, names)
        else:
            found.append(_rewrite(kind or "", value))
    return found


def _rewrite(kind: str, value: str) -> str:
    if kind in ("clock", "dashed"):
        return re.sub(r"[-h]", ":", value)
    if kind == "line":
        return ";"
    return str(int(value[:9])) if kind == "number" and len(value) < 3 and value != "00" else value


_GLUED = re.compile(r"(-?)([^\W\d_]{1,3})(?![^\W_])")


def _suffixed(text: str, match: re.Match[str]) -> tuple[numbers.Number, int] | None:
    """An ordinal such as `25-го` at this number, with the position after it."""
    glued = _GLUED.match(text, match.end())
    if glued is None or len(match.group()) > 2:
        return None
    number = numbers.from_suffix(int(match.group()), glued.group(2))
    if number is None or (glued.group(2) == "м" and not glued.group(1)):
        return None
    return number, glued.end()


def _spell(word: str, names: frozenset[str]) -> list[str]:
    """The word as the rules know it; `полседьмого` is two."""
    word = _one_script(_SHORTHAND.get(word, word))
    if word == "tonight":
        return ["today", "evening"]
    if word in numbers.WORDS and word not in names:
        return [str(numbers.WORDS[word])]
    if word in names or word in KNOWN:
        return [word]
    half = numbers.WORDS.get(word.removeprefix("пол"))
    if word.startswith("пол") and half is not None and half.form == "gen":
        return ["пол", str(half)]
    return [_from_latin(word, names) or _corrected(word, names) or word]


def _one_script(word: str) -> str:
    """Repairs Cyrillic words typed with look-alike Latin letters."""
    cyrillic = sum("а" <= char <= "я" for char in word)
    return word.translate(_LATIN_LOOKALIKES) if 0 < cyrillic < len(word) and cyrillic * 2 >= len(word) else word


def _from_latin(word: str, names: frozenset[str]) -> str | None:
    """The Russian word that this Latin spelling means, if it means one for certain."""
    if not word.isascii():
        return None
    if len(word) < 4 or word in ENGLISH:
        return None
    cyrillic = _LATIN_SPELLINGS.get(word) or _transliterate(word)
    if cyrillic in RUSSIAN or cyrillic in names or cyrillic in TRADE_WORDS:
        return cyrillic
    return str(numbers.WORDS[cyrillic]) if cyrillic in numbers.WORDS else None


def _transliterate(word: str) -> str:
    for latin, cyrillic in _TRANSLITERATION:
        word = word.replace(latin, cyrillic)
    return word


@lru_cache(maxsize=4096)
def _corrected(word: str, names: frozenset[str]) -> str | None:
    """The one known word that this is a slip of: one edit from five letters on, two from nine on."""
    if len(word) < 5:
        return None
    budget = 1 if len(word) < 9 else 2
    vocabulary = (ENGLISH if word.isascii() else RUSSIAN, TRADE_WORDS, names)
    near = [
        each for words in vocabulary for each in process.extract(word, words, scorer=OSA.distance, score_cutoff=budget)
    ]
    near = [each for each in near if len(each[0]) >= 5 and (each[0][0] == word[0] or len(word) >= 7)]
    return min(near, key=lambda each: (each[1], each[0]))[0] if near and trade_of(word) is None else None


_PLAIN_NUMBER = re.compile(r"(\d+)(th|gen)?")


def _merge_numbers(tokens: list[str]) -> list[str]:
    """Joins tens and units that were written apart: `20` `5gen` is `25gen`; a hyphen may stand between."""
    merged: list[str] = []
    for token in tokens:
        if (joined := _joined(merged, token)) is not None:
            keep = -2 if merged[-1] == "-" else -1
            merged = [*merged[:keep], joined]
        else:
            merged.append(token)
    return merged


def _joined(before: list[str], token: str) -> str | None:
    units = _PLAIN_NUMBER.fullmatch(token)
    if units is None or not before:
        return None
    if before[-2:-1] == ["без"]:
        return None
    hyphenated = before[-1] == "-" and len(before) > 1 and units.group(2) is not None
    tens = _PLAIN_NUMBER.fullmatch(before[-2] if hyphenated else before[-1])
    if tens is None or len(tens.group(1)) != 2 or len(units.group(1)) != 1:
        return None
    number = numbers.compound(_number(tens), _number(units))
    return str(number) if number else None


def _number(match: re.Match[str]) -> numbers.Number:
    form: numbers.Form = "th" if match.group(2) == "th" else "gen" if match.group(2) == "gen" else ""
    return numbers.Number(int(match.group(1)), form)


class Scan:
    """Canonical text being read. `whole` stays; `rest` is what no rule has recognised yet."""

    __slots__ = ("rest", "whole")

    def __init__(self, whole: str) -> None:
        self.whole = whole
        self.rest = whole

    def take(self, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
        """Yields each match in the unread text and blanks it."""
        position = 0
        while (match := pattern.search(self.rest, position)) is not None:
            if match.end() == match.start():
                return
            self.blank(*match.span())
            position = match.end()
            yield match

    def blank(self, start: int, end: int) -> None:
        """Marks [start, end) as read."""
        self.rest = self.rest[:start] + "·" * (end - start) + self.rest[end:]

    def before(self, position: int) -> str:
        """The whole text up to the position, right-stripped: what a look-back rule matches with `$`."""
        return self.whole[:position].rstrip()

    def after(self, position: int) -> str:
        """The whole text from the position on, left-stripped."""
        return self.whole[position:].lstrip()
