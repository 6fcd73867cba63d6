"""A phone's Signal side on the wire: `<enc>` elements for devices, and out of devices' ones.

Owns: the phone's keyring and its documents, and the name a device goes by in it: its LID, whichever form a stanza
uses. Refuses: stanzas around the element. Invariant: a session's record is put before what it encrypted or decrypted
can be seen.
"""

from typing import Any, Final

from google.protobuf.message import DecodeError

from wamesh.emulator.codec import Address, Node
from wamesh.emulator.messages import Message
from wamesh.emulator.signal import Ciphertext, Keyring, PreKeyBundle, RandomBytes, UndecryptableMessage, pad, unpad
from wamesh.emulator.store import Documents

KEYS: Final = "phones/keys"
SESSIONS: Final = "phones/session"

_PREKEY_MESSAGE: Final = "pkmsg"


class PhoneCipher:
    """The secrets of the phone with this number. A `device` is always named by its LID."""

    def __init__(self, phone_number: str, keyring: Keyring, documents: Documents, random_bytes: RandomBytes) -> None:
        self.keyring = keyring
        self._phone_number = phone_number
        self._documents = documents
        self._random_bytes = random_bytes

    def knows(self, device: Address) -> bool:
        """Whether there is a session to encrypt in."""
        return self.keyring.has_session(str(device))

    def meet(self, device: Address, bundle: PreKeyBundle) -> None:
        """Begins a session, also in the place of one that went wrong; raises InvalidBundle."""
        self.keyring.start_session(str(device), bundle)
        self._keep_session(device)

    def encrypt(self, device: Address, message: bytes) -> Ciphertext:
        """Encrypts an encoded message for a device; raises NoSession."""
        ciphertext = self.keyring.encrypt(str(device), pad(message, self._random_bytes))
        self._keep_session(device)
        return ciphertext

    def decrypt(self, device: Address, enc: Node) -> Any:
        """Returns the message in an `<enc>` of a device; raises UndecryptableMessage, DuplicateMessage."""
        kind = enc.attribute("type")
        padded = self.keyring.decrypt(str(device), kind, enc.data)
        self._keep_session(device)
        if kind == _PREKEY_MESSAGE:
            self.keep_keys()
        try:
            return Message.FromString(unpad(padded))
        except (ValueError, DecodeError) as error:
            raise UndecryptableMessage("no message inside") from error

    def one_time_bundle(self) -> PreKeyBundle:
        """The phone's public keys, with a one-time prekey that nobody else has."""
        bundle = self.keyring.bundle(one_time=True)
        self.keep_keys()
        return bundle

    def keep_keys(self) -> None:
        """Puts the phone's own keys down."""
        self._documents.put(KEYS, self._phone_number, self.keyring.keys_record())

    def _keep_session(self, device: Address) -> None:
        record = self.keyring.session_record(str(device))
        self._documents.put(SESSIONS, f"{self._phone_number} {device}", record)
