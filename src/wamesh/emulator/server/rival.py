"""The other client of a second login: it takes a device's place, and takes it back each time it is replaced.

Owns: when it logs in again. Refuses: reading anything; what it is told waits for the true client, for it settles
nothing. Invariant: it logs in at most as often as it was told to, and never after `give_up`.
"""

from datetime import timedelta
from typing import TYPE_CHECKING

from wamesh.emulator.codec import Node
from wamesh.emulator.server.people import Device
from wamesh.emulator.v1 import emulator_pb2 as pb

if TYPE_CHECKING:
    from wamesh.emulator.server.server import Server


class Rival:
    """A client that is not on any wire. `returns` is how often it comes back; None is without end."""

    def __init__(self, server: "Server", device: Device, delay: timedelta, returns: int | None) -> None:
        self.number = 0
        self._server = server
        self._device = device
        self._delay = delay
        self._returns = returns
        self._gave_up = False

    def log_in(self) -> None:
        """Takes the device's place, unless it gave up or the device was unlinked."""
        if self._gave_up or not self._device.is_linked:
            return
        self.number = self._server.new_connection_number()
        self._server.enter(self._device, self)

    def give_up(self) -> None:
        """Leaves, and does not come back."""
        self._gave_up = True
        self._leave("gave up")

    def push(self, stanza: Node) -> None:
        """Hears a stanza and does nothing about it."""

    def end(self, last: Node | None, detail: str) -> None:
        """The device was unlinked, or the stream ended by a fault."""
        self._leave(detail)

    def cut(self, detail: str) -> None:
        """The connection was broken off."""
        self._leave(detail)

    def replace(self, detail: str) -> None:
        """The true client is back; so will this one be."""
        self._server.log.record(
            pb.EVENT_KIND_REPLACED,
            self._device.person.phone_number,
            device=self._device.number,
            connection=self.number,
            detail=detail,
        )
        self._leave("replaced")
        if self._returns is None or self._returns > 0:
            self._returns = None if self._returns is None else self._returns - 1
            self._server.call_later(self._delay, self.log_in)

    def _leave(self, detail: str) -> None:
        if self._device.endpoint is self:
            self._server.leave(self._device, self)
            self._server.log.record(
                pb.EVENT_KIND_CONNECTION_CLOSED,
                self._device.person.phone_number,
                connection=self.number,
                detail=detail,
            )
