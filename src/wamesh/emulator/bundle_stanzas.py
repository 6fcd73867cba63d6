"""The public keys with which others can write to a device, as stanzas.

The server hands them out; whoever asks for a message again may send its own.

Owns: the elements, their order and their widths. Refuses: where they stand, and reading them, since each reader has
its own way to refuse. Invariant: a bundle without a one-time prekey has no `<key>`, which clients accept.

Shapes (measured with neonize 0.5.2): a key id is 3 bytes, a registration id 4, both big-endian; public keys are raw, 32
bytes; signatures 64. A digest of what a device has published holds a bundle's keys too.
"""

from wamesh.emulator.codec import Node
from wamesh.emulator.signal import PreKeyBundle
from wamesh.emulator.signal.layouts import KEY_TYPE


def registration(registration_id: int) -> Node:
    """Returns the `<registration>` of a device."""
    return Node("registration", {}, registration_id.to_bytes(4))


def keys(bundle: PreKeyBundle) -> tuple[Node, ...]:
    """Returns `<type>`, `<identity>`, `<key>` where there is a one-time prekey, and `<skey>` with its signature."""
    found = [Node("type", {}, KEY_TYPE), Node("identity", {}, bundle.identity)]
    if bundle.prekey_id is not None and bundle.prekey is not None:
        found.append(_key("key", bundle.prekey_id, bundle.prekey))
    signature = Node("signature", {}, bundle.signature)
    return *found, _key("skey", bundle.signed_prekey_id, bundle.signed_prekey, signature)


def _key(tag: str, key_id: int, public: bytes, *more: Node) -> Node:
    return Node(tag, {}, (Node("id", {}, key_id.to_bytes(3)), Node("value", {}, public), *more))
