"""The half of the dialogue that hears booking: what was found, taken, moved, cancelled.

Owns how each result of an action continues the turn. Refuses to read text. Invariant: every result ends the turn in
words or asks for another action.
"""

from dataclasses import replace
from zoneinfo import ZoneInfo

from wamesh.worker.conversation import Change, Offer, Purpose, Stage, Visit, Wish
from wamesh.worker.events import CancelVisit, SlotsFound, SlotTaken, VisitCancelled, VisitsFound
from wamesh.worker.moving import moved
from wamesh.worker.offering import MAX_OFFERS, acceptable, at_the_minute, local_day, local_minute, nearest, spread
from wamesh.worker.requests import ask_service, proceed
from wamesh.worker.turn import Step, Turn, cleared

MAX_CANCELLED = 6
"""Visits that are cancelled in one turn."""


def slots_found(turn: Turn, found: SlotsFound) -> Step:
    """Offers what fits the wish, else says why nothing does and offers the nearest."""
    sought, zone = turn.state.sought, turn.catalogue.zone
    if turn.state.moving is not None:
        asked = at_the_minute(acceptable(found.slots, sought, zone), sought, zone)
        if asked and all(map(turn.state.moving.is_at, asked)):
            return turn.idle(turn.replies.unmoved(turn.state.moving))
        found = replace(found, slots=_elsewhere(turn, found.slots), suggestions=_elsewhere(turn, found.suggestions))
    if turn.state.purpose is Purpose.RECONFIRM and turn.state.picked is not None:
        return _reconfirm(turn, turn.state.picked, found)
    fitting = acceptable(found.slots, sought, zone)
    if turn.state.purpose is Purpose.SHIFT:
        return _shifted(turn, fitting)
    if not fitting:
        return _nothing(turn, found)
    if sought.exact is None:
        return _offer(turn, spread(fitting, zone), sought)
    exact = at_the_minute(fitting, sought, zone)
    if len(exact) == 1 or (exact and sought.days and len(sought.days) == 1):
        return turn.ask_to_confirm(exact[0])
    if exact:
        return _offer(turn, exact[: MAX_OFFERS - 1], sought)
    return _offer(turn, nearest(fitting, sought.exact, zone), sought, missed=not sought.about)


def _elsewhere(turn: Turn, slots: tuple[Offer, ...]) -> tuple[Offer, ...]:
    """The slots without the time that the moving visit has."""
    moving = turn.state.moving
    return slots if moving is None else tuple(each for each in slots if not moving.is_at(each))


def _shifted(turn: Turn, fitting: list[Offer]) -> Step:
    """More, earlier or later: only what was not shown yet; the list on show stays when there is nothing else."""
    new = [each for each in fitting if each.start not in turn.state.offered_before]
    if not new:
        return turn.say(turn.replies.no_more(one=len(turn.state.offers) == 1), purpose=None)
    return _offer(turn, spread(new, turn.catalogue.zone), turn.state.sought)


def _offer(turn: Turn, offers: list[Offer], sought: Wish, *, missed: bool = False) -> Step:
    return turn.offer(tuple(offers), turn.replies.offer(offers, sought, exact_missed=missed))


def _nothing(turn: Turn, found: SlotsFound) -> Step:
    sought, replies = turn.state.sought, turn.replies
    why = replies.no_slots(found.reason, sought)
    others = replace(sought, days=())
    suggestions = acceptable(found.suggestions, others, turn.catalogue.zone)[:MAX_OFFERS]
    if not suggestions:
        return turn.say(f"{why} {replies.ask_other_day()}", stage=Stage.IDLE, purpose=None, offers=())
    return turn.offer(
        tuple(suggestions),
        replies.offer(suggestions, replace(sought, exact=None)),
        f"{why}\n{replies.nearest_instead()}",
    )


def _reconfirm(turn: Turn, picked: Offer, found: SlotsFound) -> Step:
    """An old offer was picked: still free, or the nearest to it."""
    same = [each for each in found.slots if each.start == picked.start]
    best = next((each for each in same if each.staff_ids == picked.staff_ids), same[0] if same else None)
    if best is not None:
        return turn.ask_to_confirm(best, again=True)
    near = nearest(
        found.slots or found.suggestions, local_minute(picked.start, turn.catalogue.zone), turn.catalogue.zone
    )
    if not near:
        return turn.say(
            f"{turn.replies.expired()} {turn.replies.ask_other_day()}", stage=Stage.IDLE, offers=(), picked=None
        )
    return turn.offer(tuple(near), turn.replies.offer(near, Wish()), turn.replies.expired())


def slot_taken(turn: Turn, taken: SlotTaken) -> Step:
    """Apologises, and offers what booking suggests, else looks again."""
    sorry = turn.replies.taken()
    others = replace(turn.state.wish, days=())
    fresh = acceptable(_elsewhere(turn, taken.suggestions), others, turn.catalogue.zone)[:MAX_OFFERS]
    if fresh:
        return turn.offer(tuple(fresh), turn.replies.offer(fresh, Wish()), sorry)
    turn = turn.with_state(picked=None, offers=(), stage=Stage.IDLE)
    return turn.search(Purpose.OFFER, replace(turn.state.wish, exact=None, readings=()), sorry)


