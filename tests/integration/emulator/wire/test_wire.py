"""The port as its clients meet it: real sockets, real TLS."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from datetime import timedelta

import httpx
import pytest
from structlog.testing import capture_logs
from support.wire import CONNECT, OPENING, RawTls, Session, Wire, binary_frame, running_wire, until
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, ConnectionClosedOK, InvalidProxyStatus

from wamesh.emulator.wire import MediaRequest, MediaResponse, Patience, ServiceDown, listen
from wamesh.emulator.wire.connection import MAX_UNSENT_BYTES
from wamesh.emulator.wire.requests import MAX_BODY_BYTES


def _echo(session: Session, data: bytes) -> None:
    session.link.write(data)


# Coming in


async def test_websocket_comes_through_connect() -> None:
    """A client that takes the port as its proxy talks to a handler of its own."""
    async with running_wire(_echo) as wire:
        client, session = await wire.open_chat()
        await client.send(b"WA\x06\x03")
        assert await client.recv() == b"WA\x06\x03"
        await client.close()
        assert await wire.ended(session) == "closed by the client (1000)"


async def test_websocket_comes_by_tls_at_once() -> None:
    """A client that is pointed straight at the port needs no CONNECT."""
    async with running_wire(_echo) as wire:
        url = f"wss://localhost:{wire.port.port}/ws/chat"
        async with connect(url, ssl=wire.trusting(), proxy=None) as client:
            await client.send(b"direct")
            assert await client.recv() == b"direct"


async def test_early_bytes_are_not_lost() -> None:
    """TLS that follows CONNECT in the same segment, and frames that follow the opening, are heard."""
    async with running_wire(_echo) as wire:
        client = await RawTls.open(wire)
        client.writer.write(CONNECT + client.hello())
        assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 200 Connection established\r\n\r\n"
        await client.shake_hands()
        client.writer.write(client.sealed(OPENING + binary_frame(b"one") + binary_frame(b"two")))
        answer = await client.read_until(b"two")
        assert answer.endswith(b"\x82\x03one\x82\x03two")
        client.writer.close()


async def test_bytes_may_come_one_by_one() -> None:
    """No layer needs more than one byte at a time."""
    async with running_wire(_echo) as wire:
        client = await RawTls.open(wire)
        await _trickle(client, CONNECT + client.hello())
        await client.reader.readuntil(b"\r\n\r\n")
        await client.shake_hands()
        await _trickle(client, client.sealed(OPENING + binary_frame(b"slow")))
        assert (await client.read_until(b"slow")).endswith(b"\x82\x04slow")
        client.writer.close()


async def _trickle(client: RawTls, data: bytes) -> None:
    for byte in data:
        client.writer.write(bytes([byte]))
        await client.writer.drain()
        await asyncio.sleep(0)


async def test_fragments_arrive_as_they_come() -> None:
    """A message in fragments reaches the handler completely and in order."""
    async with running_wire() as wire:
        client, session = await wire.open_chat()
        await client.send([b"one ", b"two ", b"three"])
        await until(lambda: session.received_bytes == b"one two three")
        await client.close()


async def test_ping_is_answered() -> None:
    """Websocket's own keep-alive needs no handler."""
    async with running_wire() as wire, wire.chat() as client:
        answered = await client.ping()
        async with asyncio.timeout(5):
            assert await answered >= 0


# Going out


async def test_each_write_is_a_message() -> None:
    """What the handler writes arrives as separate messages, in order, however much it is."""
    async with running_wire() as wire:
        client, session = await wire.open_chat()
        written = [bytes([number]) * (number * 1000) for number in range(1, 101)]
        for data in written:
            session.link.write(data)
        assert [await client.recv() for _ in written] == written
        await client.close()


async def test_a_turn_is_committed_before_its_bytes() -> None:
    """Everything that one turn writes, on any connection, leaves after one commit."""
    commits: list[int] = []
    async with running_wire(commit=lambda: commits.append(1)) as wire:
        (one, first), (two, second) = await wire.open_chat(), await wire.open_chat()
        commits.clear()
        for session in (first, second):
            session.link.write(b"a")
            session.link.write(b"b")
        assert commits == []
        assert [await one.recv(), await one.recv(), await two.recv(), await two.recv()] == [b"a", b"b", b"a", b"b"]
        assert commits == [1]
        await one.close()
        await two.close()


