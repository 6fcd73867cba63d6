from datetime import timedelta

import pytest
from support.server_client import Client, known_to
from support.server_world import NOW, Notebook, ServerWorld, fan_out

from wamesh.emulator.codec import HIDDEN_SERVER, PHONE_NUMBER_SERVER, Address, Node
from wamesh.emulator.server.effects import Cut, Deliver, Effect, Later
from wamesh.emulator.v1 import emulator_pb2 as pb

T = str(int(NOW.timestamp()))


def delivered(effects: list[Effect]) -> list[Deliver]:
    return [effect for effect in effects if isinstance(effect, Deliver)]


def acks(effects: list[Effect]) -> list[Node]:
    return [effect for effect in effects if isinstance(effect, Node)]


@pytest.mark.parametrize(
    ("form", "other", "mode", "alternate"),
    [
        (HIDDEN_SERVER, PHONE_NUMBER_SERVER, "lid", "sender_pn"),
        (PHONE_NUMBER_SERVER, HIDDEN_SERVER, "pn", "sender_lid"),
    ],
)
def test_message_comes_from_the_form_it_went_to(form: str, other: str, mode: str, alternate: str) -> None:
    """What goes to a LID comes from one, what goes to a number comes from one; the other form stands beside it."""
    world = ServerWorld()
    sender = world.link()
    world.server.directory.rename(world.account, "Salon")
    phone = world.customer.devices[0]
    (deliver,) = delivered(world.handled(sender, fan_out(world.customer, phone, form=form)))
    assert deliver.device is phone
    assert deliver.stanza == Node(
        "message",
        {
            "from": sender.address(form),
            alternate: world.account.address(other),
            "id": "A1",
            "type": "text",
            "t": T,
            "notify": "Salon",
            "addressing_mode": mode,
        },
        (Node("enc", {"v": "2", "type": "msg"}, b"\0"),),
    )


def test_each_device_gets_its_own_part() -> None:
    """A part goes to the device it is encrypted for, and to no other."""
    world = ServerWorld()
    first, second = world.link(), world.link()
    phone = world.customer.devices[0]
    effects = delivered(world.handled(phone, fan_out(world.account, world.account.devices[0], first, second)))
    assert [(effect.device.number, effect.stanza.children()[0].data) for effect in effects] == [
        (device.number, bytes([device.number])) for device in (world.account.devices[0], first, second)
    ]


def test_own_devices_are_told_the_chat() -> None:
    """The author's other devices learn to whom the message went, in the names that whatsmeow and Baileys read."""
    world = ServerWorld()
    sender, sibling = world.link(), world.link()
    _, copy = delivered(world.handled(sender, fan_out(world.customer, world.customer.devices[0], sibling)))
    assert copy.stanza.attributes["recipient"] == world.customer.lid
    assert copy.stanza.attributes["peer_recipient_pn"] == world.customer.pn
    assert copy.stanza.attributes["recipient_pn"] == world.customer.pn


def test_what_is_for_the_server_stays_there() -> None:
    """Tokens and reports are not passed on; the device identity is."""
    world = ServerWorld()
    sender, phone = world.link(), world.customer.devices[0]
    message = fan_out(world.customer, phone)
    more = tuple(Node(tag, {}, b"x") for tag in ("device-identity", "reporting", "tctoken", "bot"))
    sent = Node("message", message.attributes, (*message.children(), *more))
    (deliver,) = delivered(world.handled(sender, sent))
    assert [child.tag for child in deliver.stanza.children()] == ["enc", "device-identity", "bot"]


def test_ack_follows_the_delivery_and_echoes_the_address() -> None:
    """The ack comes last, from the very address the message went to."""
    world = ServerWorld()
    effects = world.handled(world.link(), fan_out(world.customer, world.customer.devices[0], form=PHONE_NUMBER_SERVER))
    assert effects[-1] == Node("ack", {"class": "message", "id": "A1", "from": world.customer.pn, "t": T})


def test_repeated_id_delivers_nothing() -> None:
    """The same id of the same device counts once: the second time it is acked, logged, and goes nowhere."""
    world = ServerWorld()
    sender, message = world.link(), fan_out(world.customer, world.customer.devices[0])
    world.handled(sender, message)
    effects = world.handled(sender, message)
    assert delivered(effects) == []
    assert len(acks(effects)) == 1
    assert pb.EVENT_KIND_MESSAGE_REPEATED in world.kinds()


def test_two_devices_may_use_one_id() -> None:
    """An id is the device's own."""
    world = ServerWorld()
    message = fan_out(world.customer, world.customer.devices[0])
    assert [len(delivered(world.handled(device, message))) for device in (world.link(), world.link())] == [1, 1]


def test_repeated_id_reaches_who_asked_again() -> None:
    """A message sent to everybody again reaches the devices that asked for it, once, and no others (Baileys)."""
    world = ServerWorld()
    sender, sibling, phone = world.link(), world.link(), world.customer.devices[0]
    message = fan_out(world.customer, phone, sibling)
    world.handled(sender, message)
    world.queues.ask_again(sender, "A1", phone)
    assert [effect.device for effect in delivered(world.handled(sender, message))] == [phone]
    assert delivered(world.handled(sender, message)) == []


