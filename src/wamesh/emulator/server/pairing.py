"""Linking a new device: codes on offer, the owner's answer, and the device's own signature.

By QR code (measured with neonize 0.5.2):

    <pair-device> with refs  ->  result
    the owner's phone reads a ref from the screen and signs
    <pair-success>           ->  <pair-device-sign>, or an error
    <stream:error code="515">, and the client logs in anew

By pair code (read in whatsmeow and Baileys): `companion_hello` from the client, `primary_hello` to it when the owner
has typed the code, `companion_finish` from it; then on as above.

Owns: the server's half. Refuses: the secrets of both ends, which it only passes on. Invariant: a device exists from the
moment its signature was verified, never before.
"""

from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from wamesh.emulator.codec import SERVER, Address, CodecError, Node
from wamesh.emulator.server.effects import BadStanza
from wamesh.emulator.server.people import Device, Person
from wamesh.emulator.server.registration import (
    CompanionFinish,
    CompanionHello,
    Registration,
    child_data,
    countersigned,
)
from wamesh.emulator.server.stanzas.replies import error, result
from wamesh.emulator.v1 import emulator_pb2 as pb

if TYPE_CHECKING:
    from wamesh.emulator.server.connection import Connection
    from wamesh.emulator.server.server import Server

OnLinked = Callable[[Device | None, str], None]
OnFinish = Callable[["CompanionFinish | None"], None]

RESTART: Final = Node("stream:error", {"code": "515"})
PLATFORM: Final = "smba"

_REF_BYTES: Final = 48


@dataclass(frozen=True, slots=True)
class _Signing:
    """A pair-success whose answer is awaited."""

    query_id: str
    person: Person
    number: int
    container: bytes
    on_done: OnLinked


