from hypothesis import given, settings
from hypothesis import strategies as st
from support.server_world import ServerWorld, query

from wamesh.emulator.codec import SERVER, Node
from wamesh.emulator.server.effects import Deliver
from wamesh.emulator.v1 import emulator_pb2 as pb


def key(number: int, tag: str = "key") -> Node:
    value = (Node("id", {}, number.to_bytes(3)), Node("value", {}, bytes([number % 256]) * 32))
    return Node(tag, {}, (*value, Node("signature", {}, b"s" * 64)) if tag == "skey" else value)


def upload(*numbers: int) -> Node:
    listed = Node("list", {}, tuple(key(number) for number in numbers))
    return query("encrypt", "set", Node("registration", {}, bytes(4)), listed, key(9, "skey"))


def asked_for(*addresses: object) -> Node:
    users = tuple(Node("user", {"jid": address, "reason": "identity"}) for address in addresses)  # type: ignore[dict-item]
    return query("encrypt", "get", Node("key", {}, users))


def users(answer: Node) -> tuple[Node, ...]:
    listed = answer.child("list")
    assert listed is not None
    return listed.children("user")


def data(node: Node | None, *path: str) -> bytes:
    for tag in path:
        assert node is not None
        node = node.child(tag)
    assert node is not None
    return node.data


def test_count_is_what_was_uploaded() -> None:
    """The server counts the one-time prekeys that a device uploaded, and logs the upload."""
    world = ServerWorld()
    device = world.link()
    assert world.answer(device, upload(1, 2, 3)) == Node("iq", {"from": SERVER, "type": "result", "id": "7"})
    count = world.answer(device, query("encrypt", "get", Node("count"))).child("count")
    assert count == Node("count", {"value": "3"})
    assert [event.code for event in world.log.after(0) if event.kind == pb.EVENT_KIND_PREKEYS_UPLOADED] == [3]


def test_upload_replaces_the_signed_prekey() -> None:
    """The signed prekey of an upload is the one that others get from then on."""
    world = ServerWorld()
    device = world.link()
    world.handled(device, upload(1))
    assert (device.signed_prekey_id, device.signed_prekey) == (9, bytes([9]) * 32)


def test_rotation_leaves_the_one_time_prekeys() -> None:
    """A rotation replaces the signed prekey and nothing else."""
    world = ServerWorld()
    device = world.link(prekeys=3)
    world.handled(device, query("encrypt", "set", Node("rotate", {}, (key(12, "skey"),))))
    assert (device.signed_prekey_id, len(device.prekeys)) == (12, 3)


def test_bundle_echoes_the_form_of_address() -> None:
    """A bundle stands under the address it was asked by, phone number or hidden id."""
    world = ServerWorld()
    device = world.link(prekeys=9)
    for address in (device.address("lid"), device.address("s.whatsapp.net")):
        assert users(world.answer(world.link(), asked_for(address)))[0].attributes["jid"] == address


def test_bundle_holds_the_devices_keys() -> None:
    """A bundle is identity, registration id, signed prekey with signature, and a one-time prekey."""
    world = ServerWorld()
    device = world.link(prekeys=9)
    first = device.prekeys[1]
    (user,) = users(world.answer(world.link(), asked_for(device.address("lid"))))
    assert data(user, "identity") == device.identity
    assert data(user, "registration") == device.registration_id.to_bytes(4)
    assert data(user, "skey", "value") == device.signed_prekey
    assert data(user, "skey", "signature") == device.signature
    assert (data(user, "key", "id"), data(user, "key", "value")) == (bytes([0, 0, 1]), first)


@settings(max_examples=30)
@given(st.integers(1, 12), st.integers(1, 20))
def test_no_one_time_prekey_is_handed_out_twice(prekeys: int, asks: int) -> None:
    """Each one-time prekey is in one bundle at most, oldest first; later bundles have none."""
    world = ServerWorld()
    device, asker = world.link(prekeys=prekeys), world.link()
    ids = []
    for _ in range(asks):
        (user,) = users(world.answer(asker, asked_for(device.address("lid"))))
        ids += [data(user, "key", "id")[-1]] if user.child("key") else []
    assert ids == list(range(1, min(prekeys, asks) + 1))


def test_low_count_is_told_once() -> None:
    """A device that falls below five one-time prekeys is told so, once."""
    world = ServerWorld()
    device, asker = world.link(prekeys=6), world.link()
    told = [
        effect
        for _ in range(4)
        for effect in world.handled(asker, asked_for(device.address("lid")))
        if isinstance(effect, Deliver)
    ]
    assert [effect.device for effect in told] == [device]
    assert told[0].stanza.children() == (Node("count", {"value": "4"}),)


def test_unknown_device_gets_an_error_of_its_own() -> None:
    """A device that does not exist is answered by an error; the others of the question by their bundles."""
    world = ServerWorld()
    known = world.link()
    unknown, answered = users(world.answer(known, asked_for(world.account.lid.with_device(77), world.customer.lid)))
    assert unknown.child("error") == Node("error", {"code": "404", "text": "item-not-found"})
    assert answered.child("identity") is not None


def test_digest_is_answered() -> None:
    """A digest names the keys the server holds, or Baileys uploads more at every login."""
    world = ServerWorld()
    device = world.link(prekeys=2)
    digest = world.answer(device, query("encrypt", "get", Node("digest"))).child("digest")
    assert digest is not None
    listed = digest.child("list")
    assert listed is not None
    assert [child.data for child in listed.children("id")] == [bytes([0, 0, 1]), bytes([0, 0, 2])]


def test_malformed_upload_gets_error_400() -> None:
    """A key of the wrong length is refused, and nothing of its upload is kept."""
    world = ServerWorld()
    device = world.link()
    broken = Node(
        "skey", {}, (Node("id", {}, b"\0\0\1"), Node("value", {}, b"short"), Node("signature", {}, bytes(64)))
    )
    answer = world.answer(device, query("encrypt", "set", Node("list", {}, (key(1),)), broken))
    assert answer.child("error") == Node("error", {"code": "400", "text": "bad-request"})
    assert device.prekeys == {}
