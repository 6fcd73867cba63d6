"""The phone's part in shared settings: the key for new devices, and a push name that both sides may change."""

import zlib
from collections.abc import Sequence
from typing import Any

import pytest
from support.app_state import COLLECTION, name_setting
from support.phone_world import ACCOUNT, CUSTOMER, LinkedClient, PhoneWorld
from support.randomness import seeded_bytes

from wamesh.emulator.app_state import CollectionState, SyncKey, open_patch, seal_patch
from wamesh.emulator.codec import SERVER, Node
from wamesh.emulator.messages import HistorySync, Message, ProtocolMessage, SyncdPatch
from wamesh.emulator.phones.phone import AI_LABEL
from wamesh.emulator.v1 import emulator_pb2 as pb


class SettingsClient:
    """A linked client that has come in, follows the collection, and can change it."""

    def __init__(self, world: PhoneWorld, seed: str = "linked") -> None:
        self.client: LinkedClient = world.link(seed)
        self.state = CollectionState()
        self._world = world
        world.account.devices[0].endpoint.push(  # type: ignore[union-attr]
            Node("notification", {"from": world.account.pn, "type": "account_sync", "id": "1"})
        )

    @property
    def shared(self) -> list[Any]:
        """The sync keys that came, each as often as it came."""
        messages = [message.protocolMessage for message in self.client.messages]
        return [
            key
            for message in messages
            if message.type == ProtocolMessage.APP_STATE_SYNC_KEY_SHARE
            for key in message.appStateSyncKeyShare.keys
        ]

    @property
    def key(self) -> SyncKey:
        return SyncKey(self.shared[0].keyID.keyID, self.shared[0].keyData.keyData)

    def names(self) -> list[str]:
        """The names set since the last look."""
        names: list[str] = []
        for patch in self._patches():
            mutations, self.state = open_patch(COLLECTION, self.state, patch, self.key)
            names += [mutation.value.pushNameSetting.name for mutation in mutations]
        return names

    def rename(self, name: str) -> None:
        """Uploads a patch upon the version that the client knows."""
        patch, _ = seal_patch(COLLECTION, self.state, [name_setting(name)], self.key, seeded_bytes(name))
        self.upload(patch)

    def upload(self, patch: Any) -> Node:
        return self._ask(Node("patch", {}, patch.SerializeToString()))

    def _patches(self) -> Sequence[Any]:
        (synced,) = self._ask().children()
        (collection,) = synced.children()
        patches = collection.child("patches")
        return [SyncdPatch.FromString(node.data) for node in patches.children("patch")] if patches else []

    def _ask(self, *patch: Node) -> Node:
        collection = Node("collection", {"name": COLLECTION, "version": str(self.state.version)}, patch or None)
        attributes = {"xmlns": "w:sync:app:state", "type": "set", "id": "q"}
        self._world.server.receive(
            self.client.device, Node("iq", {"to": SERVER, **attributes}, (Node("sync", {}, (collection,)),))
        )
        return self.client.told("iq")[-1]


@pytest.fixture
def world() -> PhoneWorld:
    return PhoneWorld()


def name_account(world: PhoneWorld, name: str) -> None:
    world.phones.owner(world.account).rename(name)


def test_new_device_gets_the_key_and_finds_its_name(world: PhoneWorld) -> None:
    """One key of 32 bytes, as a peer message; with it the client reads the account's push name."""
    name_account(world, "Salon")
    client = SettingsClient(world)
    message, _ = client.client.told("message")
    assert (message.attribute("category"), message.address("from")) == ("peer", world.account.lid)
    assert (len(client.shared), len(client.key.data)) == (1, 32)
    assert client.names() == ["Salon"]


def test_account_without_a_name_shares_the_key_alone(world: PhoneWorld) -> None:
    """There is nothing to find yet; the name follows when there is one."""
    client = SettingsClient(world)
    assert (len(client.shared), client.names()) == (1, [])
    name_account(world, "Salon")
    assert client.names() == ["Salon"]


def test_every_device_gets_the_same_key_once(world: PhoneWorld) -> None:
    """However often the phone hears its devices, also after a restart."""
    first = SettingsClient(world)
    world.restart()
    second = SettingsClient(world, "second")
    assert (len(first.shared), len(second.shared)) == (1, 1)
    assert first.key == second.key