class PairingOffer:
    """One unpaired client and the codes it may show; the phones' side calls the public methods."""

    def __init__(self, server: "Server", connection: "Connection", registration: Registration) -> None:
        self.connection = connection
        self.hello: CompanionHello | None = None
        self.refs: list[bytes] = []
        self.ref = b""
        """The ref of the pair code; empty before one was asked for."""
        self._server = server
        self._registration = registration
        self._signing: _Signing | None = None
        self._on_finish: OnFinish | None = None

    # From the connection

    def begin(self) -> None:
        """Offers QR codes; the connection ends when the time of the last one is over."""
        pace = self._server.pace
        self.refs = [self._new_ref() for _ in range(pace.codes)]
        self._server.offers.append(self)
        self._server.log.record(pb.EVENT_KIND_PAIRING_OFFERED, connection=self.connection.number, detail="QR")
        refs = tuple(Node("ref", {}, ref) for ref in self.refs)
        self._push("iq", "set", Node("pair-device", {}, refs))
        self._server.call_later(pace.first + (pace.codes - 1) * pace.later, self._expire)

    def receive(self, stanza: Node) -> None:
        """Takes a stanza of the client."""
        if stanza.tag != "iq":
            return
        signing = self._signing
        if signing is not None and stanza.attribute("id") == signing.query_id:
            self._signing = None
            self._verify(signing, stanza)
        elif stanza.attribute("type") in ("get", "set"):
            self.connection.push(self._answer(stanza))

    def abandon(self, detail: str) -> None:
        """The connection is over, and the codes with it."""
        self._withdraw()
        signing, self._signing = self._signing, None
        if signing is not None:
            signing.on_done(None, f"the client is gone: {detail}")
        self._finish(None)

    # From the owner's phone

    def next_device_number(self, person: Person) -> int:
        """Returns a device number of the person that nobody had before."""
        return self._server.directory.reserve_number(person)

    def succeed(self, person: Person, number: int, container: bytes, on_done: OnLinked) -> None:
        """Hands the client its identity, signed by the account (ADVSignedDeviceIdentityHMAC).

        `on_done` hears once: the linked device, or None and why the client did not take it.
        """
        if (earlier := self._signing) is not None:
            earlier.on_done(None, "another scan came between")
        pn, lid = person.pn.with_device(number), person.lid.with_device(number)
        success = Node(
            "pair-success",
            {},
            (
                Node("device-identity", {}, container),
                Node("biz", {"name": person.push_name or person.phone_number}),
                Node("device", {"jid": pn, "lid": lid}),
                Node("platform", {"name": PLATFORM}),
            ),
        )
        self._signing = _Signing(self._push("iq", "set", success), person, number, container, on_done)

    def refuse(self, person: Person) -> None:
        """The owner declines. WhatsApp has no stanza for that and lets the client wait in vain; here it gets an
        identity that nobody signed, so that it fails at once.
        """
        self._server.log.record(pb.EVENT_KIND_PAIRING_REFUSED, person.phone_number, connection=self.connection.number)
        number = self.next_device_number(person)
        self.succeed(person, number, b"", lambda device, why: None)

    def primary_hello(self, wrapped_ephemeral: bytes, identity: bytes, on_finish: OnFinish) -> None:
        """Hands the client the phone's half of a pair code: its wrapped ephemeral key (80 bytes) and identity (32).

        `on_finish` hears once: the client's half, or None when it is gone.
        """
        self._finish(None)
        self._on_finish = on_finish
        hello = Node(
            "link_code_companion_reg",
            {"stage": "primary_hello"},
            (
                Node("link_code_pairing_ref", {}, self.ref),
                Node("link_code_pairing_wrapped_primary_ephemeral_pub", {}, wrapped_ephemeral),
                Node("primary_identity_pub", {}, identity),
            ),
        )
        self._push("notification", "link_code_companion_reg", hello)

    # The client's answers

    def _answer(self, query: Node) -> Node:
        stage = query.child("link_code_companion_reg")
        if stage is not None and stage.attribute("stage") == "companion_hello":
            return self._hear_hello(query, stage)
        if stage is not None and stage.attribute("stage") == "companion_finish":
            return self._hear_finish(query, stage)
        return result(query)

    def _hear_hello(self, query: Node, stage: Node) -> Node:
        """Notes that the client shows a pair code for a number, and gives it a ref for that."""
        try:
            self.hello = CompanionHello.read(stage)
        except (BadStanza, CodecError):
            return error(query, 400, "bad-request")
        self.ref = self._new_ref()
        self._server.log.record(
            pb.EVENT_KIND_PAIRING_OFFERED,
            self.hello.phone_number,
            connection=self.connection.number,
            detail="pair code",
        )
        ref = Node("link_code_pairing_ref", {}, self.ref)
        return result(query, Node("link_code_companion_reg", {"stage": "companion_hello"}, (ref,)))

    def _hear_finish(self, query: Node, stage: Node) -> Node:
        """Hands the client's half to the phone, once this answer is on its way."""
        if self._on_finish is None or child_data(stage, "link_code_pairing_ref") != self.ref:
            return error(query, 400, "bad-request")
        finish = CompanionFinish.read(stage)
        self._server.call_later(timedelta(), lambda: self._finish(finish))
        return result(query)

    def _finish(self, finish: CompanionFinish | None) -> None:
        """Tells the phone that waits for the client's half, if one does."""
        on_finish, self._on_finish = self._on_finish, None
        if on_finish is not None:
            on_finish(finish)

    def _verify(self, signing: _Signing, answer: Node) -> None:
        """Links the device when it signed what the account signed."""
        signed = countersigned(signing.container, answer, self._registration.identity)
        if signed is None:
            why = "the client refused the account's signature" if answer.attribute("type") == "error" else "not signed"
            signing.on_done(None, why)
            return
        device = self._registration.device(signing.person, signing.number, signed, self._server.clock())
        self._withdraw()
        self._server.link(device, self.connection.number)
        self.connection.push(RESTART)
        signing.on_done(device, "")

    def _withdraw(self) -> None:
        """The codes are good for nobody any more."""
        if self in self._server.offers:
            self._server.offers.remove(self)

    def _expire(self) -> None:
        """The last code's time is over; a client that was linked meanwhile is left alone."""
        if self in self._server.offers:
            self.connection.end(None, "nobody scanned a code in time")

    def _push(self, tag: str, kind: str, child: Node) -> str:
        """Sends a stanza of the server's own; returns its id."""
        stanza_id = self._server.new_id()
        attributes: dict[str, str | Address] = {"from": SERVER, "type": kind, "id": stanza_id, "t": self._server.time}
        self.connection.push(Node(tag, attributes, (child,)))
        return stanza_id

    def _new_ref(self) -> bytes:
        """A ref as WhatsApp's look: `2@` and base64, without the comma that ends it in the code."""
        return b"2@" + urlsafe_b64encode(self._server.random_bytes(_REF_BYTES))
