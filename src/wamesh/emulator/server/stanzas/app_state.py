"""App state: devices fetch the settings they share, and upload what changes them.

Measured with neonize 0.5.2, read in Baileys 7 and whatsmeow: a collection is asked for by the version a device has, or
as a whole (`return_snapshot`); a patch says on which version it builds, and one that builds on an old version is
refused with 409 and the patches that its author does not know.
"""

from collections.abc import Iterator
from typing import Any, Final

from google.protobuf.message import DecodeError

from wamesh.emulator.app_state import COLLECTIONS
from wamesh.emulator.codec import Node
from wamesh.emulator.messages import SyncdPatch
from wamesh.emulator.server import notices
from wamesh.emulator.server.effects import BadStanza, Context, Effect
from wamesh.emulator.server.stanzas.replies import result

PATCHES_MAX: Final = 100
"""So many patches go into one answer; more are fetched with another query."""
CONFLICT: Final = "409"

_DIGITS_MAX: Final = 20
"""Of a version, 64 bits."""
_MAC_BYTES: Final = 32
_VALUE_BYTES_MIN: Final = 16 + 16 + _MAC_BYTES
"""IV, one block, MAC."""


def sync(query: Node, context: Context) -> Iterator[Effect]:
    """Answers for each collection named, and tells the account's other devices of each that changed."""
    asked = query.child("sync")
    if asked is None:
        raise BadStanza("an app state query needs a sync")
    known = {name: context.settings.version(context.sender.person, name) for name in COLLECTIONS}
    yield result(query, Node("sync", {}, tuple(_answer(one, context) for one in asked.children("collection"))))
    for name, version in known.items():
        if context.settings.version(context.sender.person, name) > version:
            yield from notices.changed_collection(context.sender, name, version + 1, context.new_id(), context.time)


def _answer(asked: Node, context: Context) -> Node:
    person, name = context.sender.person, asked.attribute("name")
    if name not in COLLECTIONS:
        raise BadStanza(f"no collection is called {name!r}")
    version = context.settings.version(person, name)
    if patch := asked.child("patch"):
        if _version(asked) != version:
            return _conflict(asked, context)
        version = context.settings.add(person, name, _read(patch))
    elif asked.attribute("return_snapshot") == "true" and version:
        snapshot = Node("snapshot", {}, context.settings.snapshot(person, name))
        return Node("collection", {"name": name, "version": str(version)}, (snapshot,))
    else:
        return Node("collection", {"name": name, **_more(asked, version)}, _newer(asked, context))
    return Node("collection", {"name": name, "version": str(version)})


def _conflict(asked: Node, context: Context) -> Node:
    error = Node("error", {"code": CONFLICT, "text": "conflict"})
    return Node(
        "collection", {"name": asked.attribute("name"), "type": "error"}, (error, *(_newer(asked, context) or ()))
    )


def _newer(asked: Node, context: Context) -> tuple[Node, ...] | None:
    """The patches that the device does not have, as many as fit into an answer."""
    patches = context.settings.patches(context.sender.person, asked.attribute("name"), _version(asked), PATCHES_MAX)
    return (Node("patches", {}, tuple(Node("patch", {}, patch) for patch in patches)),) if patches else None


def _more(asked: Node, version: int) -> dict[str, str]:
    more = version - _version(asked) > PATCHES_MAX
    return {"version": str(version), **({"has_more_patches": "true"} if more else {})}


def _version(asked: Node) -> int:
    text = asked.attribute("version") or "0"
    if not text.isdecimal() or len(text) > _DIGITS_MAX:
        raise BadStanza(f"{text[:_DIGITS_MAX]!r} is no version")
    return int(text)


def _read(patch: Node) -> Any:
    """Returns the `SyncdPatch`; its codes only the devices can check."""
    try:
        read = SyncdPatch.FromString(patch.data)
    except DecodeError:
        raise BadStanza("a patch nobody can read") from None
    records = [mutation.record for mutation in read.mutations]
    if not (
        records
        and len(read.snapshotMAC) == len(read.patchMAC) == _MAC_BYTES
        and all(
            len(record.index.blob) == _MAC_BYTES and len(record.value.blob) >= _VALUE_BYTES_MIN for record in records
        )
        and all(record.keyID.ID for record in records)
    ):
        raise BadStanza("a patch without what every patch has")
    return read
