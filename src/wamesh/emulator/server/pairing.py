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

import re
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Self

from google.protobuf.message import DecodeError

from wamesh.emulator.codec import SERVER, Address, Node
from wamesh.emulator.messages import ADVDeviceIdentity, ADVSignedDeviceIdentity, ADVSignedDeviceIdentityHMAC
from wamesh.emulator.server.directory import Device, Person
from wamesh.emulator.server.stanzas.replies import error, result
from wamesh.emulator.signal import curve
from wamesh.emulator.v1 import emulator_pb2 as pb

if TYPE_CHECKING:
    from wamesh.emulator.server.connection import Connection
    from wamesh.emulator.server.server import Server

OnLinked = Callable[[Device | None, str], None]
OnFinish = Callable[["CompanionFinish | None"], None]

RESTART: Final = Node("stream:error", {"code": "515"})
PLATFORM: Final = "smba"

_REF_BYTES: Final = 48
_DEVICE_SIGNATURE: Final = b"\x06\x01"
_DISPLAY_NAME: Final = re.compile(rb"[^()]+ \([^()]+\)")


@dataclass(frozen=True, slots=True)
class Registration:
    """The public keys a new client brings, raw, 32 bytes each."""

    noise_key: bytes
    identity: bytes
    registration_id: int
    signed_prekey_id: int
    signed_prekey: bytes
    signature: bytes

    @classmethod
    def read(cls, data: Any, noise_key: bytes) -> Self:
        """The keys of a `devicePairingData`, with the static key of its connection."""
        return cls(
            noise_key,
            data.eIdent,
            int.from_bytes(data.eRegid),
            int.from_bytes(data.eSkeyID),
            data.eSkeyVal,
            data.eSkeySig,
        )


@dataclass(frozen=True, slots=True)
class CompanionHello:
    """What a client tells that wants to be linked by code."""

    phone_number: str
    """Whose code it shows, E.164."""
    wrapped_ephemeral: bytes
    """Its ephemeral public key under the code: salt 32, counter 16, key 32 bytes."""
    noise_key: bytes
    platform: str


@dataclass(frozen=True, slots=True)
class CompanionFinish:
    """What the client answers to the phone's half of a pair code."""

    wrapped_key_bundle: bytes
    """Salt 32, nonce 12, then the encrypted bundle of 96 + 16 bytes."""
    companion_identity: bytes


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
        self._done = False

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
        if self in self._server.offers:
            self._server.offers.remove(self)
        signing, self._signing = self._signing, None
        if signing is not None:
            signing.on_done(None, f"the client is gone: {detail}")
        on_finish, self._on_finish = self._on_finish, None
        if on_finish is not None:
            on_finish(None)

    # From the owner's phone

    def next_device_number(self, person: Person) -> int:
        """Returns a device number of the person that nobody had before."""
        return self._server.directory.reserve_number(person)

    def succeed(self, person: Person, number: int, container: bytes, on_done: OnLinked) -> None:
        """Hands the client its identity, signed by the account (ADVSignedDeviceIdentityHMAC).

        `on_done` hears once: the linked device, or None and why the client did not take it.
        """
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
        match stage.attribute("stage") if stage is not None else "":
            case "companion_hello" if stage is not None:
                return self._hear_hello(query, stage)
            case "companion_finish" if stage is not None:
                return self._hear_finish(query, stage)
            case _:
                return result(query)

    def _hear_hello(self, query: Node, stage: Node) -> Node:
        """Notes that the client shows a pair code for a number, and gives it a ref for that."""
        address = stage.address("jid")
        wrapped = _data(stage, "link_code_pairing_wrapped_companion_ephemeral_pub")
        if (
            address is None
            or len(wrapped) != 80
            or not _DISPLAY_NAME.fullmatch(_data(stage, "companion_platform_display"))
        ):
            return error(query, 400, "bad-request")
        self.ref = self._new_ref()
        self.hello = CompanionHello(
            f"+{address.user}",
            wrapped,
            _data(stage, "companion_server_auth_key_pub"),
            _data(stage, "companion_platform_id").decode(errors="replace"),
        )
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
        on_finish, self._on_finish = self._on_finish, None
        if on_finish is None or _data(stage, "link_code_pairing_ref") != self.ref:
            return error(query, 400, "bad-request")
        finish = CompanionFinish(
            _data(stage, "link_code_pairing_wrapped_key_bundle"), _data(stage, "companion_identity_public")
        )
        self._server.call_later(timedelta(), lambda: on_finish(finish))
        return result(query)

    def _verify(self, signing: _Signing, answer: Node) -> None:
        """Links the device when it signed what the account signed."""
        signed = self._signed_identity(signing.container, answer)
        if signed is None:
            why = "the client refused the account's signature" if answer.attribute("type") == "error" else "not signed"
            signing.on_done(None, why)
            return
        device = self._new_device(signing, signed)
        self._done = True
        self._server.link(device, self.connection.number)
        self.connection.push(RESTART)
        signing.on_done(device, "")

    def _signed_identity(self, container: bytes, answer: Node) -> Any:
        """The complete ADVSignedDeviceIdentity, or None when the client did not sign it with its identity key."""
        signature = answer.child("pair-device-sign")
        try:
            signed = ADVSignedDeviceIdentity.FromString(ADVSignedDeviceIdentityHMAC.FromString(container).details)
            theirs = ADVSignedDeviceIdentity.FromString(_data(signature, "device-identity") if signature else b"")
        except DecodeError:
            return None
        identity = self._registration.identity
        message = _DEVICE_SIGNATURE + signed.details + identity + signed.accountSignatureKey
        if not curve.verify(identity, message, theirs.deviceSignature):
            return None
        signed.deviceSignature = theirs.deviceSignature
        return signed

    def _new_device(self, signing: _Signing, signed: Any) -> Device:
        keys = self._registration
        return Device(
            person=signing.person,
            number=signing.number,
            identity=keys.identity,
            registration_id=keys.registration_id,
            signed_prekey_id=keys.signed_prekey_id,
            signed_prekey=keys.signed_prekey,
            signature=keys.signature,
            link_time=self._server.clock(),
            noise_key=keys.noise_key,
            key_index=ADVDeviceIdentity.FromString(signed.details).keyIndex,
            signed_identity=signed.SerializeToString(),
        )

    def _expire(self) -> None:
        """The last code's time is over; a client that was linked meanwhile is left alone."""
        if not self._done:
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


def _data(node: Node, tag: str) -> bytes:
    child = node.child(tag)
    return child.data if child is not None else b""
