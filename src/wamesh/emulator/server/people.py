"""Who the server knows, as state: people, their devices, and who is connected as one.

Owns: the values and their addresses. Refuses: storing and finding them (`directory`). Invariant: a person's hidden id
follows from the phone number.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Protocol, Self

from wamesh.emulator.codec import HIDDEN_SERVER, PHONE_NUMBER_SERVER, Address, Node
from wamesh.emulator.faults import Faults
from wamesh.emulator.lid import hidden_user

PHONE: Final = 0
"""The number of the phone itself among a person's devices."""


class Endpoint(Protocol):
    """Whoever is connected as a device: a network connection, a virtual phone of this process, a rival."""

    def push(self, stanza: Node) -> None:
        """Hands over one stanza; never blocks, never raises."""
        ...


@dataclass(slots=True, eq=False)
class Person:
    """Somebody with a phone number; an account links devices to its phone, a customer does not."""

    phone_number: str
    """E.164."""
    lid: Address
    push_name: str = ""
    is_account: bool = False
    faults: Faults = field(default_factory=Faults)
    devices: "dict[int, Device]" = field(default_factory=dict)
    """By number; 0 is the phone itself."""
    last_device: int = 0
    """The highest device number ever given."""

    @classmethod
    def at(cls, phone_number: str) -> Self:
        """Returns somebody new with this number."""
        return cls(phone_number, Address(hidden_user(phone_number), HIDDEN_SERVER))

    @property
    def pn(self) -> Address:
        """The phone number form of the address."""
        return Address(self.phone_number[1:], PHONE_NUMBER_SERVER)

    def address(self, server: str) -> Address:
        """The address in the form of `server`: the hidden id for `lid`, else the phone number."""
        return self.lid if server == HIDDEN_SERVER else self.pn

    def other_address(self, server: str) -> Address:
        """The address in the form that `address(server)` is not."""
        return self.pn if server == HIDDEN_SERVER else self.lid


@dataclass(slots=True, eq=False)
class Device:
    """A phone (number 0) or a client linked to it, connected or not. Keys are public and raw, 32 bytes."""

    person: Person
    number: int
    identity: bytes
    registration_id: int
    signed_prekey_id: int
    signed_prekey: bytes
    signature: bytes
    """Of the signed prekey by the identity, 64 bytes."""
    link_time: datetime
    noise_key: bytes = b""
    """What a login must prove to hold; empty for phones."""
    key_index: int = 0
    signed_identity: bytes = b""
    """The ADVSignedDeviceIdentity, complete, as the device shows it to others; empty for phones."""
    prekeys: dict[int, bytes] = field(default_factory=dict)
    """One-time prekeys by id, in the order of their upload; always empty for phones."""
    endpoint: Endpoint | None = None
    queue: dict[str, Node] = field(default_factory=dict)
    """Undelivered stanzas in order; see `queues`."""

    def address(self, server: str) -> Address:
        """The device's address in the form of `server`."""
        return self.person.address(server).with_device(self.number)

    @property
    def name(self) -> str:
        """What documents call it: `+12025550100:1`."""
        return f"{self.person.phone_number}:{self.number}"

    @property
    def is_linked(self) -> bool:
        """False once it was unlinked."""
        return self.person.devices.get(self.number) is self


class PublicKeys(Protocol):
    """What a phone shows of its keys; a `PreKeyBundle` is one."""

    @property
    def identity(self) -> bytes: ...
    @property
    def registration_id(self) -> int: ...
    @property
    def signed_prekey_id(self) -> int: ...
    @property
    def signed_prekey(self) -> bytes: ...
    @property
    def signature(self) -> bytes: ...


def new_phone(person: Person, keys: PublicKeys, endpoint: Endpoint) -> Device:
    """Returns a person's phone as a device; it is connected for ever."""
    return Device(
        person=person,
        number=PHONE,
        identity=keys.identity,
        registration_id=keys.registration_id,
        signed_prekey_id=keys.signed_prekey_id,
        signed_prekey=keys.signed_prekey,
        signature=keys.signature,
        link_time=datetime.min.replace(tzinfo=UTC),
        endpoint=endpoint,
    )
