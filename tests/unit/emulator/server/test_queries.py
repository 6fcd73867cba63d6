import pytest
from support.server_world import ServerWorld, query

from wamesh.emulator.codec import SERVER, Node
from wamesh.emulator.server.dispatch import QUERIES
from wamesh.emulator.server.effects import Deliver, Unlink
from wamesh.emulator.v1 import emulator_pb2 as pb


def test_unknown_query_gets_an_empty_result() -> None:
    """What the server does not know it answers with nothing, and logs by name."""
    world = ServerWorld()
    answer = world.answer(world.link(), query("w:stats", "set", Node("add")))
    assert answer == Node("iq", {"from": SERVER, "type": "result", "id": "7"})
    assert world.log.after(0)[-1].detail == "set w:stats"


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_empty_query_is_answered_once(name: tuple[str, str]) -> None:
    """Every query gets exactly one answer with its id, even one that says nothing."""
    world = ServerWorld()
    assert world.answer(world.link(), query(*name)).attribute("id") == "7"


def test_answer_to_the_server_is_not_answered() -> None:
    """A result or an error of the client ends the matter."""
    world = ServerWorld()
    device = world.link()
    assert [world.handled(device, Node("iq", {"id": "7", "type": kind})) for kind in ("result", "error")] == [[], []]


def test_keep_alive_may_go_unanswered() -> None:
    """A keep-alive is answered, except while a fault withholds it."""
    world = ServerWorld()
    device, alive = world.link(), query("w:p", "get")
    world.arm(pb.FAULT_KIND_KEEP_ALIVE_UNANSWERED)
    assert world.handled(device, alive) == []
    assert len(world.handled(device, alive)) == 1


def test_everybody_may_know_that_one_read() -> None:
    """Read receipts are on for everybody, so that clients send `read`."""
    world = ServerWorld()
    privacy = world.answer(world.link(), query("privacy", "get", Node("privacy"))).child("privacy")
    assert privacy is not None
    assert Node("category", {"name": "readreceipts", "value": "all"}) in privacy.children()


def test_media_host_is_told_with_a_token() -> None:
    """A device hears where to upload, and by what token it is known there."""
    world = ServerWorld()
    told = world.answer(world.link(), query("w:m", "set", Node("media_conn"))).child("media_conn")
    assert told is not None
    assert told.attribute("auth") == "12025550100.1"
    assert told.children() == (Node("host", {"hostname": "mmg.whatsapp.net"}),)


def test_new_account_shares_no_settings() -> None:
    """A client that asks for shared settings of an account that never had any hears so."""
    world = ServerWorld()
    asked = Node("sync", {}, (Node("collection", {"name": "regular", "version": "0"}),))
    answer = world.answer(world.link(), query("w:sync:app:state", "set", asked)).child("sync")
    assert answer == asked


def test_device_removes_itself() -> None:
    """A logout is answered before the device is unlinked."""
    world = ServerWorld()
    device = world.link()
    removal = Node("remove-companion-device", {"jid": device.address("s.whatsapp.net"), "reason": "user_initiated"})
    answer, unlink = world.handled(device, query("md", "set", removal))
    assert isinstance(answer, Node)
    assert unlink == Unlink(device, "by its own logout")


def test_device_cannot_remove_the_phone() -> None:
    """The phone itself is no companion."""
    world = ServerWorld()
    removal = Node("remove-companion-device", {"jid": world.account.lid})
    assert world.answer(world.link(), query("md", "set", removal)).attribute("type") == "error"


@pytest.mark.parametrize("kind", ["available", "unavailable"])
def test_presence_is_logged(kind: str) -> None:
    """Whether somebody looks is an event."""
    world = ServerWorld()
    world.handled(world.link(), Node("presence", {"type": kind, "name": "Salon"}))
    assert (world.kinds()[-1], world.log.after(0)[-1].detail) == (pb.EVENT_KIND_PRESENCE, kind)


def test_bare_presence_is_no_event() -> None:
    """A presence without a type only carries a name: Baileys sends them all the time."""
    world = ServerWorld()
    assert world.handled(world.link(), Node("presence", {"name": "Salon"})) == []
    assert world.kinds() == []


def test_typing_reaches_who_is_there() -> None:
    """Typing is told to the other side and kept for nobody."""
    world = ServerWorld()
    there, away = world.link(), world.link(connected=False)
    composing = Node("chatstate", {"to": world.account.lid}, (Node("composing"),))
    world.server.receive(world.customer.devices[0], composing)
    effects = world.handled(world.customer.devices[0], composing)
    told = [effect for effect in effects if isinstance(effect, Deliver)]
    assert {effect.device for effect in told} == {world.account.devices[0], there, away}
    assert {effect.key for effect in told} == {""}
    assert away.queue == {}


def test_typing_of_a_device_is_logged() -> None:
    """What a device does in a chat is an event, with the customer."""
    world = ServerWorld()
    world.handled(world.link(), Node("chatstate", {"to": world.customer.lid}, (Node("paused"),)))
    event = world.log.after(0)[-1]
    assert (event.kind, event.customer_phone_number, event.detail) == (
        pb.EVENT_KIND_TYPING,
        world.customer.phone_number,
        "paused",
    )


def test_version_of_a_collection_has_an_end() -> None:
    """A number too long to be one is a bad request, not an error of ours."""
    world = ServerWorld()
    collection = Node("collection", {"name": "regular", "version": "9" * 5000})
    answer = world.answer(world.link(), query("w:sync:app:state", "set", Node("sync", {}, (collection,))))
    assert answer.attribute("type") == "error"
