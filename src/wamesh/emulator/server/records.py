"""People and devices as documents: one JSON object each, keys and signatures in hexadecimal.

Owns: both directions. Refuses: storing. Invariant: reading what was written gives the same person or device, save what
lives elsewhere (devices, prekeys, queue) or does not outlive the process (faults, endpoint).
"""

import json
from datetime import datetime

from wamesh.emulator.server.people import Device, Person


def write_person(person: Person) -> bytes:
    """Returns the person's document."""
    fields = {"push_name": person.push_name, "is_account": person.is_account, "last_device": person.last_device}
    return json.dumps(fields).encode()


def read_person(phone_number: str, record: bytes) -> Person:
    """Returns the person of a document, without devices."""
    person, fields = Person.at(phone_number), json.loads(record)
    person.push_name, person.is_account = fields["push_name"], fields["is_account"]
    person.last_device = fields["last_device"]
    return person


def write_device(device: Device) -> bytes:
    """Returns the device's document."""
    fields = {
        "number": device.number,
        "identity": device.identity.hex(),
        "registration_id": device.registration_id,
        "signed_prekey_id": device.signed_prekey_id,
        "signed_prekey": device.signed_prekey.hex(),
        "signature": device.signature.hex(),
        "link_time": device.link_time.isoformat(),
        "noise_key": device.noise_key.hex(),
        "key_index": device.key_index,
        "signed_identity": device.signed_identity.hex(),
    }
    return json.dumps(fields).encode()


def read_device(person: Person, record: bytes) -> Device:
    """Returns the device of a document, disconnected, with no prekeys and nothing in its queue."""
    fields = json.loads(record)
    return Device(
        person=person,
        number=fields["number"],
        identity=bytes.fromhex(fields["identity"]),
        registration_id=fields["registration_id"],
        signed_prekey_id=fields["signed_prekey_id"],
        signed_prekey=bytes.fromhex(fields["signed_prekey"]),
        signature=bytes.fromhex(fields["signature"]),
        link_time=datetime.fromisoformat(fields["link_time"]),
        noise_key=bytes.fromhex(fields["noise_key"]),
        key_index=fields["key_index"],
        signed_identity=bytes.fromhex(fields["signed_identity"]),
    )