async def test_nothing_is_said_that_was_not_stored() -> None:
    """When the commit fails the connection breaks, and the bytes are not sent."""
    broken: list[Exception] = []

    def commit() -> None:
        for error in broken:
            raise error

    async with running_wire(commit=commit) as wire:
        client, session = await wire.open_chat()
        broken.append(OSError("disk full"))
        with capture_logs() as logs:
            session.link.write(b"promise")
            with pytest.raises(ConnectionClosed):
                await client.recv()
        assert await wire.ended(session) == "what it was told could not be stored"
        assert [line["event"] for line in logs] == ["commit_failed"]


async def test_close_says_goodbye_behind_what_is_queued() -> None:
    """Before the close frame (1000) comes everything that was written; nothing is received any more."""
    async with running_wire() as wire:
        client, session = await wire.open_chat()
        session.link.write(b"last words")
        session.link.close()
        session.link.write(b"too late")
        assert await client.recv() == b"last words"
        with pytest.raises(ConnectionClosedOK):
            await client.recv()
        assert await wire.ended(session) == "closed by the server"
        assert session.received_bytes == b""


async def test_abort_resets() -> None:
    """The client meets a TCP reset, without a word of websocket or TLS."""
    async with running_wire() as wire:
        client = await _raw_chat(wire)
        session = wire.sessions[0]
        session.link.write(b"never sent")
        session.link.abort()
        with pytest.raises(ConnectionResetError):
            await client.reader.read()
        assert await wire.ended(session) == "aborted by the server"


async def _raw_chat(wire: Wire) -> RawTls:
    """An open websocket whose bytes the test sends itself."""
    client = await RawTls.open(wire)
    client.writer.write(client.hello())
    await client.shake_hands()
    client.writer.write(client.sealed(OPENING))
    await client.read_until(b"\r\n\r\n")
    return client


async def test_slow_link_keeps_order() -> None:
    """Each write takes the delay; what is written after the delay was lifted does not overtake."""
    delay = timedelta(milliseconds=100)
    async with running_wire() as wire:
        client, session = await wire.open_chat()
        loop = asyncio.get_running_loop()
        start = loop.time()  # the line's own clock: uvloop's runs up to some milliseconds behind monotonic()
        session.link.slow_down(delay)
        session.link.write(b"slow")
        session.link.slow_down(timedelta(0))
        session.link.write(b"next")
        session.link.close()
        assert [await client.recv(), await client.recv()] == [b"slow", b"next"]
        assert round(loop.time() - start, 3) >= delay.total_seconds()
        assert await wire.ended(session) == "closed by the server"


