"""A linked device over real sockets, without a client library: websocket, Noise, stanzas, and Signal keys of its own.

Thirty of them cost less than one neonize process. `LightClient.pair` links a new device, `login` comes back as it;
`say` sends any stanza, true or hostile, `send_raw` any bytes; what the server says is in `stanzas`, customers' words
are in `texts`. An honest client answers what it is handed, as whatsmeow does: see `_answer`.
"""

import asyncio
import contextlib
import ssl
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

from support.noise_client import NoiseClient, framed
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from wamesh.clock import utc_now
from wamesh.emulator.codec import SERVER, Address, Node, decode, encode
from wamesh.emulator.messages import (
    ADVSignedDeviceIdentity,
    ADVSignedDeviceIdentityHMAC,
    ClientPayload,
    HandshakeMessage,
    Message,
)
from wamesh.emulator.phones.stanzas import Envelope, ack, delivered, message
from wamesh.emulator.protocol import ProtocolNetwork
from wamesh.emulator.signal import Keyring, PreKeyBundle, curve, pad, unpad
from wamesh.emulator.v1 import emulator_pb2 as pb

WAIT_SECONDS = 10.0


@dataclass
class LightClient:
    """One device; its keys outlive its connections."""

    wire: pb.GetWireResponse
    random_bytes: Callable[[int], bytes]
    honest: bool = True
    stanzas: list[Node] = field(default_factory=list)
    texts: list[tuple[str, str]] = field(default_factory=list)
    """Author's address and words, in the order of their arrival."""
    account: str = ""
    device: int = 0

    def __post_init__(self) -> None:
        self.keyring = Keyring.create(self.random_bytes)
        self.noise = self._new_noise()
        self._static = self.noise.static
        self._socket: ClientConnection | None = None
        self._reader: asyncio.Task[None] | None = None
        self._news = asyncio.Event()
        self._number = 0

    @property
    def open(self) -> bool:
        """False once the server has ended the connection, or before there is one."""
        return self._reader is not None and not self._reader.done()

    # Coming and going

    async def connect(self) -> ClientConnection:
        """Opens a websocket and says nothing."""
        trusting = ssl.create_default_context(cadata=self.wire.ca_certificate_pem)
        return await connect(
            "wss://web.whatsapp.com/ws/chat",
            ssl=trusting,
            proxy=f"http://{self.wire.address}",
            compression=None,
            max_size=None,
        )

    async def shake_hands(self, payload: bytes) -> None:
        """Opens a connection with this ClientPayload, encoded."""
        await self.leave()
        self.noise = self._new_noise()
        self.noise.static = self._static
        self._socket = await self.connect()
        await self._socket.send(self.noise.hello())
        answer = await self._socket.recv()
        assert isinstance(answer, bytes)
        await self._socket.send(self.noise.finish(answer, payload))
        self._reader = asyncio.create_task(self._read(self._socket))

    async def pair(self, network: ProtocolNetwork, account: str) -> Self:
        """Links a new device to the account, and logs in as it."""
        network.add_account(account, "")
        await self.shake_hands(ClientPayload(devicePairingData=self.registration()).SerializeToString())
        offer = await self.heard(lambda stanza: stanza.child("pair-device") is not None)
        shown = offer.child("pair-device")
        assert shown is not None
        keys = (self.noise.static_public, self.keyring.identity.public, self.random_bytes(32))
        code = ",".join((shown.children()[0].data.decode(), *(b64encode(key).decode() for key in keys)))
        scan = asyncio.create_task(network.scan(account, code))
        await self._sign(await self.heard(lambda stanza: stanza.child("pair-success") is not None))
        self.account, self.device = account, await scan
        await self.login()
        return self

    async def login(self) -> None:
        """Logs in as the linked device; returns when everything that waited is here."""
        self.stanzas.clear()
        await self.shake_hands(ClientPayload(username=int(self.account[1:]), device=self.device).SerializeToString())
        await self.heard(lambda stanza: stanza.child("offline") is not None)

    async def leave(self) -> None:
        """Closes the connection, if there is one."""
        if self._socket is not None:
            await self._socket.close()
        if self._reader is not None:
            await self._reader

    def registration(self) -> dict[str, bytes]:
        """The keys of a new client, as `devicePairingData` has them."""
        bundle = self.keyring.bundle(one_time=False)
        return {
            "eRegid": bundle.registration_id.to_bytes(4),
            "eIdent": bundle.identity,
            "eSkeyID": bundle.signed_prekey_id.to_bytes(3),
            "eSkeyVal": bundle.signed_prekey,
            "eSkeySig": bundle.signature,
        }

    # Talking

    async def say(self, stanza: Node) -> None:
        """Sends a stanza; one that the server does not stay for is not sent."""
        await self.send_raw(self.noise.seal(encode(stanza)))

    async def send_raw(self, data: bytes) -> None:
        """Sends bytes as one websocket message."""
        assert self._socket is not None
        with contextlib.suppress(ConnectionClosed):
            await self._socket.send(data)

    async def heard(self, wanted: Callable[[Node], bool]) -> Node:
        """Returns the first stanza that is wanted, as soon as it is here; fails after 10 s or when the line ends."""
        seen = 0
        async with asyncio.timeout(WAIT_SECONDS):
            while True:
                for stanza in self.stanzas[seen:]:
                    if wanted(stanza):
                        return stanza
                seen = len(self.stanzas)
                assert self.open, f"the server ended the connection: {self.stanzas[-1:]}"
                self._news.clear()
                await self._news.wait()

    async def ask(self, query: Node) -> Node:
        """Sends an `<iq>`, whose id is given here, and returns its answer."""
        self._number += 1
        query_id = f"q{self._number}"
        await self.say(Node(query.tag, {"to": SERVER, **query.attributes, "id": query_id}, query.content))
        return await self.heard(lambda stanza: stanza.tag == "iq" and stanza.attribute("id") == query_id)

    async def send_text(self, to: Address, text: str, message_id: str) -> None:
        """Writes to a customer's phone; returns when the server has taken it."""
        if not self.keyring.has_session(str(to)):
            self.keyring.start_session(str(to), await self._bundle(to))
        words = Message(conversation=text)
        envelope = Envelope.of(words)
        ciphertext = self.keyring.encrypt(str(to), pad(words.SerializeToString(), self.random_bytes))
        await self.say(message(to, message_id, envelope, [(to, envelope.enc(ciphertext))]))
        await self.heard(lambda stanza: stanza.tag == "ack" and stanza.attribute("id") == message_id)

    # Inside

    def _new_noise(self) -> NoiseClient:
        return NoiseClient(self.wire.root_public_key, self.random_bytes, utc_now())

    async def _read(self, socket: ClientConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for data in socket:
                assert isinstance(data, bytes)
                stanza = decode(self.noise.open(data))
                self.stanzas.append(stanza)
                if self.honest:
                    await self._answer(stanza)
                self._news.set()
        self._news.set()

    async def _answer(self, stanza: Node) -> None:
        """Confirms what a client must confirm, and reads what is for it."""
        if stanza.tag == "message":
            self._take(stanza)
            await self.say(delivered(stanza))
        elif stanza.tag in ("receipt", "notification"):
            await self.say(ack(stanza))

    def _take(self, stanza: Node) -> None:
        enc, sender = stanza.child("enc"), stanza.address("from")
        assert enc is not None
        assert sender is not None
        read = Message.FromString(unpad(self.keyring.decrypt(str(sender), enc.attribute("type"), enc.data)))
        if read.conversation or read.extendedTextMessage.text:
            self.texts.append((str(sender), read.conversation or read.extendedTextMessage.text))

    async def _bundle(self, to: Address) -> PreKeyBundle:
        answer = await self.ask(
            Node("iq", {"xmlns": "encrypt", "type": "get"}, (Node("key", {}, (Node("user", {"jid": to}),)),))
        )
        user = _inside(_inside(answer, "list"), "user")
        signed = _inside(user, "skey")
        return PreKeyBundle(
            registration_id=int.from_bytes(_inside(user, "registration").data),
            identity=_inside(user, "identity").data,
            signed_prekey_id=int.from_bytes(_inside(signed, "id").data),
            signed_prekey=_inside(signed, "value").data,
            signature=_inside(signed, "signature").data,
            prekey_id=None,
            prekey=None,
        )

    async def _sign(self, success: Node) -> None:
        container = ADVSignedDeviceIdentityHMAC.FromString(
            _inside(_inside(success, "pair-success"), "device-identity").data
        )
        signed: Any = ADVSignedDeviceIdentity.FromString(container.details)
        words = b"\x06\x01" + signed.details + self.keyring.identity.public + signed.accountSignatureKey
        signature = curve.sign(self.keyring.identity.private, words, self.random_bytes)
        mine = Node("device-identity", {}, ADVSignedDeviceIdentity(deviceSignature=signature).SerializeToString())
        answer: dict[str, str | Address] = {"id": success.attribute("id"), "type": "result", "to": SERVER}
        await self.say(Node("iq", answer, (Node("pair-device-sign", {}, (mine,)),)))


def spoiled_finish(client: NoiseClient, answer: bytes, payload: bytes, static: bytes | None, cut: int) -> bytes:
    """The last frame of a handshake with its static key replaced by `static`, or its payload cut by `cut` bytes."""
    finish = HandshakeMessage.FromString(client.finish(answer, payload)[3:])
    if static is not None:
        finish.clientFinish.static = static
    finish.clientFinish.payload = finish.clientFinish.payload[: len(finish.clientFinish.payload) - cut]
    return framed(finish.SerializeToString())


def _inside(node: Node, tag: str) -> Node:
    child = node.child(tag)
    assert child is not None, f"no <{tag}> in {node}"
    return child
