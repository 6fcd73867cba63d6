"""Which of the mesh's languages a text is in, by its script and its words; None when it does not tell."""

import re

from wamesh.worker.catalogue import Language
from wamesh.worker.understanding.vocabulary import RUSSIAN

_CYRILLIC = re.compile(r"[а-яё]+", re.IGNORECASE)
_ASKED: dict[Language, str] = {
    "en": r"(?:in|speak) english|english,? please|(?:по ?- ?|на )английск(?:и|ом)",
    "ru": r"(?:in|speak) russian|russian,? please|(?:по ?- ?|на )русск(?:и|ом)",
}
ASKS_FOR_LANGUAGE = "|".join(_ASKED.values())
"""A language is asked for by its name; over the canonical text."""
_LATIN = re.compile(r"[a-z]+", re.IGNORECASE)


def find_language(text: str, canonical: str) -> Language | None:
    """The one that is asked for by name; else Russian when Cyrillic words make a third of the text or more, or when
    Latin letters spell Russian words.

    `text` is what was typed, `canonical` its canonical form.
    """
    for language, pattern in _ASKED.items():
        if re.search(pattern, canonical):
            return language
    cyrillic, latin = len(_CYRILLIC.findall(text)), len(_LATIN.findall(text))
    if cyrillic == 0 and latin and any(word in RUSSIAN for word in canonical.split()):
        return "ru"
    if cyrillic + latin == 0:
        return None
    return "ru" if cyrillic * 3 >= cyrillic + latin else "en"
