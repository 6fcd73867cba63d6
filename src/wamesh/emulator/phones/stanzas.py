"""The stanzas a phone sends, as pure functions.

Owns: their attributes. Refuses: what to say when. Invariant: an answer names exactly the stanza it answers.

Facts: measured with neonize 0.5.2 at both ends; the types of messages and files read in whatsmeow of 2026-08-21.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from wamesh.emulator.codec import Address, Node
from wamesh.emulator.signal import Ciphertext

_MEDIA_TYPES: Final = {
    "imageMessage": "image",
    "videoMessage": "video",
    "documentMessage": "document",
    "documentWithCaptionMessage": "document",
    "stickerMessage": "sticker",
    "contactMessage": "vcard",
}


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the outside of a message tells: `text`, `media`, `reaction` or `poll`, and for media which."""

    type: str
    media_type: str = ""

    @classmethod
    def of(cls, message: Any) -> "Envelope":
        """The outside of a `Message`, which is that of the message inside for an own device's copy."""
        if message.HasField("deviceSentMessage"):
            return cls.of(message.deviceSentMessage.message)
        if message.HasField("reactionMessage"):
            return cls("reaction")
        if message.HasField("pollCreationMessageV3"):
            return cls("poll")
        if message.HasField("audioMessage"):
            return cls("media", "ptt" if message.audioMessage.PTT else "audio")
        media_type = next((name for field, name in _MEDIA_TYPES.items() if message.HasField(field)), "")
        return cls("media", media_type) if media_type else cls("text")

    def enc(self, ciphertext: Ciphertext, *, count: int = 0) -> Node:
        """The encrypted content for one device; `count` is that of the retry receipt it answers."""
        attributes = {"v": "2", "type": ciphertext.kind}
        if self.media_type:
            attributes["mediatype"] = self.media_type
        if self.type == "reaction":
            attributes["decrypt-fail"] = "hide"
        if count:
            attributes["count"] = str(count)
        return Node("enc", attributes, ciphertext.data)


def message(to: Address, message_id: str, envelope: Envelope, copies: Iterable[tuple[Address, Node]]) -> Node:
    """A message to a person, with a copy for each device."""
    mode = "lid" if to.server == "lid" else "pn"
    participants = tuple(Node("to", {"jid": device}, (enc,)) for device, enc in copies)
    attributes: dict[str, str | Address] = {"id": message_id, "type": envelope.type, "to": to, "addressing_mode": mode}
    return Node("message", attributes, (Node("participants", content=participants),))


def message_again(receipt: Node, message_id: str, envelope: Envelope, enc: Node, *, peer: bool = False) -> Node:
    """The answer to a retry receipt: the same message for the device that asked, an own one when it is a `peer`."""
    attributes = {"id": message_id, "type": envelope.type, "to": receipt.attributes["from"], "device_fanout": "false"}
    if peer:
        attributes["category"] = "peer"
    return Node("message", {**attributes, **_kept(receipt, "recipient")}, (enc,))


def peer_message(to: Address, message_id: str, envelope: Envelope, enc: Node) -> Node:
    """A message to one of the own devices (read in whatsmeow and Baileys)."""
    attributes: dict[str, str | Address] = {"id": message_id, "type": envelope.type, "to": to}
    return Node("message", {**attributes, "category": "peer", "push_priority": "high_force"}, (enc,))


def delivered(message: Node) -> Node:
    """The receipt that says: the message is on this phone."""
    return Node(
        "receipt", {"id": message.attribute("id"), "to": message.attributes["from"], **_kept(message, "recipient")}
    )


def read(to: Address, message_ids: Sequence[str], moment: datetime) -> Node:
    """The receipt that says: somebody has seen these messages (one or more)."""
    first, *rest = message_ids
    attributes: dict[str, str | Address] = {
        "id": first,
        "to": to,
        "type": "read",
        "t": str(int(moment.timestamp())),
    }
    items = tuple(Node("item", {"id": message_id}) for message_id in rest)
    return Node("receipt", attributes, (Node("list", content=items),) if items else None)


def ack(stanza: Node) -> Node:
    """The answer that says no more than: it arrived."""
    kept = ("id", "participant", "recipient") if stanza.tag == "message" else ("id", "participant", "recipient", "type")
    return Node("ack", {"class": stanza.tag, "to": stanza.attributes["from"], **_kept(stanza, *kept)})


def typing(to: Address, *, composing: bool) -> Node:
    """The chat state: somebody types, or stopped."""
    return Node("chatstate", {"to": to}, (Node("composing" if composing else "paused"),))


def _kept(stanza: Node, *names: str) -> dict[str, str | Address]:
    return {name: stanza.attributes[name] for name in names if stanza.attributes.get(name)}
