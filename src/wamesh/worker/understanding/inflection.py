"""Russian endings, enough to find a name of the catalogue in a sentence: `к Анне`, `на мужскую стрижку`.

Owns the declension of given names and a stem for common words. Refuses to be a morphology: it never has to produce
text that a customer sees. Invariant: every word is among its own forms; a stem is a prefix of its word.
"""

import re
from functools import lru_cache

_FORMS_BY_ENDING: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("ия", ("ия", "ии", "ию", "ией", "иею")),
    ("ья", ("ья", "ьи", "ье", "ью", "ьей")),
    ("ая", ("ая", "ой", "ую", "ою", "аю", "аи", "ае", "аей")),
    ("я", ("я", "и", "е", "ю", "ей", "ею")),
    ("а", ("а", "ы", "и", "е", "у", "ой", "ою", "ей")),
    ("ий", ("ий", "ия", "ию", "ием", "ии", "ого", "ому", "им", "ом")),
    ("ый", ("ый", "ого", "ому", "ым", "ом")),
    ("ей", ("ей", "ея", "ею", "еем", "ее")),
    ("й", ("й", "я", "ю", "ем", "е")),
    ("ель", ("ель", "ля", "лю", "лем", "ле", "еля", "елю", "елем", "еле")),
    ("ь", ("ь", "я", "ю", "ем", "е", "и", "ью")),
    ("вел", ("вел", "вла", "влу", "влом", "вле")),
    ("лев", ("лев", "льва", "льву", "львом", "льве")),
    ("петр", ("петр", "петра", "петру", "петром", "петре")),
)
_FOND = ("ечка", "очка", "енька", "юша")
_CONSONANT = ("", "а", "у", "ом", "ем", "е", "ым")

_SHORT_NAMES = (
    "александр саша шура", "александра саша шура", "алексей леша леха", "алена", "алина аля", "алла", "анастасия настя",
    "анатолий толя", "ангелина геля лина", "андрей", "анна аня анюта нюра", "антон тоша", "антонина тоня", "артем тема",
    "борис боря", "вадим", "валентин валя", "валентина валя", "валерий валера", "валерия лера", "варвара варя",
    "василий вася", "вера", "вероника ника", "виктор витя", "виктория вика", "виталий", "владимир вова володя",
    "владислав влад", "галина галя", "георгий гоша жора", "григорий гриша", "дарья даша", "денис", "диана",
    "дмитрий дима митя",
    "евгений женя", "евгения женя", "екатерина катя", "елена лена", "елизавета лиза", "жанна", "иван ваня",
    "игорь", "илья",
    "инна", "ирина ира", "карина", "кирилл", "константин костя", "ксения ксюша", "кристина", "лариса лара",
    "лидия лида",
    "любовь люба", "людмила люда мила", "маргарита рита", "марина", "мария маша маруся", "михаил миша", "надежда надя",
    "наталья наташа ната", "наталия наташа ната", "никита", "николай коля", "нина", "оксана", "олег", "олеся",
    "ольга оля",
    "павел паша", "петр петя", "полина поля", "роман рома", "руслан", "светлана света", "сергей сережа серега",
    "софия соня софа", "софья соня", "станислав стас", "степан степа", "тамара тома", "татьяна таня", "тимофей тима",
    "ульяна уля", "федор федя", "юлия юля", "юрий юра", "яна", "ярослав слава",
    "alexander alex", "alexandra alex sasha", "anastasia nastya", "catherine kate katya", "dmitry dima",
    "elena lena", "elizabeth liz lisa",
    "katherine kate katie", "maria masha", "michael mike", "natalia natasha", "nicholas nick", "olga olya",
    "robert rob bob", "samantha sam",
    "samuel sam", "thomas tom", "victoria vicky", "william bill", "anna anya", "tatiana tanya", "julia yulia",
    "yulia julia",
)  # fmt: skip
_DIMINUTIVES = {names.split()[0]: tuple(names.split()[1:]) for names in _SHORT_NAMES}

_TO_LATIN = dict(zip("абвгдезийклмнопрстуфхцыэ", "abvgdeziiklmnoprstufhcye", strict=True)) | {
    "ж": "zh",
    "ч": "ch",
    "ш": "sh",
    "щ": "sch",
    "ю": "yu",
    "я": "ya",
    "ь": "",
    "ъ": "",
}
_SPELLINGS = (("kh", "h"), ("ph", "f"), ("x", "ks"), ("w", "v"), ("ck", "k"), ("j", "y"), ("iy", "i"), ("ia", "iya"))


@lru_cache(maxsize=2048)
def forms(name: str) -> frozenset[str]:
    """Every case of the name and of its short forms; lower case, `ё` as `е`."""
    return frozenset(form for each in calls(name) for form in _cases(each))


@lru_cache(maxsize=2048)
def calls(name: str) -> tuple[str, ...]:
    """The name and its short forms, as one calls a person."""
    name = name.lower().replace("ё", "е")
    short = (name, *_DIMINUTIVES.get(name, ()))
    fond = (each[:-1] + ending for each in short if each[-1:] in ("а", "я") for ending in _FOND)
    return (*short, *fond)


@lru_cache(maxsize=1)
def _given_names() -> dict[str, str]:
    """Every form of the given names known here, with the name or short form that it is a form of."""
    return {form: name for names in _SHORT_NAMES for name in names.split() for form in _cases(name)}


def given_name(word: str) -> str | None:
    """The name that the word is a form of, as one introduces oneself: `Светлана` for `светлане`; None for no name."""
    name = _given_names().get(word)
    return name.capitalize() if name else None


def _cases(name: str) -> tuple[str, ...]:
    if not re.fullmatch("[а-я]+", name):
        return (name, f"{name}'s")
    for ending, endings in _FORMS_BY_ENDING:
        if name.endswith(ending):
            return (name, *(name[: -len(ending)] + each for each in endings))
    return (name,) if name[-1] in "оеуиюэы" else tuple(name + each for each in _CONSONANT)


@lru_cache(maxsize=4096)
def sound(word: str) -> str:
    """The word in plain Latin letters, so that `Анна` and `Anna` are one: `ann`, doubled letters once."""
    latin = "".join(_TO_LATIN.get(char, char) for char in word.lower().replace("ё", "е"))
    for spelling, plain in _SPELLINGS:
        latin = latin.replace(spelling, plain)
    return re.sub(r"(.)\1+", r"\1", latin.replace("y", "i"))


_ENDINGS = re.compile(
    r"(?:иями|ями|ами|ого|его|ому|ему|ыми|ими|иях|ться|аться|иться|ия|ию|ий|ый|ой|ей|ая|яя|ое|ее|ые|ие|ую|юю|ою|ею|"
    r"ом|ем|ым|им|ам|ям|ах|ях|"
    r"ов|ев|ть|а|я|о|е|ы|и|у|ю|ь|й)$"
)
_ENGLISH_ENDINGS = re.compile(r"(?:'s|ings?|ers?|es|ed|s)$")


@lru_cache(maxsize=4096)
def stem(word: str) -> str:
    """The word without its ending; at least three letters stay."""
    endings = _ENGLISH_ENDINGS if word.isascii() else _ENDINGS
    cut = endings.sub("", word)
    return cut if len(cut) >= 3 else word