async def test_client_that_does_not_read_is_cut_off() -> None:
    """More than 16 MiB unread end the connection instead of growing the process."""
    async with running_wire() as wire:
        client = await _raw_chat(wire)
        session = wire.sessions[0]
        client.writer.transport.pause_reading()  # type: ignore[attr-defined]
        for _ in range(MAX_UNSENT_BYTES // (1 << 20) + 16):
            session.link.write(bytes(1 << 20))
            await asyncio.sleep(0)
        assert (await wire.ended(session)).startswith("the client does not read")
        client.writer.transport.abort()


@pytest.mark.parametrize("delay", [timedelta(0), timedelta(seconds=30)])
async def test_held_bytes_count_as_unsent(delay: timedelta) -> None:
    """A slow link is no way around the limit."""
    async with running_wire() as wire:
        client, session = await wire.open_chat()
        session.link.slow_down(delay)
        session.link.write(bytes(MAX_UNSENT_BYTES))
        session.link.write(b"one more")
        assert (await wire.ended(session)).startswith("the client does not read")
        with pytest.raises(ConnectionClosed):
            await client.recv()


# Media


async def test_media_goes_in_and_comes_out() -> None:
    """Uploads and downloads of any media host go over one kept-alive connection."""
    blob = bytes(range(256)) * 40_000
    async with running_wire() as wire, httpx.AsyncClient(proxy=wire.proxy, verify=wire.trusting()) as client:
        uploaded = await client.post("https://mmg.whatsapp.net/mms/image/a%20b?auth=t%3D1&empty=", content=blob)
        downloaded = await client.get("https://mmg.whatsapp.net/mms/image/a b")
        missing = await client.get("https://media-ams2-1.cdn.whatsapp.net/none")
        probed = await client.head("https://mmg.whatsapp.net/mms/image/a b")
        assert [r.status_code for r in (uploaded, downloaded, missing, probed)] == [200, 200, 404, 200]
        assert uploaded.json() == {"ok": True}
        assert downloaded.content == blob
        assert (probed.content, probed.headers["content-length"]) == (b"", str(len(blob)))
        request = wire.library.requests[0]
        assert (request.method, request.host, request.path) == ("POST", "mmg.whatsapp.net", "/mms/image/a b")
        assert request.query == {"auth": "t=1", "empty": ""}
        assert request.headers["content-length"] == str(len(blob))


async def test_downloads_larger_than_the_limit_of_unread_bytes() -> None:
    """A large answer goes out as fast as the client reads."""
    async with running_wire() as wire, httpx.AsyncClient(proxy=wire.proxy, verify=wire.trusting()) as client:
        wire.library.stored["/large"] = bytes(MAX_UNSENT_BYTES + 1)
        response = await client.get("https://mmg.whatsapp.net/large")
        assert len(response.content) == MAX_UNSENT_BYTES + 1


async def test_pipelined_requests_are_answered_in_order() -> None:
    """Requests that come in one piece are answered one after the other."""
    async with running_wire() as wire:
        wire.library.stored |= {"/1": b"one", "/2": b"two"}
        client = await RawTls.open(wire)
        client.writer.write(client.hello())
        await client.shake_hands()
        request = b"GET /%d HTTP/1.1\r\nHost: mmg.whatsapp.net\r\n\r\n"
        client.writer.write(client.sealed(request % 1 + request % 2))
        both = await client.read_until(b"two")
        assert both.index(b"one") < both.index(b"two")
        client.writer.close()


async def test_upload_may_ask_first() -> None:
    """A client that expects 100-continue gets it."""
    async with running_wire() as wire:
        client = await RawTls.open(wire)
        client.writer.write(client.hello())
        await client.shake_hands()
        head = b"PUT /x HTTP/1.1\r\nHost: mmg.whatsapp.net\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n"
        client.writer.write(client.sealed(head))
        assert await client.read_until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.writer.write(client.sealed(b"body"))
        await client.read_until(b'{"ok":true}')
        assert wire.library.stored == {"/x": b"body"}
        client.writer.close()


async def test_too_large_an_upload_is_refused() -> None:
    """More than 64 MiB: 413, before the body is taken."""
    async with running_wire() as wire:
        client = await RawTls.open(wire)
        client.writer.write(client.hello())
        await client.shake_hands()
        head = b"PUT /x HTTP/1.1\r\nHost: mmg.whatsapp.net\r\nContent-Length: %d\r\n\r\n"
        client.writer.write(client.sealed(head % (MAX_BODY_BYTES + 1)))
        assert (await client.read_until(b"\r\n\r\n")).startswith(b"HTTP/1.1 413 ")
        assert wire.library.requests == []
        client.writer.close()


class _Failing:
    def handle(self, request: MediaRequest) -> MediaResponse:
        raise RuntimeError("a mistake")


async def test_failing_media_host_ends_one_connection() -> None:
    """A mistake behind the port is logged, and breaks the connection that met it."""
    async with running_wire(_echo, media=_Failing()) as wire:
        chat, _ = await wire.open_chat()
        with capture_logs() as logs:
            async with httpx.AsyncClient(proxy=wire.proxy, verify=wire.trusting()) as client:
                with pytest.raises(httpx.TransportError):
                    await client.get("https://mmg.whatsapp.net/")
        assert [line["event"] for line in logs] == ["handler_failed"]
        await chat.send(b"still here")
        assert await chat.recv() == b"still here"
        await chat.close()


# Refusing


async def test_service_down_answers_503() -> None:
    """CONNECT is refused as by a proxy whose target is down; the admission hears which host was wanted."""
    asked: list[str] = []

    def down(host: str) -> ServiceDown:
        asked.append(host)
        return ServiceDown.UNAVAILABLE

    async with running_wire(admission=down) as wire:
        with pytest.raises(InvalidProxyStatus, match="503"):
            await wire.chat()
        assert asked == ["web.whatsapp.com"]
        assert wire.sessions == []


@pytest.mark.parametrize(
    ("first_bytes", "down"),
    [(CONNECT, ServiceDown.RESET), (b"\x16\x03\x01", ServiceDown.RESET), (b"\x16\x03\x01", ServiceDown.UNAVAILABLE)],
)
async def test_service_down_resets(first_bytes: bytes, down: ServiceDown) -> None:
    """A reset refuses any client; one that speaks TLS at once cannot be answered otherwise."""
    async with running_wire(admission=lambda host: down) as wire:
        reader, writer = await asyncio.open_connection("127.0.0.1", wire.port.port)
        writer.write(first_bytes)
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()


@pytest.mark.parametrize(
    ("first_bytes", "status"),
    [
        (b"GET http://web.whatsapp.com/ HTTP/1.1\r\nHost: web.whatsapp.com\r\n\r\n", b"400"),
        (b"\x05\x01\x00 what is this\r\n\r\n", b"400"),
        (b"CONNECT a:1 HTTP/1.1\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", b"431"),
    ],
)
async def test_strangers_are_told_what_this_is(first_bytes: bytes, status: bytes) -> None:
    """Whoever speaks neither CONNECT nor TLS gets an answer, a line in the log, and the end."""
    async with running_wire() as wire:
        with capture_logs() as logs:
            reader, writer = await asyncio.open_connection("127.0.0.1", wire.port.port)
            writer.write(first_bytes)
            answer = await reader.read()
        assert answer.split(b" ")[1] == status
        assert b"WhatsApp emulator" in answer
        assert [line["event"] for line in logs] == ["connection_refused"]
        writer.close()


def _blocking_handshake(port: int) -> None:
    """As a Go or OpenSSL client does it, which says why it leaves."""
    with socket.create_connection(("127.0.0.1", port)) as plain:
        ssl.create_default_context().wrap_socket(plain, server_hostname="web.whatsapp.com")


async def _asyncio_handshake(port: int) -> None:
    """As asyncio does it, which just leaves."""
    context = ssl.create_default_context()
    await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="web.whatsapp.com")


