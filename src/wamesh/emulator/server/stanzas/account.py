"""What an account is asked about itself, answered truly and shortly: nothing is blocked, hidden or joined."""

from collections.abc import Iterator
from typing import Final

from wamesh.emulator.codec import Node
from wamesh.emulator.server.effects import BadStanza, Context, Effect, Unlink
from wamesh.emulator.server.people import PHONE
from wamesh.emulator.server.stanzas.replies import error, result

_EVERYBODY: Final = ("readreceipts", "profile", "status", "online", "last", "groupadd", "calladd")


def privacy(query: Node, context: Context) -> Iterator[Effect]:
    """Everything is open to everybody; `readreceipts` decides whether clients send `read` or `read-self`."""
    categories = tuple(Node("category", {"name": name, "value": "all"}) for name in _EVERYBODY)
    yield result(query, Node("privacy", {}, categories))


def blocklist(query: Node, context: Context) -> Iterator[Effect]:
    """Nobody is blocked."""
    yield result(query, Node("list"))


def props(query: Node, context: Context) -> Iterator[Effect]:
    """No experiment is on."""
    yield result(query, Node("props"))


def no_picture(query: Node, context: Context) -> Iterator[Effect]:
    """Nobody has a picture."""
    yield error(query, 404, "item-not-found")


def no_groups(query: Node, context: Context) -> Iterator[Effect]:
    """Nobody is in a group: the list is empty, a named group does not exist."""
    if query.child("participating"):
        yield result(query, Node("groups"))
    else:
        yield error(query, 404, "item-not-found")


def remove_companion(query: Node, context: Context) -> Iterator[Effect]:
    """The device logs out. It gets its answer and closes the connection itself."""
    removal = query.child("remove-companion-device")
    if removal is None:
        yield result(query)
        return
    address = removal.address("jid")
    device = context.directory.device(address) if address else None
    if device is None or device.person is not context.sender.person or device.number == PHONE:
        raise BadStanza("a device can remove devices of its own account only")
    yield result(query)
    yield Unlink(device, "by its own logout" if device is context.sender else "by another device")
