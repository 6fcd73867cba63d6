"""Receipts: delivered, inactive, read, played, retry, server-error.

A receipt settles the message for the device that gives it, and is told to the author: to all devices, waiting for those
that are not there; a retry receipt only to the device that it names, for only that one can encrypt the message again.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from wamesh.emulator.codec import Address, Node
from wamesh.emulator.server.effects import BadStanza, Context, Deliver, Effect
from wamesh.emulator.server.people import PHONE, Device, Person
from wamesh.emulator.server.queues import waiting_key
from wamesh.emulator.server.stanzas.forms import given, sender_forms
from wamesh.emulator.v1 import emulator_pb2 as pb

RETRY: Final = "retry"
READ: Final = frozenset({"read", "read-self", "played", "played-self"})
NOT_TOLD: Final = frozenset({"read-self", "played-self"})
"""Kinds that the author does not get to see: whoever read turned read receipts off."""
TO_OWN_PHONE: Final = "server-error"
"""A file could not be loaded; the device asks its own phone to upload it again."""


def carry(receipt: Node, context: Context) -> Iterator[Effect]:
    """Settles the messages, acks the receipt, and passes it on."""
    to, kind = receipt.address("to"), receipt.attribute("type")
    if to is None or not receipt.attribute("id"):
        raise BadStanza("a receipt needs an address and an id")
    other = context.find(to)
    for message_id in _message_ids(receipt):
        _note(message_id, kind, receipt, other, context)
    yield Node("ack", given({"class": "receipt", "id": receipt.attribute("id"), "from": to, "type": kind}))
    if other is not None:
        yield from _tell(receipt, to, other, context)


def _message_ids(receipt: Node) -> list[str]:
    """The ids a receipt speaks of: its own, then those of its list."""
    more = receipt.child("list")
    return [receipt.attribute("id"), *(item.attribute("id") for item in (more.children("item") if more else ()))]


def _note(message_id: str, kind: str, receipt: Node, other: Person | None, context: Context) -> None:
    """Settles one message and logs what the receipt says of it."""
    device = context.sender
    settled = context.queues.settle(device, waiting_key("message", message_id, other.phone_number if other else ""))
    if device.number == PHONE:
        return
    chat = receipt.address("recipient")
    customer = context.find(chat) if chat else other
    if kind == RETRY:
        context.record(pb.EVENT_KIND_RETRY_ASKED, customer, message_id=message_id)
    elif kind in READ:
        context.record(pb.EVENT_KIND_DEVICE_READ, customer, message_id=message_id)
    elif settled is not None and customer is not device.person:
        context.record(pb.EVENT_KIND_DEVICE_RECEIVED, customer, message_id=message_id)


def _tell(receipt: Node, to: Address, other: Person, context: Context) -> Iterator[Effect]:
    """Passes the receipt on."""
    kind, message_id, sender = receipt.attribute("type"), receipt.attribute("id"), context.sender
    attributes = {
        **sender_forms(sender, to),
        "id": message_id,
        "t": receipt.attribute("t") or context.time,
        "type": kind,
        "recipient": receipt.attributes.get("recipient", ""),
    }
    told = Node("receipt", given(attributes), receipt.children() or None)
    key = waiting_key("receipt", message_id, sender.person.phone_number, kind)
    for device in _addressees(kind, to, other, sender):
        if kind == RETRY:
            context.queues.ask_again(device, message_id, sender)
        yield Deliver(device, told, key)


def _addressees(kind: str, to: Address, other: Person, sender: Device) -> Iterable[Device]:
    if kind == RETRY:
        named = other.devices.get(to.device)
        return [named] if named and named is not sender else []
    if other is sender.person:
        return [other.devices[PHONE]] if kind == TO_OWN_PHONE and PHONE in other.devices else []
    return () if kind in NOT_TOLD else tuple(other.devices.values())
