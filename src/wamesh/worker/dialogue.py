"""The dialogue as a pure function: `step(state, event, now, catalogue) -> (state, actions)`.

A turn is a fold: the customer speaks, the state asks for actions, their results come back as further events, until
the only actions left are replies:

    CustomerSpoke --> SearchSlots --> SlotsFound --> Reply        offered: a numbered list
    CustomerSpoke --> Book        --> Booked     --> Reply        booked
                                  --> SlotTaken  --> Reply        offered afresh
    CustomerSpoke --> MoveVisit   --> VisitMoved --> Reply        moved
                                  --> SlotTaken  --> Reply        offered afresh
    CustomerSpoke --> FindVisits  --> VisitsFound --> Reply       which one? really cancel?
    CustomerSpoke --> CancelVisit --> VisitCancelled --> Reply

Owns the way of an event: answers.py and requests.py hear the customer, results.py hears booking. Refuses I/O and the
clock. Invariants: every event of any state gives a state and actions, never an exception; nothing is booked that the
customer has not picked from a list or agreed to; within a turn nothing is looked up before something is booked, so
that a turn run again after a crash books the same.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from wamesh.worker import results
from wamesh.worker.answers import answer_to_question
from wamesh.worker.catalogue import Catalogue
from wamesh.worker.conversation import Conversation, Stage
from wamesh.worker.events import (
    Booked,
    Content,
    CustomerMessage,
    CustomerSpoke,
    Event,
    Refused,
    SlotsFound,
    SlotTaken,
    VisitCancelled,
    VisitGone,
    VisitMoved,
    VisitsFound,
)
from wamesh.worker.requests import new_request
from wamesh.worker.turn import Step, Turn, cleared
from wamesh.worker.understanding import Option, Signal, Understanding, understand

FORGET_AFTER = timedelta(hours=24)
"""After so long a silence a customer starts afresh."""
SETTLED_FOR = timedelta(hours=1)
"""After so long a silence a time or a day by itself is no more about the visit that was arranged before it."""


def step(state: Conversation, event: Event, now: datetime, catalogue: Catalogue) -> Step:
    """Continues the conversation by one event. `now` is aware. Never raises."""
    turn = Turn(state, now, catalogue)
    match event:
        case CustomerSpoke():
            return _heard(turn, event.messages)
        case SlotsFound():
            return results.slots_found(turn, event)
        case Booked():
            return turn.settle(turn.replies.booked(event.visit), event.visit)
        case VisitMoved():
            return turn.settle(turn.replies.moved(event.visit), event.visit)
        case VisitGone():
            return results.visit_gone(turn)
        case SlotTaken():
            return results.slot_taken(turn, event)
        case VisitsFound():
            return results.visits_found(turn, event)
        case VisitCancelled():
            return results.visit_cancelled(turn, event)
        case Refused():
            return turn.idle(turn.replies.trouble())


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
    if last is not None and turn.now - last > SETTLED_FOR:
        turn = turn.with_state(settled=None)
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
    if said.says(Signal.ANEW):  # `нет, новую запись`: what stands is left alone
        turn = turn.with_state(moving=None, settled=None)
    return answer_to_question(turn, said) or new_request(turn, said)
