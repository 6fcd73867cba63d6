"""Who looks, and who types."""

from collections.abc import Iterator

from wamesh.emulator.codec import Node
from wamesh.emulator.server.effects import BadStanza, Context, Deliver, Effect
from wamesh.emulator.server.stanzas.forms import sender_forms
from wamesh.emulator.v1 import emulator_pb2 as pb


def note(presence: Node, context: Context) -> Iterator[Effect]:
    """Logs that somebody looks, or no more. A presence without type only carries the name (Baileys sends many)."""
    match presence.attribute("type"):
        case "available" | "unavailable" as state:
            context.record(pb.EVENT_KIND_PRESENCE, detail=state)
        case "subscribe":
            context.record(pb.EVENT_KIND_QUERIED, detail="subscribe presence")
    return iter(())


def carry_typing(chatstate: Node, context: Context) -> Iterator[Effect]:
    """Passes `<composing/>` or `<paused/>` on to whoever is connected; nothing is kept for others."""
    to = chatstate.address("to")
    states = chatstate.children()
    if to is None or len(states) != 1:
        raise BadStanza("a chatstate needs an address and one state")
    other = context.find(to)
    if context.sender.number:
        context.record(pb.EVENT_KIND_TYPING, other, detail=states[0].tag)
    told = Node("chatstate", sender_forms(context.sender, to), states)
    for device in tuple(other.devices.values()) if other else ():
        yield Deliver(device, told)
