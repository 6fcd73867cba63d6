"""What the server tells devices of its own accord.

Owns: the notifications' shapes. Refuses: deciding when. Invariant: each waits for its device until acked.
"""

import hashlib
from base64 import b64encode
from collections.abc import Iterable
from typing import Final

from wamesh.emulator.codec import SERVER, Address, Node
from wamesh.emulator.server.effects import Deliver
from wamesh.emulator.server.people import Device, Person
from wamesh.emulator.server.queues import waiting_key

LOW: Final = 5
"""With fewer one-time prekeys than this a client uploads more when it is told."""


def few_prekeys(device: Device, notice_id: str, time: str) -> Deliver:
    """Tells a device how few of its one-time prekeys are left, which makes it upload more (fewer than 5: measured with
    neonize 0.5.2). `time` is in seconds since 1970.
    """
    count = Node("count", {"value": str(len(device.prekeys))})
    return _notice(device, {"from": SERVER, "type": "encrypt", "id": notice_id, "t": time}, count)


def device_list(person: Person, notice_id: str, time: str) -> Iterable[Deliver]:
    """Tells each linked device which devices its account has now (read in whatsmeow)."""
    devices = sorted(person.devices.values(), key=lambda device: device.number)
    listed = tuple(
        Node("device", {"jid": person.pn.with_device(device.number), "key-index": str(device.key_index or "")})
        for device in devices
    )
    content = Node("devices", {"dhash": device_hash(node.attributes["jid"] for node in listed)}, listed)
    for device in devices:
        if device.number:
            yield _notice(device, {"from": person.pn, "type": "account_sync", "id": notice_id, "t": time}, content)


def device_hash(addresses: Iterable[str | Address]) -> str:
    """Returns the hash by which lists of devices are compared: `2:` and the base64 of 6 bytes (read in whatsmeow)."""
    parsed = (Address.parse(str(address)) for address in addresses)
    texts = sorted(f"{address.user}.0:{address.device}@{address.server}" for address in parsed)
    return "2:" + b64encode(hashlib.sha256("".join(texts).encode()).digest()[:6]).decode().rstrip("=")


def _notice(device: Device, attributes: dict[str, str | Address], content: Node) -> Deliver:
    key = waiting_key("notification", str(attributes["id"]), "")
    return Deliver(device, Node("notification", attributes, (content,)), key)
