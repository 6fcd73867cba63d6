"""The encrypted channel against a client that shares no code with it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.noise_client import NoiseClient, UntrustedServer, framed
from support.randomness import seeded_bytes

from wamesh.emulator.messages import HandshakeMessage
from wamesh.emulator.noise import Frame, Handshaken, NoiseChannel, NoiseError, ServerIdentity

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
IDENTITY = ServerIdentity.create(seeded_bytes("server"), NOW)
PAYLOAD = b"client payload"


def new_client(root_public: bytes = IDENTITY.root_public, now: datetime = NOW) -> NoiseClient:
    return NoiseClient(root_public, seeded_bytes("client"), now)


def new_channel(identity: ServerIdentity = IDENTITY) -> NoiseChannel:
    return NoiseChannel(identity, seeded_bytes("channel"))


def finish_of(client: NoiseClient, channel: NoiseChannel) -> bytes:
    """The client's last handshake frame, after the hello has been exchanged."""
    assert channel.receive(client.hello()) == []
    return client.finish(channel.take_output(), PAYLOAD)


@pytest.fixture
def pair() -> tuple[NoiseClient, NoiseChannel]:
    """A client and a server with an open channel between them."""
    client, channel = new_client(), new_channel()
    channel.receive(finish_of(client, channel))
    return client, channel


def test_handshake_tells_who_the_client_is() -> None:
    """The handshake ends with the client's static key and payload, and nothing more to write."""
    client, channel = new_client(), new_channel()
    assert channel.receive(finish_of(client, channel)) == [Handshaken(client.static_public, PAYLOAD)]
    assert channel.take_output() == b""


def test_frames_travel_both_ways_in_order(pair: tuple[NoiseClient, NoiseChannel]) -> None:
    """Each direction counts for itself, and every frame reads as what was sealed."""
    client, channel = pair
    for number in range(300):
        text = b"stanza %d" % number
        assert channel.receive(client.seal(text)) == [Frame(text)]
        if number % 3 == 0:
            assert client.open(channel.seal(text)) == text


@given(st.lists(st.binary(max_size=200), max_size=4), st.integers(0, 600))
@settings(deadline=None)
def test_division_of_the_stream_does_not_matter(texts: list[bytes], cut: int) -> None:
    """The end of the handshake and later frames may share reads, and frames may be spread over reads."""
    client, channel = new_client(), new_channel()
    stream = finish_of(client, channel) + b"".join(map(client.seal, texts))
    events = [*channel.receive(stream[:cut]), *channel.receive(stream[cut:])]
    assert events == [Handshaken(client.static_public, PAYLOAD), *map(Frame, texts)]


def test_stored_identity_serves_the_same_clients() -> None:
    """A client trusts the server after a restart, when the identity came from its record."""
    channel = new_channel(ServerIdentity.from_record(IDENTITY.record()))
    assert finish_of(new_client(), channel)


@pytest.mark.parametrize(
    "client",
    [
        new_client(root_public=ServerIdentity.create(seeded_bytes("other"), NOW).root_public),
        new_client(now=NOW - timedelta(days=2)),
        new_client(now=NOW + timedelta(days=3700)),
    ],
    ids=["other root", "too early", "too late"],
)
def test_client_can_tell_a_foreign_server(client: NoiseClient) -> None:
    """A client with another root key, or outside the certificates' time, does not finish."""
    with pytest.raises(UntrustedServer):
        finish_of(client, new_channel())


def test_stolen_certificates_do_not_help() -> None:
    """Certificates prove nothing about another static key."""
    thief = replace(ServerIdentity.create(seeded_bytes("thief"), NOW), certificates=IDENTITY.certificates)
    with pytest.raises(UntrustedServer):
        finish_of(new_client(), new_channel(thief))


def test_wrong_header_is_refused() -> None:
    """A client of another protocol version gets no answer."""
    channel = new_channel()
    client = replace(new_client(), header=b"WA\x05\x03")
    with pytest.raises(NoiseError):
        channel.receive(client.hello())
    assert channel.take_output() == b""


@pytest.mark.parametrize(
    "hello",
    [
        b"\xff\xff",
        b"",
        HandshakeMessage(clientHello={"ephemeral": bytes(32)}).SerializeToString(),
        HandshakeMessage(clientHello={"ephemeral": bytes(31)}).SerializeToString(),
        HandshakeMessage(clientFinish={"static": bytes(48)}).SerializeToString(),
    ],
    ids=["no message", "empty", "low order", "short", "finish"],
)
def test_malformed_hello_is_refused(hello: bytes) -> None:
    """A first frame without a usable ephemeral key is refused."""
    with pytest.raises(NoiseError):
        new_channel().receive(b"WA\x06\x03" + framed(hello))


@given(st.data())
@settings(deadline=None)
def test_changed_finish_is_refused(data: st.DataObject) -> None:
    """Whatever changes in the key or payload that the client proves, the handshake fails."""
    client, channel = new_client(), new_channel()
    finish = HandshakeMessage.FromString(finish_of(client, channel)[3:]).clientFinish
    name = data.draw(st.sampled_from(["static", "payload"]))
    setattr(finish, name, changed(getattr(finish, name), data))
    with pytest.raises(NoiseError):
        channel.receive(framed(HandshakeMessage(clientFinish=finish).SerializeToString()))


@given(st.data())
@settings(deadline=None)
def test_changed_frame_is_refused(data: st.DataObject) -> None:
    """A frame with one byte changed, or cut short, is refused."""
    client, channel = new_client(), new_channel()
    channel.receive(finish_of(client, channel))
    sealed = client.seal(b"stanza")[3:]
    cut = sealed[: data.draw(st.integers(0, len(sealed) - 1))]
    with pytest.raises(NoiseError):
        channel.receive(framed(data.draw(st.sampled_from([cut, changed(sealed, data)]))))


def test_replayed_frame_is_refused(pair: tuple[NoiseClient, NoiseChannel]) -> None:
    """The same bytes are not accepted twice."""
    client, channel = pair
    sealed = client.seal(b"stanza")
    channel.receive(sealed)
    with pytest.raises(NoiseError):
        channel.receive(sealed)


def test_skipped_frame_is_refused(pair: tuple[NoiseClient, NoiseChannel]) -> None:
    """A frame is not accepted before its turn."""
    client, channel = pair
    client.seal(b"lost")
    with pytest.raises(NoiseError):
        channel.receive(client.seal(b"next"))


def test_broken_channel_stays_broken(pair: tuple[NoiseClient, NoiseChannel]) -> None:
    """After a malformed frame no other is read, a good one included."""
    client, channel = pair
    for sealed in (framed(b"noise"), client.seal(b"stanza")):
        with pytest.raises(NoiseError):
            channel.receive(sealed)


def test_nothing_is_sealed_before_the_handshake() -> None:
    """There is no key for a frame before the client has proven itself."""
    with pytest.raises(NoiseError):
        new_channel().seal(b"stanza")


def changed(data: bytes, draw: st.DataObject) -> bytes:
    """The data with one bit of one byte flipped."""
    at = draw.draw(st.integers(0, len(data) - 1))
    return data[:at] + bytes([data[at] ^ 1 << draw.draw(st.integers(0, 7))]) + data[at + 1 :]
