"""What a phone wrote: which ids it used, and the newest messages themselves, since a device may ask for one again.

Owns: that memory and its documents. Refuses: encryption. Invariant: an id that was used once stays used, also after a
restart; the newest `KEPT` messages can be found.
"""

from collections.abc import Iterable
from typing import Any, Final

from wamesh.emulator.messages import Message
from wamesh.emulator.store import Documents

KEPT: Final = 256
"""As many as whatsmeow keeps (read in its source of 2026-08-21)."""

SENT: Final = "phones/sent"


class Letters:
    """The messages of one phone, by the number of the chat and the message's id. `records` are its documents."""

    def __init__(self, phone_number: str, documents: Documents, records: Iterable[tuple[str, bytes]] = ()) -> None:
        self._phone_number = phone_number
        self._documents = documents
        self._ids: set[tuple[str, str]] = set()
        self._messages: dict[tuple[str, str], bytes] = {}
        for key, message in records:
            chat, _, message_id = key.partition(" ")
            self._ids.add((chat, message_id))
            if message:
                self._messages[chat, message_id] = message

    def __contains__(self, key: tuple[str, str]) -> bool:
        """Whether the phone used this id in the chat with this number."""
        return key in self._ids

    def keep(self, chat: str, message_id: str, message: Any) -> None:
        """Remembers a message; the oldest one gives way when there are too many."""
        encoded = message.SerializeToString()
        self._ids.add((chat, message_id))
        self._messages[chat, message_id] = encoded
        self._put(chat, message_id, encoded)
        if len(self._messages) > KEPT:
            oldest = next(iter(self._messages))
            del self._messages[oldest]
            self._put(*oldest, b"")

    def find(self, chat: str, message_id: str) -> Any | None:
        """Returns a message; None when it was never sent or is too old."""
        encoded = self._messages.get((chat, message_id))
        return None if encoded is None else Message.FromString(encoded)

    def _put(self, chat: str, message_id: str, message: bytes) -> None:
        self._documents.put(SENT, f"{self._phone_number} {chat} {message_id}", message)
