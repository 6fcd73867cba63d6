"""The dialogue as a pure function: `step(state, event, now, catalogue) -> (state, actions)`.

A turn is a fold: the customer speaks, the state asks for actions, their results come back as further events, until
the only actions left are replies:

    CustomerSpoke --> SearchSlots --> SlotsFound --> Reply        offered: a numbered list
    CustomerSpoke --> Book        --> Booked     --> Reply        booked
                                  --> SlotTaken  --> Reply        offered afresh
    CustomerSpoke --> FindVisits  --> VisitsFound --> Reply       which one? really cancel?
    CustomerSpoke --> CancelVisit --> VisitCancelled --> Reply

Owns what to do about what was understood. Refuses I/O and the clock. Invariants: every event of any state gives a
state and actions, never an exception; nothing is booked that the customer has not picked from a list or agreed to;
within a turn nothing is looked up before something is booked, so that a turn run again after a crash books the
same.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from wamesh.worker import results
from wamesh.worker.catalogue import Catalogue
from wamesh.worker.conversation import Conversation, Offer, Purpose, Stage, Wish
from wamesh.worker.events import (
    Book,
    Booked,
    CancelVisit,
    Content,
    CustomerMessage,
    CustomerSpoke,
    Event,
    FindVisits,
    Refused,
    SlotsFound,
    SlotTaken,
    VisitCancelled,
    VisitsFound,
)
from wamesh.worker.offering import agrees_with, local_day, local_minute, named_in
from wamesh.worker.turn import Step, Turn, cleared
from wamesh.worker.understanding import Option, Signal, Understanding, understand

OFFER_LIFETIME = timedelta(hours=2)
"""An older list is looked up again before anything of it is booked."""
FORGET_AFTER = timedelta(hours=24)
"""After so long a silence a customer starts afresh."""
MAX_SERVICES_LISTED = 12
LAST_MINUTE = 24 * 60 - 1


def step(state: Conversation, event: Event, now: datetime, catalogue: Catalogue) -> Step:
    """Continues the conversation by one event. `now` is aware. Never raises."""
    turn = Turn(state, now, catalogue)
    match event:
        case CustomerSpoke():
            return _heard(turn, event.messages)
        case SlotsFound():
            return results.slots_found(turn, event)
        case Booked():
            return results.booked(turn, event)
        case SlotTaken():
            return results.slot_taken(turn, event)
        case VisitsFound():
            return results.visits_found(turn, event)
        case VisitCancelled():
            return results.visit_cancelled(turn, event)
        case Refused():
            return turn.idle(turn.replies.trouble())


# --- hearing -------------------------------------------------------------------------------------------------------


def _heard(turn: Turn, messages: Sequence[CustomerMessage]) -> Step:
    turn = _awake(turn)
    text = _text(turn, messages)
    if not text:
        if all(each.content is Content.REACTION for each in messages):
            return turn.state, ()
        return turn.say(turn.replies.only_text())
    said = understand(text, turn.now, turn.catalogue, _list_on_offer(turn))
    turn = turn.with_state(language=said.language or turn.state.language or turn.catalogue.language)
    return _answer(turn, said)


def _awake(turn: Turn) -> Turn:
    """The turn begins; what was being arranged long ago is forgotten."""
    last = turn.state.last_turn_time
    if last is not None and turn.now - last > FORGET_AFTER:
        turn = replace(turn, state=replace(cleared(turn.state), greeted=False))
    return turn.with_state(last_turn_time=turn.now, purpose=turn.state.purpose if _waits(turn) else None)


def _waits(turn: Turn) -> bool:
    return turn.state.stage in (Stage.ASKED_BOOKING, Stage.CONFIRMING_CANCEL)


def _text(turn: Turn, messages: Sequence[CustomerMessage]) -> str:
    """All that was written; a reaction counts only as the answer to yes-or-no."""
    asked = turn.state.stage in (Stage.CONFIRMING, Stage.CONFIRMING_CANCEL)
    lines = (each.text.strip() for each in messages if each.content is not Content.REACTION or asked)
    return "\n".join(line for line in lines if line)


def _list_on_offer(turn: Turn) -> tuple[Option, ...] | int:
    state = turn.state
    if state.stage in (Stage.OFFERED, Stage.CONFIRMING):
        zone = turn.catalogue.zone
        return tuple(Option(each.start.astimezone(zone), each.staff_ids) for each in state.offers)
    if state.stage is Stage.ASKED_SERVICE:
        return len(state.service_options)
    return len(state.visits) if state.stage is Stage.ASKED_BOOKING else 0


def _answer(turn: Turn, said: Understanding) -> Step:
    if said.says(Signal.RESTART) and not said.details:
        return turn.idle(f"{turn.replies.restarted()} {turn.replies.other_time()}")
    answered = _answer_to_question(turn, said)
    return answered if answered is not None else _new_request(turn, said)


def _answer_to_question(turn: Turn, said: Understanding) -> Step | None:
    """The answer to what was asked last; None when the customer talks of something else."""
    match turn.state.stage:
        case Stage.ASKED_SERVICE:
            return _answer_to_service(turn, said)
        case Stage.OFFERED:
            return _answer_to_offer(turn, said)
        case Stage.CONFIRMING:
            return _answer_to_confirm(turn, said)
        case Stage.ASKED_BOOKING if said.picked:
            return results.chosen_visit(turn, turn.state.visits[said.picked[0]])
        case Stage.ASKED_BOOKING if said.says(Signal.NO) and not said.details:
            return turn.idle(turn.replies.kept())
        case Stage.CONFIRMING_CANCEL if turn.state.visits:
            return _answer_to_cancel(turn, said)
    return None


def _answer_to_service(turn: Turn, said: Understanding) -> Step | None:
    """A place in the list or a name from it; what else was asked for before stays part of the visit."""
    options, before = turn.state.service_options, turn.state.wish.service_ids
    chosen = said.services.chosen or tuple(options[each] for each in said.picked)
    if not chosen or not set(chosen) <= set(options):
        return None
    wish = replace(_merged(turn.state.wish, said), service_ids=tuple(dict.fromkeys((*before, *chosen))))
    return _proceed(turn.with_state(wish=wish, stage=Stage.IDLE, service_options=()))


def _answer_to_cancel(turn: Turn, said: Understanding) -> Step | None:
    if said.says(Signal.YES):
        return turn.state, (CancelVisit(turn.state.visits[0].booking_id),)
    if said.says(Signal.NO) and not said.details:
        return turn.idle(turn.replies.kept())
    if said.says(Signal.CANCEL) and not said.details:
        return turn.state, (CancelVisit(turn.state.visits[0].booking_id),)
    return None


# --- answers to an offer -------------------------------------------------------------------------------------------


def _answer_to_offer(turn: Turn, said: Understanding) -> Step | None:
    offers = turn.state.offers
    picked = _picked_offers(turn, said)
    if len(picked) == 1:
        return _take(turn, picked[0], sure=_is_sure(turn, said))
    if len(picked) > 1:
        return turn.offer(tuple(picked), turn.replies.offer(picked, Wish()))
    if said.details or said.says(Signal.CANCEL, Signal.MOVE, Signal.LIST):
        return _drop(turn, said)
    if said.says(Signal.OTHER_DAY):
        return turn.say(turn.replies.other_time(), wish=_undated(turn.state.wish))
    if said.says(Signal.MORE, Signal.EARLIER, Signal.LATER):
        return _shifted(turn, said)
    if said.says(Signal.NO):
        return turn.say(turn.replies.other_time())
    if said.says(Signal.YES) and len(offers) == 1:
        return _take(turn, offers[0], sure=True)
    return turn.say(turn.replies.which_of_them()) if said.signals <= {Signal.YES} else None


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
    return bool(said.picked) or bool(named_in(turn.state.offers, said, turn.catalogue.zone))


def _take(turn: Turn, offer: Offer, *, sure: bool) -> Step:
    """Books the offer; an old one is looked up again, an unclear one is asked about."""
    offered = turn.state.offered_time
    if offer.start <= turn.now or offered is None or turn.now - offered > OFFER_LIFETIME:
        return _look_again(turn, offer)
    if not sure:
        return turn.ask_to_confirm(offer, turn.replies.confirm(offer))
    return replace(turn.state, picked=offer), (Book(offer),)


def _look_again(turn: Turn, offer: Offer) -> Step:
    day = max(local_day(offer.start, turn.catalogue.zone), turn.today)
    sought = Wish(service_ids=offer.service_ids, days=(day,), staff_ids=turn.state.wish.staff_ids)
    return turn.with_state(picked=offer).search(Purpose.RECONFIRM, sought)


def _shifted(turn: Turn, said: Understanding) -> Step:
    """More, earlier or later than what is on the list."""
    state, zone = turn.state, turn.catalogue.zone
    seen = (*state.offered_before, *(each.start for each in state.offers))
    shown = [local_minute(each.start, zone) for each in state.offers]
    sought = replace(state.wish, service_ids=state.offers[0].service_ids, exact=None, readings=(), about=False)
    if said.says(Signal.EARLIER):
        sought = replace(sought, ranges=((0, max(1, min(shown))),))
    elif said.says(Signal.LATER):
        sought = replace(sought, ranges=((min(max(shown), LAST_MINUTE - 1) + 1, LAST_MINUTE + 1),))
    return turn.with_state(offered_before=seen).search(Purpose.SHIFT, sought)


def _answer_to_confirm(turn: Turn, said: Understanding) -> Step | None:
    picked = turn.state.picked
    if picked is None:
        return None
    if said.says(Signal.MOVE, Signal.LIST):
        return None
    agrees = said.says(Signal.YES) or bool(said.picked) or bool(named_in((picked,), said, turn.catalogue.zone))
    if agrees and agrees_with(picked, said, turn.catalogue.zone):
        return _take(turn, picked, sure=True)
    if said.details or said.says(Signal.CANCEL):
        return _drop(turn, said)
    if said.says(Signal.OTHER_DAY):
        return turn.say(turn.replies.other_time(), wish=_undated(turn.state.wish))
    if said.says(Signal.MORE, Signal.EARLIER, Signal.LATER):
        return _shifted(turn, said)
    if said.says(Signal.NO):
        wish = _undated(turn.state.wish)
        return turn.say(turn.replies.other_time(), stage=Stage.IDLE, picked=None, offers=(), wish=wish)
    return None


def _undated(wish: Wish) -> Wish:
    return replace(wish, days=(), exact=None, readings=(), ranges=(), about=False)


# --- requests ------------------------------------------------------------------------------------------------------


def _new_request(turn: Turn, said: Understanding) -> Step:
    arranging = turn.state.stage is not Stage.IDLE or turn.state.wish != Wish()
    if said.says(Signal.CANCEL) or (said.says(Signal.CANNOT_COME) and not arranging):
        return _look_up(turn, said, Purpose.CANCEL)
    if said.says(Signal.MOVE):
        return _look_up(turn, said, Purpose.MOVE)
    if said.says(Signal.LIST) and not said.services.chosen and not said.when:
        return _look_up(turn, said, Purpose.LIST)
    if said.says(Signal.PRICE, Signal.SERVICES) and not said.when:
        return turn.say(turn.replies.services((*said.services.chosen, *said.services.options)), greeted=True)
    if said.details:
        return _wanted(turn, said)
    return _small_talk(turn, said)


def _look_up(turn: Turn, said: Understanding, purpose: Purpose) -> Step:
    sought = _merged(Wish(), said)
    if purpose is Purpose.CANCEL and said.says(Signal.CANNOT_COME):
        sought = replace(sought, days=said.days.wanted or tuple(sorted(said.days.unwanted)))
    return replace(cleared(turn.state), purpose=purpose, sought=sought), (FindVisits(),)


def _small_talk(turn: Turn, said: Understanding) -> Step:
    replies = turn.replies
    if said.says(Signal.TEAM):
        return turn.say(replies.team())
    if said.says(Signal.HUMAN):
        return turn.say(replies.human())
    if said.says(Signal.ADDRESS):
        return turn.say(replies.address())
    if said.says(Signal.BOOK):
        return _proceed(turn)
    if said.says(Signal.GREETING):
        return turn.say(replies.welcome(), greeted=True)
    if said.says(Signal.THANKS):
        return turn.say(replies.thanks())
    if said.says(Signal.GOODBYE):
        return turn.say(replies.goodbye())
    if said.says(Signal.YES) and turn.state.wish != Wish():
        return _proceed(turn)
    if said.says(Signal.YES, Signal.NO):
        return turn.idle(replies.glad())
    return turn.say(replies.help() if turn.state.greeted else replies.welcome(), greeted=True)


def _wanted(turn: Turn, said: Understanding) -> Step:
    """Something about a visit was said: remember it, and go on."""
    wish = _merged(turn.state.wish, said)
    moving = None if said.services.chosen else turn.state.moving
    turn = turn.with_state(wish=wish, moving=moving, offered_before=(), stage=Stage.IDLE, picked=None, greeted=True)
    if said.services.options:
        return _ask_service(turn, said.services.options)
    if said.services.unknown and not said.services.chosen:
        return _ask_service(turn, _services_of(turn, wish), turn.replies.not_offered(said.services.unknown))
    if said.days.problem is not None and not said.days.wanted:
        return turn.say(turn.replies.wrong_day(said.days.problem), wish=replace(wish, days=()))
    return _proceed(turn)


def _merged(wish: Wish, said: Understanding) -> Wish:
    """The wish with what was said now; what was not said stays."""
    if said.services.chosen or said.services.options:
        wish = replace(wish, service_ids=said.services.chosen)
    if said.staff.wanted or said.staff.anyone:
        wish = replace(wish, staff_ids=said.staff.wanted, unwanted_staff=frozenset())
    if said.staff.unwanted:
        left = tuple(each for each in wish.staff_ids if each not in said.staff.unwanted)
        wish = replace(wish, staff_ids=left, unwanted_staff=wish.unwanted_staff | said.staff.unwanted)
    return _with_time(_with_days(wish, said), said)


def _with_days(wish: Wish, said: Understanding) -> Wish:
    days = said.days
    if days.wanted is not None:
        return replace(wish, days=days.wanted, unwanted_days=days.unwanted)
    if days.unwanted:
        left = tuple(each for each in wish.days if each not in days.unwanted)
        return replace(wish, days=left, unwanted_days=wish.unwanted_days | days.unwanted)
    return wish


def _with_time(wish: Wish, said: Understanding) -> Wish:
    times = said.times
    if times:
        wish = replace(wish, ranges=times.ranges, exact=times.exact, readings=times.readings, about=times.about)
    elif times.unwanted and wish.exact in times.unwanted:
        wish = replace(wish, exact=None, readings=())
    wish = replace(wish, shift=times.shift)
    return replace(wish, unwanted_minutes=times.unwanted) if times.unwanted else wish


def _proceed(turn: Turn) -> Step:
    """Looks for slots as soon as the service is known; asks for it until then."""
    services = turn.catalogue.services
    wish = turn.state.wish
    if not services:
        return turn.say(turn.replies.nothing_to_book())
    if not wish.service_ids and len(services) == 1:
        wish = replace(wish, service_ids=(services[0].id,))
    if not wish.service_ids:
        return _ask_service(turn, _services_of(turn, wish))
    turn = turn.with_state(wish=wish)
    unable = [each for each in wish.staff_ids if not _does(turn.catalogue, each, wish.service_ids)]
    if unable and len(unable) == len(wish.staff_ids):
        wish = replace(wish, staff_ids=())
        return turn.with_state(wish=wish).search(
            Purpose.OFFER, wish, turn.replies.not_done_by(unable, wish.service_ids)
        )
    return turn.search(Purpose.OFFER, wish)


def _does(catalogue: Catalogue, staff_id: int, service_ids: Sequence[int]) -> bool:
    """Whether this person does any of the services; unknown relations count as yes."""
    services = [service for each in service_ids if (service := catalogue.service(each)) is not None]
    return any(staff_id in each.staff_ids or not each.staff_ids for each in services) or not services


def _services_of(turn: Turn, wish: Wish) -> tuple[int, ...]:
    """The services to choose from: those of the person who was named, else all."""
    done = tuple(
        each.id
        for each in turn.catalogue.services
        if not wish.staff_ids or not each.staff_ids or set(each.staff_ids) & set(wish.staff_ids)
    )
    return (done or tuple(each.id for each in turn.catalogue.services))[:MAX_SERVICES_LISTED]


def _ask_service(turn: Turn, options: tuple[int, ...], *before: str) -> Step:
    text = "\n".join((*before, turn.replies.ask_service(options)))
    return turn.say(text, stage=Stage.ASKED_SERVICE, service_options=options, offers=())
