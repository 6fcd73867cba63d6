"""What a visit shall become: what was said of it, over what it is.

Owns what stays when it was not said: services and staff, and the day when only a time was. Refuses to look for slots
and to read text. Invariant: with nothing said, the wish is for the same services by the same staff at any time.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from wamesh.worker.catalogue import Catalogue
from wamesh.worker.conversation import Change, Visit, Wish
from wamesh.worker.offering import local_day, local_minute
from wamesh.worker.understanding.times import MIDNIGHT


def moved(said: Wish, visit: Visit, catalogue: Catalogue) -> Wish:
    """The wish for the visit as it shall be. Another service or another person, by itself, keeps the time."""
    present = tuple(dict.fromkeys(visit.staff_ids))
    other_service = bool(said.service_ids) and not set(said.service_ids) & set(visit.service_ids)
    if other_service:
        present = tuple(each for each in present if catalogue.does(each, said.service_ids))
    else:
        said = replace(said, service_ids=visit.service_ids)
    if (other_service or said.staff_ids or said.change.other_staff) and not _says_when(said):
        said = replace(said, change=replace(said.change, days=0, minutes=0))
    change, wish = said.change, at_another_time(said, visit.start, catalogue.zone)
    if change.other_staff:
        return replace(wish, unwanted_staff=wish.unwanted_staff.union(present))
    if wish.staff_ids or change.any_staff:
        return wish
    return replace(wish, staff_ids=tuple(each for each in present if each not in wish.unwanted_staff))


def at_another_time(said: Wish, start: datetime, zone: ZoneInfo) -> Wish:
    """The wish with its change, `на час позже` or `the same time on Friday`, counted from this start."""
    change, day, minute = said.change, local_day(start, zone), local_minute(start, zone)
    said, timed = replace(said, change=Change()), _timed(said)
    if change.days and not timed and change.minutes is None:
        change = replace(change, minutes=0)
    if change.minutes is not None:
        over, minute = divmod(minute + change.minutes, MIDNIGHT)
        day += timedelta(days=over)
        said = replace(said, exact=minute, readings=(minute,), ranges=())
    elif change.way and not timed:
        said = replace(said, ranges=((0, minute) if change.way < 0 else (minute + 1, MIDNIGHT),))
    if change.days is not None:
        return replace(said, days=(day + timedelta(days=change.days),))
    if change.other_day:
        return replace(said, unwanted_days=said.unwanted_days | {day})
    if said.days or not (timed or change.minutes or change.way):
        return said
    return replace(said, days=(day,))


def _says_when(said: Wish) -> bool:
    change = said.change
    relative = change.days is not None or change.minutes is not None or change.way != 0 or change.other_day
    unwanted = said.unwanted_days or said.unwanted_minutes
    return bool(_timed(said) or said.days or unwanted or relative)


def _timed(said: Wish) -> bool:
    return said.exact is not None or bool(said.ranges)
