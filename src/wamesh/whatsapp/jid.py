"""Addresses of WhatsApp as pure values.

A JID names a person, a group or one linked device of a person. People have two: the one made of their phone
number (PN, `12025550123@s.whatsapp.net`) and a hidden id (LID, `98765@lid`) that shows no number. Both may
name the same person, so nothing may be keyed on one form alone; `Jid` therefore never pretends that two forms
are equal.

Owns: parsing, formatting, and the few questions one may ask of an address. Refuses: looking anything up,
deciding whether a number exists. Invariant: a `Jid` that exists is well-formed, and `Jid.parse(str(jid)) ==
jid`.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

PHONE_NUMBER_SERVER: Final = "s.whatsapp.net"
HIDDEN_SERVER: Final = "lid"
GROUP_SERVER: Final = "g.us"

_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_USER = re.compile(r"[0-9A-Za-z_-]+")
_PERSON = re.compile(r"[0-9]+")
_SERVER = re.compile(r"[a-z]+(\.[a-z]+)*")
_DEVICE = re.compile(r"0|[1-9][0-9]{0,4}")
_MAX_DEVICE = 0xFFFF


class JidProblem(StrEnum):
    """Why a text is no JID, one name for each way to be wrong."""

    NO_AT_SIGN = "NO_AT_SIGN"
    """`12025550123`: user and server must be separated by one `@`."""
    BAD_SERVER = "BAD_SERVER"
    """`12025550123@S.WHATSAPP`: a server is lower-case words joined by dots."""
    BAD_USER = "BAD_USER"
    """`@lid`, `abc@lid`, `+1202@s.whatsapp.net`: a person's user part is digits only, and never empty."""
    BAD_DEVICE = "BAD_DEVICE"
    """`12025550123:x@s.whatsapp.net`: a device is a number from 0 to 65535, and only people have devices."""
    NOT_E164 = "NOT_E164"
    """`8 (202) 555`: a phone number is `+`, a country code, and 7 to 15 digits in all."""


class JidError(ValueError):
    """The text names nobody; `problem` says why, `text` is what was given."""

    def __init__(self, problem: JidProblem, text: str) -> None:
        super().__init__(f"{text!r} is not a WhatsApp address ({problem.value})")
        self.problem = problem
        self.text = text


@dataclass(frozen=True, slots=True)
class Jid:
    """An address: `user@server`, or `user:device@server` for one linked device (device 0 is the owner's
    phone).
    """

    user: str
    server: str = PHONE_NUMBER_SERVER
    device: int = 0

    def __post_init__(self) -> None:
        if not _SERVER.fullmatch(self.server):
            raise JidError(JidProblem.BAD_SERVER, str(self))
        if not (_PERSON if self.is_person else _USER).fullmatch(self.user):
            raise JidError(JidProblem.BAD_USER, str(self))
        if not 0 <= self.device <= (_MAX_DEVICE if self.is_person else 0):
            raise JidError(JidProblem.BAD_DEVICE, str(self))

    def __str__(self) -> str:
        device = f":{self.device}" if self.device else ""
        return f"{self.user}{device}@{self.server}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Returns the address that `text` spells; raises JidError.

        Reads what WhatsApp itself writes, the agent form `user.0:device@server` included (the agent is
        dropped).
        """
        name, at, server = text.partition("@")
        if not at:
            raise JidError(JidProblem.NO_AT_SIGN, text)
        user, colon, device = name.partition(":")
        if colon and not _DEVICE.fullmatch(device):
            raise JidError(JidProblem.BAD_DEVICE, text)
        try:
            return cls(_without_agent(user), server, int(device or 0))
        except JidError as error:
            raise JidError(error.problem, text) from None

    @classmethod
    def of_phone_number(cls, phone_number: str) -> Self:
        """Returns the PN form of an E.164 number (`+12025550123`); raises JidError when it is not E.164."""
        if not _E164.fullmatch(phone_number):
            raise JidError(JidProblem.NOT_E164, phone_number)
        return cls(phone_number[1:])

    @property
    def is_phone_number(self) -> bool:
        """True for the PN form of a person."""
        return self.server == PHONE_NUMBER_SERVER

    @property
    def is_hidden(self) -> bool:
        """True for the LID form of a person."""
        return self.server == HIDDEN_SERVER

    @property
    def is_person(self) -> bool:
        """True when the address names a person or one of their devices, in either form."""
        return self.is_phone_number or self.is_hidden

    @property
    def is_group(self) -> bool:
        """True for a group chat."""
        return self.server == GROUP_SERVER

    @property
    def phone_number(self) -> str | None:
        """The E.164 number of a PN address (`+12025550123`); None for every other form."""
        return f"+{self.user}" if self.is_phone_number else None

    def without_device(self) -> "Jid":
        """Returns the person (or group) this device belongs to: what chats and customers are keyed by."""
        return Jid(self.user, self.server)

    def with_device(self, device: int) -> "Jid":
        """Returns the address of the person's linked device `device`; raises JidError for a group."""
        return Jid(self.user, self.server, device)


def _without_agent(user: str) -> str:
    name, dot, agent = user.partition(".")
    return name if dot and agent.isdecimal() else user
