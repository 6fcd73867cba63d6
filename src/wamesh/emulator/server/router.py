"""Stanzas in, effects out: each stanza is handled whole, in the order of arrival, before the next.

A phone that is handed a message answers at once, from inside the delivery; its answer waits in line, so that the ack of
the message leaves before the receipt for it.

Owns: the line, and carrying out effects. Refuses: what stanzas mean (`dispatch`). Invariant: one stanza at a time; a
stanza of a device that is no longer linked does nothing.
"""

from collections import deque
from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

from wamesh.emulator.codec import CodecError, Node
from wamesh.emulator.server.dispatch import handle
from wamesh.emulator.server.effects import NOT_WELL_FORMED, BadStanza, Context, Cut, Deliver, Effect, Later, Unlink
from wamesh.emulator.server.people import Device, Endpoint
from wamesh.emulator.server.queues import Queues
from wamesh.emulator.timing import CallLater


class Origin(Endpoint, Protocol):
    """The connection a stanza came by."""

    number: int

    def cut(self, detail: str) -> None:
        """Breaks it off without a word."""
        ...

    def end(self, last: Node | None, detail: str) -> None:
        """Says a last word and closes."""
        ...


class Router:
    """The server's one line. `context(sender, connection)` is what a handler sees, `unlink(device, origin, detail)`
    forgets a device.
    """

    def __init__(
        self,
        queues: Queues,
        context: Callable[[Device, int], Context],
        call_later: CallLater,
        unlink: Callable[[Device, Origin | None, str], None],
    ) -> None:
        self._queues = queues
        self._context = context
        self._call_later = call_later
        self._unlink = unlink
        self._line: deque[tuple[Node, Device, Origin | None]] = deque()
        self._busy = False

    def take(self, stanza: Node, sender: Device, origin: Origin | None = None) -> None:
        """Handles a stanza of a device, now or after those that wait; a phone has no `origin`."""
        self._line.append((stanza, sender, origin))
        if self._busy:
            return
        self._busy = True
        try:
            while self._line:
                self._handle(*self._line.popleft())
        finally:
            self._busy = False

    def context(self, sender: Device, origin: Origin | None = None) -> Context:
        """Returns the state as a stanza of `sender` meets it."""
        return self._context(sender, origin.number if origin else 0)

    def deliver(self, deliver: Deliver) -> None:
        """Keeps a stanza for a device when it has a key, and hands it over when the device is connected."""
        if deliver.key:
            self._queues.keep(deliver.device, deliver.key, deliver.stanza)
        if deliver.device.endpoint is not None:
            deliver.device.endpoint.push(deliver.stanza)

    def _handle(self, stanza: Node, sender: Device, origin: Origin | None) -> None:
        if not sender.is_linked:
            return
        context = self.context(sender, origin)
        try:
            for effect in handle(stanza, context):
                self._do(effect, sender, origin)
        except (BadStanza, CodecError) as error:
            if origin is None:
                raise
            origin.end(NOT_WELL_FORMED, f"malformed: {error}")

    def _do(self, effect: Effect, sender: Device, origin: Origin | None) -> None:
        match effect:
            case Node():
                self._answer(effect, sender, origin)
            case Deliver():
                self.deliver(effect)
            case Later(delay, stanza):
                self._answer_later(delay, stanza, sender, origin)
            case Cut(detail) if origin is not None:
                origin.cut(detail)
            case Unlink(device, detail):
                self._unlink(device, origin if device is sender else None, detail)

    def _answer(self, stanza: Node, sender: Device, origin: Origin | None) -> None:
        endpoint = origin or sender.endpoint
        if endpoint is not None:
            endpoint.push(stanza)

    def _answer_later(self, delay: timedelta, stanza: Node, sender: Device, origin: Origin | None) -> None:
        self._call_later(delay, lambda: self._answer(stanza, sender, origin))
