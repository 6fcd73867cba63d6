"""The public holidays of countries and their subdivisions, as day numbers.

Owns the use of the library `holidays`, which is imported when the first company with holidays is asked about: processes
and companies without them pay nothing. Refuses names that the library only guesses: a country is its ISO 3166-1 code, a
subdivision the one that the library lists for it.

Invariant: an answer depends on its arguments alone, and is remembered by country, subdivision and year.
"""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from wamesh.booking.errors import HolidaysUnknown
from wamesh.slots.zones import day_number

if TYPE_CHECKING:
    from wamesh.booking.calendar import Holidays

_YEARS_IN_MEMORY: Final = 1_000
_CODE: Final = re.compile(r"[A-Z]{2}")


def closed_days(holidays: "Holidays", years: Iterable[int]) -> frozenset[int]:
    """Returns the day numbers of these years on which a company with such holidays is closed; a holiday that is made up
    for on a weekday closes that day too. Raises HolidaysUnknown.
    """
    closed = (_public_holidays(holidays.country, holidays.subdivision, year) for year in years)
    return frozenset().union(*closed) - holidays.open_days


def known_country(country: str) -> bool:
    """Whether the holidays of a country are known."""
    return _subdivisions(country) is not None


def known_subdivisions(country: str) -> tuple[str, ...]:
    """Returns the subdivisions of a country that the library tells apart."""
    return _subdivisions(country) or ()


@lru_cache(_YEARS_IN_MEMORY)
def _public_holidays(country: str, subdivision: str, year: int) -> frozenset[int]:
    import holidays

    if not known_country(country) or (subdivision and subdivision not in known_subdivisions(country)):
        raise HolidaysUnknown(country, subdivision)
    return frozenset(day_number(day) for day in holidays.country_holidays(country, subdivision or None, years=year))


@lru_cache
def _subdivisions(country: str) -> tuple[str, ...] | None:
    import holidays

    if not _CODE.fullmatch(country):
        return None
    try:
        found = holidays.country_holidays(country)
    except NotImplementedError:
        return None
    return tuple(found.subdivisions)