def test_direct_message_is_never_repeated() -> None:
    """An answer to a retry receipt goes to the one device it names, however often its id was seen."""
    world = ServerWorld()
    device, phone = world.link(), world.customer.devices[0]
    again = Node(
        "message",
        {"id": "A1", "type": "text", "to": device.address(HIDDEN_SERVER), "device_fanout": "false"},
        (Node("enc", {"v": "2", "type": "pkmsg", "count": "1"}, b"x"),),
    )
    for _ in range(2):
        effects = world.handled(phone, again)
        assert [effect.device for effect in delivered(effects)] == [device]
        assert len(acks(effects)) == 1


def test_lost_message_is_not_answered() -> None:
    """A send that a fault loses reaches nobody, and its author hears nothing."""
    world = ServerWorld()
    world.arm(pb.FAULT_KIND_LOSE_SEND)
    sender, message = world.link(), fan_out(world.customer, world.customer.devices[0])
    assert world.handled(sender, message) == []
    assert world.kinds()[-1] == pb.EVENT_KIND_MESSAGE_LOST
    assert len(delivered(world.handled(sender, message))) == 1


@pytest.mark.parametrize(
    ("kind", "fields", "code"),
    [(pb.FAULT_KIND_REJECT_SEND, {"code": 463}, "463"), (pb.FAULT_KIND_UNKNOWN_RECIPIENT, {}, "404")],
)
def test_rejected_message_is_acked_with_its_code(
    kind: "pb.FaultKind.ValueType", fields: dict[str, int], code: str
) -> None:
    """A refused send goes nowhere, its ack names the code, and its id may be used again."""
    world = ServerWorld()
    world.arm(kind, **fields)
    sender, message = world.link(), fan_out(world.customer, world.customer.devices[0])
    (ack,) = world.handled(sender, message)
    assert isinstance(ack, Node)
    assert ack.attribute("error") == code
    assert world.log.after(0)[-1].code == int(code)
    assert len(delivered(world.handled(sender, message))) == 1


def test_nobody_at_a_hidden_id() -> None:
    """A hidden id that nobody has is not on WhatsApp."""
    world = ServerWorld()
    message = fan_out(world.customer, world.customer.devices[0])
    lost = Node("message", {**message.attributes, "to": Address("1", HIDDEN_SERVER)}, message.content)
    (ack,) = world.handled(world.link(), lost)
    assert isinstance(ack, Node)
    assert ack.attribute("error") == "404"


def test_ack_may_be_withheld_delayed_or_cut_off() -> None:
    """The customer has the message in each case; only the author's side differs."""
    world = ServerWorld()
    sender, phone = world.link(), world.customer.devices[0]
    world.arm(pb.FAULT_KIND_WITHHOLD_ACK)
    assert [type(effect) for effect in world.handled(sender, fan_out(world.customer, phone, message_id="A1"))] == [
        Deliver
    ]
    fault = pb.InjectFaultRequest(kind=pb.FAULT_KIND_DELAY_ACK, count=1)
    fault.delay_duration.FromTimedelta(timedelta(seconds=3))
    world.account.faults.arm(fault)
    deliver, later = world.handled(sender, fan_out(world.customer, phone, message_id="A2"))
    assert isinstance(deliver, Deliver)
    assert isinstance(later, Later)
    assert later.delay == timedelta(seconds=3)
    world.arm(pb.FAULT_KIND_DROP_AFTER_SEND)
    effects = world.handled(sender, fan_out(world.customer, phone, message_id="A3"))
    assert [type(effect) for effect in effects] == [Deliver, Cut]


def test_duplicate_delivery_is_the_same_stanza_twice() -> None:
    """A customer's message that a fault doubles is handed to the device twice, unchanged."""
    world = ServerWorld()
    device = world.link()
    world.arm(pb.FAULT_KIND_DUPLICATE_DELIVERY)
    first, second = delivered(world.handled(world.customer.devices[0], fan_out(world.account, device)))
    assert first == second


def test_device_gets_one_part_of_a_message() -> None:
    """A device that is named twice, in either form, gets what is first for it."""
    world = ServerWorld()
    sender, phone = world.link(), world.customer.devices[0]
    twice = tuple(
        Node("to", {"jid": phone.address(form)}, (Node("enc", {"v": "2", "type": "msg"}, form),))
        for form in (HIDDEN_SERVER, PHONE_NUMBER_SERVER)
    )
    message = Node("message", {"id": "A1", "to": world.customer.lid}, (Node("participants", {}, twice),))
    (deliver,) = delivered(world.handled(sender, message))
    assert deliver.stanza.children()[0].data == HIDDEN_SERVER.encode()


def test_third_parties_get_nothing() -> None:
    """A part for somebody who is neither recipient nor author goes nowhere."""
    world = ServerWorld()
    sender = world.link()
    other = world.server.directory.add("+12025550177")
    world.server.attach_phone(other, world.customer.devices[0], Notebook())
    assert delivered(world.handled(sender, fan_out(world.customer, other.devices[0]))) == []


def test_message_without_an_encoding_is_not_kept() -> None:
    """What cannot be written into a frame ends its author's connection; the recipient can still log in."""
    world = ServerWorld()
    sender, recipient = known_to(world.link(connected=False)), known_to(world.link(connected=False))
    client = Client.login(world, sender)
    parts = Node("participants", {}, (Node("to", {"jid": recipient.address(HIDDEN_SERVER)}, (Node("enc"),) * 40_000),))
    world.server.router.take(
        Node("message", {"id": "A1", "to": world.account.lid}, (parts, *(Node("more"),) * 40_000)),
        sender,
        client.connection,
    )
    assert recipient.queue == {}
    assert client.link.end == "" and not client.connection._open
    assert Client.login(world, recipient).heard()[0].tag == "success"
