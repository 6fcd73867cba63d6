"""One session: a ratchet between two identities, from its first prekey message on.

Owns: putting a message together and taking it apart, in the order keys -> MAC -> content, and when a message must
still be a prekey message: until the peer has written in this session. Refuses to choose among sessions (`peer.py`)
and to keep keys (`keyring.py`). Invariant: a Session is a value; a message that cannot be read yields no new one.
"""

import hmac
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple, TypeAlias

from wamesh.emulator.signal import key_derivation, message_cipher
from wamesh.emulator.signal.curve import RandomBytes
from wamesh.emulator.signal.errors import UndecryptableMessage
from wamesh.emulator.signal.layouts import PreKeySignalMessage, SealedMessage, SignalMessage
from wamesh.emulator.signal.ratchet import Ratchet

Kind: TypeAlias = Literal["pkmsg", "msg"]


class Ciphertext(NamedTuple):
    """An encrypted message: `kind` is what the attribute `type` of <enc> says, `data` its content."""

    kind: Kind
    data: bytes


class Sender(NamedTuple):
    """Who this phone is: public identity key (32 bytes) and registration id."""

    identity: bytes
    registration_id: int


@dataclass(frozen=True, slots=True)
class Unanswered:
    """Which of the peer's keys began this session; the peer has to be told until it has written in it."""

    prekey_id: int | None
    signed_prekey_id: int


@dataclass(frozen=True, slots=True)
class Session:
    """`base_key` (32 bytes) is the public base key of whoever began: the session's name on both sides."""

    base_key: bytes
    ratchet: Ratchet
    unanswered: Unanswered | None = None

    def encrypt(
        self, sender: Sender, receiver: bytes, plaintext: bytes, random_bytes: RandomBytes
    ) -> tuple["Session", Ciphertext]:
        """Returns the session after one more message to `receiver` (identity key, 32 bytes), and that message."""
        ratchet, outgoing = self.ratchet.next_outgoing(random_bytes)
        keys = key_derivation.message_keys(outgoing.seed)
        covered = SignalMessage(
            outgoing.ratchet_key,
            outgoing.counter,
            outgoing.previous_counter,
            message_cipher.encrypt(keys, plaintext),
        ).encode()
        sealed = covered + message_cipher.mac(keys, sender.identity, receiver, covered)
        return replace(self, ratchet=ratchet), self._introduced(sender, sealed)

    def decrypt(self, sealed: SealedMessage, sender: bytes, receiver: bytes) -> tuple["Session", bytes]:
        """Returns the session after a message of the peer, and its plaintext; identity keys have 32 bytes.

        Raises DuplicateMessage for a message read before, UndecryptableMessage for one that is not of this session.
        """
        ratchet, seed = self.ratchet.take(sealed.message.ratchet_key, sealed.message.counter)
        keys = key_derivation.message_keys(seed)
        if not hmac.compare_digest(sealed.mac, message_cipher.mac(keys, sender, receiver, sealed.covered)):
            raise UndecryptableMessage("the MAC does not fit")
        try:
            plaintext = message_cipher.decrypt(keys, sealed.message.ciphertext)
        except ValueError as error:
            raise UndecryptableMessage("the content is not whole") from error
        return Session(self.base_key, ratchet), plaintext

    def _introduced(self, sender: Sender, sealed: bytes) -> Ciphertext:
        if self.unanswered is None:
            return Ciphertext("msg", sealed)
        introduction = PreKeySignalMessage(
            registration_id=sender.registration_id,
            prekey_id=self.unanswered.prekey_id,
            signed_prekey_id=self.unanswered.signed_prekey_id,
            base_key=self.base_key,
            identity=sender.identity,
            message=sealed,
        )
        return Ciphertext("pkmsg", introduction.encode())
