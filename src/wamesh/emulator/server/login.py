"""Logging in: who may, what a client hears who may not, and what one hears first who may.

Owns: the order of a login (measured with neonize 0.5.2): success, what waited, the end of what waited. Refuses: every
later stanza. Invariant: when `success` leaves, the connection is the device's endpoint and the one before it has been
replaced.
"""

from typing import TYPE_CHECKING, Any, Final

from wamesh.emulator import codes
from wamesh.emulator.codec import HIDDEN_SERVER, SERVER, Node
from wamesh.emulator.codec.address import MAX_DEVICE
from wamesh.emulator.server.effects import BadStanza
from wamesh.emulator.server.people import Device
from wamesh.emulator.v1 import emulator_pb2 as pb

if TYPE_CHECKING:
    from wamesh.emulator.server.connection import Connection
    from wamesh.emulator.server.server import Server

"""After these a client forgets its device, and so does the server."""

UNKNOWN_DEVICE: Final = 401


def log_in(server: "Server", connection: "Connection", payload: Any, static_key: bytes) -> None:
    """Admits the client of a `ClientPayload`, or refuses it and closes. Raises BadStanza."""
    phone_number, number = f"+{payload.username}", payload.device
    if number > MAX_DEVICE:
        raise BadStanza(f"there is no device {number}")
    person = server.directory.person(phone_number)
    device = person.devices.get(number) if person else None
    if device is None or not static_key or device.noise_key != static_key:
        _refuse(server, connection, phone_number, number, pb.InjectFaultRequest(code=UNKNOWN_DEVICE))
    elif device.person.faults.strike(pb.FAULT_KIND_UNREACHABLE):
        connection.cut("unreachable by a fault")
    elif fault := device.person.faults.strike(pb.FAULT_KIND_REFUSE_LOGIN):
        _refuse(server, connection, phone_number, number, fault)
        if fault.code in codes.UNLINKING:
            server.unlink(device, f"login refused with {fault.code}")
    else:
        _admit(server, connection, device)


def _refuse(
    server: "Server", connection: "Connection", phone_number: str, number: int, fault: pb.InjectFaultRequest
) -> None:
    server.log.record(
        pb.EVENT_KIND_LOGIN_REFUSED, phone_number, device=number, connection=connection.number, code=fault.code
    )
    connection.end(_failure(fault), f"login refused with {fault.code}")


def _failure(fault: pb.InjectFaultRequest) -> Node:
    """`<failure>`; a ban (402) tells its cause in `code` and its length in seconds in `expire`, if it has them."""
    attributes = {"reason": str(fault.code), "location": "emulator"}
    if fault.ban_code:
        attributes["code"] = str(fault.ban_code)
    if fault.HasField("ban_duration"):
        attributes["expire"] = str(int(fault.ban_duration.ToTimedelta().total_seconds()))
    return Node("failure", attributes)


def _admit(server: "Server", connection: "Connection", device: Device) -> None:
    server.enter(device, connection)
    connection.device = device
    connection.push(Node("success", {"t": server.time, "lid": device.address(HIDDEN_SERVER), "location": "emulator"}))
    for stanza in _waiting(device):
        connection.push(stanza)


def _waiting(device: Device) -> list[Node]:
    """Everything that waits, marked `offline`, between its announcement and its end.

    The end comes even when nothing waits: Baileys holds all events back until then.
    """
    stanzas = list(device.queue.values())
    counts = {tag: sum(stanza.tag == tag for stanza in stanzas) for tag in ("message", "receipt", "notification")}
    preview = {"count": len(stanzas), **counts, "appdata": 0, "call": 0}
    marked = (Node(stanza.tag, {**stanza.attributes, "offline": "0"}, stanza.content) for stanza in stanzas)
    return [
        _ib(Node("offline_preview", {name: str(count) for name, count in preview.items()})),
        *marked,
        _ib(Node("offline", {"count": str(len(stanzas))})),
    ]


def _ib(child: Node) -> Node:
    return Node("ib", {"from": SERVER}, (child,))
