"""One websocket: noise, then a pairing or a login, then stanzas.

Life: handshake -> (pairing | logged in) -> closed. A closed connection hears and says nothing more.

Owns: turning bytes into stanzas and back, and its own end. Refuses: what stanzas mean. Invariant: a logged-in
connection is its device's endpoint, or closed.
"""

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from google.protobuf.message import DecodeError

from wamesh.emulator.codec import CodecError, Node, decode, encode
from wamesh.emulator.messages import ClientPayload
from wamesh.emulator.noise import Frame, Handshaken, NoiseChannel, NoiseError, ServerIdentity
from wamesh.emulator.server.effects import NOT_WELL_FORMED, BadStanza
from wamesh.emulator.server.login import log_in
from wamesh.emulator.server.pairing import PairingOffer
from wamesh.emulator.server.people import Device
from wamesh.emulator.server.registration import Registration
from wamesh.emulator.v1 import emulator_pb2 as pb
from wamesh.emulator.wire.contract import Link

if TYPE_CHECKING:
    from wamesh.emulator.server.server import Server

HANDSHAKE_TIME: Final = timedelta(seconds=20)
"""Who has not said by then which device it is, is closed: nobody holds a connection by saying nothing."""

SWITCH_TIME: Final = timedelta(milliseconds=20)
"""So long a client has after its handshake before it hears the first stanza, as over any real network. Baileys 6 reads
what comes sooner as if the handshake were still on, and waits for ever (about 1 time in 3, seen with 6.7.24).
"""

LAST_WORD: Final = timedelta(milliseconds=250)
"""So long a client has time to hear why, before the websocket is closed. whatsmeow handles stanzas and the end of the
socket in different threads: of an end that came with the last stanza it sometimes noticed the end first, and dialed
again as after a lost connection (1 time in 4, measured with neonize 0.5.2).
"""


class Connection:
    """A client on the wire, as the wire's `Handler`; made by `Server.open`."""

    def __init__(self, server: "Server", link: Link, identity: ServerIdentity, number: int) -> None:
        self.number = number
        self.link = link
        self.device: Device | None = None
        self._server = server
        self._channel = NoiseChannel(identity, server.random_bytes)
        self._pairing: PairingOffer | None = None
        self._open = True
        server.call_later(HANDSHAKE_TIME, self._stop_waiting)

    # From the wire

    def received(self, data: bytes) -> None:
        """Takes bytes of the client, in any division."""
        if not self._open:
            return
        try:
            events = self._channel.receive(data)
            self._write(self._channel.take_output())
            for event in events:
                self._take(event)
        except (NoiseError, CodecError, DecodeError, BadStanza) as error:
            self.end(NOT_WELL_FORMED if self._pairing or self.device else None, f"malformed: {error}")

    def closed(self, detail: str) -> None:
        """The wire says that it is over."""
        self._over(detail)

    # To the client

    def push(self, stanza: Node) -> None:
        """Sends a stanza, unless the connection is closed."""
        if self._open:
            self._write(self._channel.seal(encode(stanza)))

    def end(self, last: Node | None, detail: str) -> None:
        """Says a last word, if any, and closes politely; the network counts the connection as closed at once."""
        if not self._open:
            return
        if last is None:
            self.link.close()
        else:
            self.push(last)
            self._server.call_later(LAST_WORD, self.link.close)
        self._over(detail)

    def cut(self, detail: str) -> None:
        """Breaks the connection off without a word."""
        if self._open:
            self._over(detail)
            self.link.abort()

    def replace(self, detail: str) -> None:
        """Ends with *replaced*: another client has the device now. Without a code, or Baileys reads the code."""
        if self.device is not None:
            self._server.log.record(
                pb.EVENT_KIND_REPLACED,
                self.device.person.phone_number,
                device=self.device.number,
                connection=self.number,
                detail=detail,
            )
        self.end(Node("stream:error", {}, (Node("conflict", {"type": "replaced"}),)), "replaced")

    # Between

    def _take(self, event: Handshaken | Frame) -> None:
        if not self._open:
            return
        if isinstance(event, Handshaken):
            self.link.hold(SWITCH_TIME)
            self._begin(ClientPayload.FromString(event.payload), event.static_key)
        elif self._pairing is not None:
            self._pairing.receive(decode(event.payload))
        elif self.device is not None:
            self._server.router.take(decode(event.payload), self.device, self)

    def _begin(self, payload: ClientPayload, static_key: bytes) -> None:
        """Pairs a client that brings a new device, and logs in every other."""
        if payload.HasField("devicePairingData"):
            self._pairing = PairingOffer(self._server, self, Registration.read(payload.devicePairingData, static_key))
            self._pairing.begin()
        else:
            log_in(self._server, self, payload, static_key)

    def _stop_waiting(self) -> None:
        if self._pairing is None and self.device is None:
            self.end(None, f"no handshake within {HANDSHAKE_TIME.total_seconds():g} s")

    def _write(self, data: bytes) -> None:
        if data:
            self.link.write(data)

    def _over(self, detail: str) -> None:
        if not self._open:
            return
        self._open = False
        account = ""
        if self.device is not None:
            account = self.device.person.phone_number
            self._server.leave(self.device, self)
        self._server.log.record(pb.EVENT_KIND_CONNECTION_CLOSED, account, connection=self.number, detail=detail)
        if self._pairing is not None:
            self._pairing.abandon(detail)