def test_new_device_hears_that_there_is_no_history(world: PhoneWorld) -> None:
    """All of it comes inside one peer message: there is nothing before the device came in."""
    client = SettingsClient(world).client
    (message,) = [
        each.protocolMessage for each in client.messages if each.protocolMessage.historySyncNotification.progress
    ]
    inline = message.historySyncNotification.initialHistBootstrapInlinePayload
    history = HistorySync.FromString(zlib.decompress(inline))
    assert (message.type, len(history.conversations)) == (ProtocolMessage.HISTORY_SYNC_NOTIFICATION, 0)
    assert message.historySyncNotification.syncType == history.syncType == HistorySync.INITIAL_BOOTSTRAP


def test_device_that_lacks_the_key_asks_for_it(world: PhoneWorld) -> None:
    """It writes a key request to the phone."""
    client = SettingsClient(world)
    request = Message()
    request.protocolMessage.type = ProtocolMessage.APP_STATE_SYNC_KEY_REQUEST
    client.client.write(world.account, request)
    first, again = client.shared
    assert first == again


def test_unreadable_key_is_sent_again(world: PhoneWorld) -> None:
    """A retry receipt for it is answered with the same peer message."""
    client = SettingsClient(world)
    client.client.ask_again(client.client.told("message")[0])
    first, _, again = client.client.told("message")
    assert (again.attribute("id"), again.attribute("category")) == (first.attribute("id"), "peer")
    assert len(client.shared) == 2


def test_renaming_reaches_the_devices(world: PhoneWorld) -> None:
    """They are told that the collection changed, and read the new name; the same name again is no news."""
    client = SettingsClient(world)
    for name in ("Salon", "Studio", "Studio"):
        name_account(world, name)
    assert client.names() == ["Salon", "Studio"]
    told = [stanza for stanza in client.client.told("notification") if stanza.attribute("type") == "server_sync"]
    assert len(told) == 2


def test_devices_may_rename_the_account(world: PhoneWorld) -> None:
    """The phone reads the patch, and the account goes by that name."""
    name_account(world, "Salon")
    client = SettingsClient(world)
    client.names()
    client.rename("Studio")
    assert world.account.push_name == "Studio"


def test_phone_goes_on_after_a_restart(world: PhoneWorld) -> None:
    """It follows what was set before, by itself and by others, and builds upon it."""
    name_account(world, "Salon")
    client = SettingsClient(world)
    client.names()
    client.rename("Studio")
    world.restart()
    assert world.account.push_name == "Studio"
    name_account(world, "Atelier")
    assert client.names() == ["Studio", "Atelier"]


def test_name_given_last_wins(world: PhoneWorld) -> None:
    """The phone has not heard of a device's patch when its owner renames: the server refuses its patch, it learns the
    other name, and uploads its own upon it.
    """
    client = SettingsClient(world)
    phone = world.account.devices[0]
    endpoint, phone.endpoint = phone.endpoint, None
    client.rename("Studio")
    phone.endpoint = endpoint
    name_account(world, "Atelier")
    assert world.account.push_name == "Atelier"
    assert client.names() == ["Studio", "Atelier"]


def test_nonsense_of_a_device_is_not_followed(world: PhoneWorld) -> None:
    """A patch whose codes are wrong changes no name; the phone stays at what it could read."""
    client = SettingsClient(world)
    name_account(world, "Salon")
    client.names()
    patch, _ = seal_patch(COLLECTION, client.state, [name_setting("Hacked")], client.key, seeded_bytes("nonsense"))
    patch.patchMAC = bytes(32)
    client.upload(patch)
    assert world.account.push_name == "Salon"


@pytest.mark.parametrize("labelled", [True, False])
def test_label_of_a_machine_is_seen(world: PhoneWorld, labelled: bool) -> None:
    """A message whose sender says that a machine wrote it is shown and logged with the label."""
    content = Message(conversation="Hello")
    if labelled:
        content.messageContextInfo.botMetadata.SetInParent()
    world.link().write(world.customer(CUSTOMER).person, content)
    (event,) = world.events(pb.EVENT_KIND_MESSAGE_SENT)
    assert (event.account_phone_number, event.detail) == (ACCOUNT, AI_LABEL if labelled else "")
