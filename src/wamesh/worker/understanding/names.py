"""Which services and which staff a customer names, in any case, language and script, and with slips.

Owns matching a sentence against the catalogue. Refuses to choose between equals: `стрижка` before *Мужская* and
*Женская стрижка* gives both as `options`. Invariant: every id returned is of this catalogue.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from rapidfuzz.distance import OSA

from wamesh.worker.catalogue import Catalogue, StaffMember
from wamesh.worker.understanding.clauses import is_refused, last_said
from wamesh.worker.understanding.inflection import calls, forms, given_name, sound, stem
from wamesh.worker.understanding.trades import trade_of
from wamesh.worker.understanding.vocabulary import KNOWN, words
from wamesh.worker.understanding.words import Scan

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_SMALL = words("и с со на в для без по от до у к the a an and of for with to in or")


MAX_SERVICES = 8
"""Parts of one visit at most, as FindSlots takes them."""


@dataclass(frozen=True, slots=True)
class Services:
    """Services that were named, in order.

    `options`: a phrase fits several equally, and one of them is meant too. `unknown`: a word for something that this
    company does not offer.
    """

    chosen: tuple[int, ...] = ()
    options: tuple[int, ...] = ()
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class Staff:
    """Staff that were named. `anyone`: said that it does not matter who. `unknown`: the name of nobody here."""

    wanted: tuple[int, ...] = ()
    unwanted: frozenset[int] = frozenset()
    anyone: bool = False
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class _Word:
    start: int
    end: int
    text: str


def catalogue_words(catalogue: Catalogue) -> frozenset[str]:
    """Words that must not be corrected into others: names of services and staff, in every form."""
    spoken = {word for service in catalogue.services for name in service.all_names() for word in _words_of(name)}
    for member in catalogue.staff:
        spoken |= _member_forms(member)
    return frozenset(spoken)


def _words_of(name: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(name.lower().replace("ё", "е")))


def _member_forms(member: StaffMember) -> frozenset[str]:
    return frozenset(form for name in member.all_names() for word in _words_of(name) for form in forms(word))


# --- staff ---------------------------------------------------------------------------------------------------------

_ANYONE = re.compile(
    r"(?<!\w)(?:(?:к |у |с )?(?:люб(?:ому|ой|ого|ым|ая) (?:\w+ )?(?:мастер\w*|специалист\w*|сотрудник\w*|"
    r"стилист\w*|парикмахер\w*)|(?:кому|кем|кого) угодно)|"
    r"мастер\w* (?:не ?важ(?:ен|на|но)|не принципиал\w+|люб(?:ой|ая))|no preference(?! for)|"
    r"(?:без разницы|не ?важно|все равно|не принципиально)(?: к)? (?:кому|кто|у кого|какой мастер|к какому мастеру)|"
    r"(?:with |by )?(?:anyone|anybody|any (?:master|stylist|barber|specialist|hairdresser|staff|one))(?! (?:else|"
    r"but|except)))(?!\w)"
)
_BEFORE_A_PERSON = re.compile(r"(?<!\w)(?:к|ко|у|с|со|with|by|to|see|мастер\w*|кроме|except|не|not)$")
_ASKS_FOR_A_PERSON = re.compile(r"(?<!\w)(?:к|ко|у|with|by|(?:к|у) мастеру?)$")
_COMMON_TOO = words(
    "may april june august май мая мае маю мар вере веры веру вера свет свету свете лев рад слава славе тема теме "
    "темы тему "
    "тома мила мил поле поля роза надежда надежде любовь will mark rose grace hope sam bill pat art dean drew рома лада"
)
"""Names that are words as well: a person only after `к`, `with` and the like."""


def find_staff(scan: Scan, catalogue: Catalogue) -> Staff:
    """Reads the staff named and blanks them. Call it before days are read, so that `with May` is a person."""
    named: list[tuple[_Word, tuple[int, ...]]] = []
    unknown = ""
    for word in _unread_words(scan):
        ids = _members_called(word.text, catalogue)
        if ids and not _is_no_person(scan, word):
            scan.blank(word.start, word.end)
            named.append((word, ids))
        elif not ids and _ASKS_FOR_A_PERSON.search(scan.before(word.start)):
            unknown = given_name(word.text) or unknown
    denied = [each for each in named if is_refused(scan, each[0].start, each[0].end)]
    standing = {each.start for each in last_said(scan, [word for word, _ in named if (word, _) not in denied])}
    wanted = [ids for word, ids in named if word.start in standing and (word, ids) not in denied]
    anyone = next(iter(scan.take(_ANYONE)), None) is not None
    return Staff(
        _narrowed(wanted), frozenset(each for _, ids in denied for each in ids), anyone and not wanted, unknown
    )


def _is_no_person(scan: Scan, word: _Word) -> bool:
    return word.text in _COMMON_TOO and _BEFORE_A_PERSON.search(scan.before(word.start)) is None


def _narrowed(named: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """First name and surname together mean the one who has both."""
    if len(named) > 1 and (both := set(named[0]).intersection(*named[1:])):
        return tuple(sorted(both))
    return tuple(dict.fromkeys(each for ids in named for each in ids))


def _members_called(word: str, catalogue: Catalogue) -> tuple[int, ...]:
    exact = tuple(each.id for each in catalogue.staff if word in _member_forms(each))
    if exact or len(word) < 3 or word in KNOWN:
        return exact
    heard = tuple(each.id for each in catalogue.staff if _sounds_like(word, each))
    return heard or tuple(each.id for each in catalogue.staff if _is_a_slip(word, each))


def _sounds_like(word: str, member: StaffMember) -> bool:
    """The same name in the other script: `Anna`, `Olya`."""
    heard = sound(word.removesuffix("'s"))
    spoken = (call for name in member.all_names() for each in _words_of(name) for call in calls(each))
    return any(sound(each) == heard for each in spoken if each.isascii() != word.isascii())


def _is_a_slip(word: str, member: StaffMember) -> bool:
    """One slip in a name of five letters or more."""
    near = (each for each in _member_forms(member) if len(each) >= 5 and each[0] == word[0])
    return len(word) >= 5 and any(OSA.distance(word, each, score_cutoff=1) <= 1 for each in near)


# --- services ------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=4096)
def _key(word: str) -> str:
    """What two words must share to name the same thing: a trade word's meaning, else the stem."""
    return trade_of(word) or stem(word)


