"""The question every client asks each 20 to 30 s to see that the line is alive."""

from collections.abc import Iterator

from wamesh.emulator.codec import Node
from wamesh.emulator.server.effects import Context, Effect
from wamesh.emulator.server.stanzas.replies import result
from wamesh.emulator.v1 import emulator_pb2 as pb


def answer(query: Node, context: Context) -> Iterator[Effect]:
    """Answers, unless a fault withholds it."""
    if not context.sender.person.faults.strike(pb.FAULT_KIND_KEEP_ALIVE_UNANSWERED):
        yield result(query)
