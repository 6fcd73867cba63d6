"""The receipt that asks for a message again.

Owns: it as a stanza, in both directions. Refuses: keeping messages, deciding when to give up. Invariant:
`RetryRequest.parse` reads what `retry_receipt` writes, and raises ValueError for what it cannot read.

Facts (read in whatsmeow of 2026-08-21 and Baileys 7): the first receipt carries a count and the registration id; from
the second on it carries keys as well, so that the sender begins a new session with them; nobody asks a fifth time.
"""

from dataclasses import dataclass
from typing import Final

from wamesh.emulator import bundle_stanzas
from wamesh.emulator.codec import Node
from wamesh.emulator.signal import PreKeyBundle

ATTEMPTS_MAX: Final = 5
"""The count that is no longer sent."""

KEYS_FROM: Final = 2
"""The count from which on a receipt carries keys, and an answer without them begins a new session."""


@dataclass(frozen=True, slots=True)
class RetryRequest:
    """Which message somebody could not read, how often they have asked by now, and their keys when they sent some."""

    message_id: str
    count: int
    bundle: PreKeyBundle | None

    @classmethod
    def parse(cls, receipt: Node) -> "RetryRequest":
        """Reads `<receipt type="retry">`; ValueError when it is none."""
        retry = receipt.child("retry")
        if retry is None:
            raise ValueError("a retry receipt without <retry>")
        message_id = retry.attribute("id") or receipt.attribute("id")
        count = int(retry.attribute("count") or 1)
        keys = receipt.child("keys")
        return cls(message_id, count, _bundle(receipt, keys) if keys else None)


def _bundle(receipt: Node, keys: Node) -> PreKeyBundle:
    prekey, signed = keys.child("key"), _needed(keys, "skey")
    return PreKeyBundle(
        registration_id=int.from_bytes(_needed(receipt, "registration").data),
        identity=_needed(keys, "identity").data,
        signed_prekey_id=int.from_bytes(_needed(signed, "id").data),
        signed_prekey=_needed(signed, "value").data,
        signature=_needed(signed, "signature").data,
        prekey_id=int.from_bytes(_needed(prekey, "id").data) if prekey else None,
        prekey=_needed(prekey, "value").data if prekey else None,
    )


def _needed(node: Node, tag: str) -> Node:
    child = node.child(tag)
    if child is None:
        raise ValueError(f"<{node.tag}> without <{tag}>")
    return child


def retry_receipt(message: Node, count: int, registration_id: int, bundle: PreKeyBundle | None) -> Node:
    """The receipt that asks for `message` again, for the `count`th time, with the own keys or without."""
    attributes = {name: message.attributes[name] for name in ("id", "recipient") if message.attributes.get(name)}
    retry = {"count": str(count), "id": message.attribute("id"), "t": message.attribute("t"), "v": "1"}
    keys = (Node("keys", {}, bundle_stanzas.keys(bundle)),) if bundle else ()
    children = (Node("retry", retry), bundle_stanzas.registration(registration_id), *keys)
    return Node("receipt", {**attributes, "to": message.attributes["from"], "type": "retry"}, children)
