"""The people of the network as the server knows them: their addresses, devices and published keys.

Owns: who exists, which devices are linked, and the documents of all that. Refuses: connections, and what is on its way
to whom (`queues`). Invariant: what the documents hold is what is here, except the phones (device 0), which attach
themselves after each start; a device number is given once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from wamesh.emulator.codec import HIDDEN_SERVER, PHONE_NUMBER_SERVER, Address
from wamesh.emulator.server import records
from wamesh.emulator.server.people import PHONE, Device, Person
from wamesh.emulator.signal import PreKeyBundle
from wamesh.emulator.store import Documents

PEOPLE: Final = "server/person"
DEVICES: Final = "server/device"
PREKEYS: Final = "server/prekey"


def bundle_of(device: Device) -> PreKeyBundle:
    """A device's lasting keys; a bundle without a one-time prekey."""
    return PreKeyBundle(
        registration_id=device.registration_id,
        identity=device.identity,
        signed_prekey_id=device.signed_prekey_id,
        signed_prekey=device.signed_prekey,
        signature=device.signature,
        prekey_id=None,
        prekey=None,
    )


class Directory:
    """Everybody, restored from `documents`."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        self._people: dict[str, Person] = {}
        self._by_hidden_user: dict[str, Person] = {}
        for phone_number, record in documents.all(PEOPLE):
            self._enter(records.read_person(phone_number, record))
        for name, record in documents.all(DEVICES):
            device = records.read_device(self._people[name.partition(":")[0]], record)
            device.person.devices[device.number] = device
        for key, prekey in documents.all(PREKEYS):
            phone_number, number, key_id = key.split(":")
            self._people[phone_number].devices[int(number)].prekeys[int(key_id)] = prekey

    def add(self, phone_number: str, *, is_account: bool = False) -> Person:
        """Returns the person with this number, made when missing; an account stays one."""
        person = self._people.get(phone_number)
        if person is None:
            person = self._enter(Person.at(phone_number))
        person.is_account = person.is_account or is_account
        self._save(person)
        return person

    def rename(self, person: Person, push_name: str) -> None:
        """Gives a person the name that others see from now on."""
        if person.push_name != push_name:
            person.push_name = push_name
            self._save(person)

    def person(self, phone_number: str) -> Person | None:
        """Returns who has this number (E.164)."""
        return self._people.get(phone_number)

    def at(self, address: Address) -> Person | None:
        """Returns who has this address, in either form and whatever its device; None when nobody is known there."""
        if address.server == HIDDEN_SERVER:
            return self._by_hidden_user.get(address.user)
        return self._people.get(f"+{address.user}") if address.server == PHONE_NUMBER_SERVER else None

    def device(self, address: Address) -> Device | None:
        """Returns the device at this address, in either form."""
        person = self.at(address)
        return person.devices.get(address.device) if person else None

    def people(self) -> Iterable[Person]:
        """Returns everybody, in the order of their appearance."""
        return tuple(self._people.values())

    # Devices

    def reserve_number(self, person: Person) -> int:
        """Returns a device number that nobody had before."""
        person.last_device += 1
        self._save(person)
        return person.last_device

    def attach(self, phone: Device) -> None:
        """Makes a device its person's phone, until the process ends."""
        phone.person.devices[PHONE] = phone

    def link(self, device: Device) -> None:
        """Links a new device."""
        device.person.devices[device.number] = device
        self._save_device(device)

    def unlink(self, device: Device) -> None:
        """Forgets a device, with its keys."""
        del device.person.devices[device.number]
        self._documents.delete(DEVICES, device.name)
        self.keep_prekeys(device, 0)

    # Published keys

    def publish_signed_prekey(self, device: Device, key_id: int, public: bytes, signature: bytes) -> None:
        """Replaces the device's signed prekey."""
        device.signed_prekey_id, device.signed_prekey, device.signature = key_id, public, signature
        self._save_device(device)

    def publish_prekeys(self, device: Device, prekeys: Mapping[int, bytes]) -> None:
        """Adds one-time prekeys; a known id is replaced."""
        device.prekeys.update(prekeys)
        for key_id, prekey in prekeys.items():
            self._documents.put(PREKEYS, f"{device.name}:{key_id}", prekey)

    def take_bundle(self, device: Device) -> PreKeyBundle:
        """Returns what is needed to begin a Signal session with a device.

        The oldest one-time prekey is in it and gone afterwards; clients accept a bundle that has none.
        """
        if not device.prekeys:
            return bundle_of(device)
        key_id = next(iter(device.prekeys))
        self._documents.delete(PREKEYS, f"{device.name}:{key_id}")
        return replace(bundle_of(device), prekey_id=key_id, prekey=device.prekeys.pop(key_id))

    def keep_prekeys(self, device: Device, count: int) -> None:
        """Forgets all but the `count` oldest one-time prekeys."""
        for key_id in list(device.prekeys)[count:]:
            self._documents.delete(PREKEYS, f"{device.name}:{key_id}")
            del device.prekeys[key_id]

    # Documents

    def _enter(self, person: Person) -> Person:
        self._people[person.phone_number] = person
        self._by_hidden_user[person.lid.user] = person
        return person

    def _save(self, person: Person) -> None:
        self._documents.put(PEOPLE, person.phone_number, records.write_person(person))

    def _save_device(self, device: Device) -> None:
        self._documents.put(DEVICES, device.name, records.write_device(device))
