"""A message for each device: encrypted one by one, with a session begun where there is none yet.

Owns: when a phone meets a device anew, and spoiling what a fault wants unreadable. Refuses: what the message says and
to whom it goes. Invariant: what `again` seals is what `copies` sealed before, in a session that the device can read
if it has the keys it says it has.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from wamesh.emulator.codec import HIDDEN_SERVER, Address, Node
from wamesh.emulator.phones.cipher import PhoneCipher
from wamesh.emulator.phones.port import Server
from wamesh.emulator.phones.retry_receipts import KEYS_FROM, RetryRequest
from wamesh.emulator.phones.stanzas import Envelope
from wamesh.emulator.server.people import PHONE, Device, Person
from wamesh.emulator.signal import Ciphertext, InvalidBundle
from wamesh.emulator.v1 import emulator_pb2 as pb

_SPOILED: Final = -8
"""A byte of the MAC in both kinds of ciphertext: in a pkmsg at most seven bytes follow the MAC."""


class Sealer:
    """Seals messages for one phone."""

    def __init__(self, server: Server, cipher: PhoneCipher) -> None:
        self._server = server
        self._cipher = cipher

    def copies(
        self, devices: Iterable[Device], message: Any, to: Address, *, spoiled: bool = False
    ) -> Iterator[tuple[Address, Node]]:
        """Yields each device's address, in the form of `to`, and its `<enc>`; a device with bad keys is left out.

        `spoiled` makes those of linked devices unreadable.
        """
        encoded, envelope = message.SerializeToString(), Envelope.of(message)
        for device in devices:
            try:
                ciphertext = self._encrypt(device, encoded)
            except InvalidBundle:
                continue
            spoil = spoiled and device.number != PHONE
            yield device.address(to.server), envelope.enc(_spoil(ciphertext) if spoil else ciphertext)

    def again(self, device: Device, request: RetryRequest, message: Any, *, spoiled: bool = False) -> Node:
        """Returns the `<enc>` for a device that asked again, in a new session where the old one seems broken.

        Raises InvalidBundle.
        """
        address = device.address(HIDDEN_SERVER)
        if request.bundle is not None:
            self._cipher.meet(address, request.bundle)
        elif request.count >= KEYS_FROM:
            self._cipher.meet(address, self._server.take_bundle(device))
        ciphertext = self._encrypt(device, message.SerializeToString())
        return Envelope.of(message).enc(_spoil(ciphertext) if spoiled else ciphertext, count=request.count)

    def _encrypt(self, device: Device, encoded: bytes) -> Ciphertext:
        address = device.address(HIDDEN_SERVER)
        if not self._cipher.knows(address):
            self._cipher.meet(address, self._server.take_bundle(device))
        return self._cipher.encrypt(address, encoded)


def spoils(recipient: Person) -> bool:
    """Whether a fault makes what this person gets now unreadable."""
    return recipient.faults.strike(pb.FAULT_KIND_UNREADABLE_DELIVERY) is not None


def _spoil(ciphertext: Ciphertext) -> Ciphertext:
    data = bytearray(ciphertext.data)
    data[_SPOILED] ^= 0xFF
    return Ciphertext(ciphertext.kind, bytes(data))
