"""Public holidays close a company, but for the days on which it is open."""

import subprocess
import sys
from datetime import date

import pytest

from wamesh.booking.calendar import Holidays
from wamesh.booking.catalogue.file import parse_catalogue
from wamesh.booking.errors import HolidaysUnknown
from wamesh.booking.holidays import closed_days, known_country, known_subdivisions
from wamesh.slots.zones import day_number


def days(*dates: str) -> set[int]:
    """Day numbers."""
    return {day_number(date.fromisoformat(each)) for each in dates}


def test_a_country_and_its_part_have_their_own_days() -> None:
    """Women's Day is a holiday in Berlin, Epiphany in Bavaria, Unity Day everywhere in Germany."""
    berlin, bavaria = (closed_days(Holidays("DE", each), [2026]) for each in ("BE", "BY"))
    assert days("2026-03-08", "2026-10-03") <= berlin
    assert days("2026-01-06", "2026-10-03") <= bavaria
    assert not days("2026-01-06") & berlin
    assert closed_days(Holidays("DE"), [2026]) <= berlin & bavaria


def test_open_days_are_not_closed() -> None:
    """The rest of the year stays as it is."""
    open_day = days("2026-10-03")
    everything = closed_days(Holidays("DE", "BE"), [2026])
    assert closed_days(Holidays("DE", "BE", frozenset(open_day)), [2026]) == everything - open_day


def test_years_add_up() -> None:
    """Several years are the union of each; none is none."""
    berlin = Holidays("DE", "BE")
    assert closed_days(berlin, [2026, 2027]) == closed_days(berlin, [2026]) | closed_days(berlin, [2027])
    assert closed_days(berlin, []) == frozenset()


def test_a_holiday_made_up_for_closes_that_day_too() -> None:
    """The Fourth of July 2026 is a Saturday."""
    assert days("2026-07-03", "2026-07-04") <= closed_days(Holidays("US"), [2026])


@pytest.mark.parametrize("country", ["XX", "de", "Germany", ""])
def test_a_country_is_its_code(country: str) -> None:
    """Names and small letters are not known."""
    assert not known_country(country)
    assert known_subdivisions(country) == ()
    with pytest.raises(HolidaysUnknown):
        closed_days(Holidays(country), [2026])


def test_the_library_is_loaded_only_when_it_is_needed() -> None:
    """Processes and companies without holidays do not pay for its import."""
    program = "import sys, wamesh.booking.catalogue.rules; sys.exit('holidays' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


STUDIO = """
company: {id: 1, name: Studio, time_zone: Europe/Berlin, language: en, currency: EUR}
holidays: {country: DE, open_days: [2026-12-26]}
staff: [{id: 1, name: Ann, hours: {daily: 22:00-02:00}}]
"""


def test_nobody_works_on_a_holiday() -> None:
    """The shift that begins on it does not take place, the tail of the night before does; an open day is as any."""
    calendar = parse_catalogue(STUDIO)
    start, end = (day_number(date(2026, 12, day)) * 1440 for day in (24, 28))
    _, working = calendar.working((start, end))
    nights = [[(start + day * 1440 + 21 * 60), start + day * 1440 + 25 * 60] for day in (-1, 0, 2, 3)]
    assert working[1] == [(max(first, start), min(last, end)) for first, last in nights]


def test_holidays_reach_over_the_year() -> None:
    """New Year's Day closes the shift that a search of 31 December sees."""
    calendar = parse_catalogue(STUDIO)
    start = day_number(date(2026, 12, 31)) * 1440
    _, working = calendar.working((start, start + 3 * 1440))
    assert working[1][1] == (start + 21 * 60, start + 25 * 60)
    assert working[1][2][0] == start + 2 * 1440 + 21 * 60
