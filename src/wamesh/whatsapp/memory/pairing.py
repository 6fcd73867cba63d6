"""Pairing over the memory wire: shows one code after the other until the owner's phone answers or the codes
run out.
"""

import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Final

from wamesh.emulator.v1.memory_wire_pb2 import (
    ConnectRequest,
    ConnectResponse,
    PairSuccess,
    QrCode,
    RequestPairCode,
    StartPairing,
)
from wamesh.whatsapp.events import PairingFailure, QrIssued
from wamesh.whatsapp.jid import Jid
from wamesh.whatsapp.memory.store import LinkedDevice
from wamesh.whatsapp.memory.wire import Lost, Wire

CLIENT_NAME: Final = "wamesh"


class Pairing:
    """One attempt on one connection."""

    def __init__(self, wire: Wire, show: Callable[[QrIssued], None]) -> None:
        self._wire = wire
        self._show = show
        self._codes: Iterator[QrCode] = iter(())
        self._expiry: float | None = None
        self._changed = threading.Condition()
        self._offered = False
        self._over = False
        self._pair_code = ""

    def run(self) -> LinkedDevice | PairingFailure:
        """Returns the linked device, or why there is none. Blocks while codes are on offer."""
        self._wire.push(ConnectRequest(start_pairing=StartPairing(client_name=CLIENT_NAME)))
        try:
            while True:
                outcome = self._step(self._wire.receive(self._seconds_left()))
                if outcome is not None:
                    return outcome
        finally:
            self._note(over=True)
            self._wire.close()

    def request_pair_code(self, phone_number: str, timeout: float) -> str | None:
        """Returns a code for the owner of `phone_number`; None when none came within `timeout` seconds."""
        deadline = time.monotonic() + timeout
        with self._changed:
            self._pair_code = ""
            self._changed.wait_for(lambda: self._offered or self._over, timeout)
            self._wire.push(ConnectRequest(request_pair_code=RequestPairCode(phone_number=phone_number)))
            self._changed.wait_for(lambda: bool(self._pair_code) or self._over, deadline - time.monotonic())
            return self._pair_code or None

    def note_pair_code(self, code: str) -> None:
        """The network made a pair code; called on the wire's reading thread."""
        self._note(pair_code=code)

    def _note(self, *, offered: bool = False, over: bool = False, pair_code: str = "") -> None:
        with self._changed:
            self._offered = self._offered or offered
            self._over = self._over or over
            self._pair_code = pair_code or self._pair_code
            self._changed.notify_all()

    def _step(self, frame: ConnectResponse | Lost | None) -> LinkedDevice | PairingFailure | None:
        """Handles what came, or the expiry of the code (None). Returns the outcome once there is one."""
        if frame is None:
            return None if self._show_next() else PairingFailure.TIMED_OUT
        if isinstance(frame, Lost):
            return PairingFailure.UNAVAILABLE
        match frame.WhichOneof("frame"):
            case "qr_offer":
                self._codes = iter(frame.qr_offer.codes)
                self._show_next()
                self._note(offered=True)
            case "pair_success":
                return _device(frame.pair_success)
            case "pair_refused":
                return PairingFailure.REFUSED
        return None

    def _show_next(self) -> bool:
        code = next(self._codes, None)
        if code is None:
            return False
        valid_for: timedelta = code.valid_duration.ToTimedelta()
        self._expiry = time.monotonic() + valid_for.total_seconds()
        self._show(QrIssued(code.code, valid_for))
        return True

    def _seconds_left(self) -> float | None:
        return None if self._expiry is None else max(0.0, self._expiry - time.monotonic())


def _device(success: PairSuccess) -> LinkedDevice:
    return LinkedDevice(
        phone_number=success.account_phone_number,
        lid=Jid.parse(success.lid),
        number=success.device,
        credential=success.credential,
        name=success.push_name,
    )
