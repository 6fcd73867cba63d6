"""Clients that break every rule: each loses its own connection at most, and nobody else notices."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs
from support.hostile_stanzas import hostile_stanzas
from support.light_client import WAIT_SECONDS, LightClient, spoiled_finish
from support.randomness import seeded_bytes
from websockets.exceptions import ConnectionClosed

from wamesh.emulator.codec import SERVER, Node, encode
from wamesh.emulator.messages import ClientPayload, HandshakeMessage
from wamesh.emulator.protocol import ProtocolNetwork
from wamesh.emulator.protocol_serving import serve_protocol
from wamesh.emulator.v1 import emulator_pb2 as pb

HONEST = "+12025550100"
HOSTILE = "+12025550101"
CUSTOMER = "+12025550111"

OUR_MISTAKES = {"handler_failed", "commit_failed"}
LOW_ORDER = bytes(32)


@dataclass
class World:
    """An emulator with an honest account and whoever attacks it."""

    network: ProtocolNetwork
    honest: LightClient
    seed: int = 0
    said: int = 0
    failures: list[dict[str, Any]] = field(default_factory=list)

    def client(self, *, honest: bool = False) -> LightClient:
        """A new client without a device, which answers nothing unless it is honest."""
        self.seed += 1
        return LightClient(self.network.wire(), seeded_bytes(f"client {self.seed}"), honest)

    def say(self, account: str, text: str) -> None:
        """The customer writes to an account."""
        content = pb.Content(text=pb.TextContent(body=text))
        self.network.send_as_customer(
            pb.SendAsCustomerRequest(customer_phone_number=CUSTOMER, account_phone_number=account, content=content)
        )
        self.network.commit()

    async def nobody_noticed(self) -> None:
        """The honest client is where it was, hears its customer and is heard."""
        assert self.honest.open
        self.said += 1
        self.say(HONEST, f"question {self.said}")
        await self.honest.heard(lambda stanza: len(self.honest.texts) == self.said)
        customer = self.network.server.directory.person(CUSTOMER)
        assert customer is not None
        await self.honest.send_text(customer.lid, f"answer {self.said}", f"H{self.said}")
        assert self.honest.texts[-1][1] == f"question {self.said}"
        assert self.network.mailbox(CUSTOMER).after(0)[-1].text == f"answer {self.said}"

    def endings(self) -> Sequence[str]:
        """How connections ended, oldest first."""
        return [event.detail for event in self.network.log.after(0) if event.kind == pb.EVENT_KIND_CONNECTION_CLOSED]


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    """A running emulator; fails the test when it, or the loop, made a mistake, or when the honest client noticed."""
    emulator = await serve_protocol("127.0.0.1:0", "127.0.0.1:0")
    network = emulator.network
    assert isinstance(network, ProtocolNetwork)
    running = World(network, LightClient(network.wire(), seeded_bytes("honest")))
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: running.failures.append(context))
    try:
        with capture_logs() as logs:
            await running.honest.pair(network, HONEST)
            yield running
            await running.nobody_noticed()
            await running.honest.leave()
        assert [entry for entry in logs if entry["event"] in OUR_MISTAKES] == []
    finally:
        await emulator.stop(0)
    assert running.failures == []


async def until_refused(client: LightClient) -> None:
    """Waits until the server has ended the client's connection."""
    assert client._reader is not None
    async with asyncio.timeout(WAIT_SECONDS):
        await client._reader


async def still_there(client: LightClient) -> bool:
    """Whether the server has handled everything so far and keeps the connection."""
    client.stanzas.clear()
    await client.say(Node("iq", {"to": SERVER, "xmlns": "w:p", "type": "get", "id": "alive"}))
    heard = await client.heard(lambda stanza: stanza.tag == "stream:error" or stanza.attribute("id") == "alive")
    return heard.tag != "stream:error"


# Before a login


