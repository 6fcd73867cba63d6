import pytest
from support.server_world import NOW, ServerWorld, fan_out, pushed

from wamesh.emulator.codec import HIDDEN_SERVER, Node
from wamesh.emulator.server.effects import BadStanza, Deliver
from wamesh.emulator.server.people import Device
from wamesh.emulator.v1 import emulator_pb2 as pb

T = str(int(NOW.timestamp()))


def receipt(to: Device, kind: str = "", *more: str) -> Node:
    items = (Node("list", {}, tuple(Node("item", {"id": message_id}) for message_id in more)),) if more else None
    return Node("receipt", {"id": "A1", "to": to.address(HIDDEN_SERVER), "type": kind}, items)


def told(world: ServerWorld, sender: Device, stanza: Node) -> list[Deliver]:
    return [effect for effect in world.handled(sender, stanza) if isinstance(effect, Deliver)]


def test_receipt_is_told_to_all_devices_of_the_author() -> None:
    """The phone and every linked device of the author hear of a receipt, connected or not."""
    world = ServerWorld()
    first, second = world.link(), world.link(connected=False)
    effects = told(world, world.customer.devices[0], receipt(first))
    assert [effect.device for effect in effects] == [world.account.devices[0], first, second]
    assert effects[0].stanza == Node(
        "receipt", {"from": world.customer.lid, "sender_pn": world.customer.pn, "id": "A1", "t": T}
    )


def test_receipt_waits_for_an_author_who_is_away() -> None:
    """A receipt for a device that is not connected is in its queue until the device acks it."""
    world = ServerWorld()
    away, phone = world.link(connected=False), world.customer.devices[0]
    world.server.receive(phone, receipt(away, "read"))
    assert [stanza.attribute("type") for stanza in away.queue.values()] == ["read"]
    ack = Node("ack", {"class": "receipt", "id": "A1", "to": world.customer.lid, "type": "read"})
    world.handled(away, ack)
    assert away.queue == {}


def test_delivered_and_read_wait_apart() -> None:
    """Two receipts for one message are two stanzas: the ack of one leaves the other."""
    world = ServerWorld()
    away, phone = world.link(connected=False), world.customer.devices[0]
    for kind in ("", "read"):
        world.server.receive(phone, receipt(away, kind))
    world.handled(away, Node("ack", {"class": "receipt", "id": "A1", "to": world.customer.lid}))
    assert [stanza.attribute("type") for stanza in away.queue.values()] == ["read"]


@pytest.mark.parametrize(
    ("kind", "event"),
    [
        ("", pb.EVENT_KIND_DEVICE_RECEIVED),
        ("inactive", pb.EVENT_KIND_DEVICE_RECEIVED),
        ("retry", pb.EVENT_KIND_RETRY_ASKED),
    ],
)
def test_receipt_settles_the_message(kind: str, event: "pb.EventKind.ValueType") -> None:
    """A message waits for a device until its receipt came, and the log says which kind it was."""
    world = ServerWorld()
    device, phone = world.link(), world.customer.devices[0]
    world.server.receive(phone, fan_out(world.account, device))
    assert len(device.queue) == 1
    world.handled(device, receipt(phone, kind))
    assert device.queue == {}
    assert world.kinds()[-1] == event


def test_second_receipt_is_no_second_event() -> None:
    """What was received is logged once, however often the device says it."""
    world = ServerWorld()
    device, phone = world.link(), world.customer.devices[0]
    world.server.receive(phone, fan_out(world.account, device))
    for _ in range(2):
        world.handled(device, receipt(phone))
    assert world.kinds().count(pb.EVENT_KIND_DEVICE_RECEIVED) == 1


def test_read_receipt_may_speak_of_many() -> None:
    """Each message of a list is logged as read, and the list is passed on whole."""
    world = ServerWorld()
    device, phone = world.link(), world.customer.devices[0]
    (effect,) = told(world, device, receipt(phone, "read", "A2", "A3"))
    read = [event.message_id for event in world.log.after(0) if event.kind == pb.EVENT_KIND_DEVICE_READ]
    assert read == ["A1", "A2", "A3"]
    listed = effect.stanza.child("list")
    assert listed is not None
    assert [item.attribute("id") for item in listed.children()] == ["A2", "A3"]


def test_hidden_reading_is_not_told() -> None:
    """Who reads with receipts turned off tells the server and nobody else."""
    world = ServerWorld()
    device = world.link()
    assert told(world, device, receipt(world.customer.devices[0], "read-self")) == []
    assert world.kinds()[-1] == pb.EVENT_KIND_DEVICE_READ


def test_retry_goes_to_the_one_device_that_can_answer() -> None:
    """A retry receipt reaches the device it names, from the device that asks, with its keys."""
    world = ServerWorld()
    author, _ = world.link(), world.link()
    keys = (Node("retry", {"count": "1", "id": "A1"}), Node("registration", {}, b"\0\0\0\1"))
    asked = Node("receipt", {"id": "A1", "to": author.address(HIDDEN_SERVER), "type": "retry"}, keys)
    (effect,) = told(world, world.customer.devices[0], asked)
    assert effect.device is author
    assert effect.stanza.children() == keys
    assert effect.stanza.attributes["from"] == world.customer.lid


def test_receipt_for_an_own_message_stays_in_the_house() -> None:
    """A device confirms what its sibling sent; nobody outside hears of it."""
    world = ServerWorld()
    sender, sibling = world.link(), world.link()
    to, chat = sender.address(HIDDEN_SERVER), world.customer.lid
    confirmed = Node("receipt", {"id": "A1", "to": to, "type": "sender", "recipient": chat})
    assert told(world, sibling, confirmed) == []


def test_media_retry_goes_to_the_own_phone() -> None:
    """A device that cannot load a file asks its own phone."""
    world = ServerWorld()
    device = world.link()
    (effect,) = told(world, device, receipt(world.account.devices[0], "server-error"))
    assert effect.device is world.account.devices[0]


@pytest.mark.parametrize(("error", "waiting"), [("", 1), ("487", 0), ("500", 0)])
def test_ack_with_an_error_settles_a_message(error: str, waiting: int) -> None:
    """A bare ack leaves a message waiting for its receipt; one with an error says that none will come."""
    world = ServerWorld()
    device, phone = world.link(), world.customer.devices[0]
    world.server.receive(phone, fan_out(world.account, device))
    world.handled(device, Node("ack", {"class": "message", "id": "A1", "to": world.customer.lid, "error": error}))
    assert len(device.queue) == waiting


def test_ack_precedes_the_receipt() -> None:
    """A phone that confirms from inside the delivery is heard after the author's ack has left."""
    world = ServerWorld()
    device, phone = world.link(), world.customer.devices[0]

    class Prompt:
        def push(self, stanza: Node) -> None:
            if stanza.tag == "message":
                world.server.receive(phone, receipt(device))

    phone.endpoint = Prompt()
    world.server.receive(device, fan_out(world.customer, phone))
    assert [stanza.tag for stanza in pushed(device)] == ["ack", "receipt"]


def test_receipt_without_an_id_is_malformed() -> None:
    """It would wait for its addressee for ever, for nothing could settle it."""
    world = ServerWorld()
    with pytest.raises(BadStanza):
        world.handled(world.link(), Node("receipt", {"to": world.customer.lid}))
