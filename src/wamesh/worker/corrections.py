"""What is said about a visit that stands by whoever does not say *move*: another time for it, or its own once more.

Owns when a day, a time or a person by itself is about that visit and not about a new one. Refuses to look it up: there
may be none. Invariant: a message that names a service, or a further visit, is never about one that stands.
"""

from wamesh.worker.conversation import Visit
from wamesh.worker.offering import local_day, local_minute
from wamesh.worker.turn import Turn
from wamesh.worker.understanding import Signal, Understanding

_OTHER_MATTERS = (
    *(Signal.CANCEL, Signal.LIST, Signal.TEAM, Signal.PRICE, Signal.SERVICES, Signal.HOURS, Signal.ADDRESS),
    *(Signal.HUMAN, Signal.UNDECIDED, Signal.HELP),
)


def wants_otherwise(turn: Turn, said: Understanding) -> bool:
    """Whether a visit that stands, if there is one, shall be otherwise."""
    if _is_about_another(said) or said.says(Signal.CANCEL):
        return False
    return _asks_for_a_change(said) or (turn.state.settled is not None and _corrects(turn, said, turn.state.settled))


def repeats(turn: Turn, said: Understanding, settled: Visit) -> bool:
    """Whether the customer only says when it is: `буду завтра в 15`, `ok, see you on Friday`."""
    if _is_about_another(said) or said.says(*_OTHER_MATTERS, Signal.CANNOT_COME, Signal.NO):
        return False
    zone, days, minute = turn.catalogue.zone, said.days.wanted, said.times.exact
    if minute is None and (_asks(said) or not days):
        return False
    return days in (None, (local_day(settled.start, zone),)) and minute in (None, local_minute(settled.start, zone))


def _is_about_another(said: Understanding) -> bool:
    services = said.services
    further = said.says(Signal.ALSO, Signal.TOGETHER, Signal.ANEW)
    return further or bool(services.chosen or services.options or services.unknown)


def _asks(said: Understanding) -> bool:
    return said.says(Signal.BOOK) or "?" in said.text


def _asks_for_a_change(said: Understanding) -> bool:
    """By its words: `можно на час раньше?`, `can't make 17:30, can I do 18:30?`, `лучше в пятницу`."""
    asks = _asks(said)
    if said.shift.leads_away and (asks or not said.says(Signal.HUMAN)):
        return True
    if said.days.wanted or said.times:
        denied = bool(said.days.unwanted or said.times.unwanted)
        return denied or said.says(Signal.INSTEAD) or (asks and said.says(Signal.CANNOT_COME))
    if said.says(Signal.INSTEAD) and said.staff.wanted:
        return True
    return asks and said.says(Signal.OTHER_DAY, Signal.OTHER_STAFF, Signal.EARLIER, Signal.LATER)


def _corrects(turn: Turn, said: Understanding, settled: Visit) -> bool:
    """By its moment, just after the visit was arranged: `ой, мне на 14:00`, `а можно к Анне?`; and not `спасибо, до
    пятницы`.
    """
    if said.says(*_OTHER_MATTERS) or (not _asks(said) and said.says(Signal.THANKS, Signal.GOODBYE)):
        return False
    if said.shift or said.says(Signal.MORE):
        return True
    if said.times and not repeats(turn, said, settled):
        return True
    days = {*(said.days.wanted or ()), *said.days.unwanted}
    other_day = bool(days) and days != {local_day(settled.start, turn.catalogue.zone)}
    other_staff = not set(said.staff.wanted) <= set(settled.staff_ids)
    return other_day or other_staff or bool(said.times.unwanted and not said.says(Signal.CANNOT_COME))
