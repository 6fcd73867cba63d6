"""All sessions with one peer: the current one, and archived ones that late messages may still need.

Two phones may begin at the same time, and a peer may begin anew at any time, so there can be several. Owns the
choice among them, libsignal's: what this phone writes goes into the current session; what it reads may come in any,
and the session it came in becomes the current one; 40 archived ones are kept. Refuses sessions of another identity:
a peer whose identity changed has lost the old ones, so `Peer` starts over with it. Invariant: a Peer is a value;
archived sessions are records until they are needed, so that writing a peer down costs no more for having them.
"""

from dataclasses import dataclass, replace
from typing import Final

from wamesh.emulator.signal import fields, session_record
from wamesh.emulator.signal.curve import KEY_LENGTH
from wamesh.emulator.signal.errors import DuplicateMessage, UndecryptableMessage
from wamesh.emulator.signal.fields import Fields
from wamesh.emulator.signal.layouts import SealedMessage
from wamesh.emulator.signal.session import Session

ARCHIVED_MAX: Final = 40


@dataclass(frozen=True, slots=True)
class Peer:
    """`identity` is the peer's (32 bytes); `archived` holds session records, newest first."""

    identity: bytes
    current: Session
    archived: tuple[bytes, ...] = ()

    def with_session(self, session: Session) -> "Peer":
        """Returns the peer after another session with the same identity began."""
        archived = (session_record.encode(self.current), *self.archived)[:ARCHIVED_MAX]
        return Peer(self.identity, session, archived)

    def knows(self, base_key: bytes) -> bool:
        """Whether a session that began with this base key (32 bytes) is here."""
        if self.current.base_key == base_key:
            return True
        return any(session_record.decode(record).base_key == base_key for record in self.archived)

    def decrypt(self, sealed: SealedMessage, receiver: bytes) -> tuple["Peer", bytes]:
        """Returns the peer after a message of it, and the plaintext; `receiver` is the own identity key (32 bytes).

        Raises DuplicateMessage when a session has read it before, UndecryptableMessage when no session can.
        """
        try:
            session, plaintext = self.current.decrypt(sealed, self.identity, receiver)
        except DuplicateMessage:
            raise
        except UndecryptableMessage:
            return self._decrypt_archived(sealed, receiver)
        return replace(self, current=session), plaintext

    def _decrypt_archived(self, sealed: SealedMessage, receiver: bytes) -> tuple["Peer", bytes]:
        for index, record in enumerate(self.archived):
            try:
                session, plaintext = session_record.decode(record).decrypt(sealed, self.identity, receiver)
            except DuplicateMessage:
                raise
            except UndecryptableMessage:
                continue
            others = (*self.archived[:index], *self.archived[index + 1 :])
            return replace(self, archived=others).with_session(session), plaintext
        raise UndecryptableMessage(f"none of {1 + len(self.archived)} sessions fits the message")

    def encode(self) -> bytes:
        """Returns the record of all its sessions: 1 identity, 2 current session, 3 archived ones, newest first."""
        return fields.encode(
            ((1, self.identity), (2, session_record.encode(self.current)), *((3, record) for record in self.archived))
        )

    @classmethod
    def decode(cls, record: bytes) -> "Peer":
        """Restores the peer of a record. Raises ValueError when it is none."""
        found = Fields.decode(record)
        return cls(found.data(1, KEY_LENGTH), session_record.decode(found.data(2)), tuple(found.repeated(3)))
