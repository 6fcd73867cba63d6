"""A turn in the making: how far it has come, as a value that can be stored and taken up by another worker.

    begun(state, input) --advance(CustomerSpoke)--> action --advance(its result)--> action ... --> no action: done

Owns the fold of the dialogue over one turn. Refuses I/O. Invariant: from the first action that changes the calendar on,
what the turn does follows from its progress and the results of its actions; a catalogue that changed meanwhile changes
words at most.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from wamesh.worker.catalogue import Catalogue
from wamesh.worker.conversation import Conversation
from wamesh.worker.dialogue import step
from wamesh.worker.events import (
    MUTATIONS,
    Book,
    CancelVisit,
    CustomerMessage,
    CustomerSpoke,
    Event,
    FindVisits,
    MoveVisit,
    Reply,
    SearchSlots,
)

PendingAction = SearchSlots | Book | MoveVisit | FindVisits | CancelVisit


@dataclass(frozen=True, slots=True)
class Input:
    """What a turn is made of: it, and the state before it, decide everything that the turn does.

    `message_ids` are those of the messages, in order; the last one and its `last_sequence` name the turn's requests.
    `other_chats` are further addresses of the customer, as WhatsApp told them.
    """

    messages: tuple[CustomerMessage, ...]
    message_ids: tuple[str, ...]
    last_sequence: int
    time: datetime
    customer_name: str = ""
    phone_number: str = ""
    other_chats: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """The state, the words so far, and what is to be done next; None when only the words are left to be said."""

    input: Input
    state: Conversation
    texts: tuple[str, ...] = ()
    action: PendingAction | None = None

    @property
    def changes_calendar(self) -> bool:
        """True when the next action does."""
        return isinstance(self.action, MUTATIONS)


def begun(state: Conversation, turn_input: Input, catalogue: Catalogue) -> Progress:
    """The turn once the customer was heard."""
    return advance(Progress(turn_input, state), CustomerSpoke(turn_input.messages), catalogue)


def advance(progress: Progress, event: Event, catalogue: Catalogue) -> Progress:
    """The turn after the result of its action."""
    state, actions = step(progress.state, event, progress.input.time, catalogue)
    said = tuple(each.text for each in actions if isinstance(each, Reply))
    action = next((each for each in actions if not isinstance(each, Reply)), None)
    return replace(progress, state=state, texts=(*progress.texts, *said), action=action)
