"""The server as phones see it: what they count on, and nothing else of it."""

from collections.abc import Callable, Sequence
from typing import Protocol

from wamesh.emulator.codec import Node
from wamesh.emulator.phones.attachments import MediaStore
from wamesh.emulator.server.directory import Directory
from wamesh.emulator.server.people import Device, Endpoint, Person, PublicKeys
from wamesh.emulator.signal import PreKeyBundle

OnLinked = Callable[[Device | None, str], None]
"""Hears once how a pairing ended: the device, or None and why not."""


class CompanionHello(Protocol):
    """What a client told when it asked to be linked by code."""

    @property
    def wrapped_ephemeral(self) -> bytes:
        """Its ephemeral public key under the code, 80 bytes."""
        ...


class CompanionFinish(Protocol):
    """What a client answers to the phone's half of a pairing by code."""

    @property
    def wrapped_key_bundle(self) -> bytes:
        """The encrypted bundle, 156 bytes."""
        ...

    @property
    def companion_identity(self) -> bytes:
        """The identity key it says it has, 32 bytes."""
        ...


class PairingOffer(Protocol):
    """A connected client that waits to be linked."""

    @property
    def hello(self) -> CompanionHello | None:
        """Present when it asked to be linked by code."""
        ...

    def next_device_number(self, person: Person) -> int:
        """Returns a device number that nobody had before."""
        ...

    def succeed(self, person: Person, number: int, container: bytes, on_done: OnLinked) -> None:
        """Hands the client its signed identity (ADVSignedDeviceIdentityHMAC) and waits for its own signature."""
        ...

    def refuse(self, person: Person) -> None:
        """Tells the client that the owner declined."""
        ...

    def primary_hello(
        self, wrapped_ephemeral: bytes, identity: bytes, on_finish: Callable[[CompanionFinish | None], None]
    ) -> None:
        """Hands the client the phone's half; `on_finish` hears its answer, or None when it is gone."""
        ...


class Server(Protocol):
    """WhatsApp's server, from inside the process."""

    @property
    def directory(self) -> Directory: ...

    @property
    def media(self) -> MediaStore: ...

    def attach_phone(self, person: Person, keys: PublicKeys, endpoint: Endpoint) -> Device:
        """Connects a person's phone for as long as the process lives."""
        ...

    def receive(self, device: Device, stanza: Node) -> None:
        """Takes a stanza of a phone; what follows from it may happen before this returns."""
        ...

    def take_bundle(self, device: Device) -> PreKeyBundle:
        """Returns what is needed to write to a device; uses up one of its one-time prekeys."""
        ...

    def find_code(self, qr_ref: bytes) -> PairingOffer | None:
        """Returns the client that shows a QR code with this ref."""
        ...

    def code_offers(self, phone_number: str) -> Sequence[PairingOffer]:
        """Returns the clients that asked to be linked to this number by code, oldest first."""
        ...
