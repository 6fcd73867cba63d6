"""The conversation as JSON, with a version, for the store.

Owns the one place where state becomes text. Refuses to fail on what it cannot read: an unknown version or a broken
text is None, and the conversation starts afresh. Invariant: `read_state(write_state(x)) == x`.
"""

from typing import Final

from pydantic import TypeAdapter, ValidationError

from wamesh.worker.conversation import Conversation
from wamesh.worker.stores import Input

STATE_VERSION: Final = 1
_STATE: Final = TypeAdapter(tuple[int, Conversation])
_INPUT: Final = TypeAdapter(Input)
_VERSION: Final = TypeAdapter(tuple[int, object])


def write_state(state: Conversation) -> str:
    """`[version, state]`."""
    return _STATE.dump_json((STATE_VERSION, state)).decode()


def read_state(text: str) -> Conversation | None:
    """The state; None when this release cannot read it."""
    try:
        if _VERSION.validate_json(text)[0] != STATE_VERSION:
            return None
        return _STATE.validate_json(text)[1]
    except ValidationError:
        return None


def write_input(turn_input: Input) -> str:
    """The input of a turn."""
    return _INPUT.dump_json(turn_input).decode()


def read_input(text: str) -> Input | None:
    """The input of a turn; None when this release cannot read it."""
    try:
        return _INPUT.validate_json(text)
    except ValidationError:
        return None
