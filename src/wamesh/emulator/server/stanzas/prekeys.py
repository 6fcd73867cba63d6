"""Published keys: counting, uploading, rotating, handing them out.

Shapes (measured with neonize 0.5.2): a key id is 3 bytes, a registration id 4, both big-endian; public keys are raw, 32
bytes; signatures 64. A bundle holds the oldest one-time prekey, or none when none is left, which clients accept.
"""

from collections.abc import Iterator
from hashlib import sha1
from typing import Final

from wamesh.emulator.codec import Node
from wamesh.emulator.server import notices
from wamesh.emulator.server.effects import BadStanza, Context, Effect
from wamesh.emulator.server.people import Device
from wamesh.emulator.server.stanzas.replies import result
from wamesh.emulator.signal.curve import KEY_LENGTH, SIGNATURE_LENGTH
from wamesh.emulator.v1 import emulator_pb2 as pb

KEY_TYPE: Final = b"\x05"


def get(query: Node, context: Context) -> Iterator[Effect]:
    """`<count/>`, `<digest/>`, or `<key>` with the devices whose bundles are wanted."""
    if wanted := query.child("key"):
        yield from _hand_out(query, wanted, context)
    elif query.child("digest"):
        yield result(query, _digest(context.sender))
    else:
        yield result(query, Node("count", {"value": str(len(context.sender.prekeys))}))


def publish(query: Node, context: Context) -> Iterator[Effect]:
    """An upload of one-time prekeys with a signed one, or `<rotate>` with a signed one alone."""
    rotation = query.child("rotate")
    signed, is_new = _read_signed(rotation or query), rotation is None and not context.sender.prekeys
    listed = _need(query, "list").children("key") if rotation is None else ()
    prekeys = dict(_read_key(key) for key in listed)
    context.directory.publish_signed_prekey(context.sender, *signed)
    if rotation is None:
        context.directory.publish_prekeys(context.sender, prekeys)
        context.record(pb.EVENT_KIND_PREKEYS_UPLOADED, code=len(prekeys))
    yield result(query)
    if is_new:
        yield notices.new_device(context.sender, context.new_id(), context.time)


def _hand_out(query: Node, wanted: Node, context: Context) -> Iterator[Effect]:
    users, low = [], []
    for user in wanted.children("user"):
        address = user.address("jid")
        device = context.directory.device(address) if address and context.find(address) else None
        users.append(_bundle(user, device, context))
        if device is not None and device.number and len(device.prekeys) == notices.LOW - 1:
            low.append(device)
    yield result(query, Node("list", {}, tuple(users)))
    for device in low:
        yield notices.few_prekeys(device, context.new_id(), context.time)


def _bundle(user: Node, device: Device | None, context: Context) -> Node:
    jid = {"jid": user.attributes.get("jid", "")}
    if device is None:
        return Node("user", jid, (Node("error", {"code": "404", "text": "item-not-found"}),))
    prekey = context.directory.take_prekey(device)
    one_time = (_key("key", *prekey),) if prekey else ()
    return Node("user", jid, (*_identity(device), *one_time, _signed(device)))


def _digest(device: Device) -> Node:
    """What the server holds, for the client to compare; its hash covers identity, signed prekey and prekeys.

    Baileys 7 looks for the element only; what WhatsApp hashes is not known.
    """
    ids = tuple(Node("id", {}, key_id.to_bytes(3)) for key_id in device.prekeys)
    parts = (device.identity, device.signed_prekey, device.signature, *device.prekeys.values())
    hashed = Node("hash", {}, sha1(b"".join(parts), usedforsecurity=False).digest())
    return Node("digest", {}, (*_identity(device), _signed(device), Node("list", {}, ids), hashed))


def _identity(device: Device) -> tuple[Node, ...]:
    registration = Node("registration", {}, device.registration_id.to_bytes(4))
    return registration, Node("type", {}, KEY_TYPE), Node("identity", {}, device.identity)


def _signed(device: Device) -> Node:
    return _key("skey", device.signed_prekey_id, device.signed_prekey, Node("signature", {}, device.signature))


def _key(tag: str, key_id: int, public: bytes, *more: Node) -> Node:
    return Node(tag, {}, (Node("id", {}, key_id.to_bytes(3)), Node("value", {}, public), *more))


def _read_signed(node: Node) -> tuple[int, bytes, bytes]:
    key = _need(node, "skey")
    return *_read_key(key), _sized(key, "signature", SIGNATURE_LENGTH)


def _read_key(key: Node) -> tuple[int, bytes]:
    return int.from_bytes(_sized(key, "id", 3)), _sized(key, "value", KEY_LENGTH)


def _sized(node: Node, tag: str, size: int) -> bytes:
    data = _need(node, tag).data
    if len(data) != size:
        raise BadStanza(f"<{tag}> has {len(data)} bytes, not {size}")
    return data


def _need(node: Node, tag: str) -> Node:
    child = node.child(tag)
    if child is None:
        raise BadStanza(f"<{node.tag}> has no <{tag}>")
    return child
