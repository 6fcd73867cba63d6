"""The encrypted channel of one connection, seen from the server, without I/O.

    client                                        server
    WA 6 3, ClientHello(ephemeral)          ->
                                            <-    ServerHello(ephemeral, static, certificates)
    ClientFinish(static, ClientPayload)     ->    Handshaken
    frames                                 <->    frames

Noise_XX_25519_AESGCM_SHA256 with the header as prologue; the three messages are waWa6.HandshakeMessage. Afterwards each
frame is one AES-GCM ciphertext with nothing associated (measured with neonize 0.5.2).

Owns: the order of messages and what is mixed when. Refuses: judging the client's static key or payload (the login
does). Invariant: after the first malformed byte `receive` only raises NoiseError.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from google.protobuf.message import DecodeError

from wamesh.emulator.messages import HandshakeMessage
from wamesh.emulator.noise.errors import NoiseError
from wamesh.emulator.noise.framing import HEADER, FrameReader, frame
from wamesh.emulator.noise.identity import ServerIdentity
from wamesh.emulator.noise.symmetric import Cipher, Handshake
from wamesh.emulator.signal import curve
from wamesh.emulator.signal.curve import KeyPair, RandomBytes


@dataclass(frozen=True, slots=True)
class Handshaken:
    """The channel is open: the client's static public key (32 bytes), proven, and its encoded ClientPayload."""

    static_key: bytes
    payload: bytes


@dataclass(frozen=True, slots=True)
class Frame:
    """What the client sent in one frame, decrypted: a stanza with its flag byte."""

    payload: bytes


Event: TypeAlias = Handshaken | Frame


class NoiseChannel:
    """The server's end; bytes go in by `receive`, and what must be written comes from `take_output` and `seal`."""

    def __init__(self, identity: ServerIdentity, random_bytes: RandomBytes) -> None:
        self._identity = identity
        self._ephemeral = curve.generate(random_bytes)
        self._frames = FrameReader()
        self._handshake = Handshake(HEADER)
        self._step: Callable[[bytes], Event | None] = self._hello
        self._outgoing: Cipher | None = None
        self._output = bytearray()
        self._broken = False

    def receive(self, data: bytes) -> list[Event]:
        """Takes bytes in any division and returns what they complete, in order; raises NoiseError.

        What `take_output` returns must be written after each call. When a frame is malformed, the frames before it in
        `data` are lost too, as if the connection had broken a moment earlier.
        """
        if self._broken:
            raise NoiseError("the channel is broken")
        try:
            return list(self._events(data))
        except NoiseError:
            self._broken = True
            raise

    def take_output(self) -> bytes:
        """Returns the handshake bytes to write now, once; empty when there are none."""
        output = bytes(self._output)
        self._output.clear()
        return output

    def seal(self, payload: bytes) -> bytes:
        """Returns the payload as an encrypted frame, to be written in the order of the calls.

        Raises NoiseError before the handshake is done, and for more than 16 MiB.
        """
        if self._outgoing is None:
            raise NoiseError("no frame can be sent before the handshake is done")
        return frame(self._outgoing.encrypt(payload))

    def _events(self, data: bytes) -> Iterator[Event]:
        for payload in self._frames.feed(data):
            event = self._step(payload)
            if event is not None:
                yield event

    def _hello(self, payload: bytes) -> None:
        handshake, theirs = self._handshake, _message(payload).clientHello.ephemeral
        handshake.mix_hash(theirs)
        handshake.mix_hash(self._ephemeral.public)
        handshake.mix_key(_agree(self._ephemeral, theirs))
        static = handshake.encrypt(self._identity.static.public)
        handshake.mix_key(_agree(self._identity.static, theirs))
        certificates = handshake.encrypt(self._identity.certificates)
        answer = HandshakeMessage(
            serverHello={"ephemeral": self._ephemeral.public, "static": static, "payload": certificates}
        )
        self._output += frame(answer.SerializeToString())
        self._step = self._finish

    def _finish(self, payload: bytes) -> Handshaken:
        handshake, finish = self._handshake, _message(payload).clientFinish
        static = handshake.decrypt(finish.static)
        handshake.mix_key(_agree(self._ephemeral, static))
        event = Handshaken(static, handshake.decrypt(finish.payload))
        incoming, self._outgoing = handshake.split()
        self._step = lambda payload: Frame(incoming.decrypt(payload))
        return event


def _message(payload: bytes) -> Any:
    try:
        return HandshakeMessage.FromString(payload)
    except DecodeError as error:
        raise NoiseError("a handshake frame that is no HandshakeMessage") from error


def _agree(pair: KeyPair, public: bytes) -> bytes:
    try:
        return curve.agree(pair.private, public)
    except ValueError as error:
        raise NoiseError("a public key of wrong length or low order") from error
