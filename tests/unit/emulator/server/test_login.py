from datetime import timedelta

import pytest
from support.server_client import Client, known_to
from support.server_world import NOW, ServerWorld, fan_out, query

from wamesh.emulator.codec import HIDDEN_SERVER, SERVER, Node
from wamesh.emulator.messages import ClientPayload
from wamesh.emulator.server.connection import HANDSHAKE_TIME, LAST_WORD, SWITCH_TIME
from wamesh.emulator.v1 import emulator_pb2 as pb

T = str(int(NOW.timestamp()))


def tags(stanzas: list[Node]) -> list[str]:
    return [stanza.children()[0].tag if stanza.tag == "ib" else stanza.tag for stanza in stanzas]


def test_login_begins_with_success_and_ends_with_offline() -> None:
    """A client that proves its device hears `success` with its hidden id, then that nothing waited."""
    world = ServerWorld()
    device = known_to(world.link(connected=False))
    client = Client.login(world, device)
    success, preview, end = client.heard()
    assert success.attributes == {"t": T, "lid": device.address(HIDDEN_SERVER), "location": "emulator"}
    assert (preview.children()[0].attribute("count"), end.children()[0].attribute("count")) == ("0", "0")
    assert device.endpoint is client.connection


def test_what_waited_comes_in_order_until_settled() -> None:
    """At each login everything unsettled is told again, marked as offline."""
    world = ServerWorld()
    device, phone = known_to(world.link(connected=False)), world.customer.devices[0]
    for message_id in ("A1", "A2"):
        world.server.receive(phone, fan_out(world.account, device, message_id=message_id))
    client = Client.login(world, device)
    heard = client.heard()
    assert tags(heard) == ["success", "offline_preview", "message", "message", "offline"]
    assert [stanza.attribute("offline") for stanza in heard[2:4]] == ["0", "0"]
    client.say(Node("receipt", {"id": "A1", "to": world.customer.lid}))
    client.connection.closed("gone")
    again = Client.login(world, device).heard()
    assert [stanza.attribute("id") for stanza in again if stanza.tag == "message"] == ["A2"]


def test_the_first_stanza_waits_for_the_client_to_switch() -> None:
    """After the handshake, and before anything of the login is written, the link is told to hold back."""
    world = ServerWorld()
    client = Client.login(world, known_to(world.link(connected=False)))
    assert client.link.held == [(0, SWITCH_TIME)]
    assert client.link.written


def test_unknown_device_gets_401() -> None:
    """A device nobody linked is told so, and the connection ends after the last word was heard."""
    world = ServerWorld()
    device = world.link(connected=False)
    client = Client.login(world, device, seed="somebody else")
    assert client.heard()[0].attribute("reason") == "401"
    assert client.link.end == ""
    assert [delay for delay, _ in world.later] == [HANDSHAKE_TIME, LAST_WORD]
    world.run_later()
    assert client.link.end == "closed"
    assert pb.EVENT_KIND_LOGIN_REFUSED in world.kinds()


def test_second_login_replaces_the_first() -> None:
    """The first connection hears *replaced*, without a code, and is over before the second one is told success."""
    world = ServerWorld()
    device = known_to(world.link(connected=False))
    first = Client.login(world, device)
    first.heard()
    second = Client.login(world, device)
    assert first.heard() == [Node("stream:error", {}, (Node("conflict", {"type": "replaced"}),))]
    assert device.endpoint is second.connection
    assert world.kinds()[-3:] == [
        pb.EVENT_KIND_REPLACED,
        pb.EVENT_KIND_CONNECTION_CLOSED,
        pb.EVENT_KIND_LOGGED_IN,
    ]


def test_late_end_of_the_first_leaves_the_second() -> None:
    """A connection that was replaced takes nothing with it when its socket ends."""
    world = ServerWorld()
    device = known_to(world.link(connected=False))
    first, second = Client.login(world, device), Client.login(world, device)
    first.connection.closed("reset")
    assert device.endpoint is second.connection
    assert world.kinds().count(pb.EVENT_KIND_CONNECTION_CLOSED) == 1


