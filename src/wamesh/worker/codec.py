"""The conversation as JSON, with a version, for the store.

Owns the one place where state becomes text. Refuses to fail on a state that it cannot read: an unknown version or a
broken text is None, and the conversation starts afresh. An open turn may have booked already, so that is an error.
Invariants: `read_state(write_state(x)) == x`, and the same for turns.
"""

from typing import Final

from pydantic import TypeAdapter, ValidationError

from wamesh.worker.conversation import Conversation
from wamesh.worker.progress import Progress

STATE_VERSION: Final = 2
"""Grows when an earlier release would misread what is written: to one that does not know MoveVisit, it is a Book."""
_READABLE: Final = frozenset({1, STATE_VERSION})
_STATE: Final = TypeAdapter(tuple[int, Conversation])
_PROGRESS: Final = TypeAdapter(tuple[int, Progress])
_VERSION: Final = TypeAdapter(tuple[int, object])


class Unreadable(Exception):
    """Text of another release, or broken."""


def write_state(state: Conversation) -> str:
    """`[version, state]`."""
    return _STATE.dump_json((STATE_VERSION, state)).decode()


def read_state(text: str) -> Conversation | None:
    """The state; None when this release cannot read it."""
    try:
        if _VERSION.validate_json(text)[0] not in _READABLE:
            return None
        return _STATE.validate_json(text)[1]
    except ValidationError:
        return None


def write_progress(progress: Progress) -> str:
    """`[version, progress]`; it holds a state, hence the state's version."""
    return _PROGRESS.dump_json((STATE_VERSION, progress)).decode()


def read_progress(text: str) -> Progress:
    """The turn. Raises Unreadable."""
    try:
        version = _VERSION.validate_json(text)[0]
        if version in _READABLE:
            return _PROGRESS.validate_json(text)[1]
    except ValidationError as error:
        raise Unreadable(str(error)) from error
    raise Unreadable(f"version {version} instead of {STATE_VERSION} or before")
