"""The server's part in shared settings: sealed patches in, patches and snapshots out, and who hears of it."""

from typing import Any

import pytest
from support.app_state import CHANGES, COLLECTION, KEY, our_patches
from support.server_world import ServerWorld

from wamesh.emulator.app_state import CollectionState, open_patch
from wamesh.emulator.codec import SERVER, Node
from wamesh.emulator.messages import ExternalBlobReference, SyncdPatch, SyncdSnapshot
from wamesh.emulator.sealed_files import MediaKind, decrypt
from wamesh.emulator.server.effects import Deliver
from wamesh.emulator.server.people import Device
from wamesh.emulator.server.stanzas import app_state
from wamesh.emulator.store import Documents
from wamesh.emulator.v1 import emulator_pb2 as pb


@pytest.fixture
def world() -> ServerWorld:
    return ServerWorld()


def query(*collections: Node) -> Node:
    attributes = {"xmlns": "w:sync:app:state", "type": "set", "id": "1"}
    return Node("iq", {"to": SERVER, **attributes}, (Node("sync", {}, collections),))


def fetch(version: int = 0, *, snapshot: bool = False, name: str = COLLECTION) -> Node:
    wanted = {"name": name, "version": str(version), "return_snapshot": "true" if snapshot else "false"}
    return query(Node("collection", wanted))


def upload(patch: bytes, version: int) -> Node:
    """A patch upon a version."""
    attributes = {"name": COLLECTION, "version": str(version), "return_snapshot": "false"}
    return query(Node("collection", attributes, (Node("patch", {}, patch),)))


def collection_in(answer: Node) -> Node:
    """The one collection of an answer."""
    (synced,) = answer.children()
    (collection,) = synced.children()
    return collection


def patches_in(collection: Node) -> list[Any]:
    patches = collection.child("patches")
    return [SyncdPatch.FromString(node.data) for node in patches.children("patch")] if patches else []


def upload_all(world: ServerWorld, device: Device) -> None:
    for version, patch in enumerate(our_patches()):
        assert collection_in(world.answer(device, upload(patch, version))).attribute("version") == str(version + 1)


def test_untouched_collections_are_empty_at_version_0(world: ServerWorld) -> None:
    """There is no snapshot of them, and no patch."""
    device = world.link()
    for snapshot in (True, False):
        collection = collection_in(world.answer(device, fetch(snapshot=snapshot, name="regular_low")))
        assert (collection.attribute("version"), collection.children()) == ("0", ())


def test_patches_come_back_in_order_with_their_versions(world: ServerWorld) -> None:
    """Another device follows them, code by code, from whatever version it has."""
    upload_all(world, world.link())
    other, state, names = world.link(), CollectionState(), []
    for patch in patches_in(collection_in(world.answer(other, fetch()))):
        mutations, state = open_patch(COLLECTION, state, patch, KEY)
        names += [mutation.index for mutation in mutations]
    assert names == [mutation.index for changes in CHANGES for mutation in changes]
    newest = patches_in(collection_in(world.answer(other, fetch(len(CHANGES) - 1))))
    assert [patch.version.version for patch in newest] == [len(CHANGES)]


def test_snapshot_is_what_the_patches_add_up_to(world: ServerWorld) -> None:
    """It travels as an encrypted file, and its MAC is that of the state after the last patch."""
    device = world.link()
    upload_all(world, device)
    collection = collection_in(world.answer(device, fetch(snapshot=True)))
    (node,) = collection.children()
    reference = ExternalBlobReference.FromString(node.data)
    file = world.server.media.load(reference.directPath)
    assert file is not None
    opened = decrypt(file, MediaKind.APP_STATE, reference.mediaKey, reference.fileSHA256)
    snapshot = SyncdSnapshot.FromString(opened)
    state = CollectionState(snapshot.version.version - 1).after(
        SyncdPatch(mutations=[{"record": record} for record in snapshot.records]).mutations
    )
    assert (node.tag, collection.attribute("version"), len(snapshot.records)) == ("snapshot", "4", 2)
    assert snapshot.mac == state.mac(COLLECTION, KEY)


