"""The transport over the simulated network, with the manners of the real library where a caller can tell.

A failed first dial is final. Later losses are reported once and mended by redialing at 0, 2, 4, ... seconds.
Replaced, logged out, banned and outdated are final. A message is confirmed to the network *before* its
handler runs. One send is on its way at a time; its secret is on disk before its frame is queued (see
`in_flight` for the rest of its life).

Options: `target` (host:port, required); `ack_seconds`, `replay_seconds`, `redial_seconds`,
`keep_alive_seconds`, `keep_alive_patience_seconds` (decimal, for tests that cannot wait as long as the real
library does).

Owns: the order of dial, pair, log in, redial; sends. Refuses: anything after a final event. Invariant:
`_wire` is the logged-in connection or None, and changes only together with what it means for the send in
flight.
"""

import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC
from pathlib import Path
from typing import Final, Self

from wamesh.emulator.v1 import memory_wire_pb2 as pb
from wamesh.whatsapp.events import (
    Connected,
    Disconnected,
    Event,
    LoggedOut,
    PairCodeIssued,
    Paired,
    PairingFailed,
    PairingFailure,
    is_final,
)
from wamesh.whatsapp.in_flight import InFlight
from wamesh.whatsapp.keep_alive import KeepAlivePace
from wamesh.whatsapp.memory.pairing import Pairing
from wamesh.whatsapp.memory.session import Over, Session
from wamesh.whatsapp.memory.store import MemoryDeviceStore
from wamesh.whatsapp.memory.wire import Wire
from wamesh.whatsapp.transport import (
    NotSent,
    OnEvent,
    OutgoingMessage,
    PairCodeUnavailable,
    Rejected,
    SendOutcome,
    Sent,
    Uncertain,
)

PAIR_CODE_SECONDS: Final = 10.0
LOGOUT_SECONDS: Final = 5.0
NOT_ON_WHATSAPP: Final = 404

_Sending = InFlight[pb.ConnectRequest, pb.SendAck]


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds to wait for an ack, for a login that allows a replay, and between redials; the real library's."""

    ack: float = 75.0
    replay: float = 5.0
    redial: float = 2.0
    keep_alive: KeepAlivePace = field(default_factory=KeepAlivePace)

    @classmethod
    def of(cls, options: Mapping[str, str]) -> "Pace":
        """Reads the `*_seconds` options; raises ValueError for a number that is none."""
        usual = cls()
        keep_alive = KeepAlivePace(
            every=float(options.get("keep_alive_seconds", usual.keep_alive.every)),
            patience=float(options.get("keep_alive_patience_seconds", usual.keep_alive.patience)),
        )
        return cls(
            ack=float(options.get("ack_seconds", usual.ack)),
            replay=float(options.get("replay_seconds", usual.replay)),
            redial=float(options.get("redial_seconds", usual.redial)),
            keep_alive=keep_alive,
        )