def _similar(left: str, right: str) -> bool:
    if left == right:
        return True
    if "@" in left or "@" in right:
        return False
    shorter = min(len(left), len(right))
    if shorter >= 4 and (left.startswith(right) or right.startswith(left)) and abs(len(left) - len(right)) <= 3:
        return True
    return shorter >= 5 and OSA.distance(left, right, score_cutoff=1) <= 1


def find_services(scan: Scan, catalogue: Catalogue) -> Services:
    """Reads the services named and blanks their words; what the customer took back is not among them."""
    words = [each for each in _unread_words(scan) if each.text not in _SMALL]
    words = [each for each in words if not is_refused(scan, each.start, each.end)]
    named: list[_Named] = []
    while words:
        best, used = _best(words, catalogue)
        if not best:
            break
        words = [each for each in words if each not in used]
        if not any(_describes(scan, each, used) for each in named):
            named.append(_Named(used[0].start, used[-1].end, best))
        for each in used:
            scan.blank(each.start, each.end)
    stands = last_said(scan, named)
    chosen = dict.fromkeys(each.ids[0] for each in named if each in stands and len(each.ids) == 1)
    options = next((each.ids for each in named if each in stands and len(each.ids) > 1), ())
    unknown = next((each.text for each in words if _is_a_service(each.text)), "")
    return Services(tuple(chosen)[:MAX_SERVICES], options, unknown)


@dataclass(frozen=True, slots=True)
class _Named:
    """A service, or several that fit equally, between two places of the text."""

    start: int
    end: int
    ids: tuple[int, ...]


def _describes(scan: Scan, named: _Named, used: Sequence[_Word]) -> bool:
    """Whether these words only say more of the service beside them: the hair of `hair dye` is no haircut."""
    if any(_is_a_service(each.text) for each in used):
        return False
    return scan.whole[used[-1].end : named.start] == " " or scan.whole[named.end : used[0].start] == " "


def _is_a_service(word: str) -> bool:
    trade = trade_of(word)
    return trade is not None and not trade.startswith("@for")


def _best(words: Sequence[_Word], catalogue: Catalogue) -> tuple[tuple[int, ...], tuple[_Word, ...]]:
    """The services that fit best, equally well and by the same words, and these words."""
    fits = {service.id: _best_name(words, service.all_names()) for service in catalogue.services}
    top = max((fit.score for fit in fits.values()), default=_NO_FIT.score)
    if top == _NO_FIT.score:
        return (), ()
    best = {id_: fit for id_, fit in fits.items() if fit.score == top}
    first = min((fit.used for fit in best.values()), key=lambda used: used[0].start)
    return tuple(id_ for id_, fit in best.items() if fit.used == first), first


@dataclass(frozen=True, slots=True)
class _Fit:
    """How much of a name was said: its weight, then its share of the name; and the words that said it."""

    score: tuple[int, float]
    used: tuple[_Word, ...]


_NO_FIT = _Fit((0, 0.0), ())


def _best_name(words: Sequence[_Word], names: Sequence[str]) -> _Fit:
    return max((_fit(words, name) for name in names), key=lambda each: each.score, default=_NO_FIT)


def _fit(words: Sequence[_Word], name: str) -> _Fit:
    """What is done weighs 2, for whom (`мужская`) 1: it tells equals apart."""
    keys = tuple(dict.fromkeys(_key(each) for each in _words_of(name) if each not in _SMALL))
    said = [key for key in keys if any(_similar(_key(each.text), key) for each in words)]
    used = tuple(each for each in words if any(_similar(_key(each.text), key) for key in said))
    return _Fit((_weight(said), _weight(said) / _weight(keys)), used) if said else _NO_FIT


def _weight(keys: Sequence[str]) -> int:
    return sum(1 if key.startswith("@for") else 2 for key in keys)


def _unread_words(scan: Scan) -> list[_Word]:
    return [_Word(*match.span(), match.group()) for match in _WORD.finditer(scan.rest)]
