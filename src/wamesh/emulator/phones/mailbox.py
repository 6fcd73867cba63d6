"""What a phone shows: every message it received, and which of them nobody has looked at.

Owns: the messages, the place up to which each chat is read, and their documents. Refuses: receipts. Invariant: a
message of an account is here once, whatever was delivered how often, also after a restart.
"""

from collections.abc import Iterable
from typing import Final

from wamesh.emulator.log import Log
from wamesh.emulator.store import Documents
from wamesh.emulator.v1 import emulator_pb2 as pb

MESSAGES: Final = "phones/mailbox"
READ: Final = "phones/read"


class Mailbox(Log[pb.CustomerMessage]):
    """The messages of one phone. `messages` and `read` are its documents: by cursor, and by the chat's number."""

    def __init__(
        self,
        phone_number: str,
        documents: Documents,
        messages: Iterable[tuple[str, bytes]] = (),
        read: Iterable[tuple[str, bytes]] = (),
    ) -> None:
        super().__init__()
        self._phone_number = phone_number
        self._documents = documents
        self._ids: set[tuple[str, str]] = set()
        self._unread: dict[str, list[str]] = {}
        read_up_to = {chat: int(cursor) for chat, cursor in read}
        for _, encoded in messages:
            message = pb.CustomerMessage.FromString(encoded)
            self._show(message, unread=message.cursor > read_up_to.get(message.account_phone_number, 0))

    def __contains__(self, key: tuple[str, str]) -> bool:
        """Whether the message of this account with this id is here."""
        return key in self._ids

    def append(self, item: pb.CustomerMessage) -> None:
        """Adds a message, unread; its cursor is given here."""
        item.cursor = self.cursor + 1
        self._documents.put(MESSAGES, f"{self._phone_number} {item.cursor}", item.SerializeToString())
        self._show(item, unread=True)

    def open(self, chat: str) -> list[str]:
        """The owner looks at the chat with this number: returns the ids of what was unread, oldest first."""
        message_ids = self._unread.pop(chat, [])
        if message_ids:
            self._documents.put(READ, f"{self._phone_number} {chat}", str(self.cursor).encode())
        return message_ids

    def _show(self, item: pb.CustomerMessage, *, unread: bool) -> None:
        chat = item.account_phone_number
        self._ids.add((chat, item.message_id))
        if unread:
            self._unread.setdefault(chat, []).append(item.message_id)
        super().append(item)