class MemoryTransport:
    """One client of the simulated network over a company's directory."""

    def __init__(self, store: MemoryDeviceStore, target: str, on_event: OnEvent, pace: Pace) -> None:
        self._store = store
        self._target = target
        self._on_event = on_event
        self._pace = pace
        self._connecting = threading.Lock()
        self._emitting = threading.Lock()
        self._sending = threading.Lock()
        self._changing = threading.Lock()
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._dialed: Wire | None = None
        self._wire: Wire | None = None
        self._pairing: Pairing | None = None
        self._in_flight: _Sending | None = None

    @classmethod
    def open(cls, directory: Path, on_event: OnEvent, options: Mapping[str, str]) -> Self:
        """Returns a transport over `directory`; raises KeyError without a `target`."""
        return cls(MemoryDeviceStore(directory), options["target"], on_event, Pace.of(options))

    @property
    def paired(self) -> bool:
        return self._store.device() is not None

    def connect(self) -> None:
        if not self._connecting.acquire(blocking=False):
            raise RuntimeError("connect is running already")
        try:
            self._stopping.clear()
            self._ended.clear()
            if self.paired or self._pair():
                self._stay_logged_in()
        finally:
            self._ended.set()
            self._connecting.release()

    def request_pair_code(self, phone_number: str) -> str:
        pairing = self._pairing
        code = pairing.request_pair_code(phone_number, PAIR_CODE_SECONDS) if pairing else None
        if code is None:
            raise PairCodeUnavailable("no pairing is under way, or WhatsApp gave no code in time")
        self._emit(PairCodeIssued(code))
        return code

    def send(self, message: OutgoingMessage) -> SendOutcome:
        with self._sending:
            frame = _send_frame(message)
            in_flight = _Sending(frame.send.message_id, frame, self._pace.ack, self._pace.replay)
            with self._changing:
                wire = self._wire
                if wire is None:
                    return NotSent("websocket not connected")
                self._store.remember_send(message.secret, message.chat, in_flight.message_id)
                self._in_flight = in_flight
            wire.push(frame)
            return _outcome(in_flight.wait(), in_flight)

    def find_sent(self, secret: bytes) -> str | None:
        return self._store.find_sent(secret)

    def logout(self) -> None:
        wire = self._wire
        if wire is not None:
            wire.push(pb.ConnectRequest(logout=pb.Logout()))
            self._ended.wait(LOGOUT_SECONDS)
        self._store.forget()
        self.stop()

    def stop(self) -> None:
        self._stopping.set()
        wire = self._dialed
        if wire is not None:
            wire.close()

    # Inside connect

    def _pair(self) -> bool:
        """Runs one pairing; True when a device is linked."""
        pairing = self._pairing = Pairing(self._dial(), self._emit)
        outcome = pairing.run()
        self._pairing = None
        if self._stopping.is_set():
            return False
        if isinstance(outcome, PairingFailure):
            self._emit(PairingFailed(outcome))
            return False
        self._store.save(outcome)
        self._emit(Paired(outcome.jid, outcome.lid, outcome.phone_number, outcome.name))
        return True

    def _stay_logged_in(self) -> None:
        """Connects, and again after each loss, until a final event or `stop`."""
        ever, failures = False, 0
        while not self._stopping.wait(failures * self._pace.redial):
            over = self._run_session()
            if self._stopping.is_set():
                return
            event = _worth_telling(over, first=not ever and not failures)
            if isinstance(event, LoggedOut):
                self._store.forget()
            if event is not None:
                self._emit(event)
                if is_final(event):
                    return
            ever, failures = ever or over.logged_in, 0 if over.logged_in else failures + 1

    def _run_session(self) -> Over:
        device = self._store.device()
        if device is None:
            return Over(LoggedOut(on_connect=False))
        session = Session(self._dial(), self._emit, self._logged_in, self._pace.keep_alive)
        over = session.run(device)
        self._lost(for_good=self._stopping.is_set() or (over.event is not None and is_final(over.event)))
        return over

    def _dial(self) -> Wire:
        wire = self._dialed = Wire(self._target, self._intercept)
        if self._stopping.is_set():
            wire.close()
        return wire

    def _logged_in(self, wire: Wire) -> None:
        with self._changing:
            self._wire = wire
            replayed = self._in_flight.replay() if self._in_flight else None
        if replayed is not None:
            wire.push(replayed)
        self._emit(Connected())

    def _lost(self, *, for_good: bool) -> None:
        with self._changing:
            self._wire = None
            if self._in_flight is not None:
                self._in_flight.lose(for_good=for_good)

    def _intercept(self, frame: pb.ConnectResponse) -> bool:
        """Takes answers to blocked callers on the reading thread, so that a handler may send."""
        if frame.HasField("send_ack"):
            in_flight = self._in_flight
            if in_flight is not None and in_flight.message_id == frame.send_ack.message_id:
                in_flight.settle(frame.send_ack)
            return True
        if frame.HasField("pair_code"):
            pairing = self._pairing
            if pairing is not None:
                pairing.note_pair_code(frame.pair_code.code)
            return True
        return False

    def _emit(self, event: Event) -> None:
        with self._emitting:
            self._on_event(event)


def _worth_telling(over: Over, *, first: bool) -> Event | None:
    """A loss is told once, and a redial that fails is not; only the very first dial that fails is final."""
    if over.dialed or not isinstance(over.event, Disconnected):
        return over.event
    return replace(over.event, final=True) if first else None


def _send_frame(message: OutgoingMessage) -> pb.ConnectRequest:
    """The message under a new id, made as WhatsApp Web makes them: `3EB0` and 18 hexadecimal digits."""
    return pb.ConnectRequest(
        send=pb.SendFrame(
            message_id="3EB0" + secrets.token_hex(9).upper(),
            recipient=str(message.chat.without_device()),
            text=message.text,
            quoted_message_id=message.quoted_message_id,
        )
    )


def _outcome(ack: pb.SendAck | None, in_flight: _Sending) -> SendOutcome:
    if ack is None and in_flight.disconnected:
        return Uncertain("websocket disconnected before message send returned response")
    if ack is None:
        return Uncertain("timed out waiting for message send response")
    if ack.error_code == NOT_ON_WHATSAPP:
        return NotSent("no LID found for the recipient: the number is not on WhatsApp")
    if ack.error_code:
        return Rejected(ack.error_code, f"server returned error {ack.error_code}")
    return Sent(ack.message_id, ack.ack_time.ToDatetime(UTC))