@pytest.mark.parametrize(
    "first",
    [
        b"\0",
        b"WA\x06\x02\0\0\0",
        b"GET / HTTP/1.1\r\n\r\n",
        b"WA\x06\x03\0\0\x02\xff\xff",
        b"WA\x06\x03" + b"\0\0\0" * 1000,
        b"WA\x06\x03\0\0\x22\x12\x20" + bytes(32),
        b"WA\x06\x03\0\0\x05\x12\x03\x0a\x01\x01",
    ],
    ids=["a byte", "old dictionary", "http", "no protobuf", "empty frames", "no key", "short key"],
)
async def test_no_handshake(first: bytes) -> None:
    """Whoever does not begin as clients do is closed."""
    async with world() as running:
        socket = await running.client().connect()
        await socket.send(first)
        with pytest.raises(ConnectionClosed):
            async with asyncio.timeout(WAIT_SECONDS):
                await socket.recv()


@pytest.mark.parametrize(("static", "cut"), [(b"", 0), (LOW_ORDER, 0), (bytes(48), 0), (None, 1), (None, 99)])
async def test_spoiled_handshake(static: bytes | None, cut: int) -> None:
    """A last handshake message with any field changed is refused."""
    async with world() as running:
        client = running.client()
        socket = await client.connect()
        await socket.send(client.noise.hello())
        answer = await socket.recv()
        assert isinstance(answer, bytes)
        await socket.send(spoiled_finish(client.noise, answer, ClientPayload().SerializeToString(), static, cut))
        with pytest.raises(ConnectionClosed):
            async with asyncio.timeout(WAIT_SECONDS):
                await socket.recv()


async def test_hello_twice() -> None:
    """A second hello in the place of the finish is refused, whatever it says."""
    async with world() as running:
        client = running.client()
        socket = await client.connect()
        await socket.send(client.noise.hello())
        await socket.recv()
        hello = HandshakeMessage(clientHello={"ephemeral": client.noise.static_public}).SerializeToString()
        await socket.send(len(hello).to_bytes(3) + hello)
        with pytest.raises(ConnectionClosed):
            async with asyncio.timeout(WAIT_SECONDS):
                await socket.recv()


async def test_garbage_for_a_login() -> None:
    """A handshake that is right, around a payload that is not: no device or an impossible one, wrong keys, garbage."""
    async with world() as running:
        client = running.client()
        right = client.registration()
        payloads = [
            *(ClientPayload(**fields).SerializeToString() for fields in ({}, {"username": 1}, {"username": 2**64 - 1})),
            *(
                ClientPayload(username=12025550100, device=device).SerializeToString()
                for device in (0, 1, 9, 2**32 - 1)
            ),
            *(
                ClientPayload(devicePairingData={**right, name: value}).SerializeToString()
                for name in right
                for value in (b"", bytes(100))
            ),
            b"\xff" * 50,
        ]
        for payload in payloads:
            await client.shake_hands(payload)
            await until_refused(client)
        assert running.network.server.offers == []
        refused = [event for event in running.network.log.after(0) if event.kind == pb.EVENT_KIND_LOGIN_REFUSED]
        assert [event.code for event in refused] == [401] * 6


async def test_many_connections() -> None:
    """Hundreds of connections that say nothing, half a request or half a handshake cost nobody anything."""
    async with world() as running:
        host, _, port = running.network.wire().address.partition(":")
        silent = [await asyncio.open_connection(host, int(port)) for _ in range(300)]
        for index, (_, writer) in enumerate(silent):
            writer.write((b"", b"CONNECT web.whats", b"\x16\x03\x01\x02\0garbage", b"\0" * 100)[index % 4])
        sockets = [await running.client().connect() for _ in range(20)]
        await running.nobody_noticed()
        for _, writer in silent:
            writer.transport.abort()
        for socket in sockets:
            socket.transport.abort()


async def test_a_hundred_logins() -> None:
    """Each login of one device replaces the one before, and the last one has it."""
    async with world() as running:
        clients = [await running.client().pair(running.network, HOSTILE)]
        for _ in range(99):
            again = running.client()
            again._static, again.keyring = clients[0]._static, clients[0].keyring
            again.account, again.device = clients[0].account, clients[0].device
            await again.login()
            clients.append(again)
        replaced = [event for event in running.network.log.after(0) if event.kind == pb.EVENT_KIND_REPLACED]
        assert len(replaced) == 99
        await until_refused(clients[-2])
        assert clients[-1].open
        await clients[-1].leave()


