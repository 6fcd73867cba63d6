"""Settings shared by an account's devices (pins, mutes, archives): there are none, at version 0."""

from collections.abc import Iterator

from wamesh.emulator.codec import Node
from wamesh.emulator.server.effects import BadStanza, Context, Effect
from wamesh.emulator.server.stanzas.replies import result


def sync(query: Node, context: Context) -> Iterator[Effect]:
    """Every collection asked for is at the version the client has, so it has nothing to fetch."""
    asked = query.child("sync")
    if asked is None:
        raise BadStanza("an app state query needs a sync")
    collections = tuple(
        Node("collection", {"name": collection.attribute("name"), "version": collection.attribute("version") or "0"})
        for collection in asked.children("collection")
    )
    yield result(query, Node("sync", {}, collections))
