"""One step of the dialogue in the making: the state so far, the moment, and the words to say it in.

Owns what both halves of the dialogue share (answers.py and requests.py hear the customer, results.py hears booking).
Refuses decisions. Invariant: immutable; each helper gives a new state or an action.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, TypeAlias

from wamesh.worker.catalogue import Catalogue
from wamesh.worker.conversation import Conversation, Offer, Purpose, Stage, Visit, Wish
from wamesh.worker.events import Action, Reply, SearchSlots
from wamesh.worker.offering import local_day
from wamesh.worker.replies import Replies

Step: TypeAlias = tuple[Conversation, tuple[Action, ...]]

SOON_DAYS = 14
"""Days that are searched when the customer named none."""


@dataclass(frozen=True, slots=True)
class Turn:
    """State, moment and catalogue."""

    state: Conversation
    now: datetime
    catalogue: Catalogue

    @property
    def replies(self) -> Replies:
        """The texts in the conversation's language."""
        return Replies(self.catalogue, self.state.language or self.catalogue.language, self.now)

    @property
    def today(self) -> date:
        """The company's local date."""
        return local_day(self.now, self.catalogue.zone)

    def with_state(self, **changes: Any) -> "Turn":
        """The same moment with some of the state changed."""
        return replace(self, state=replace(self.state, **changes))

    def say(self, text: str, **changes: Any) -> Step:
        """Ends the turn with these words."""
        return replace(self.state, **changes), (Reply(text),)

    def idle(self, text: str) -> Step:
        """Ends the turn with these words, and forgets what was being arranged."""
        return cleared(self.state), (Reply(text),)

    def settle(self, text: str, visit: Visit) -> Step:
        """Ends the turn and what was being arranged: it became this visit."""
        return replace(cleared(self.state), settled=visit), (Reply(text),)

    def search(self, purpose: Purpose, sought: Wish, *before: str) -> Step:
        """Looks for slots; `before` is said ahead of what is found."""
        sought = replace(sought, days=tuple(each for each in sought.days if each >= self.today))
        days = sought.days or tuple(self.today + timedelta(days=index) for index in range(SOON_DAYS))
        action = SearchSlots(
            sought.service_ids,
            days,
            sought.staff_ids,
            sought.unwanted_staff,
            () if sought.exact is not None else sought.ranges,
            sought.exact,
            self.state.moving,
        )
        said = tuple(Reply(each) for each in before)
        return replace(self.state, purpose=purpose, sought=sought), (*said, action)

    def offer(self, offers: tuple[Offer, ...], text: str, *before: str) -> Step:
        """Shows a list and remembers it."""
        changed = replace(
            self.state, stage=Stage.OFFERED, offers=offers, offered_time=self.now, picked=None, purpose=None
        )
        return changed, tuple(Reply(each) for each in (*before, text))

    def question(self, offer: Offer, *, again: bool = False) -> str:
        """Is this the one? As it is asked of a new visit or of one that moves."""
        return self.replies.confirm(offer, again=again, moving=self.state.moving is not None)

    def ask_to_confirm(self, offer: Offer, *before: str, again: bool = False) -> Step:
        """Asks yes or no about one slot."""
        changed = replace(
            self.state,
            stage=Stage.CONFIRMING,
            picked=offer,
            purpose=None,
            offers=(offer,),
            offered_time=self.now,
        )
        return changed, tuple(Reply(each) for each in (*before, self.question(offer, again=again)))


def cleared(state: Conversation) -> Conversation:
    """The state with nothing being arranged; language and courtesy stay."""
    return Conversation(language=state.language, last_turn_time=state.last_turn_time, greeted=state.greeted)
