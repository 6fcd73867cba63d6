"""The settings that each account's devices share, as the server keeps them: sealed.

A collection's version counts its patches. A patch carries the MAC of the whole collection after it, so a snapshot (all
that is set, under the newest patch's MAC) can be put together without any key; it travels as a file.

Owns: patches, what they add up to, and their documents. Refuses: opening them; whoever has the key checks them.
Invariant: the patches of a collection are numbered from 1 without a gap.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from wamesh.emulator.messages import ExternalBlobReference, SyncdMutation, SyncdPatch, SyncdSnapshot
from wamesh.emulator.sealed_files import MediaKind, encrypt
from wamesh.emulator.server.people import Person
from wamesh.emulator.store import Documents

PATCHES: Final = "server/app_state"


@dataclass(slots=True)
class Collection:
    """One collection of one account."""

    patches: list[bytes] = field(default_factory=list)
    """Encoded `SyncdPatch`, the first one's version is 1."""
    records: dict[bytes, Any] = field(default_factory=dict)
    """What is set: `SyncdRecord` by the MAC of its index."""
    mac: bytes = b""
    key_id: bytes = b""
    snapshot: tuple[int, bytes] = (0, b"")
    """The newest snapshot made: its version, and the reference to its file."""

    @property
    def version(self) -> int:
        return len(self.patches)

    def add(self, patch: Any) -> None:
        """Takes the next patch."""
        for mutation in patch.mutations:
            self.records.pop(mutation.record.index.blob, None)
            if mutation.operation == SyncdMutation.SET:
                self.records[mutation.record.index.blob] = mutation.record
        self.mac, self.key_id = patch.snapshotMAC, patch.keyID.ID
        self.patches.append(patch.SerializeToString())


class SharedSettings:
    """Every account's, restored from `documents`. `keep_file(data, type)` uploads a file, returns its direct path."""

    def __init__(
        self, documents: Documents, keep_file: Callable[[bytes, str], str], random_bytes: Callable[[int], bytes]
    ) -> None:
        self._documents = documents
        self._keep_file = keep_file
        self._random_bytes = random_bytes
        self._collections: defaultdict[tuple[str, str], Collection] = defaultdict(Collection)
        for key, patch in documents.all(PATCHES):
            phone_number, name, _ = key.split(":")
            self._collections[phone_number, name].add(SyncdPatch.FromString(patch))

    def version(self, person: Person, name: str) -> int:
        """Returns how many patches a collection has."""
        return self._of(person, name).version

    def patches(self, person: Person, name: str, after: int, at_most: int) -> list[bytes]:
        """Returns the encoded patches after a version, oldest first."""
        return self._of(person, name).patches[after : after + at_most]

    def add(self, person: Person, name: str, patch: Any) -> int:
        """Gives a `SyncdPatch` the next version, keeps it, and returns that version."""
        collection = self._of(person, name)
        patch.version.version = collection.version + 1
        collection.add(patch)
        key = f"{person.phone_number}:{name}:{collection.version}"
        self._documents.put(PATCHES, key, collection.patches[-1])
        return collection.version

    def snapshot(self, person: Person, name: str) -> bytes:
        """Returns the encoded reference (`ExternalBlobReference`) to a file with all that is set now."""
        collection = self._of(person, name)
        if collection.snapshot[0] != collection.version:
            collection.snapshot = collection.version, self._file(_snapshot(collection))
        return collection.snapshot[1]

    def _of(self, person: Person, name: str) -> Collection:
        return self._collections[person.phone_number, name]

    def _file(self, data: bytes) -> bytes:
        sealed = encrypt(data, MediaKind.APP_STATE, self._random_bytes)
        reference: bytes = ExternalBlobReference(
            mediaKey=sealed.media_key,
            directPath=self._keep_file(sealed.data, MediaKind.APP_STATE.value),
            fileSizeBytes=sealed.length,
            fileSHA256=sealed.sha256,
            fileEncSHA256=sealed.encrypted_sha256,
        ).SerializeToString()
        return reference


def _snapshot(collection: Collection) -> bytes:
    snapshot = SyncdSnapshot(records=collection.records.values(), mac=collection.mac)
    snapshot.version.version = collection.version
    snapshot.keyID.ID = collection.key_id
    encoded: bytes = snapshot.SerializeToString()
    return encoded