def visit_gone(turn: Turn) -> Step:
    """What was to be moved no longer stands: asks whether to book the time that was picked for it anew."""
    picked, gone = turn.state.picked, turn.replies.visit_gone()
    if picked is None:
        return turn.idle(f"{gone} {turn.replies.other_time()}")
    return turn.with_state(moving=None).ask_to_confirm(picked, gone)


def visit_cancelled(turn: Turn, result: VisitCancelled) -> Step:
    """Goes on to the next that was agreed to; at the end confirms them all."""
    visits = turn.state.visits
    place = next((index for index, each in enumerate(visits) if each.booking_id == result.booking_id), None)
    if place is not None and place + 1 < len(visits):
        return turn.state, (CancelVisit(visits[place + 1].booking_id),)
    return turn.idle(turn.replies.cancelled(visits))


def visits_found(turn: Turn, found: VisitsFound) -> Step:
    """Lists them, or goes on to cancel or to move the one that is meant."""
    purpose = turn.state.purpose
    if purpose not in (Purpose.CANCEL, Purpose.CANCEL_ALL, Purpose.MOVE, Purpose.INSTEAD):
        return replace(cleared(turn.state), visits=found.visits), turn.say(turn.replies.visits(found.visits))[1]
    if not found.visits and purpose is Purpose.INSTEAD:  # nobody said *move*: it is a new visit then
        return proceed(turn.with_state(purpose=None, wish=replace(turn.state.sought, change=Change()), greeted=True))
    if not found.visits:
        return turn.idle(turn.replies.no_visits())
    if purpose in (Purpose.MOVE, Purpose.INSTEAD):
        return chosen_visits(turn.with_state(purpose=Purpose.MOVE), _to_be_moved(turn, found.visits))
    return chosen_visits(turn, visits_meant(found.visits, turn.state.sought, turn.catalogue.zone) or found.visits)


def _to_be_moved(turn: Turn, visits: tuple[Visit, ...]) -> tuple[Visit, ...]:
    """What is corrected was just arranged; else any, or those with a service that was named. Day, time and staff that
    were said are the new ones.
    """
    settled, services = turn.state.settled, Wish(service_ids=turn.state.sought.service_ids)
    if turn.state.purpose is Purpose.INSTEAD and settled is not None:
        return tuple(each for each in visits if each.booking_id == settled.booking_id) or visits
    return visits_meant(visits, services, turn.catalogue.zone) or visits


def visits_meant(visits: tuple[Visit, ...], said: Wish, zone: ZoneInfo) -> tuple[Visit, ...]:
    """The visits that nothing said speaks against."""
    return tuple(
        each
        for each in visits
        if (not said.days or local_day(each.start, zone) in said.days)
        and (said.exact is None or local_minute(each.start, zone) in said.readings)
        and (not said.service_ids or set(said.service_ids) & set(each.service_ids))
        and (not said.staff_ids or set(said.staff_ids) & set(each.staff_ids))
    )


def chosen_visits(turn: Turn, visits: tuple[Visit, ...]) -> Step:
    """The visits, one at least, that may be meant: asks which, unless it is one or all of them are."""
    if len(visits) == 1:
        return chosen_visit(turn, visits[0])
    if turn.state.purpose is Purpose.CANCEL_ALL:
        visits = visits[:MAX_CANCELLED]
        return turn.say(turn.replies.confirm_cancel(visits), visits=visits, stage=Stage.CONFIRMING_CANCEL)
    text = turn.replies.ask_visit(visits, moving=turn.state.purpose is Purpose.MOVE)
    return turn.say(text, visits=visits, stage=Stage.ASKED_BOOKING)


def chosen_visit(turn: Turn, visit: Visit) -> Step:
    """The visit to cancel or to move is known."""
    if turn.state.purpose is Purpose.MOVE:
        return _move(turn, visit)
    turn = turn.with_state(visits=(visit,), stage=Stage.CONFIRMING_CANCEL)
    return turn.say(turn.replies.confirm_cancel((visit,)))


def _move(turn: Turn, visit: Visit) -> Step:
    """Looks for its new time; asks first which service it shall be, when another is wanted and several may be meant."""
    sought, options, before = turn.state.sought, turn.state.service_options, turn.replies.moving(visit)
    if options and not set(options) & set(visit.service_ids):
        wish = replace(moved(replace(sought, service_ids=options[:1]), visit, turn.catalogue), service_ids=())
        return ask_service(turn.with_state(moving=visit, wish=wish), options, before)
    wish = moved(sought, visit, turn.catalogue)
    if not turn.catalogue.can_do_without(wish.unwanted_staff, wish.service_ids):
        return turn.idle(turn.replies.nobody_else_for(visit))
    return proceed(turn.with_state(moving=visit, wish=wish, stage=Stage.IDLE), before)