@pytest.mark.parametrize(
    ("shake_hands", "event"),
    [
        (lambda port: asyncio.to_thread(_blocking_handshake, port), "connection_refused"),
        (_asyncio_handshake, "client_left_early"),
    ],
    ids=["says why", "just leaves"],
)
async def test_client_without_our_authority_is_named_in_the_log(
    shake_hands: Callable[[int], Awaitable[None]], event: str
) -> None:
    """The commonest mistake of all has its own hint."""
    async with running_wire() as wire:
        with capture_logs() as logs:
            with pytest.raises(ssl.SSLCertVerificationError):
                await shake_hands(wire.port.port)
            await until(lambda: bool(logs))
        assert [line["event"] for line in logs] == [event]
        assert logs[0]["detail"].endswith("does the client trust the emulator's CA?")


async def test_no_tls_behind_connect() -> None:
    """Bytes that are no TLS end the connection with a clear line."""
    async with running_wire() as wire:
        with capture_logs() as logs:
            reader, writer = await asyncio.open_connection("127.0.0.1", wire.port.port)
            writer.write(CONNECT + b"GET /ws/chat HTTP/1.1\r\n\r\n")
            await reader.read()
        assert [(line["event"], line["detail"][:20]) for line in logs] == [
            ("connection_refused", "TLS handshake failed")
        ]
        writer.close()


@pytest.mark.parametrize(
    "frames",
    [binary_frame(b"unmasked").replace(b"\x88", b"\x08", 1), b"\x83\x80" + bytes(4), b"\x81\x82" + bytes(4) + b"hi"],
    ids=["unmasked", "unknown opcode", "text"],
)
async def test_broken_websocket_rules(frames: bytes) -> None:
    """A frame against the rules ends the connection, and the handler hears why."""
    async with running_wire() as wire:
        client = await _raw_chat(wire)
        client.writer.write(client.sealed(frames))
        assert (await wire.ended(wire.sessions[0])).startswith("websocket rules broken")
        assert wire.sessions[0].received_bytes == b""
        client.writer.close()


async def test_opening_without_a_key_is_refused() -> None:
    """What only looks like a websocket gets websocket's own 400."""
    async with running_wire() as wire:
        client = await RawTls.open(wire)
        client.writer.write(client.hello())
        await client.shake_hands()
        request = b"GET /ws/chat HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
        client.writer.write(client.sealed(request))
        assert b" 400 " in await client.read_until(b"header.\n")
        assert wire.sessions == []
        client.writer.close()


