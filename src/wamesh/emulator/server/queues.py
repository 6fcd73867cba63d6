"""What is on its way: the stanzas that wait for each device, and the ids each device has sent.

A stanza waits under a key until its device settles it: a message by its receipt, all else by its ack. At each login
everything that still waits is told again. Phones live in this process and never miss anything: they have no queue.

Owns: both, and their documents. Refuses: pushing, and knowing what a receipt looks like. Invariant: a kept stanza is in
the device's queue, in order, until `settle` names its key or the device is unlinked.
"""

from typing import Final

from wamesh.emulator.codec import Node, decode, encode
from wamesh.emulator.server.directory import Directory
from wamesh.emulator.server.people import PHONE, Device
from wamesh.emulator.store import Documents

WAITING: Final = "server/queue"
SENT: Final = "server/sent"


def waiting_key(tag: str, stanza_id: str, sender: str, kind: str = "") -> str:
    """Returns the key under which a stanza waits: what its settling names too.

    `sender` is the phone number of the person it is from, empty for the server; `kind` is its type. Two receipts for
    one message differ by type; messages and notifications are told apart by id alone.
    """
    return f"{tag} {stanza_id} {sender} {kind if tag == 'receipt' else ''}"


class Queues:
    """Everything under way, restored from `documents`."""

    def __init__(self, documents: Documents, directory: Directory) -> None:
        self._documents = documents
        self._sent = {name for name, _ in documents.all(SENT)}
        self._asking: dict[str, set[Device]] = {}
        for name, stanza in documents.all(WAITING):
            device, key = _named(directory, name)
            device.queue[key] = decode(stanza)

    def keep(self, device: Device, key: str, stanza: Node) -> None:
        """Lets a stanza wait for a linked device; raises CodecError, and keeps nothing, when it has no encoding."""
        if device.number != PHONE:
            self._documents.put(WAITING, f"{device.name}:{key}", encode(stanza))
            device.queue[key] = stanza

    def settle(self, device: Device, key: str) -> Node | None:
        """Returns the stanza that waited under `key` and waits no more; None when there is none."""
        stanza = device.queue.pop(key, None)
        if stanza is not None:
            self._documents.delete(WAITING, f"{device.name}:{key}")
        return stanza

    def note_sent(self, device: Device, message_id: str) -> bool:
        """Notes that a device sent this id; returns False when it did before."""
        name = f"{device.name}:{message_id}"
        if name in self._sent:
            return False
        self._sent.add(name)
        self._documents.put(SENT, name, b"")
        return True

    def ask_again(self, author: Device, message_id: str, asking: Device) -> None:
        """Notes that a device asked for a message once more: the next one with this id is for that device.

        Not kept in the documents: who asked and got no answer asks again.
        """
        self._asking.setdefault(f"{author.name}:{message_id}", set()).add(asking)

    def take_asking(self, author: Device, message_id: str) -> set[Device]:
        """Returns the devices that asked for a message again; they have then been answered."""
        return self._asking.pop(f"{author.name}:{message_id}", set())

    def forget(self, device: Device) -> None:
        """Drops everything of a device that is unlinked."""
        for key in tuple(device.queue):
            self.settle(device, key)
        for name in [name for name in self._sent if name.startswith(f"{device.name}:")]:
            self._sent.discard(name)
            self._documents.delete(SENT, name)


def _named(directory: Directory, name: str) -> tuple[Device, str]:
    """Splits a document's name, `+12025550100:1:rest`, into the device it names and the rest."""
    phone_number, number, rest = name.split(":", 2)
    person = directory.person(phone_number)
    assert person is not None
    return person.devices[int(number)], rest
