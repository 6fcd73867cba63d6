"""What a customer asks for out of the blue: a visit, a change of one, or something about the company.

Owns the wish that grows from turn to turn, and what is still to be asked before slots are looked for. Refuses answers
to a question: answers.py reads those. Invariant: what was not said again stays as it was said before.
"""

from dataclasses import replace

from wamesh.worker.conversation import Change, Purpose, Stage, Wish
from wamesh.worker.corrections import repeats, wants_otherwise
from wamesh.worker.events import FindVisits
from wamesh.worker.turn import Step, Turn, cleared
from wamesh.worker.understanding import MAX_SERVICES, Signal, Understanding

MAX_SERVICES_LISTED = 12


def new_request(turn: Turn, said: Understanding) -> Step:
    arranging = turn.state.stage is not Stage.IDLE or turn.state.wish != Wish()
    if said.says(Signal.MOVE):
        return _look_up(turn, said, Purpose.MOVE)
    if not arranging and wants_otherwise(turn, said):
        return _look_up(turn, said, Purpose.INSTEAD)
    if said.says(Signal.CANCEL) or (said.says(Signal.CANNOT_COME) and not arranging):
        return _look_up(turn, said, Purpose.CANCEL_ALL if said.says(Signal.ALL) else Purpose.CANCEL)
    if said.says(Signal.RECALL) or (said.says(Signal.LIST) and not said.services.chosen and not said.when):
        return _look_up(turn, said, Purpose.LIST)
    if said.says(Signal.TEAM) and not said.when:
        return turn.say(turn.replies.team(said.services.chosen), greeted=True)
    if said.says(Signal.PRICE, Signal.SERVICES) and not said.when:
        return turn.say(turn.replies.services((*said.services.chosen, *said.services.options)), greeted=True)
    if said.says(Signal.HUMAN) and not (said.details and said.says(Signal.BOOK)) and not said.services.chosen:
        return turn.say(turn.replies.human())
    if turn.state.settled is not None and repeats(turn, said, turn.state.settled):
        return turn.say(turn.replies.unmoved(turn.state.settled))
    if said.details:
        return _wanted(turn, said)
    return _small_talk(turn, said)


def _look_up(turn: Turn, said: Understanding, purpose: Purpose) -> Step:
    sought = replace(merged(Wish(), said), change=change_of(said))
    if purpose is Purpose.CANCEL and said.says(Signal.CANNOT_COME):
        sought = replace(sought, days=said.days.wanted or tuple(sorted(said.days.unwanted)))
    state = replace(
        cleared(turn.state),
        purpose=purpose,
        sought=sought,
        service_options=said.services.options,
        settled=turn.state.settled,
    )
    return state, (FindVisits(),)


def change_of(said: Understanding) -> Change:
    """What was said of a time or a person by what it is now."""
    way = -1 if said.says(Signal.EARLIER) else 1 if said.says(Signal.LATER) else 0
    return Change(
        said.shift.days,
        said.shift.minutes,
        0 if said.shift else way,
        said.says(Signal.OTHER_DAY),
        said.says(Signal.OTHER_STAFF),
        said.staff.anyone,
    )


def _small_talk(turn: Turn, said: Understanding) -> Step:
    replies = turn.replies
    if said.says(Signal.UNDECIDED):
        return turn.say(replies.no_hurry())
    if said.says(Signal.ADDRESS):
        return turn.say(replies.address())
    if said.says(Signal.HOURS):
        return turn.say(replies.hours())
    if said.says(Signal.BOOK):
        return proceed(turn, *notes(turn, said))
    if said.says(Signal.GREETING, Signal.LANGUAGE):
        return turn.say(replies.welcome(), greeted=True)
    if said.says(Signal.THANKS):
        return turn.say(replies.thanks())
    if said.says(Signal.GOODBYE):
        return turn.say(replies.goodbye())
    if said.says(Signal.YES) and turn.state.wish != Wish():
        return proceed(turn)
    if said.says(Signal.YES, Signal.NO):
        return turn.idle(replies.glad())
    return turn.say(replies.help() if turn.state.greeted else replies.welcome(), greeted=True)


def _wanted(turn: Turn, said: Understanding) -> Step:
    """Something about a visit was said: remember it, and go on."""
    wish = merged(turn.state.wish, said)
    moving = None if said.services.chosen else turn.state.moving
    turn = turn.with_state(wish=wish, moving=moving, offered_before=(), stage=Stage.IDLE, picked=None, greeted=True)
    if said.services.options:
        return ask_service(turn, said.services.options)
    if said.services.unknown and not said.services.chosen:
        return ask_service(turn, _services_of(turn, wish), turn.replies.not_offered(said.services.unknown))
    if said.days.problem is not None and not said.days.wanted:
        return turn.say(turn.replies.wrong_day(said.days.problem), wish=replace(wish, days=()))
    return proceed(turn, *notes(turn, said))


def notes(turn: Turn, said: Understanding) -> tuple[str, ...]:
    """What must be said before going on."""
    together = (turn.replies.one_at_a_time(),) if said.says(Signal.TOGETHER) else ()
    hours = (turn.replies.hours(),) if said.says(Signal.HOURS) and not turn.state.wish.service_ids else ()
    stranger = (turn.replies.nobody_called(said.staff.unknown),) if said.staff.unknown else ()
    return (*together, *hours, *stranger)


def merged(wish: Wish, said: Understanding) -> Wish:
    """The wish with what was said now; what was not said stays."""
    if said.services.chosen or said.services.options:
        before = wish.service_ids if said.says(Signal.ALSO) else ()
        chosen = tuple(dict.fromkeys((*before, *said.services.chosen)))[:MAX_SERVICES]
        wish = replace(wish, service_ids=chosen)
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
    return replace(wish, unwanted_minutes=times.unwanted) if times.unwanted else wish


def proceed(turn: Turn, *before: str) -> Step:
    """Looks for slots as soon as the service is known; asks for it until then."""
    services = turn.catalogue.services
    wish = turn.state.wish
    if not services:
        return turn.say(turn.replies.nothing_to_book())
    if not wish.service_ids and len(services) == 1:
        wish = replace(wish, service_ids=(services[0].id,))
    if not wish.service_ids:
        return ask_service(turn, _services_of(turn, wish), *before)
    turn = turn.with_state(wish=wish)
    unable = [each for each in wish.staff_ids if not turn.catalogue.does(each, wish.service_ids)]
    if unable and len(unable) == len(wish.staff_ids):
        wish = replace(wish, staff_ids=())
        before = (*before, turn.replies.not_done_by(unable, wish.service_ids))
    return turn.with_state(wish=wish).search(Purpose.OFFER, wish, *before)


def _services_of(turn: Turn, wish: Wish) -> tuple[int, ...]:
    """The services to choose from: those of the person who was named, else all."""
    done = tuple(
        each.id
        for each in turn.catalogue.services
        if not wish.staff_ids or not each.staff_ids or set(each.staff_ids) & set(wish.staff_ids)
    )
    return (done or tuple(each.id for each in turn.catalogue.services))[:MAX_SERVICES_LISTED]


def ask_service(turn: Turn, options: tuple[int, ...], *before: str) -> Step:
    """Which of these services shall it be?"""
    text = "\n".join((*before, turn.replies.ask_service(options)))
    return turn.say(text, stage=Stage.ASKED_SERVICE, service_options=options, offers=())


def undated(wish: Wish) -> Wish:
    return replace(wish, days=(), exact=None, readings=(), ranges=(), about=False)
