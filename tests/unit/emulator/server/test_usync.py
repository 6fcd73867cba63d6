import pytest
from support.server_world import CUSTOMER, ServerWorld, query

from wamesh.emulator.codec import PHONE_NUMBER_SERVER, Address, Node
from wamesh.emulator.server.stanzas.usync import USERS_MAX
from wamesh.emulator.v1 import emulator_pb2 as pb


def usync(topics: tuple[Node, ...], *users: Node) -> Node:
    content = (Node("query", {}, topics), Node("list", {}, users))
    return query("usync", "get", Node("usync", {"sid": "1", "mode": "query", "context": "message"}, content))


def by_address(address: Address) -> Node:
    return Node("user", {"jid": address})


def by_number(number: str) -> Node:
    return Node("user", {}, (Node("contact", {}, number),))


def answered(answer: Node) -> tuple[Node, ...]:
    found = answer.child("usync")
    assert found is not None
    listed = found.child("list")
    assert listed is not None
    return listed.children("user")


DEVICES, LID, CONTACT = Node("devices", {"version": "2"}), Node("lid"), Node("contact")


def test_answer_echoes_the_form_of_address() -> None:
    """Each person is answered under the address asked by, in the order of the question."""
    world = ServerWorld()
    asked = [world.customer.pn, world.account.lid, world.customer.lid]
    users = answered(world.answer(world.link(), usync((DEVICES,), *map(by_address, asked))))
    assert [user.attributes["jid"] for user in users] == asked


def test_devices_begin_with_the_phone() -> None:
    """An account's devices are its phone, number 0, and the linked ones, each of them with a key index."""
    world = ServerWorld()
    first, second = world.link(), world.link()
    (user,) = answered(world.answer(first, usync((DEVICES,), by_address(world.account.lid))))
    devices = user.child("devices")
    assert devices is not None
    listed = devices.child("device-list")
    assert listed is not None
    assert [(node.attribute("id"), node.attribute("key-index")) for node in listed.children()] == [
        ("0", ""),
        (str(first.number), str(first.key_index)),
        (str(second.number), str(second.key_index)),
    ]


def test_hidden_id_is_an_address() -> None:
    """The hidden id is told as an address, which clients insist on."""
    world = ServerWorld()
    (user,) = answered(world.answer(world.link(), usync((LID,), by_address(world.customer.pn))))
    assert user.child("lid") == Node("lid", {"val": world.customer.lid})


@pytest.mark.parametrize("number", [f"{CUSTOMER[1:]}@c.us", CUSTOMER])
def test_number_is_found_in_both_spellings(number: str) -> None:
    """whatsmeow asks `NUMBER@c.us`, Baileys `+NUMBER`; both hear that it is on WhatsApp, in their own words."""
    world = ServerWorld()
    (user,) = answered(world.answer(world.link(), usync((CONTACT,), by_number(number))))
    assert user.attributes["jid"] == world.customer.pn
    assert user.child("contact") == Node("contact", {"type": "in"}, number.encode())


def test_number_may_be_asked_for_its_hidden_id() -> None:
    """Who asks in addressing mode `lid` gets the hidden id, and the number beside it."""
    world = ServerWorld()
    contact = Node("contact", {"addressing_mode": "lid"})
    (user,) = answered(world.answer(world.link(), usync((contact,), by_number(CUSTOMER))))
    assert (user.attributes["jid"], user.attributes["pn_jid"]) == (world.customer.lid, world.customer.pn)


def test_every_number_has_somebody() -> None:
    """A number nobody added yet is found."""
    world = ServerWorld()
    (user,) = answered(world.answer(world.link(), usync((LID,), by_address(Address("12025550177", "s.whatsapp.net")))))
    assert user.child("lid") is not None


def test_nonsense_number_is_not_on_whatsapp() -> None:
    """What is no phone number is nobody's."""
    world = ServerWorld()
    (user,) = answered(world.answer(world.link(), usync((CONTACT,), by_number("12@c.us"))))
    assert user.child("contact") == Node("contact", {"type": "out"}, b"12@c.us")


def test_fault_hides_a_recipient() -> None:
    """While recipients are unknown by a fault, a person has no hidden id, so that nothing can be sent."""
    world = ServerWorld()
    world.arm(pb.FAULT_KIND_UNKNOWN_RECIPIENT)
    device = world.link()
    question = usync((DEVICES, LID), by_address(world.customer.pn))
    assert answered(world.answer(device, question))[0].child("lid") is None
    assert answered(world.answer(device, question))[0].child("lid") is not None


def test_usync_without_list_gets_error_400() -> None:
    """A question about nobody is malformed."""
    world = ServerWorld()
    answer = world.answer(world.link(), query("usync", "get", Node("usync", {}, (Node("query"),))))
    assert answer.attribute("type") == "error"


def test_topic_named_often_is_answered_once() -> None:
    """A short question cannot ask for an answer of any size."""
    world = ServerWorld()
    (user,) = answered(world.answer(world.link(), usync((DEVICES,) * 1000, by_address(world.customer.pn))))
    assert [topic.tag for topic in user.children()] == ["devices"]


def test_people_asked_about_are_limited() -> None:
    """A question about too many people is refused, and brings nobody into being."""
    world = ServerWorld()
    people = [by_address(Address(str(447700900000 + index), PHONE_NUMBER_SERVER)) for index in range(USERS_MAX + 1)]
    known = len(list(world.server.directory.people()))
    assert world.answer(world.link(), usync((DEVICES,), *people)).attribute("type") == "error"
    assert len(list(world.server.directory.people())) == known
