"""Arbitrary catalogues that are consistent, for property tests.

calendars() draws whole ones; ids are few, so that two of them have things in common.
"""

from hypothesis import strategies as st

from wamesh.booking.calendar import (
    Absence,
    Calendar,
    Category,
    Company,
    Holidays,
    Need,
    Resource,
    Service,
    Skill,
    StaffMember,
)
from wamesh.slots.spans import Span
from wamesh.slots.working import DayPlan
from wamesh.slots.zones import MINUTES_PER_DAY

ALPHABET = st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp"))
TEXTS = st.text(ALPHABET, max_size=8).map(str.strip).filter(bool) | st.sampled_from(
    ["no", "1", "null", "a: b", "# x", "- y", "{z}", "'", '"', "é\u00a0è", "closed", "*a", "&b", "2026-01-01"]
)
IDS = st.integers(1, 4) | st.just(2**63 - 1)
PRICES = st.integers(0, 100).map(lambda units: units * 1_000_000) | st.integers(0, 10**15)
DAYS = st.integers(20_700, 20_712) | st.integers(-700_000, 2_900_000)
LANGUAGES = ("en", "ru", "pt-BR")


@st.composite
def ranges(draw: st.DrawFn) -> tuple[Span, ...]:
    """Ranges of a day plan, as files have them: in order, shorter than a day unless from midnight to midnight."""
    found = set()
    for _ in range(draw(st.integers(0, 2))):
        start = draw(st.integers(0, MINUTES_PER_DAY - 1))
        found.add((start, start + draw(st.integers(1, MINUTES_PER_DAY - 1))))
    return tuple(sorted(found)) or draw(st.sampled_from([(), ((0, MINUTES_PER_DAY),)]))


PLANS = st.builds(DayPlan, ranges(), ranges())


@st.composite
def absences(draw: st.DrawFn) -> tuple[Absence, ...]:
    """Absences at different times, in order."""
    found = {}
    for _ in range(draw(st.integers(0, 3))):
        start, length, note = draw(DAYS) * MINUTES_PER_DAY, draw(st.integers(1, 5)), draw(TEXTS | st.just(""))
        if draw(st.booleans()):
            found[start, length, True] = Absence(start, start + length * MINUTES_PER_DAY, True, note)
        else:
            found[start, length, False] = Absence(start + 600, start + 600 + length, False, note)
    return tuple(sorted(found.values()))


def names(draw: st.DrawFn, language: str) -> dict[str, str]:
    """Names by language, that of the company among them."""
    languages = {language, *draw(st.sets(st.sampled_from(LANGUAGES)))}
    return {each: draw(TEXTS) for each in sorted(languages)}


def ids(draw: st.DrawFn) -> list[int]:
    """Ids of a list of things, in any order."""
    return draw(st.lists(IDS, max_size=3, unique=True))


@st.composite
def companies(draw: st.DrawFn) -> Company:
    """A company and its rules."""
    holidays = st.builds(Holidays, st.just("DE"), st.sampled_from(["", "BE"]), st.frozensets(DAYS, max_size=2))
    return Company(
        company_id=draw(IDS),
        name=draw(TEXTS),
        time_zone=draw(st.sampled_from(["Europe/Berlin", "UTC"])),
        language=draw(st.sampled_from(LANGUAGES)),
        currency=draw(st.sampled_from(["EUR", "USD"])),
        address=draw(TEXTS | st.just("")),
        step_minutes=draw(st.sampled_from([1, 15, 1440])),
        notice_minutes=draw(st.sampled_from([0, 30, 86_400])),
        horizon_minutes=draw(st.sampled_from([1, 60, 730])) * MINUTES_PER_DAY,
        holidays=draw(st.none() | holidays),
        archived=draw(st.booleans()),
    )


@st.composite
def services(draw: st.DrawFn, service_id: int, language: str, categories: list[int], stock: list[Resource]) -> Service:
    """A service that needs what there is."""
    named, duration = names(draw, language), draw(st.integers(1, 1440))
    capacity = draw(st.sampled_from([1, 1, 12]))
    wide = st.tuples(st.integers(1, duration), st.integers(duration, 1440))
    needed = [each for each in stock if not each.archived and draw(st.booleans())]
    return Service(
        service_id=service_id,
        name=named[language],
        localized_names=named,
        aliases=tuple(draw(st.lists(TEXTS, max_size=2))),
        duration_minutes=duration,
        buffer_before_minutes=draw(st.sampled_from([0, 5])),
        buffer_after_minutes=draw(st.sampled_from([0, 1440])),
        price_micros=draw(PRICES),
        category_id=draw(st.sampled_from([0, *categories])),
        capacity=capacity,
        needs=tuple(sorted(Need(each.resource_id, draw(st.integers(1, each.quantity))) for each in needed)),
        duration_range=draw(st.none() | wide) if capacity == 1 else None,
        archived=draw(st.booleans()),
    )


@st.composite
def members(draw: st.DrawFn, staff_id: int, language: str, service_ids: list[int]) -> StaffMember:
    """A staff member who does some of the services."""
    named = names(draw, language)
    done = sorted(each for each in service_ids if draw(st.booleans()))
    return StaffMember(
        staff_id=staff_id,
        name=named[language],
        localized_names=named,
        skills=tuple(Skill(each, draw(st.none() | st.integers(1, 1440)), draw(st.none() | PRICES)) for each in done),
        weekly=tuple(draw(PLANS) for _ in range(7)) if draw(st.booleans()) else (draw(PLANS),) * 7,
        overrides=draw(st.dictionaries(DAYS, PLANS, max_size=2)),
        time_off=draw(absences()),
        archived=draw(st.booleans()),
    )


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    """A consistent catalogue."""
    company = draw(companies())
    language = company.language
    categories = []
    for each in ids(draw):
        named = names(draw, language)
        categories.append(Category(each, named[language], named, draw(st.booleans())))
    stock = []
    for each in ids(draw):
        named = names(draw, language)
        stock.append(Resource(each, named[language], draw(st.integers(1, 3)), named, draw(st.booleans())))
    offered = [each.category_id for each in categories if not each.archived]
    made = tuple(draw(services(each, language, offered, stock)) for each in ids(draw))
    done = [each.service_id for each in made]
    return Calendar(
        company=company,
        services=made,
        staff=tuple(draw(members(each, language, done)) for each in ids(draw)),
        closures=draw(absences()),
        categories=tuple(categories),
        resources=tuple(stock),
    )
