"""A client of the server without a socket: a link that notes what is written, and the client's half of Noise.

`Client.pairing` brings a new device, `Client.login` an old one; `heard` returns the stanzas since it was last asked.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from support.noise_client import NoiseClient
from support.randomness import seeded_bytes
from support.server_world import NOW, ServerWorld

from wamesh.emulator.codec import SERVER, Node, decode, encode
from wamesh.emulator.messages import ADVSignedDeviceIdentity, ADVSignedDeviceIdentityHMAC, ClientPayload
from wamesh.emulator.noise import ServerIdentity
from wamesh.emulator.server.people import Device
from wamesh.emulator.signal import curve

IDENTITY: Final = ServerIdentity.create(seeded_bytes("identity"), NOW)


@dataclass
class NotedLink:
    """A wire's link that keeps everything."""

    written: list[bytes] = field(default_factory=list)
    end: str = ""
    delay: timedelta = timedelta()
    held: list[tuple[int, timedelta]] = field(default_factory=list)
    """After how many writes it was told to hold back, and for how long."""

    def write(self, data: bytes) -> None:
        assert not self.end
        self.written.append(data)

    def close(self) -> None:
        self.end = self.end or "closed"

    def abort(self) -> None:
        self.end = self.end or "aborted"

    def slow_down(self, delay: timedelta) -> None:
        self.delay = delay

    def hold(self, duration: timedelta) -> None:
        self.held.append((len(self.written), duration))


class Client:
    """One connection; `seed` decides its keys, so the same seed is the same device."""

    def __init__(self, world: ServerWorld, seed: str = "client") -> None:
        self.link = NotedLink()
        draw = seeded_bytes(seed)
        self.noise = NoiseClient(IDENTITY.root_public, draw, NOW)
        self.identity = curve.generate(draw)
        self.connection = world.server.open(self.link, IDENTITY)
        self._draw = draw

    @classmethod
    def pairing(cls, world: ServerWorld, seed: str = "client", **wrong: bytes) -> "Client":
        """A client without a device, connected; `wrong` takes the place of its keys."""
        client = cls(world, seed)
        keys = {
            "eRegid": bytes([0, 0, 1, 2]),
            "eIdent": client.identity.public,
            "eSkeyID": bytes([0, 0, 1]),
            "eSkeyVal": bytes(32),
            "eSkeySig": bytes(64),
            **wrong,
        }
        client._shake_hands(ClientPayload(devicePairingData=keys))
        return client

    @classmethod
    def login(cls, world: ServerWorld, device: Device, seed: str = "client") -> "Client":
        """A client that says it is `device`, and holds the noise key of `seed`."""
        client = cls(world, seed)
        username = int(device.person.phone_number[1:])
        client._shake_hands(ClientPayload(username=username, device=device.number))
        return client

    def say(self, stanza: Node) -> None:
        """Sends a stanza."""
        self.connection.received(self.noise.seal(encode(stanza)))

    def heard(self) -> list[Node]:
        """Returns the stanzas that came since the last time."""
        frames, self.link.written[:] = list(self.link.written), []
        return [decode(self.noise.open(frame)) for frame in frames]

    def sign(self, pair_success: Node) -> None:
        """Answers a pair-success as neonize does: with the device's own signature."""
        details = pair_success.children()[0].child("device-identity")
        assert details is not None
        signed = ADVSignedDeviceIdentity.FromString(ADVSignedDeviceIdentityHMAC.FromString(details.data).details)
        message = b"\x06\x01" + signed.details + self.identity.public + signed.accountSignatureKey
        self.answer_signed(pair_success, curve.sign(self.identity.private, message, self._draw))

    def answer_signed(self, pair_success: Node, signature: bytes) -> None:
        """Answers a pair-success with this signature."""
        signed = Node("device-identity", {}, ADVSignedDeviceIdentity(deviceSignature=signature).SerializeToString())
        attributes = {"id": pair_success.attribute("id"), "type": "result"}
        self.say(Node("iq", {**attributes, "to": SERVER}, (Node("pair-device-sign", {}, (signed,)),)))

    def _shake_hands(self, payload: Any) -> None:
        self.connection.received(self.noise.hello())
        answer = self.link.written.pop()
        self.connection.received(self.noise.finish(answer, payload.SerializeToString()))


def known_to(device: Device, seed: str = "client") -> Device:
    """Gives a device the noise key of the clients of `seed`."""
    device.noise_key = NoiseClient(IDENTITY.root_public, seeded_bytes(seed), NOW).static_public
    return device
