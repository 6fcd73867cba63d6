"""Asking for a message again, and being asked: when, with what, and for how long.

Owns: how often each message was asked for, and what answers a device that could not read one. Refuses: the receipt as
a stanza (`retry_receipts.py`), keeping messages (`letters.py`), and saying anything itself. Invariant: nobody is asked
more than four times for one message, and what is sent again is what this phone wrote in that chat.
"""

from collections import Counter
from collections.abc import Callable

from wamesh.emulator.codec import Address, Node
from wamesh.emulator.phones import stanzas
from wamesh.emulator.phones.cipher import PhoneCipher
from wamesh.emulator.phones.composing import as_sent
from wamesh.emulator.phones.letters import Letters
from wamesh.emulator.phones.retry_receipts import ATTEMPTS_MAX, KEYS_FROM, RetryRequest, retry_receipt
from wamesh.emulator.phones.sealing import Sealer, spoils
from wamesh.emulator.phones.stanzas import Envelope
from wamesh.emulator.server.directory import Directory
from wamesh.emulator.server.people import PHONE, Device, Person


class Asking:
    """For what one phone could not read. A device is named by its person and its number."""

    def __init__(self, cipher: PhoneCipher) -> None:
        self._cipher = cipher
        self._asked: Counter[tuple[str, str]] = Counter()

    def ask(self, message: Node, author: Person, device: int) -> Node | None:
        """Returns the receipt that asks for a message once more; None when that was tried often enough."""
        key = _key(author, device, message.attribute("id"))
        self._asked[key] += 1
        count = self._asked[key]
        if count >= ATTEMPTS_MAX:
            return None
        bundle = self._cipher.one_time_bundle() if count >= KEYS_FROM else None
        return retry_receipt(message, count, self._cipher.keyring.registration_id, bundle)

    def settle(self, author: Person, device: int, message_id: str) -> None:
        """A message was read."""
        self._asked.pop(_key(author, device, message_id), None)


class Answering:
    """For what the phone of `person` wrote; `address_of` is how it names somebody."""

    def __init__(
        self,
        person: Person,
        directory: Directory,
        letters: Letters,
        sealer: Sealer,
        address_of: Callable[[Person], Address],
    ) -> None:
        self._person = person
        self._directory = directory
        self._letters = letters
        self._sealer = sealer
        self._address_of = address_of

    def answer(self, receipt: Node) -> Node | None:
        """Returns the message again for a device that could not read it.

        None when the message is too old or the request makes no sense.
        """
        sender = receipt.address("from")
        device = self._directory.device(sender) if sender else None
        if device is None:
            return None
        try:
            return self._again(receipt, device)
        except ValueError:
            return None

    def _again(self, receipt: Node, device: Device) -> Node | None:
        """The same, for a device that exists. Raises ValueError."""
        chat = self._chat_of(receipt, device)
        request = RetryRequest.parse(receipt)
        message = self._letters.find(chat.phone_number, request.message_id)
        if message is None:
            return None
        peer = message.HasField("protocolMessage")
        if device.person is self._person and not peer:
            message = as_sent(message, self._address_of(chat))
        spoiled = device.number != PHONE and spoils(device.person)
        enc = self._sealer.again(device, request, message, spoiled=spoiled)
        return stanzas.message_again(receipt, request.message_id, Envelope.of(message), enc, peer=peer)

    def _chat_of(self, receipt: Node, device: Device) -> Person:
        """With whom the message was: an own device names the recipient, others are it themselves."""
        recipient = receipt.address("recipient")
        found = self._directory.at(recipient) if recipient and device.person is self._person else None
        return found or device.person


def _key(author: Person, device: int, message_id: str) -> tuple[str, str]:
    return f"{author.phone_number}:{device}", message_id
