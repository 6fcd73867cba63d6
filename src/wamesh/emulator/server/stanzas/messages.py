"""Messages: from one device to each device of the recipient, and to the author's own other devices.

The author encrypts for every device by itself (`<participants>`), or for one only (`<enc>` alone: an answer to a retry
receipt, or a message to the own phone). The server cannot read any of it; it takes the parts to their devices.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from wamesh.emulator import codes
from wamesh.emulator.codec import HIDDEN_SERVER, Address, Node
from wamesh.emulator.server.effects import BadStanza, Context, Cut, Deliver, Effect, Later
from wamesh.emulator.server.people import Device, Person
from wamesh.emulator.server.queues import waiting_key
from wamesh.emulator.server.stanzas.forms import given, sender_forms
from wamesh.emulator.v1 import emulator_pb2 as pb

PEER: Final = "peer"
"""Category of what a device tells its own phone."""

_FOR_THE_SERVER: Final = frozenset({"participants", "enc", "reporting", "tctoken", "cstoken"})
"""Children that are not passed on as they are."""
_PASSED_ON: Final = ("category", "edit", "device_fanout", "push_priority")


@dataclass(frozen=True, slots=True)
class Part:
    """What one device gets of a message."""

    device: Device
    encrypted: tuple[Node, ...]


def carry(message: Node, context: Context) -> Iterator[Effect]:
    """Takes a message to its recipients, then acks it; faults of the author's account may strike."""
    to = message.address("to")
    if to is None or not message.attribute("id"):
        raise BadStanza("a message needs an address and an id")
    recipient = context.find(to)
    if message.child("participants") is None:
        yield from _deliver(message, to, _direct_parts(message, to, recipient), context)
        yield _ack(message, to, context)
    elif not context.sender.number:
        yield from _carry_once(message, to, recipient, context)
        yield _ack(message, to, context)
    else:
        yield from _carry_from_linked(message, to, recipient, context)


def _carry_from_linked(message: Node, to: Address, recipient: Person | None, context: Context) -> Iterator[Effect]:
    faults, message_id = context.sender.person.faults, message.attribute("id")
    if faults.strike(pb.FAULT_KIND_LOSE_SEND):
        context.record(pb.EVENT_KIND_MESSAGE_LOST, recipient, message_id=message_id)
        return
    if recipient is None or faults.strike(pb.FAULT_KIND_UNKNOWN_RECIPIENT):
        code = codes.NOT_ON_WHATSAPP
    elif fault := faults.strike(pb.FAULT_KIND_REJECT_SEND):
        code = fault.code
    else:
        yield from _carry_once(message, to, recipient, context)
        yield from _answer(_ack(message, to, context), context)
        return
    context.record(pb.EVENT_KIND_MESSAGE_REJECTED, recipient, message_id=message_id, code=code)
    yield _ack(message, to, context, code)


def _answer(ack: Node, context: Context) -> Iterator[Effect]:
    """Acks, unless a fault of the account has it otherwise."""
    faults = context.sender.person.faults
    if faults.strike(pb.FAULT_KIND_DROP_AFTER_SEND):
        yield Cut("dropped after a send by a fault")
    elif faults.strike(pb.FAULT_KIND_WITHHOLD_ACK):
        return
    elif fault := faults.strike(pb.FAULT_KIND_DELAY_ACK):
        yield Later(fault.delay_duration.ToTimedelta(), ack)
    else:
        yield ack


def _ack(message: Node, to: Address, context: Context, code: int = 0) -> Node:
    error = str(code) if code else ""
    return Node(
        "ack", given({"class": "message", "id": message.attribute("id"), "from": to, "t": context.time, "error": error})
    )


def _carry_once(message: Node, to: Address, recipient: Person | None, context: Context) -> Iterator[Effect]:
    """Delivers a message that is new; of one that came before, only the parts of devices that asked for it again."""
    message_id = message.attribute("id")
    parts = _parts(message, recipient, context)
    if not context.queues.note_sent(context.sender, message_id):
        asking = context.queues.take_asking(context.sender, message_id)
        parts = [part for part in parts if part.device in asking]
        if not parts:
            context.record(pb.EVENT_KIND_MESSAGE_REPEATED, recipient, message_id=message_id)
    yield from _deliver(message, to, parts, context)
    if recipient and recipient.is_account and recipient.faults.strike(pb.FAULT_KIND_DUPLICATE_DELIVERY):
        yield from _deliver(message, to, parts, context)


def _parts(message: Node, recipient: Person | None, context: Context) -> list[Part]:
    """One part a device, the first; those for devices of other people than recipient and author go nowhere."""
    participants, parts = message.child("participants"), dict[Device, Part]()
    for participant in participants.children("to") if participants else ():
        address = participant.address("jid")
        device = context.directory.device(address) if address else None
        if device is None or device is context.sender or device.person not in (recipient, context.sender.person):
            continue
        parts.setdefault(device, Part(device, participant.children("enc")))
    return list(parts.values())


def _direct_parts(message: Node, to: Address, recipient: Person | None) -> list[Part]:
    device = recipient.devices.get(to.device) if recipient else None
    return [Part(device, message.children("enc"))] if device else []


def _deliver(message: Node, to: Address, parts: list[Part], context: Context) -> Iterator[Effect]:
    passed_on = tuple(child for child in message.children() if child.tag not in _FOR_THE_SERVER)
    key = waiting_key("message", message.attribute("id"), context.sender.person.phone_number)
    for part in parts:
        attributes = _attributes(message, to, part.device, context)
        yield Deliver(part.device, Node("message", attributes, (*part.encrypted, *passed_on)), key)


def _attributes(message: Node, to: Address, device: Device, context: Context) -> dict[str, str | Address]:
    sender = context.sender
    attributes = {
        **sender_forms(sender, to),
        "id": message.attribute("id"),
        "type": message.attribute("type"),
        "t": context.time,
        "notify": sender.person.push_name,
        "addressing_mode": "lid" if to.server == HIDDEN_SERVER else "pn",
        **{name: message.attribute(name) for name in _PASSED_ON},
    }
    return given({**attributes, **(_chat(message, to, context) if device.person is sender.person else {})})


def _chat(message: Node, to: Address, context: Context) -> dict[str, str | Address]:
    """What tells the author's own devices whom a message went to; whatsmeow and Baileys read different names."""
    if message.attribute("category") == PEER:
        return {}
    chat = message.address("recipient") or to
    other = context.find(chat)
    if other is None:
        return {"recipient": chat}
    alternate, form = other.other_address(chat.server), "pn" if chat.server == HIDDEN_SERVER else "lid"
    return {"recipient": chat.without_device(), f"peer_recipient_{form}": alternate, f"recipient_{form}": alternate}
