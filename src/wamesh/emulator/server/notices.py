"""What the server tells devices of its own accord.

Owns: the notifications' shapes. Refuses: deciding when. Invariant: each waits for its device until acked.
"""

import hashlib
from base64 import b64encode
from collections.abc import Iterable
from typing import Final

from wamesh.emulator.codec import SERVER, Address, Node
from wamesh.emulator.server.effects import Deliver
from wamesh.emulator.server.people import PHONE, Device, Person
from wamesh.emulator.server.queues import waiting_key

_LOW: Final = 5
"""With fewer one-time prekeys than this a client uploads more when it is told."""


def ran_low(device: Device) -> bool:
    """Whether the one-time prekey that a linked device lost last was one too many."""
    return device.number != PHONE and len(device.prekeys) == _LOW - 1


def few_prekeys(device: Device, notice_id: str, time: str) -> Deliver:
    """Tells a device how few of its one-time prekeys are left, which makes it upload more (fewer than 5: measured with
    neonize 0.5.2). `time` is in seconds since 1970.
    """
    count = Node("count", {"value": str(len(device.prekeys))})
    return _notice(device, {"from": SERVER, "type": "encrypt", "id": notice_id, "t": time}, count)


def device_list(person: Person, notice_id: str, time: str) -> Iterable[Deliver]:
    """Tells each linked device which devices its account has now (read in whatsmeow)."""
    for _, device in sorted(person.devices.items()):
        if device.number != PHONE:
            yield _device_list(device, notice_id, time)


def new_device(device: Device, notice_id: str, time: str) -> Deliver:
    """Tells the account's phone its devices when a new one has come in and can be written to."""
    return _device_list(device.person.devices[PHONE], notice_id, time)


def changed_collection(by: Device, name: str, version: int, notice_id: str, time: str) -> Iterable[Deliver]:
    """Tells the account's other devices that shared settings have changed (read in whatsmeow and Baileys)."""
    content = Node("collection", {"name": name, "version": str(version)})
    for device in by.person.devices.values():
        if device is not by:
            yield _notice(device, {"from": SERVER, "type": "server_sync", "id": notice_id, "t": time}, content)


def device_hash(addresses: Iterable[str | Address]) -> str:
    """Returns the hash by which lists of devices are compared: `2:` and the base64 of 6 bytes (read in whatsmeow)."""
    parsed = (Address.parse(str(address)) for address in addresses)
    texts = sorted(f"{address.user}.0:{address.device}@{address.server}" for address in parsed)
    return "2:" + b64encode(hashlib.sha256("".join(texts).encode()).digest()[:6]).decode().rstrip("=")


def _device_list(to: Device, notice_id: str, time: str) -> Deliver:
    person = to.person
    listed = tuple(
        Node("device", {"jid": person.pn.with_device(number), "key-index": str(device.key_index or "")})
        for number, device in sorted(person.devices.items())
    )
    content = Node("devices", {"dhash": device_hash(node.attributes["jid"] for node in listed)}, listed)
    return _notice(to, {"from": person.pn, "type": "account_sync", "id": notice_id, "t": time}, content)


def _notice(device: Device, attributes: dict[str, str | Address], content: Node) -> Deliver:
    key = waiting_key("notification", str(attributes["id"]), "")
    return Deliver(device, Node("notification", attributes, (content,)), key)