@pytest.mark.parametrize(("code", "linked"), [(402, True), (405, True), (503, True), (401, False), (403, False)])
def test_refused_login(code: int, linked: bool) -> None:
    """A fault refuses a login with its code; after those that make clients forget, the device is gone."""
    world = ServerWorld()
    device = known_to(world.link(connected=False))
    world.arm(pb.FAULT_KIND_REFUSE_LOGIN, code=code)
    client = Client.login(world, device)
    assert client.heard() == [Node("failure", {"reason": str(code), "location": "emulator"})]
    assert device.is_linked == linked


def test_ban_tells_cause_and_length() -> None:
    """A ban names its cause, and its length in seconds when it has one."""
    world = ServerWorld()
    device = known_to(world.link(connected=False))
    fault = pb.InjectFaultRequest(kind=pb.FAULT_KIND_REFUSE_LOGIN, count=1, code=402, ban_code=101)
    fault.ban_duration.FromTimedelta(timedelta(minutes=2))
    world.account.faults.arm(fault)
    (failure,) = Client.login(world, device).heard()
    assert (failure.attribute("code"), failure.attribute("expire")) == ("101", "120")


def test_unreachable_cuts_without_a_word() -> None:
    """A login that a fault makes unreachable is reset before an answer."""
    world = ServerWorld()
    device = known_to(world.link(connected=False))
    world.arm(pb.FAULT_KIND_UNREACHABLE)
    client = Client.login(world, device)
    assert (client.heard(), client.link.end) == ([], "aborted")


def test_query_is_answered_on_the_connection() -> None:
    """A logged-in client asks and is answered."""
    world = ServerWorld()
    client = Client.login(world, known_to(world.link(connected=False)))
    client.heard()
    client.say(query("passive", "set", Node("active")))
    assert client.heard() == [Node("iq", {"from": SERVER, "type": "result", "id": "7"})]


def test_logout_is_answered_and_left_to_the_client_to_close() -> None:
    """A device that unlinks itself gets its answer and no stream error; then nothing it says counts."""
    world = ServerWorld()
    device = known_to(world.link(connected=False))
    client = Client.login(world, device)
    client.heard()
    client.say(query("md", "set", Node("remove-companion-device", {"jid": device.address("s.whatsapp.net")})))
    client.say(query("w:p", "get"))
    assert tags(client.heard()) == ["iq"]
    assert (device.is_linked, client.link.end) == (False, "")


def test_malformed_bytes_end_the_connection() -> None:
    """What is no frame ends the connection, and only that."""
    world = ServerWorld()
    client = Client.login(world, known_to(world.link(connected=False)))
    client.heard()
    client.connection.received(b"\0\0\x02xx")
    assert client.heard() == [Node("stream:error", {}, (Node("xml-not-well-formed"),))]
    assert world.log.after(0)[-1].detail.startswith("malformed")


def test_malformed_stanza_ends_the_connection() -> None:
    """A message without an address is no message."""
    world = ServerWorld()
    client = Client.login(world, known_to(world.link(connected=False)))
    client.heard()
    client.say(Node("message", {"id": "A1"}))
    assert tags(client.heard()) == ["stream:error"]


def test_client_that_says_nothing_is_closed() -> None:
    """Who opens a connection and does not say which device it is, loses it; who has said so, keeps it."""
    world = ServerWorld()
    silent, device = Client(world), known_to(world.link(connected=False))
    client = Client.login(world, device)
    world.run_later()
    assert (silent.link.end, client.link.end) == ("closed", "")


@pytest.mark.parametrize("number", [65536, 2**31, 2**32 - 1])
def test_device_number_that_cannot_be_is_malformed(number: int) -> None:
    """A number of more than 16 bits ends the connection, and nothing else."""
    world = ServerWorld()
    client = Client(world)
    client._shake_hands(ClientPayload(username=12025550100, device=number))
    assert client.link.end == "closed"
    assert "malformed" in world.log.after(0)[-1].detail
