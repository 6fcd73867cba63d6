"""Published keys: counting, uploading, rotating, handing them out.

The shapes are those of `bundle_stanzas`, in both directions.
"""

from collections.abc import Iterator
from hashlib import sha1

from wamesh.emulator import bundle_stanzas
from wamesh.emulator.codec import Node
from wamesh.emulator.server import notices
from wamesh.emulator.server.directory import bundle_of
from wamesh.emulator.server.effects import BadStanza, Context, Effect
from wamesh.emulator.server.people import Device
from wamesh.emulator.server.stanzas.replies import result
from wamesh.emulator.signal.curve import KEY_LENGTH, SIGNATURE_LENGTH
from wamesh.emulator.v1 import emulator_pb2 as pb


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
        users.append(Node("user", {"jid": user.attributes.get("jid", "")}, _keys(device, context)))
        if device is not None and notices.ran_low(device):
            low.append(device)
    yield result(query, Node("list", {}, tuple(users)))
    for device in low:
        yield notices.few_prekeys(device, context.new_id(), context.time)


def _keys(device: Device | None, context: Context) -> tuple[Node, ...]:
    if device is None:
        return (Node("error", {"code": "404", "text": "item-not-found"}),)
    bundle = context.directory.take_bundle(device)
    return bundle_stanzas.registration(device.registration_id), *bundle_stanzas.keys(bundle)


def _digest(device: Device) -> Node:
    """What the server holds, for the client to compare; its hash covers identity, signed prekey and prekeys.

    Baileys 7 looks for the element only; what WhatsApp hashes is not known.
    """
    lasting = bundle_stanzas.registration(device.registration_id), *bundle_stanzas.keys(bundle_of(device))
    ids = tuple(Node("id", {}, key_id.to_bytes(3)) for key_id in device.prekeys)
    parts = (device.identity, device.signed_prekey, device.signature, *device.prekeys.values())
    hashed = Node("hash", {}, sha1(b"".join(parts), usedforsecurity=False).digest())
    return Node("digest", {}, (*lasting, Node("list", {}, ids), hashed))


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
