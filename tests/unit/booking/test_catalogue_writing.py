"""A calendar is written as a person would write it, and read back as it was."""

from hypothesis import given, settings
from support.catalogue_worlds import calendars

from wamesh.booking.calendar import Calendar
from wamesh.booking.catalogue.file import parse_catalogue, read_catalogue
from wamesh.booking.catalogue.writing import write_catalogue
from wamesh.console.seed import DEMO_SALON

WRITTEN = """\
company:
  id: 1
  name: Barber
  time_zone: Europe/Berlin
  language: en
  currency: EUR

booking:
  horizon_days: 30

holidays:
  country: DE
  subdivision: BE
  open_days: [2026-12-26]

closures:
  - {date: 2026-12-24, note: Christmas}
  - {from: 2026-12-31 14:00, to: 2027-01-01 00:00}

categories:
  - {id: 1, name: {en: Hair, de: Haare}}

resources:
  - {id: 1, name: Chair, quantity: 2}
  - {id: 2, name: Room, archived: true}

services:
  - id: 1
    name: Haircut
    aliases: [cut, 'trim, short']
    category: 1
    duration_minutes: 30
    duration_range: 30-90
    price: 35.50
    needs:
      - {resource: 1, quantity: 1}
  - id: 2
    name: Course
    duration_minutes: 90
    price: 20
    capacity: 12

staff:
  - id: 1
    name: Ann
    services:
      - {id: 1, duration_minutes: 40, price: 40}
      - 2
    hours:
      tue-fri: 10:00-14:00, 15:00-19:30
      sat: 22:00-02:00
    breaks:
      tue: 12:00-12:30
      sat: 23:45-00:00
    overrides:
      - {date: 2026-12-01, hours: closed}
      - {date: 2026-12-02, hours: 10:00-12:00, breaks: 11:00-11:15}
      - {date: 2026-12-08, hours: '10:00-12:00, 13:00-24:00', breaks: closed}
"""


def test_a_file_is_written_as_a_person_would() -> None:
    """Days and prices abbreviated, defaults left out, small things on one line; breaks only where they are unusual."""
    text = WRITTEN.replace("23:45-00:00", "23:45-24:00")
    assert write_catalogue(parse_catalogue(WRITTEN)).splitlines() == text.splitlines()


def test_the_demo_salon_survives_the_way_there_and_back() -> None:
    """Comments are lost, and nothing else."""
    salon = read_catalogue(DEMO_SALON)
    assert parse_catalogue(write_catalogue(salon)) == salon


@settings(max_examples=60, deadline=None)
@given(calendars())
def test_what_is_written_reads_as_it_was(calendar: Calendar) -> None:
    """For whatever calendar is consistent."""
    assert parse_catalogue(write_catalogue(calendar)) == calendar
