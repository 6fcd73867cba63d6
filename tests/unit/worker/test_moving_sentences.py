"""What customers write who have an appointment and want another: Maria, manicure, Thursday 19 November 2026, 15:00.

Each line: the message, then where the dialogue stands: what it asks to confirm, or the days on its list with the
minutes that bound them.
"""

from datetime import timedelta

import pytest
from support.worker_salon import ZONE, Chat

from wamesh.worker.conversation import Conversation, Offer, Stage

SENTENCES = """
    сдвиньте на полчаса позже -> move to Thu 15:30?
    можно прийти на час раньше? -> move to Thu 14:00?
    мне бы на часик попозже -> move to Thu 16:00?
    перенеси на 18:00 -> move to Thu 18:00?
    поменяйте мне время на 19 -> move to Thu 19:00?
    опаздываю, можно на полчаса попозже? -> move to Thu 15:30?
    не успеваю к 15:00, можно в 16:30? -> move to Thu 16:30?
    перенесите в пятницу на то же время -> move to Fri 15:00?
    перенесите на неделю -> move to Thu 15:00?
    перенесите на день позже -> move to Fri 15:00?
    нет, лучше в субботу в 12 -> move to Sat 12:00?
    перенесите запись на маникюр на субботу в 12 -> move to Sat 12:00?
    в тот же день, но в 12, перенесите -> move to Thu 12:00?
    поменяйте на стрижку -> which service?
    поменяйте на женскую стрижку -> move to Thu 15:00?
    не смогу завтра, можно в пятницу? -> offered Fri 10:00-19:30
    завтра не получается, давайте в пятницу -> offered Fri 10:00-19:30
    завтра не смогу прийти, перенесите на пятницу -> offered Fri 10:00-19:30
    вместо завтра можно в пятницу? -> offered Fri 10:00-19:30
    можно перезаписаться на вечер пятницы? -> offered Fri 17:00-19:30
    а можно на другой день? -> offered Wed+Fri+Sat 10:00-19:30
    можно прийти пораньше? -> offered Thu 10:00-14:30
    перенесите попозже -> offered Thu 15:30-19:30
    можно к другому мастеру? -> nothing
    опаздываю на полчаса -> nothing
    опаздываю минут на 10, буду в 15:10 -> nothing
    не приду завтра -> cancel?
    ребенок заболел, завтра не придем -> cancel?
    давайте на субботу -> offered Sat 10:00-19:30
    хочу отменить и записаться на субботу -> offered Sat 10:00-19:30
    хорошо, буду в 15 -> nothing
    можно в пятницу в 12? -> move to Fri 12:00?
    ой, я ошиблась, мне на 14:00 -> move to Thu 14:00?
    а можно пораньше, часов в 12? -> move to Thu 12:00?
    мне неудобно в 15, что есть вечером? -> offered Thu 17:00-19:30
    не получится в 15 -> offered Wed+Thu+Fri 10:00-19:30
    хочу к Анне -> nothing
    спасибо, до завтра! -> nothing
    буду завтра в 15 -> nothing
    а в субботу в то же время можно? -> move to Sat 15:00?
    хорошо, в четверг приду -> nothing
    напомните, во сколько я записана? -> nothing
    и еще хочу записаться, лучше в субботу -> which service?
    хочу новую запись на субботу -> which service?
    спасибо, до встречи -> nothing
    can we push it by 30 minutes? -> move to Thu 15:30?
    could I come an hour earlier? -> move to Thu 14:00?
    move it to 18:00 -> move to Thu 18:00?
    change my time to 7pm -> move to Thu 19:00?
    running late, can I come half an hour later? -> move to Thu 15:30?
    I can't make 3pm, can I do 4:30 instead? -> move to Thu 16:30?
    same time on Friday please, reschedule -> move to Fri 15:00?
    could we do the same time on Saturday instead? -> move to Sat 15:00?
    bring my appointment forward by an hour -> move to Thu 14:00?
    postpone my manicure by one day -> move to Fri 15:00?
    let's do it a day later -> move to Fri 15:00?
    shift my booking from 15:00 to 18:30 -> move to Thu 18:30?
    can i swap to Friday 6pm? -> move to Fri 18:00?
    could I do Friday at noon rather than tomorrow? -> move to Fri 12:00?
    change it to a women's haircut -> move to Thu 15:00?
    Friday instead, with Maria -> offered Fri 10:00-19:30
    not tomorrow, Friday please -> offered Fri 10:00-19:30
    I won't be able to make it tomorrow, is Friday possible? -> offered Fri 10:00-19:30
    I want to move it to Saturday morning -> offered Sat 10:00-11:30
    switch to another day please -> offered Wed+Fri+Sat 10:00-19:30
    can we make it a bit later? -> offered Thu 15:30-19:30
    reschedule with somebody else -> nothing
    I'll be 20 minutes late -> nothing
    something on Friday at noon? -> move to Fri 12:00?
    I'd like another appointment on Friday at noon -> which service?
    actually, Friday at the same time -> move to Fri 15:00?
    cancel and rebook for Friday -> offered Fri 10:00-19:30
    actually make it 4 -> move to Thu 16:00?
    oh wait, friday works better -> offered Fri 10:00-19:30
    what was the time again? -> nothing
    see you tomorrow at 3! -> nothing
    do you have a dryer? -> nothing
    thanks, see you tomorrow -> nothing
"""


def stand(state: Conversation) -> str:
    """Where the dialogue stands."""
    match state.stage:
        case Stage.CONFIRMING if state.moving is not None and state.picked is not None:
            return f"move to {local(state.picked)}?"
        case Stage.OFFERED if state.moving is not None:
            days = "+".join(dict.fromkeys(local(each).split()[0] for each in state.offers))
            minutes = sorted(local(each).split()[1] for each in state.offers)
            return f"offered {days} {minutes[0]}-{minutes[-1]}"
        case Stage.CONFIRMING_CANCEL:
            return "cancel?"
        case Stage.ASKED_SERVICE:
            return "which service?"
    return "nothing"


def local(offer: Offer) -> str:
    """`Thu 15:30`."""
    return f"{offer.start.astimezone(ZONE):%a %H:%M}"


@pytest.mark.parametrize("line", SENTENCES.strip().splitlines())
def test_a_visit_moves_as_it_was_said(line: str) -> None:
    """What was not said stays: the day, the person, the service."""
    message, _, expected = line.strip().partition(" -> ")
    chat = Chat()
    chat.say("маникюр завтра в 15")
    chat.say("да")
    chat.say(message)
    assert stand(chat.state) == expected


def test_later_a_time_by_itself_is_a_new_visit() -> None:
    """What was arranged hours ago is moved only by words that say so."""
    chat = Chat()
    chat.say("маникюр завтра в 15")
    chat.say("да")
    chat.now += timedelta(hours=2)
    chat.say("можно в пятницу в 12?")
    assert stand(chat.state) == "which service?"


@pytest.mark.parametrize("message", ["лучше в пятницу", "not tomorrow, Friday please", "можно на час раньше?"])
def test_who_has_no_visit_asks_for_a_new_one(message: str) -> None:
    """Nobody said *move*."""
    chat = Chat()
    chat.say(message)
    assert stand(chat.state) == "which service?"
