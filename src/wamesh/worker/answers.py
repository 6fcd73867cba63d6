"""What a customer answers to the question asked last: which service, which slot, is this the one, which visit.

Owns the meaning of an answer at each stage of the conversation. Refuses new requests: requests.py reads those.
Invariants: None when the customer talks of something else; nothing is booked that the customer has not picked from a
list or agreed to, and nothing old without looking it up again.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from wamesh.worker import results
from wamesh.worker.conversation import Offer, Purpose, Stage, Wish
from wamesh.worker.events import Book, CancelVisit, MoveVisit
from wamesh.worker.moving import at_another_time
from wamesh.worker.offering import agrees_with, local_day, local_minute, named_in
from wamesh.worker.requests import change_of, merged, notes, proceed, undated
from wamesh.worker.turn import Step, Turn
from wamesh.worker.understanding import Signal, Understanding

OFFER_LIFETIME = timedelta(hours=2)
"""An older list is looked up again before anything of it is booked."""
LAST_MINUTE = 24 * 60 - 1
_ASIDES = (Signal.LANGUAGE, Signal.PRICE, Signal.ADDRESS, Signal.HOURS, Signal.HUMAN, Signal.TEAM, Signal.UNDECIDED)
_RESERVATIONS = (Signal.MORE, Signal.EARLIER, Signal.LATER, Signal.OTHER_DAY, Signal.OTHER_STAFF, Signal.ALSO)
"""A yes with one of these is no consent yet."""


def answer_to_question(turn: Turn, said: Understanding) -> Step | None:
    """The answer to what was asked last; None when the customer talks of something else."""
    match turn.state.stage:
        case Stage.ASKED_SERVICE:
            return _answer_to_service(turn, said)
        case Stage.OFFERED:
            return _answer_to_offer(turn, said)
        case Stage.CONFIRMING:
            return _answer_to_confirm(turn, said)
        case Stage.ASKED_BOOKING:
            return _answer_to_which_visit(turn, said)
        case Stage.CONFIRMING_CANCEL if turn.state.visits:
            return _answer_to_cancel(turn, said)
    return None


def _answer_to_service(turn: Turn, said: Understanding) -> Step | None:
    """A place in the list or a name from it; what else was asked for before stays part of the visit."""
    options, before = turn.state.service_options, turn.state.wish.service_ids
    chosen = said.services.chosen or tuple(options[each] for each in said.picked)
    if not chosen or not set(chosen) <= set(options):
        return None
    wish = replace(merged(turn.state.wish, said), service_ids=tuple(dict.fromkeys((*before, *chosen))))
    return proceed(turn.with_state(wish=wish, stage=Stage.IDLE, service_options=()), *notes(turn, said))


def _answer_to_which_visit(turn: Turn, said: Understanding) -> Step | None:
    """Its place in the list, all of them, or its service, day, time or staff."""
    visits = turn.state.visits
    if said.picked:
        return results.chosen_visit(turn, visits[said.picked[0]])
    if said.says(Signal.ALL) and turn.state.purpose is Purpose.CANCEL:
        return results.chosen_visits(turn.with_state(purpose=Purpose.CANCEL_ALL), visits)
    if said.details and not said.says(Signal.BOOK):
        meant = results.visits_meant(visits, merged(Wish(), said), turn.catalogue.zone)
        return results.chosen_visits(turn, meant) if meant else None
    if said.says(Signal.NO):
        return turn.idle(turn.replies.kept())
    return results.chosen_visits(turn, visits) if said.says(Signal.YES) else None


def _answer_to_cancel(turn: Turn, said: Understanding) -> Step | None:
    if said.says(Signal.UNDECIDED) or "?" in said.text:
        return None
    if said.says(Signal.YES):
        return turn.state, (CancelVisit(turn.state.visits[0].booking_id),)
    if said.says(Signal.NO) and not said.details:
        return turn.idle(turn.replies.kept())
    if said.says(Signal.CANCEL) and not said.details:
        return turn.state, (CancelVisit(turn.state.visits[0].booking_id),)
    return None


def _answer_to_offer(turn: Turn, said: Understanding) -> Step | None:
    offers = turn.state.offers
    if said.says(*_ASIDES) and not said.alone and not said.details:
        return _aside(turn, said)
    picked = _picked_offers(turn, said)
    if len(picked) == 1:
        return _take(turn, picked[0], sure=_is_sure(turn, said))
    if len(picked) > 1:
        return turn.offer(tuple(picked), turn.replies.offer(picked, Wish()))
    if said.details or said.says(Signal.CANCEL, Signal.MOVE, Signal.LIST):
        return _drop(turn, said)
    if said.says(Signal.OTHER_STAFF):
        return _by_somebody_else(turn)
    if said.says(Signal.OTHER_DAY):
        return turn.say(turn.replies.other_time(), wish=undated(turn.state.wish))
    if said.says(Signal.MORE, Signal.EARLIER, Signal.LATER):
        return _shifted(turn, said)
    if said.says(Signal.NO):
        return turn.say(turn.replies.other_time())
    if said.says(Signal.YES) and len(offers) == 1:
        return _take(turn, offers[0], sure=True)
    return turn.say(turn.replies.which_of_them()) if said.signals <= {Signal.YES} else None


def _aside(turn: Turn, said: Understanding) -> Step | None:
    """A question beside an offer: its price and its wording are on the offer, the rest is small talk."""
    picked, offers = turn.state.picked, turn.state.offers
    if not said.says(Signal.LANGUAGE, Signal.PRICE):
        return None
    return turn.say(turn.question(picked) if picked else turn.replies.offer(offers, Wish()))


def _drop(turn: Turn, said: Understanding) -> Step | None:
    """`отмена` before anything was booked gives up the request; `отмените запись` is about a booking."""
    if said.says(Signal.CANCEL) and not said.says(Signal.BOOK, Signal.LIST) and not said.details:
        return turn.idle(turn.replies.dropped())
    return None


def _picked_offers(turn: Turn, said: Understanding) -> list[Offer]:
    offers = turn.state.offers
    zone = turn.catalogue.zone
    if said.picked:
        return [offers[each] for each in said.picked if agrees_with(offers[each], said, zone)]
    if said.services.chosen and set(said.services.chosen) != set(offers[0].service_ids):
        return []
    return named_in(offers, said, zone) or _by_ambiguous_hour(offers, said)


def _by_ambiguous_hour(offers: Sequence[Offer], said: Understanding) -> list[Offer]:
    """`на 2`, when nothing on the list is at two, may well mean the second."""
    times, days = said.times, said.days
    if len(times.readings) != 2 or days.wanted or said.staff.wanted or len(said.text.split()) > 4:
        return []
    hour, minute = divmod(times.readings[0], 60)
    return [offers[hour - 1]] if minute == 0 and 1 <= hour <= len(offers) else []


def _is_sure(turn: Turn, said: Understanding) -> bool:
    """A place in the list or its minute, and nothing besides: `what's the latest?` and `our first time` only ask."""
    named = said.picked or (not said.times.about and named_in(turn.state.offers, said, turn.catalogue.zone))
    return bool(named) and said.alone


def _take(turn: Turn, offer: Offer, *, sure: bool) -> Step:
    """Books the offer, or moves the visit there; an old one is looked up again, an unclear one is asked about."""
    offered, moving = turn.state.offered_time, turn.state.moving
    if offer.start <= turn.now or offered is None or turn.now - offered > OFFER_LIFETIME:
        return _look_again(turn, offer)
    if not sure:
        return turn.ask_to_confirm(offer)
    action = Book(offer) if moving is None else MoveVisit(moving.booking_id, offer)
    return replace(turn.state, picked=offer), (action,)


def _look_again(turn: Turn, offer: Offer) -> Step:
    day = max(local_day(offer.start, turn.catalogue.zone), turn.today)
    sought = Wish(service_ids=offer.service_ids, days=(day,), staff_ids=turn.state.wish.staff_ids)
    return turn.with_state(picked=offer).search(Purpose.RECONFIRM, sought)


def _shifted(turn: Turn, said: Understanding) -> Step:
    """More, earlier or later than what is on the list; by how much counts from its first day, or from its only slot."""
    state, zone = turn.state, turn.catalogue.zone
    alone = len(state.offers) == 1
    if said.shift.days or (said.shift and alone):
        wish = replace(undated(state.wish), change=change_of(said))
        wish = at_another_time(wish, state.offers[0].start, zone)
        return proceed(turn.with_state(wish=wish if alone else replace(wish, exact=None, readings=())))
    seen = (*state.offered_before, *(each.start for each in state.offers))
    shown = [local_minute(each.start, zone) for each in state.offers]
    sought = replace(state.wish, service_ids=state.offers[0].service_ids, exact=None, readings=(), about=False)
    if said.says(Signal.EARLIER):
        sought = replace(sought, ranges=((0, max(1, min(shown))),))
    elif said.says(Signal.LATER):
        sought = replace(sought, ranges=((min(max(shown), LAST_MINUTE - 1) + 1, LAST_MINUTE + 1),))
    return turn.with_state(offered_before=seen).search(Purpose.SHIFT, sought)


def _by_somebody_else(turn: Turn) -> Step:
    """The same visit without those who were asked for, else without those on the list."""
    wish, offers = turn.state.wish, turn.state.offers
    tired_of = wish.staff_ids or tuple(each for offer in offers for each in offer.staff_ids)
    unwanted = wish.unwanted_staff.union(tired_of)
    if not turn.catalogue.can_do_without(unwanted, offers[0].service_ids):
        return turn.say(turn.replies.nobody_else())
    wish = replace(wish, staff_ids=(), unwanted_staff=unwanted, service_ids=offers[0].service_ids)
    return proceed(turn.with_state(wish=wish))


def _answer_to_confirm(turn: Turn, said: Understanding) -> Step | None:
    picked = turn.state.picked
    if picked is None:
        return None
    if said.says(Signal.MOVE, Signal.LIST):
        return None
    if said.says(*_ASIDES) and not said.details:
        return _aside(turn, said)
    named = said.alone and (said.picked or named_in((picked,), said, turn.catalogue.zone))
    agrees = named or (said.says(Signal.YES) and "?" not in said.text)
    if agrees and not said.says(*_RESERVATIONS) and agrees_with(picked, said, turn.catalogue.zone):
        return _take(turn, picked, sure=True)
    if said.details or said.says(Signal.CANCEL):
        return _drop(turn, said)
    if said.says(Signal.OTHER_STAFF):
        return _by_somebody_else(turn)
    if said.says(Signal.OTHER_DAY):
        return turn.say(turn.replies.other_time(), wish=undated(turn.state.wish))
    if said.says(Signal.MORE, Signal.EARLIER, Signal.LATER):
        return _shifted(turn, said)
    if said.says(Signal.NO):
        wish = undated(turn.state.wish)
        return turn.say(turn.replies.other_time(), stage=Stage.IDLE, picked=None, offers=(), wish=wish)
    return turn.say(turn.question(picked)) if said.signals <= {Signal.YES, Signal.BOOK} else None
