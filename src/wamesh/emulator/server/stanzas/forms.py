"""The two forms of a sender's address in a stanza that is passed on.

WhatsApp answers in the form it was asked in: what was sent to a LID comes from a LID, with the phone number beside it
as `sender_pn`; what was sent to a phone number comes from one, with `sender_lid` (read in whatsmeow and Baileys).
"""

from collections.abc import Mapping

from wamesh.emulator.codec import HIDDEN_SERVER, Address
from wamesh.emulator.server.people import Device


def sender_forms(sender: Device, to: Address) -> dict[str, str | Address]:
    """Returns `from` and its alternate for a stanza that `sender` addressed to `to`."""
    alternate = "sender_pn" if to.server == HIDDEN_SERVER else "sender_lid"
    return {"from": sender.address(to.server), alternate: sender.person.other_address(to.server)}


def given(attributes: Mapping[str, str | Address]) -> dict[str, str | Address]:
    """Returns the attributes that have a value: an empty one is not sent."""
    return {name: value for name, value in attributes.items() if value}
