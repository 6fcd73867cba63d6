"""A transport at work in a test: `connect` on a thread, and every event kept in order with a way to wait for the next
one.
"""

import threading
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol, TypeVar

from support.transport_process import ProcessGone

from wamesh.whatsapp.events import Event
from wamesh.whatsapp.jid import Jid
from wamesh.whatsapp.transport import OnEvent, OutgoingMessage, Transport

E = TypeVar("E", bound=Event)

WAIT_SECONDS: Final = 30.0


class Maker(Protocol):
    """Makes the transport under test over a directory."""

    def __call__(self, directory: Path, on_event: OnEvent) -> Transport: ...


class Client:
    """One transport with a thread for its `connect`."""

    def __init__(self, make: Maker, directory: Path) -> None:
        self.events: list[Event] = []
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._connect, name="connect", daemon=True)
        self.transport = make(directory, self._note)

    def start(self) -> "Client":
        """Runs `connect` on a thread of its own."""
        self._thread.start()
        return self

    def wait(self, kind: type[E], nth: int = 1) -> E:
        """Returns the nth event of `kind` as soon as it has come; fails the test after 30 s."""
        with self._changed:
            came = self._changed.wait_for(lambda: len(self.of(kind)) >= nth, WAIT_SECONDS)
            assert came, f"no {kind.__name__} number {nth} among {self.events}"
            return self.of(kind)[nth - 1]

    def of(self, kind: type[E]) -> list[E]:
        """The events of `kind` up to now, in order."""
        return [event for event in self.events if isinstance(event, kind)]

    def join(self) -> None:
        """Waits until `connect` has returned; fails the test after 30 s."""
        self._thread.join(WAIT_SECONDS)
        assert not self._thread.is_alive(), f"connect has not returned; events: {self.events}"

    def stop(self) -> None:
        """Stops the transport and waits for `connect` to return."""
        self.transport.stop()
        if self._thread.ident is not None:
            self.join()

    def _connect(self) -> None:
        with suppress(ProcessGone):
            self.transport.connect()

    def _note(self, event: Event) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()


def message_to(chat: str, text: str = "Hello!", *, secret: bytes = b"s" * 32, quoted: str = "") -> OutgoingMessage:
    """An outgoing message to a phone number or a JID."""
    address = Jid.parse(chat) if "@" in chat else Jid.of_phone_number(chat)
    return OutgoingMessage(chat=address, text=text, secret=secret, quoted_message_id=quoted)
