"""Acks of clients: they settle what waited for the device."""

from collections.abc import Iterator

from wamesh.emulator.codec import Node
from wamesh.emulator.server.effects import Context, Effect
from wamesh.emulator.server.queues import waiting_key


def settle(ack: Node, context: Context) -> Iterator[Effect]:
    """Settles what the ack names. A message waits on for its receipt, unless the ack carries an error: then there will
    be none (Baileys answers 487 to a message it can read no more, 500 to one it cannot read).
    """
    about = ack.attribute("class")
    if about != "message" or ack.attribute("error"):
        to = ack.address("to")
        person = context.directory.at(to) if to else None
        sender = person.phone_number if person and about != "notification" else ""
        context.queues.settle(context.sender, waiting_key(about, ack.attribute("id"), sender, ack.attribute("type")))
    return iter(())
