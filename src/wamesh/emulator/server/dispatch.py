"""Which handler answers which stanza: the one table.

Owns: the table, and what holds for every query (logging it, answering the unknown ones). Refuses: any topic. Invariant:
a query gets exactly one answer, unless a fault withholds it.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from wamesh.emulator.codec import CodecError, Node
from wamesh.emulator.server.effects import BadStanza, Context, Effect, Handler
from wamesh.emulator.server.people import PHONE
from wamesh.emulator.server.stanzas import (
    account,
    acks,
    app_state,
    keep_alive,
    media_hosts,
    messages,
    prekeys,
    presence,
    receipts,
    usync,
)
from wamesh.emulator.server.stanzas.replies import error, result
from wamesh.emulator.v1 import emulator_pb2 as pb

QUERIES: Final[Mapping[tuple[str, str], Handler]] = {
    ("encrypt", "get"): prekeys.get,
    ("encrypt", "set"): prekeys.publish,
    ("usync", "get"): usync.look_up,
    ("w:p", "get"): keep_alive.answer,
    ("w:m", "set"): media_hosts.tell,
    ("privacy", "get"): account.privacy,
    ("blocklist", "get"): account.blocklist,
    ("abt", "get"): account.props,
    ("w", "get"): account.props,
    ("w:profile:picture", "get"): account.no_picture,
    ("w:g2", "get"): account.no_groups,
    ("md", "set"): account.remove_companion,
    ("w:sync:app:state", "set"): app_state.sync,
}
"""By namespace and type. What is not here has nothing to say: its answer is an empty result, which clients accept
(measured with neonize 0.5.2, read in Baileys 7).
"""

UNLOGGED: Final = frozenset({("encrypt", "set"), ("md", "set")})
"""Queries whose effect is an event of its own."""


def answer_query(stanza: Node, context: Context) -> Iterator[Effect]:
    """Answers one `<iq>`; a malformed one gets error 400."""
    name = stanza.attribute("xmlns"), stanza.attribute("type")
    if name[1] not in ("get", "set"):
        return
    if name not in UNLOGGED and context.sender.number != PHONE:
        context.record(pb.EVENT_KIND_QUERIED, detail=f"{name[1]} {name[0]}")
    try:
        yield from QUERIES.get(name, _nothing)(stanza, context)
    except (BadStanza, CodecError):
        yield error(stanza, 400, "bad-request")


def _nothing(stanza: Node, context: Context) -> Iterator[Effect]:
    yield result(stanza)


def _ignore(stanza: Node, context: Context) -> Iterator[Effect]:
    return iter(())


STANZAS: Final[Mapping[str, Handler]] = {
    "iq": answer_query,
    "message": messages.carry,
    "receipt": receipts.carry,
    "ack": acks.settle,
    "presence": presence.note,
    "chatstate": presence.carry_typing,
    "ib": _ignore,
}
"""By tag."""


def handle(stanza: Node, context: Context) -> Iterator[Effect]:
    """Returns what a stanza causes; raises BadStanza or CodecError on the way when it is malformed."""
    return iter(STANZAS.get(stanza.tag, _ignore)(stanza, context))
