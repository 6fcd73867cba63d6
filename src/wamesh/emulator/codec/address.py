"""Addresses as stanzas carry them.

Unlike `wamesh.whatsapp.jid.Jid`, which admits only people and groups, an `Address` is whatever the wire can name: the
server itself (no user), broadcast lists, newsletters, bots.

Owns: the text form and its parser. Refuses: knowing which users exist or which two addresses are one person.
Invariant: `Address.parse(str(address)) == address` for every address that has a server, whose user holds no `@` or
`:`, and that has a user whenever it has a device.
"""

from dataclasses import dataclass
from typing import Final

from wamesh.emulator.codec.errors import CodecError

PHONE_NUMBER_SERVER: Final = "s.whatsapp.net"
HIDDEN_SERVER: Final = "lid"
MAX_DEVICE: Final = 0xFFFF


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """`user@server`, one device of it (`user:device@server`; device 0 is the owner's phone), or a bare server."""

    user: str
    server: str
    device: int = 0

    def __str__(self) -> str:
        if not self.user:
            return self.server
        return f"{self.user}:{self.device}@{self.server}" if self.device else f"{self.user}@{self.server}"

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Returns the address that `text` spells; raises CodecError.

        A text without `@` names a server (`s.whatsapp.net`).
        """
        name, _, server = text.rpartition("@")
        user, colon, device = name.partition(":")
        if not server or (colon and not user) or text.startswith("@"):
            raise CodecError(f"{text!r} is no address")
        return cls(user, server, _device(device, text) if colon else 0)

    def without_device(self) -> "Address":
        """Returns the person (or group, or server) that this is a device of."""
        return Address(self.user, self.server) if self.device else self

    def with_device(self, device: int) -> "Address":
        """Returns the address of device `device`, 0 to 65535, of the same person."""
        return Address(self.user, self.server, device)


SERVER: Final = Address("", PHONE_NUMBER_SERVER)
"""The server itself, where most queries go and most answers come from."""


def _device(digits: str, text: str) -> int:
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 5 and int(digits) <= MAX_DEVICE):
        raise CodecError(f"{text!r} has no valid device number")
    return int(digits)
