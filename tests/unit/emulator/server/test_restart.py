from support.server_client import Client, known_to
from support.server_world import ServerWorld, fan_out

from wamesh.emulator.server.directory import Directory
from wamesh.emulator.server.people import Device
from wamesh.emulator.store import Documents
from wamesh.emulator.v1 import emulator_pb2 as pb


def restarted(documents: Documents) -> tuple[ServerWorld, Device]:
    """The network again, and the only linked device of its account."""
    world = ServerWorld(documents)
    return world, world.account.devices[1]


def test_device_is_as_it_was() -> None:
    """A device survives a restart with everything that is published of it; only its connection does not."""
    before = ServerWorld()
    device = before.link(prekeys=3)
    before.server.take_bundle(device)
    _, after = restarted(before.documents)
    kept = [name for name in Device.__dataclass_fields__ if name not in {"person", "endpoint"}]
    assert [getattr(after, name) for name in kept] == [getattr(device, name) for name in kept]
    assert after.endpoint is None


def test_person_is_as_before() -> None:
    """Names, and who is an account, survive."""
    before = ServerWorld()
    before.server.directory.rename(before.account, "Salon")
    person = Directory(before.documents).person(before.account.phone_number)
    assert person is not None
    assert (person.push_name, person.is_account, person.lid) == ("Salon", True, before.account.lid)


def test_device_number_is_not_given_again() -> None:
    """A number that was given stays given, even when its device is unlinked and the network restarts."""
    before = ServerWorld()
    before.server.unlink(before.link(), "by the owner")
    assert ServerWorld(before.documents).link().number == 2


def test_waiting_stanzas_wait_on() -> None:
    """What a device has not confirmed is told after a restart, in order."""
    before = ServerWorld()
    device = before.link(connected=False)
    for message_id in ("A1", "A2", "A3"):
        before.server.receive(before.customer.devices[0], fan_out(before.account, device, message_id=message_id))
    world, after = restarted(before.documents)
    heard = Client.login(world, known_to(after)).heard()
    assert [stanza.attribute("id") for stanza in heard if stanza.tag == "message"] == ["A1", "A2", "A3"]


def test_repeated_message_is_known_after_a_restart() -> None:
    """An id that was sent before the restart is a repetition after it."""
    before = ServerWorld()
    before.server.receive(before.link(), fan_out(before.customer, before.customer.devices[0]))
    world, device = restarted(before.documents)
    world.server.receive(device, fan_out(world.customer, world.customer.devices[0]))
    assert world.kinds()[-1] == pb.EVENT_KIND_MESSAGE_REPEATED


def test_unlinked_device_leaves_nothing() -> None:
    """Nothing of an unlinked device is in the documents."""
    world = ServerWorld()
    device = world.link(connected=False, prekeys=5)
    world.server.receive(device, fan_out(world.customer, world.customer.devices[0]))
    world.server.receive(world.customer.devices[0], fan_out(world.account, device))
    world.server.unlink(device, "by the owner")
    left = [
        key
        for kind in ("device", "prekey", "queue", "sent")
        for key, _ in world.documents.all(f"server/{kind}")
        if key.startswith(device.name)
    ]
    assert left == []
