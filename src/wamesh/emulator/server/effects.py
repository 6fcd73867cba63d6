"""What a stanza's handler sees, and what it can ask for.

A handler is a function from one stanza and the state (`Context`) to effects, in order; `router` carries them out. A
bare `Node` is an answer to the sender.

Owns: the vocabulary. Refuses: doing anything. Invariant: a handler touches the state only through the context, and
what it logs is logged before the effects it yields afterwards.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeAlias

from wamesh.emulator.codec import Address, Node
from wamesh.emulator.event_log import EventLog
from wamesh.emulator.server.directory import Directory
from wamesh.emulator.server.people import Device, Person
from wamesh.emulator.server.queues import Queues
from wamesh.emulator.server.shared_settings import SharedSettings
from wamesh.emulator.v1 import emulator_pb2 as pb


@dataclass(frozen=True, slots=True)
class Deliver:
    """Hand a stanza to another device; under a `key` it waits for the device until settled, else it may be missed."""

    device: Device
    stanza: Node
    key: str = ""


@dataclass(frozen=True, slots=True)
class Later:
    """Answer the sender after a delay, if it is still there."""

    delay: timedelta
    stanza: Node


@dataclass(frozen=True, slots=True)
class Cut:
    """Break the sender's connection without a word."""

    detail: str


@dataclass(frozen=True, slots=True)
class Unlink:
    """Forget a device; the sender's own connection is left for it to close."""

    device: Device
    detail: str


Effect: TypeAlias = Node | Deliver | Later | Cut | Unlink


@dataclass(frozen=True, slots=True)
class Context:
    """The state as one stanza of `sender` meets it."""

    sender: Device
    connection: int
    """Number of the sender's connection; 0 for a phone."""
    directory: Directory
    queues: Queues
    log: EventLog
    find: Callable[[Address], Person | None]
    """Who is at an address in either form; every phone number has somebody."""
    random_bytes: Callable[[int], bytes]
    settings: SharedSettings

    @property
    def time(self) -> str:
        """Now, in seconds since 1970, as attributes carry it."""
        return str(int(self.log.now().timestamp()))

    def new_id(self) -> str:
        """Returns the id of a stanza that the server begins: digits."""
        return str(int.from_bytes(self.random_bytes(6)))

    def record(
        self,
        kind: "pb.EventKind.ValueType",
        customer: Person | None = None,
        *,
        message_id: str = "",
        code: int = 0,
        detail: str = "",
    ) -> None:
        """Logs an event of the sender."""
        self.log.record(
            kind,
            self.sender.person.phone_number,
            customer.phone_number if customer else "",
            device=self.sender.number,
            connection=self.connection,
            message_id=message_id,
            code=code,
            detail=detail,
        )


Handler: TypeAlias = Callable[[Node, Context], Iterable[Effect]]


class BadStanza(ValueError):
    """The client sent something no client sends; the text is for the log."""


NOT_WELL_FORMED: Final = Node("stream:error", {}, (Node("xml-not-well-formed"),))
"""What a client hears whose stanza nobody can read (read in Baileys)."""
