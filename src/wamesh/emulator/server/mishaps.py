"""Faults that happen at once, to the devices and connections of one account.

Owns: what each does. Refuses: armed faults, which strike where the protocol meets them. Invariant: what lasts (a slow
link, a second client) ends with `clear`.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from wamesh.emulator.codec import Node
from wamesh.emulator.server import notices
from wamesh.emulator.server.connection import Connection
from wamesh.emulator.server.people import Device, Person
from wamesh.emulator.server.rival import Rival
from wamesh.emulator.v1 import emulator_pb2 as pb

if TYPE_CHECKING:
    from wamesh.emulator.server.server import Server

FEW: Final = 4
"""How many one-time prekeys are left by FEW_PREKEYS."""


class Mishaps:
    """The at-once faults of one server, and those of them that last."""

    def __init__(self, server: "Server") -> None:
        self._server = server
        self._delays: dict[Person, timedelta] = {}
        self._rivals: dict[Person, list[Rival]] = {}

    def happen(self, person: Person, fault: pb.InjectFaultRequest) -> None:
        """Makes the fault happen to the account."""
        for device in _linked(person):
            _EFFECTS[fault.kind](self, device, fault)
        if fault.kind == pb.FAULT_KIND_SLOW_LINK:
            self._delays[person] = fault.delay_duration.ToTimedelta()

    def clear(self, person: Person) -> None:
        """Ends what lasts."""
        for rival in self._rivals.pop(person, []):
            rival.give_up()
        if self._delays.pop(person, None) is not None:
            for device in _linked(person):
                self._slow_down(device, timedelta())

    def greet(self, connection: Connection, person: Person) -> None:
        """Lets what lasts strike a connection that logs in now."""
        if person in self._delays:
            connection.link.slow_down(self._delays[person])

    def _replace(self, device: Device, fault: pb.InjectFaultRequest) -> None:
        if occupant := self._server.occupant(device):
            occupant.replace("by a client outside")

    def _remove(self, device: Device, fault: pb.InjectFaultRequest) -> None:
        self._server.unlink(device, "by the owner")

    def _drop(self, device: Device, fault: pb.InjectFaultRequest) -> None:
        if occupant := self._server.occupant(device):
            occupant.cut("dropped by a fault")

    def _slow(self, device: Device, fault: pb.InjectFaultRequest) -> None:
        self._slow_down(device, fault.delay_duration.ToTimedelta())

    def _slow_down(self, device: Device, delay: timedelta) -> None:
        occupant = self._server.occupant(device)
        if isinstance(occupant, Connection):
            occupant.link.slow_down(delay)

    def _close(self, device: Device, fault: pb.InjectFaultRequest) -> None:
        if occupant := self._server.occupant(device):
            occupant.end(None, "closed by a fault")

    def _stream_error(self, device: Device, fault: pb.InjectFaultRequest) -> None:
        if occupant := self._server.occupant(device):
            occupant.end(Node("stream:error", {"code": str(fault.code)}), f"stream error {fault.code} by a fault")

    def _log_in_elsewhere(self, device: Device, fault: pb.InjectFaultRequest) -> None:
        rival = Rival(self._server, device, fault.delay_duration.ToTimedelta(), fault.count or None)
        self._rivals.setdefault(device.person, []).append(rival)
        rival.log_in()

    def _take_prekeys(self, device: Device, fault: pb.InjectFaultRequest) -> None:
        self._server.directory.keep_prekeys(device, FEW)
        self._server.router.deliver(notices.few_prekeys(device, self._server.new_id(), self._server.time))


_EFFECTS: Final[Mapping["pb.FaultKind.ValueType", Callable[[Mishaps, Device, pb.InjectFaultRequest], None]]] = {
    pb.FAULT_KIND_REPLACED: Mishaps._replace,
    pb.FAULT_KIND_DEVICE_REMOVED: Mishaps._remove,
    pb.FAULT_KIND_DROP_CONNECTION: Mishaps._drop,
    pb.FAULT_KIND_SLOW_LINK: Mishaps._slow,
    pb.FAULT_KIND_CLOSE_WEBSOCKET: Mishaps._close,
    pb.FAULT_KIND_STREAM_ERROR: Mishaps._stream_error,
    pb.FAULT_KIND_SECOND_LOGIN: Mishaps._log_in_elsewhere,
    pb.FAULT_KIND_FEW_PREKEYS: Mishaps._take_prekeys,
}


def _linked(person: Person) -> list[Device]:
    """The account's linked devices, without the phone."""
    return [device for number, device in sorted(person.devices.items()) if number]
