"""Everybody's phones: made on first use, and again as they were after a restart.

Owns: making, restoring and finding them. Refuses: anything a phone does. Invariant: one phone a number, for as long as
the documents live.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from wamesh.clock import Clock
from wamesh.emulator.event_log import EventLog
from wamesh.emulator.phones import cipher, letters, mailbox
from wamesh.emulator.phones.attachments import Attachments
from wamesh.emulator.phones.cipher import PhoneCipher
from wamesh.emulator.phones.composing import Composer
from wamesh.emulator.phones.letters import Letters
from wamesh.emulator.phones.mailbox import Mailbox
from wamesh.emulator.phones.owner import OwnerPhone
from wamesh.emulator.phones.phone import ADDRESSING, Network, Phone
from wamesh.emulator.phones.port import Server
from wamesh.emulator.server.people import Person
from wamesh.emulator.signal import Keyring, RandomBytes
from wamesh.emulator.store import Documents
from wamesh.emulator.v1 import emulator_pb2 as pb

Records = Sequence[tuple[str, bytes]]
_NONE: Final[Records] = ()


class Phones:
    """The phones of one network, restored from `documents` at once, so that everybody can be reached."""

    def __init__(
        self, server: Server, documents: Documents, log: EventLog, clock: Clock, random_bytes: RandomBytes
    ) -> None:
        attachments = Attachments(server.media, random_bytes)
        composer = Composer(attachments, random_bytes, clock)
        self._network = Network(server, documents, log, clock, random_bytes, attachments, composer)
        self._phones: dict[str, Phone] = {}
        self._owners: dict[str, OwnerPhone] = {}
        self._restore()

    def customer(self, phone_number: str) -> Phone:
        """Returns the phone with this number (E.164), bought on first use."""
        if phone_number not in self._phones:
            self._buy(phone_number)
        return self._phones[phone_number]

    def owner(self, person: Person) -> OwnerPhone:
        """Returns the phone of an account in its owner's hand; it may have been a customer's before."""
        if person.phone_number not in self._owners:
            phone = self.customer(person.phone_number)
            self._owners[person.phone_number] = OwnerPhone(self._network, phone, self._person_at)
        return self._owners[person.phone_number]

    def _person_at(self, phone_number: str) -> Person:
        return self.customer(phone_number).person

    def _buy(self, phone_number: str) -> None:
        network = self._network
        phone_cipher = PhoneCipher(
            phone_number, Keyring.create(network.random_bytes), network.documents, network.random_bytes
        )
        phone_cipher.keep_keys()
        self._phones[phone_number] = Phone(
            network,
            network.server.directory.add(phone_number),
            phone_cipher,
            Mailbox(phone_number, network.documents),
            Letters(phone_number, network.documents),
        )

    def _restore(self) -> None:
        network, documents = self._network, self._network.documents
        sessions, messages = self._by_phone(cipher.SESSIONS), self._by_phone(mailbox.MESSAGES)
        read, sent = self._by_phone(mailbox.READ), self._by_phone(letters.SENT)
        addressing = dict(documents.all(ADDRESSING))
        for number, keys in documents.all(cipher.KEYS):
            keyring = Keyring.load(network.random_bytes, keys, dict(sessions.get(number, _NONE)))
            self._phones[number] = Phone(
                network,
                network.server.directory.add(number),
                PhoneCipher(number, keyring, documents, network.random_bytes),
                Mailbox(number, documents, messages.get(number, _NONE), read.get(number, _NONE)),
                Letters(number, documents, sent.get(number, _NONE)),
                pb.Addressing.Value(addressing[number].decode()) if number in addressing else pb.ADDRESSING_LID,
            )

    def _by_phone(self, kind: str) -> dict[str, Records]:
        """The documents of a kind whose keys begin with a phone's number and a space, by that number."""
        found: dict[str, list[tuple[str, bytes]]] = defaultdict(list)
        for key, value in self._network.documents.all(kind):
            number, _, rest = key.partition(" ")
            found[number].append((rest, value))
        return dict(found)