def test_patch_upon_an_old_version_is_a_conflict(world: ServerWorld) -> None:
    """It is not taken, and its author gets what it does not know."""
    device, (first, second, *_) = world.link(), our_patches()
    world.answer(device, upload(first, 0))
    collection = collection_in(world.answer(device, upload(second, 0)))
    error = collection.child("error")
    assert error is not None
    assert (collection.attribute("type"), error.attribute("code")) == ("error", "409")
    assert [patch.version.version for patch in patches_in(collection)] == [1]
    assert collection_in(world.answer(device, fetch(1))).attribute("version") == "1"


def test_other_devices_are_told(world: ServerWorld) -> None:
    """The phone and the other linked devices, not the author; linked ones are told until they have heard it."""
    author, other = world.link(), world.link(connected=False)
    told = [effect for effect in world.handled(author, upload(our_patches()[0], 0)) if isinstance(effect, Deliver)]
    assert {effect.device for effect in told} == {world.account.devices[0], other}
    for effect in told:
        (collection,) = effect.stanza.children()
        assert (effect.stanza.attribute("type"), bool(effect.key)) == ("server_sync", True)
        assert dict(collection.attributes) == {"name": COLLECTION, "version": "1"}


def test_fetching_tells_nobody(world: ServerWorld) -> None:
    """Only changes are news."""
    device = world.link()
    upload_all(world, device)
    assert [type(effect) for effect in world.handled(device, fetch())] == [Node]


def test_many_patches_come_in_parts(world: ServerWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer says that there are more."""
    monkeypatch.setattr(app_state, "PATCHES_MAX", 3)
    device = world.link()
    upload_all(world, device)
    first, second = (collection_in(world.answer(device, fetch(version))) for version in (0, 3))
    assert [len(patches_in(part)) for part in (first, second)] == [3, 1]
    assert [part.attribute("has_more_patches") for part in (first, second)] == ["true", ""]


@pytest.mark.parametrize(
    "malformed",
    [
        query(Node("collection", {"name": "mine", "version": "0"})),
        query(Node("collection", {"name": COLLECTION, "version": "-1"})),
        upload(b"\xff", 0),
        upload(b"", 0),
        upload(SyncdPatch(snapshotMAC=bytes(32), patchMAC=bytes(32), mutations=[{}]).SerializeToString(), 0),
        Node("iq", {"xmlns": "w:sync:app:state", "type": "set", "id": "1"}),
    ],
    ids=["unknown name", "negative version", "no protobuf", "empty patch", "empty record", "no sync"],
)
def test_malformed_query_changes_nothing(world: ServerWorld, malformed: Node) -> None:
    """It is answered with error 400."""
    device = world.link()
    answer = world.answer(device, malformed)
    error = answer.child("error")
    assert error is not None
    assert (answer.attribute("type"), error.attribute("code")) == ("error", "400")
    assert collection_in(world.answer(device, fetch())).attribute("version") == "0"


def test_settings_outlive_the_process() -> None:
    """A server over the same documents has the same patches, and goes on with the next version."""
    documents, (first, second, *_) = Documents.open(), our_patches()
    world = ServerWorld(documents)
    world.answer(world.link(), upload(first, 0))
    again = ServerWorld(documents)
    assert collection_in(again.answer(again.link(), upload(second, 1))).attribute("version") == "2"


def test_what_phones_ask_is_not_logged(world: ServerWorld) -> None:
    """The log tells what clients on the wire ask; a phone is part of the network."""
    world.answer(world.account.devices[0], fetch())
    assert pb.EVENT_KIND_QUERIED not in world.kinds()


def test_phone_hears_of_a_device_that_came_in(world: ServerWorld) -> None:
    """When a device's first prekeys are there, the account's phone is told its devices: now it can write to it."""
    device = world.link()
    draw = world.random_bytes

    def publish() -> list[Deliver]:
        key = Node("key", {}, (Node("id", {}, draw(3)), Node("value", {}, draw(32))))
        signed = Node("skey", {}, (*key.children(), Node("signature", {}, draw(64))))
        stanza = Node("iq", {"xmlns": "encrypt", "type": "set", "id": "1"}, (Node("list", {}, (key,)), signed))
        return [effect for effect in world.handled(device, stanza) if isinstance(effect, Deliver)]

    (told,), later = publish(), publish()
    (devices,) = told.stanza.children()
    assert (told.device, told.stanza.attribute("type")) == (world.account.devices[0], "account_sync")
    assert [each.address("jid") for each in devices.children()] == [
        world.account.pn,
        world.account.pn.with_device(device.number),
    ]
    assert later == []
