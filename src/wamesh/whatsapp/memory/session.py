"""One logged-in connection of the memory transport, from its login to its end.

Owns: login, the order of confirm-then-handle, the keep-alive. Refuses: redialing. Invariant: `run` returns
exactly one `Over`, and after it nothing more is emitted.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from wamesh.emulator.v1.memory_wire_pb2 import ConnectRequest, ConnectResponse, Delivered, Login
from wamesh.emulator.v1.memory_wire_pb2 import KeepAlive as KeepAliveFrame
from wamesh.whatsapp.events import Disconnected, Event, KeepAliveRestored, KeepAliveTimedOut
from wamesh.whatsapp.keep_alive import KeepAlive, KeepAlivePace, Step
from wamesh.whatsapp.memory import events as memory_events
from wamesh.whatsapp.memory.store import LinkedDevice
from wamesh.whatsapp.memory.wire import Lost, Wire

LOGIN_SECONDS: Final = 75.0


@dataclass(frozen=True, slots=True)
class Over:
    """How a connection ended. `event` is what to report, None for a silent redial; `dialed` is False when
    nobody answered at all.
    """

    event: Event | None
    logged_in: bool = False
    dialed: bool = True


class Session:
    """One connection. `on_login` runs between the login and the first event of the session."""

    def __init__(
        self,
        wire: Wire,
        emit: Callable[[Event], None],
        on_login: Callable[[Wire], None],
        pace: KeepAlivePace,
    ) -> None:
        self._wire = wire
        self._emit = emit
        self._on_login = on_login
        self._pace = pace

    def run(self, device: LinkedDevice) -> Over:
        """Logs in and handles frames until the connection ends."""
        try:
            refusal = self._log_in(device)
            return refusal or Over(self._handle_frames(), logged_in=True)
        finally:
            self._wire.close()

    def _log_in(self, device: LinkedDevice) -> Over | None:
        login = Login(account_phone_number=device.phone_number, device=device.number, credential=device.credential)
        self._wire.push(ConnectRequest(login=login))
        answer = self._wire.receive(LOGIN_SECONDS)
        if answer is None or isinstance(answer, Lost):
            return Over(Disconnected(answer.detail if answer else "no answer to the login"), dialed=False)
        if answer.HasField("login_failure"):
            code = answer.login_failure.code
            final = memory_events.login_failure(answer.login_failure)
            return Over(final or Disconnected(f"the server refused the login with {code}"))
        self._on_login(self._wire)
        return None

    def _handle_frames(self) -> Event | None:
        keep_alive = KeepAlive(self._pace, time.monotonic())
        while True:
            frame = self._wire.receive(keep_alive.seconds_left(time.monotonic()))
            if frame is None:
                if not self._keep_alive(keep_alive):
                    return None
            elif isinstance(frame, Lost):
                return Disconnected(frame.detail)
            elif frame.HasField("stream_end"):
                return memory_events.stream_end(frame.stream_end)
            elif frame.HasField("keep_alive_answer"):
                if keep_alive.answered(time.monotonic()):
                    self._emit(KeepAliveRestored())
            else:
                self._handle(frame)

    def _handle(self, frame: ConnectResponse) -> None:
        """Confirms first and handles then, as the real library does: what dies in between is lost to the
        handler.
        """
        if frame.HasField("inbound"):
            self._confirm(frame.inbound.delivery)
            self._emit(memory_events.inbound(frame.inbound))
        elif frame.HasField("receipt"):
            self._confirm(frame.receipt.delivery)
            self._emit(memory_events.receipt(frame.receipt))

    def _confirm(self, delivery: int) -> None:
        self._wire.push(ConnectRequest(delivered=Delivered(deliveries=[delivery])))

    def _keep_alive(self, keep_alive: KeepAlive) -> bool:
        """Does what is due; False when the connection is to be given up."""
        match keep_alive.step(time.monotonic()):
            case Step.ASK:
                self._wire.push(ConnectRequest(keep_alive=KeepAliveFrame()))
            case Step.REPORT_SILENCE:
                self._emit(KeepAliveTimedOut())
            case Step.DIAL_ANEW:
                return False
        return True
