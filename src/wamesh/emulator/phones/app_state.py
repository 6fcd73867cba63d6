"""The settings that an account's phone shares with its linked devices: the key to them, and the push name.

A device that has just come in gets the key as a message of category `peer`; it then fetches the settings from the
server, and there its own push name. (It gets the history in the same way, see `history`.) The phone itself keeps only
the key: it fetches what it has to know, and what it changes it uploads as one more patch.

Owns: the account's key, the phone's copy of the collection `critical_block`, and whose name wins when both sides
changed it (the one uploaded last). Refuses: other collections, which devices share among themselves, and encryption
between devices. Invariant: after every answer of the server, the newest name that the phone could read is the
account's, or the phone's own is on its way to the server.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.message import DecodeError

from wamesh.clock import Clock
from wamesh.emulator.app_state import (
    CRITICAL_BLOCK,
    CollectionState,
    DamagedAppState,
    Mutation,
    SyncKey,
    open_patch,
    seal_patch,
)
from wamesh.emulator.codec import SERVER, Node
from wamesh.emulator.messages import Message, ProtocolMessage, SyncActionValue, SyncdPatch
from wamesh.emulator.phones.history import empty_history
from wamesh.emulator.phones.linking import raw_id
from wamesh.emulator.server.people import PHONE, Device, Person
from wamesh.emulator.signal import RandomBytes
from wamesh.emulator.store import Documents

KEYS: Final = "phones/app_state/key"
TOLD: Final = "phones/app_state/told"

PUSH_NAME: Final = ("setting_pushName",)
PUSH_NAME_VERSION: Final = 1

_KEY_ID_BYTES: Final = 6
_KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Hands:
    """What the phone does for its settings: `say` a stanza to the server, `tell` a device of its own a `Message`,
    `rename` its account.
    """

    say: Callable[[Node], None]
    tell: Callable[[Device, Any], None]
    rename: Callable[[str], None]


class SharedSettings:
    """Of the account of `person`, whose identity (32 bytes) is `identity`."""

    def __init__(
        self,
        person: Person,
        identity: bytes,
        hands: Hands,
        documents: Documents,
        clock: Clock,
        random_bytes: RandomBytes,
    ) -> None:
        self._person = person
        self._identity = identity
        self._hands = hands
        self._documents = documents
        self._clock = clock
        self._random_bytes = random_bytes
        self._state = CollectionState()
        self._name = ""
        self._wanted = ""
        self._asked: dict[str, tuple[CollectionState, str] | None] = {}

    # Of the phone's own accord

    def publish_name(self) -> None:
        """Brings the account's push name, if it has one, to the linked devices."""
        self._wanted = self._person.push_name
        if self._wanted:
            self._ask()

    def welcome(self) -> None:
        """Gives every device that has not been given them yet the key, and the history."""
        for number, device in sorted(self._person.devices.items()):
            if number != PHONE and self._documents.get(TOLD, device.name) is None:
                self._documents.put(TOLD, device.name, b"")
                self.publish_name()
                self._share_key(device)
                self._hands.tell(device, empty_history())

    # What comes in

    def changed(self, notification: Node) -> None:
        """The server says that somebody else changed collections."""
        names = [collection.attribute("name") for collection in notification.children("collection")]
        if CRITICAL_BLOCK in names:
            self._ask()

    def read(self, device: Device, message: Any) -> None:
        """Takes what an own device wrote to this phone: it may lack the key."""
        if message.protocolMessage.type == ProtocolMessage.APP_STATE_SYNC_KEY_REQUEST:
            self._share_key(device)

    def answered(self, answer: Node) -> None:
        """Takes the server's answer to a query of this phone."""
        uploaded = self._asked.pop(answer.attribute("id"), None)
        synced = answer.child("sync")
        collection = synced.child("collection") if synced else None
        if collection is None:
            return
        if uploaded is not None and collection.attribute("type") != "error":
            self._state, self._name = uploaded
        try:
            self._apply(collection)
        except DamagedAppState:
            self._wanted = ""  # a device with the key uploaded nonsense: nothing can be built upon it
        else:
            self._settle(more=collection.attribute("has_more_patches") == "true")

    # Between

    def _apply(self, collection: Node) -> None:
        """Follows the patches of an answer; raises DamagedAppState."""
        patches = collection.child("patches")
        for node in patches.children("patch") if patches else ():
            try:
                patch = SyncdPatch.FromString(node.data)
            except DecodeError as error:
                raise DamagedAppState("not a patch") from error
            if patch.version.version <= self._state.version:
                continue
            mutations, self._state = open_patch(CRITICAL_BLOCK, self._state, patch, self._key())
            for mutation in mutations:
                if mutation.index == PUSH_NAME and not mutation.remove:
                    self._name = mutation.value.pushNameSetting.name

    def _settle(self, *, more: bool) -> None:
        """Asks on, uploads the own name, or takes over the one the devices have."""
        if more:
            self._ask()
        elif self._wanted and self._wanted != self._name:
            self._upload(self._wanted)
        else:
            self._wanted = ""
            if self._name:
                self._hands.rename(self._name)

    def _upload(self, name: str) -> None:
        value = SyncActionValue(timestamp=self._milliseconds())
        value.pushNameSetting.name = name
        mutation = Mutation(PUSH_NAME, value, PUSH_NAME_VERSION)
        patch, after = seal_patch(CRITICAL_BLOCK, self._state, [mutation], self._key(), self._random_bytes)
        self._ask(Node("patch", {}, patch.SerializeToString()), (after, name))

    def _ask(self, patch: Node | None = None, uploaded: tuple[CollectionState, str] | None = None) -> None:
        """Asks for what is new, or uploads a patch upon what this phone knows."""
        query_id = self._random_bytes(8).hex()
        self._asked[query_id] = uploaded
        attributes = {"name": CRITICAL_BLOCK, "version": str(self._state.version), "return_snapshot": "false"}
        collection = Node("collection", attributes, (patch,) if patch else None)
        names = {"xmlns": "w:sync:app:state", "type": "set", "id": query_id}
        self._hands.say(Node("iq", {"to": SERVER, **names}, (Node("sync", {}, (collection,)),)))

    def _share_key(self, device: Device) -> None:
        """Fields read in Baileys 7 and whatsmeow; the fingerprint names the devices that may have the key."""
        message, key = Message(), self._key()
        message.protocolMessage.type = ProtocolMessage.APP_STATE_SYNC_KEY_SHARE
        shared = message.protocolMessage.appStateSyncKeyShare.keys.add()
        shared.keyID.keyID = key.id
        shared.keyData.keyData = key.data
        shared.keyData.timestamp = self._milliseconds()
        shared.keyData.fingerprint.rawID = raw_id(self._identity)
        shared.keyData.fingerprint.currentIndex = max(self._person.devices)
        shared.keyData.fingerprint.deviceIndexes.extend(sorted(self._person.devices))
        self._hands.tell(device, message)

    def _key(self) -> SyncKey:
        """The account's key, made when it is first needed."""
        record = self._documents.get(KEYS, self._person.phone_number)
        if record is None:
            record = self._random_bytes(_KEY_ID_BYTES + _KEY_BYTES)
            self._documents.put(KEYS, self._person.phone_number, record)
        return SyncKey(record[:_KEY_ID_BYTES], record[_KEY_ID_BYTES:])

    def _milliseconds(self) -> int:
        return int(self._clock().timestamp() * 1000)
