from datetime import timedelta

import pytest
from support.server_client import Client, known_to
from support.server_world import ACCOUNT, ServerWorld, fan_out, pushed

from wamesh.emulator.codec import Node
from wamesh.emulator.server.people import Device
from wamesh.emulator.v1 import emulator_pb2 as pb

DELAY = timedelta(seconds=5)


def logged_in(world: ServerWorld) -> tuple[Device, Client]:
    device = known_to(world.link(connected=False))
    client = Client.login(world, device)
    client.heard()
    return device, client


def happen(world: ServerWorld, kind: "pb.FaultKind.ValueType", *, code: int = 0, count: int = 0) -> None:
    fault = pb.InjectFaultRequest(kind=kind, code=code, count=count)
    fault.delay_duration.FromTimedelta(DELAY)
    world.server.inject(world.account, fault)


@pytest.mark.parametrize(
    ("kind", "code", "last"),
    [
        (pb.FAULT_KIND_REPLACED, 0, Node("stream:error", {}, (Node("conflict", {"type": "replaced"}),))),
        (pb.FAULT_KIND_STREAM_ERROR, 503, Node("stream:error", {"code": "503"})),
        (
            pb.FAULT_KIND_DEVICE_REMOVED,
            0,
            Node("stream:error", {"code": "401"}, (Node("conflict", {"type": "device_removed"}),)),
        ),
    ],
)
def test_fault_says_why_and_closes(kind: "pb.FaultKind.ValueType", code: int, last: Node) -> None:
    """The client hears the last word; the network counts it as gone at once, the socket closes a moment later."""
    world = ServerWorld()
    device, client = logged_in(world)
    happen(world, kind, code=code)
    assert client.heard() == [last]
    assert device.endpoint is None
    assert pb.EVENT_KIND_CONNECTION_CLOSED in world.kinds()
    world.run_later()
    assert client.link.end == "closed"


@pytest.mark.parametrize(
    ("kind", "end"), [(pb.FAULT_KIND_DROP_CONNECTION, "aborted"), (pb.FAULT_KIND_CLOSE_WEBSOCKET, "closed")]
)
def test_fault_ends_without_a_word(kind: "pb.FaultKind.ValueType", end: str) -> None:
    """A cut and a polite close come without a stanza."""
    world = ServerWorld()
    _, client = logged_in(world)
    happen(world, kind)
    assert (client.heard(), client.link.end) == ([], end)


def test_removed_device_is_gone() -> None:
    """A removed device does not log in any more, and what waited for it is forgotten."""
    world = ServerWorld()
    device = known_to(world.link(connected=False))
    world.server.receive(world.customer.devices[0], fan_out(world.account, device))
    happen(world, pb.FAULT_KIND_DEVICE_REMOVED)
    assert (device.is_linked, device.queue) == (False, {})
    assert Client.login(world, device).heard()[0].attribute("reason") == "401"


def test_slow_link_lasts_until_cleared() -> None:
    """A slow link slows the connection of now, and each later one, until the faults are cleared."""
    world = ServerWorld()
    device, first = logged_in(world)
    happen(world, pb.FAULT_KIND_SLOW_LINK)
    second = Client.login(world, device)
    assert (first.link.delay, second.link.delay) == (DELAY, DELAY)
    world.server.clear(world.account)
    assert second.link.delay == timedelta()
    assert Client.login(world, device).link.delay == timedelta()


def test_few_prekeys_are_told() -> None:
    """Four one-time prekeys are left, the oldest, and the device is told."""
    world = ServerWorld()
    device = world.link(prekeys=9)
    happen(world, pb.FAULT_KIND_FEW_PREKEYS)
    assert list(device.prekeys) == [1, 2, 3, 4]
    assert pushed(device)[0].children() == (Node("count", {"value": "4"}),)


def test_rival_comes_back_as_often_as_told() -> None:
    """The other client takes the device's place, and comes back after its delay, `count` times."""
    world = ServerWorld()
    device, client = logged_in(world)
    happen(world, pb.FAULT_KIND_SECOND_LOGIN, count=1)
    assert client.heard()[0].tag == "stream:error"
    for back in (True, False):
        world.later.clear()
        client = Client.login(world, device)
        assert [delay for delay, _ in world.later if delay == DELAY] == [DELAY] * back
        world.run_later()
        assert (device.endpoint is client.connection) is not back


def test_rival_hears_nothing_for_the_device() -> None:
    """What is told while the rival has the place waits for the true client."""
    world = ServerWorld()
    device, _ = logged_in(world)
    happen(world, pb.FAULT_KIND_SECOND_LOGIN)
    world.server.receive(world.customer.devices[0], fan_out(world.account, device))
    heard = Client.login(world, device).heard()
    assert [stanza.attribute("id") for stanza in heard if stanza.tag == "message"] == ["A1"]


def test_rival_gives_up_when_cleared() -> None:
    """Once the faults are cleared the rival leaves and does not come back."""
    world = ServerWorld()
    device, _ = logged_in(world)
    happen(world, pb.FAULT_KIND_SECOND_LOGIN)
    client = Client.login(world, device)
    world.server.clear(world.account)
    world.run_later()
    assert device.endpoint is client.connection


def test_service_is_down_for_everybody() -> None:
    """While the service is down for an account, whoever dials is refused, and the log says for whom."""
    world = ServerWorld()
    world.arm(pb.FAULT_KIND_SERVICE_DOWN)
    assert [world.server.admits(), world.server.admits()] == [False, True]
    event = world.log.after(0)[-1]
    assert (event.kind, event.account_phone_number) == (pb.EVENT_KIND_CONNECTION_REFUSED, ACCOUNT)