# After a login


async def test_hostile_stanzas() -> None:
    """Whatever a linked device sends, it loses its connection at most, can come back, and is told what waited."""
    async with world() as running:
        hostile = await running.client().pair(running.network, HOSTILE)
        people = [person for person in running.network.server.directory.people() if person.phone_number != HONEST]
        running.say(HOSTILE, "kept")
        for stanza in islice(hostile_stanzas(7, people), 1000):
            await hostile.say(stanza)
            if not await still_there(hostile):
                await hostile.leave()
                await hostile.login()
        await running.nobody_noticed()
        await hostile.login()
        assert hostile.open
        await hostile.leave()


@pytest.mark.parametrize("size", [0, 1, 16, 17, 100_000])
async def test_frames_nobody_can_read(size: int) -> None:
    """A frame that was not encrypted for this channel ends the connection."""
    async with world() as running:
        hostile = await running.client().pair(running.network, HOSTILE)
        await hostile.send_raw(size.to_bytes(3) + bytes(size))
        await until_refused(hostile)
        assert "malformed" in running.endings()[-1]


async def test_largest_message_does_no_harm() -> None:
    """A message as large as a frame cannot be put before another device, which could never log in again."""
    async with world() as running:
        hostile, victim = [await running.client().pair(running.network, HOSTILE) for _ in range(2)]
        await victim.leave()
        person = running.network.server.directory.person(HOSTILE)
        assert person is not None
        for size in ((1 << 24) - 150, 7 << 20):
            to = person.lid.with_device(victim.device)
            stanza = Node("message", {"to": to, "id": f"A{size}"}, (Node("enc", {"type": "msg"}, bytes(size)),))
            await hostile.send_raw(hostile.noise.seal(encode(stanza)))
            if not await still_there(hostile):
                await hostile.leave()
                await hostile.login()
        await victim.login()
        assert [stanza.attribute("id") for stanza in victim.stanzas if stanza.tag == "message"] == [f"A{7 << 20}"]
        await hostile.leave()
        await victim.leave()


async def test_pings_and_closes() -> None:
    """A flood of pings is answered; frames behind a close are not heard."""
    async with world() as running:
        socket = await running.client().connect()
        await asyncio.gather(*[await socket.ping() for _ in range(500)])
        closing = asyncio.create_task(socket.close())
        with contextlib.suppress(ConnectionClosed):
            await socket.send(b"WA\x06\x03")
        await closing


# Files


@pytest.mark.parametrize("token", ["", "x", "12025550100.99999999999", "1.1", "../..", "%00", "12025550100.1.1"])
async def test_uploads_without_a_token(token: str) -> None:
    """A token that can name no device uploads nothing."""
    async with world() as running, files(running) as client:
        answer = await client.post("/mms/image/HASH", params={"auth": token}, content=b"x")
        assert answer.status_code == 401


@pytest.mark.parametrize(
    "path",
    [
        "/v/../../etc/passwd",
        "/v/%2e%2e/%2e%2e/etc/passwd",
        "/v/image/",
        "/v/",
        "//[",
        "/v/%00",
        "/v/%ff",
        "/v/" + "x" * 9999,
    ],
)
async def test_files_that_are_not_there(path: str) -> None:
    """A path that names no upload is not found, wherever it points."""
    async with world() as running, files(running) as client:
        request = client.build_request("GET", "/")
        request.url = request.url.copy_with(raw_path=path.encode())
        assert (await client.send(request)).status_code in (400, 404)


@asynccontextmanager
async def files(running: World) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the media host."""
    trusting = ssl.create_default_context(cadata=running.network.wire().ca_certificate_pem)
    proxy = f"http://{running.network.wire().address}"
    async with httpx.AsyncClient(base_url="https://mmg.whatsapp.net", verify=trusting, proxy=proxy) as client:
        yield client
