"""The encrypted channel of one connection, seen from the server, without I/O.

    client                                        server
    WA 6 3, ClientHello(ephemeral)          ->
                                            <-    ServerHello(ephemeral, static, certificates)
    ClientFinish(static, ClientPayload)     ->    Handshaken
    frames                                 <->    frames

Noise_XX_25519_AESGCM_SHA256 with the header as prologue; the three messages are waWa6.HandshakeMessage. Afterwards each
frame is one AES-GCM ciphertext with nothing associated (measured with neonize 0.5.2).

Owns: the order of messages and what is mixed when. Refuses: judging the client's static key or payload (the login does).
Invariant: after the first NoiseError the channel says nothing but NoiseError.
"""

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
        self._step = self._hello
        self._output = bytearray()
        self._incoming: Cipher | None = None
        self._outgoing: Cipher | None = None

    def receive(self, data: bytes) -> list[Event]:
        """Takes bytes in any division and returns what they complete, in order; raises NoiseError.

        `take_output` must be written after each call. When a frame is malformed, the frames before it in `data` are
        lost too, as if the connection had broken a moment earlier.
        """
        try:
            events = [self._step(payload) for payload in self._frames.feed(data)]
        except NoiseError:
            self._step = self._broken
            raise
        return [event for event in events if event is not None]