@pytest.mark.parametrize("said", [b"", b"CONN", CONNECT, b"\x16"])
async def test_slow_heads_are_timed_out(said: bytes) -> None:
    """A client that does not get on with it is cut off, however far it came."""
    patience = Patience(head=timedelta(milliseconds=100))
    async with running_wire(patience=patience) as wire:
        with capture_logs() as logs:
            reader, writer = await asyncio.open_connection("127.0.0.1", wire.port.port)
            writer.write(said)
            with pytest.raises(ConnectionResetError):
                while await reader.read(1000):
                    pass
        assert [line["detail"][:15] for line in logs] == ["timed out after"]
        writer.close()


async def test_trickle_does_not_wind_up_the_clock() -> None:
    """A head that comes byte by byte has no more time than another."""
    patience = Patience(head=timedelta(milliseconds=200))
    async with running_wire(patience=patience) as wire:
        loop = asyncio.get_running_loop()
        with socket.socket() as client:
            client.setblocking(False)
            await loop.sock_connect(client, ("127.0.0.1", wire.port.port))
            with pytest.raises(ConnectionError):
                for byte in CONNECT[:-2] + b"X: " + bytes(1000).hex().encode():
                    await loop.sock_sendall(client, bytes([byte]))
                    await asyncio.sleep(0.02)


async def test_idle_connections_end() -> None:
    """A kept-alive connection without requests is closed after its time."""
    patience = Patience(idle=timedelta(milliseconds=50))
    async with running_wire(patience=patience) as wire:
        client = await RawTls.open(wire)
        client.writer.write(client.hello())
        await client.shake_hands()
        client.writer.write(client.sealed(b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n"))
        await client.read_until(b"\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            await client.reader.read()
        client.writer.close()


# Ending


async def test_client_that_vanishes() -> None:
    """A socket that just ends is an end like any other."""
    async with running_wire() as wire:
        client = await _raw_chat(wire)
        client.writer.transport.abort()
        assert (await wire.ended(wire.sessions[0])) != ""


async def test_failing_handler_ends_its_own_connection() -> None:
    """A handler's mistake is logged and breaks only the connection that met it."""

    def fail(session: Session, data: bytes) -> None:
        raise RuntimeError("a mistake")

    async with running_wire(fail) as wire:
        client, session = await wire.open_chat()
        other, _ = await wire.open_chat()
        with capture_logs() as logs:
            await client.send(b"x")
            assert await wire.ended(session) == "the handler failed"
        assert [line["event"] for line in logs] == ["handler_failed"]
        assert wire.sessions[1].endings == []
        await other.close()


async def test_calls_after_the_end_do_nothing() -> None:
    """A handler need not know that its client is gone."""
    async with running_wire() as wire:
        client, session = await wire.open_chat()
        await client.close()
        await wire.ended(session)
        session.link.write(b"x")
        session.link.slow_down(timedelta(seconds=1))
        session.link.write(b"y")
        session.link.close()
        session.link.abort()


async def test_stop_ends_everything() -> None:
    """When the port has stopped, every handler has heard so and nobody can connect."""
    async with running_wire() as wire:
        _, first = await wire.open_chat()
        _, second = await wire.open_chat()
        await wire.port.stop()
        assert [first.endings, second.endings] == [["the emulator stopped"], ["the emulator stopped"]]
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", wire.port.port)


async def test_only_loopback_is_served() -> None:
    """The port is not for other machines."""
    async with running_wire() as wire:
        with pytest.raises(ValueError, match="loopback"):
            await listen("0.0.0.0:0", wire.certificates, lambda link: Session(link, _echo), wire.library)


async def test_target_that_is_no_url_is_refused() -> None:
    """A client that asks for nonsense is told so; it is not an error of ours."""
    async with running_wire() as wire:
        client = await RawTls.open(wire)
        client.writer.write(client.hello())
        await client.shake_hands()
        with capture_logs() as logs:
            client.writer.write(client.sealed(b"GET //[ HTTP/1.1\r\nHost: mmg.whatsapp.net\r\n\r\n"))
            answer = await client.read_until(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert [entry["event"] for entry in logs] == ["connection_refused"]
        client.writer.close()
