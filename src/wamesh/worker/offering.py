"""Which of the free slots to show, and which of the shown ones the customer meant.

Owns the choice of a few from many: around an asked minute, else spread over the day or over the days. Refuses words
and I/O. Invariants: what is offered is a subset of what is free, ascending by start, at most `MAX_OFFERS`.
"""

from collections.abc import Sequence
from datetime import date, datetime
from itertools import groupby
from zoneinfo import ZoneInfo

from wamesh.worker.conversation import Offer, Wish
from wamesh.worker.understanding import Times, Understanding

MAX_OFFERS = 6
MAX_DAYS = 3


def local_minute(moment: datetime, zone: ZoneInfo) -> int:
    """Minutes since local midnight."""
    local = moment.astimezone(zone)
    return local.hour * 60 + local.minute


def local_day(moment: datetime, zone: ZoneInfo) -> date:
    """The local date."""
    return moment.astimezone(zone).date()


def acceptable(slots: Sequence[Offer], wish: Wish, zone: ZoneInfo) -> list[Offer]:
    """The slots on wanted days, without the denied days, minutes and staff; by start."""
    return sorted(
        (
            each
            for each in slots
            if (not wish.days or local_day(each.start, zone) in wish.days)
            and local_day(each.start, zone) not in wish.unwanted_days
            and local_minute(each.start, zone) not in wish.unwanted_minutes
            and wish.unwanted_staff.isdisjoint(each.staff_ids)
        ),
        key=lambda each: each.start,
    )


def at_the_minute(slots: Sequence[Offer], wish: Wish, zone: ZoneInfo) -> list[Offer]:
    """The slots at exactly the asked time: at its likeliest reading, else at any of them."""
    if wish.exact is None:
        return []
    likeliest = [each for each in slots if local_minute(each.start, zone) == wish.exact]
    return likeliest or [each for each in slots if local_minute(each.start, zone) in wish.readings]


def nearest(slots: Sequence[Offer], minute: int, zone: ZoneInfo) -> list[Offer]:
    """At most MAX_OFFERS slots nearest to the time of day, in order of start."""
    ranked = sorted(slots, key=lambda each: (abs(local_minute(each.start, zone) - minute), each.start))
    return sorted(ranked[: MAX_OFFERS - 1], key=lambda each: each.start)


def spread(slots: Sequence[Offer], zone: ZoneInfo) -> list[Offer]:
    """At most MAX_OFFERS slots: over one day evenly, over several days some of each of the first ones."""
    days = [list(each) for _, each in groupby(slots, key=lambda each: local_day(each.start, zone))][:MAX_DAYS]
    if not days:
        return []
    share = MAX_OFFERS // len(days)
    return [each for day in days for each in _evenly(day, share)]


def _evenly(slots: Sequence[Offer], count: int) -> list[Offer]:
    """First, last and evenly between; of enough slots only those at the full and the half hour."""
    if len(slots) <= count:
        return list(slots)
    round_ones = [each for each in slots if each.start.minute % 30 == 0]
    slots = round_ones if len(round_ones) >= count else slots
    if count == 1:
        return [slots[0]]
    return [slots[round(index * (len(slots) - 1) / (count - 1))] for index in range(count)]


def named_in(offers: Sequence[Offer], said: Understanding, zone: ZoneInfo) -> list[Offer]:
    """The offers at the minute that was said, on the day and by the person, when those were said too; none without
    a minute.
    """
    found = _at(offers, said.times, zone)
    if said.days.wanted:
        found = [each for each in found if local_day(each.start, zone) in said.days.wanted]
    if said.staff.wanted:
        found = [each for each in found if set(each.staff_ids) & set(said.staff.wanted)]
    return found


def _at(offers: Sequence[Offer], times: Times, zone: ZoneInfo) -> list[Offer]:
    if times.exact is None:
        return []
    likeliest = [each for each in offers if local_minute(each.start, zone) == times.exact]
    return likeliest or [each for each in offers if local_minute(each.start, zone) in times.readings]


def agrees_with(offer: Offer, said: Understanding, zone: ZoneInfo) -> bool:
    """Whether nothing that was said speaks against the offer."""
    minute, staff = local_minute(offer.start, zone), set(offer.staff_ids)
    times = said.times
    return (
        (not said.days.wanted or local_day(offer.start, zone) in said.days.wanted)
        and local_day(offer.start, zone) not in said.days.unwanted
        and said.days.problem is None
        and (times.exact is None or minute in times.readings)
        and (not times.ranges or any(first <= minute < last for first, last in times.ranges))
        and minute not in times.unwanted
        and (not said.staff.wanted or bool(staff & set(said.staff.wanted)))
        and not staff & said.staff.unwanted
        and set(said.services.chosen) <= set(offer.service_ids)
    )
