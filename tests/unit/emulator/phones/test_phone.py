"""A phone among others: writing, reading, receipts, retries, restarts."""

from typing import Any

import pytest
from support.phone_world import ACCOUNT, CUSTOMER, PhoneWorld
from support.randomness import seeded_bytes

from wamesh.emulator.codec import Address, Node
from wamesh.emulator.errors import AccountNotFound
from wamesh.emulator.messages import Message
from wamesh.emulator.phones.letters import KEPT
from wamesh.emulator.phones.stanzas import Envelope
from wamesh.emulator.signal import Keyring, pad
from wamesh.emulator.v1 import emulator_pb2 as pb

Attributes = dict[str, str | Address]


@pytest.fixture
def world() -> PhoneWorld:
    return PhoneWorld()


def text(body: str) -> Any:
    return Message(conversation=body)


def receipts(stanzas: list[Node]) -> list[tuple[str, str]]:
    return [(stanza.attribute("id"), stanza.attribute("type")) for stanza in stanzas]


# Customers write


def test_a_customers_message_reaches_every_linked_device(world: PhoneWorld) -> None:
    """Each device gets a copy it can read, in the form that was asked for."""
    first, second = world.link("first"), world.link("second")
    message_id = world.say("Hello", push_name="Ada")
    assert [message.conversation for client in (first, second) for message in client.messages] == ["Hello", "Hello"]
    stanza = first.told("message")[0]
    assert stanza.attribute("id") == message_id
    assert stanza.attribute("from") == str(world.customer().person.lid)
    assert stanza.attribute("notify") == "Ada"


def test_a_customer_may_write_from_the_phone_number(world: PhoneWorld) -> None:
    """The form of address is the customer's choice, and is kept until another one is made."""
    client = world.link()
    world.say("one", addressing=pb.ADDRESSING_PHONE_NUMBER)
    world.restart()
    world.say("two")
    person = world.customer().person
    assert [stanza.attribute("from") for stanza in client.told("message")] == [str(person.pn)] * 2
    assert [message.conversation for message in client.messages] == ["one", "two"]


def test_a_repeated_id_is_the_same_message(world: PhoneWorld) -> None:
    """An id sends once, also after a restart and when the message itself is forgotten."""
    client = world.link()
    for number in range(KEPT + 1):
        world.say("Hello", f"A{number}")
    world.restart()
    world.say("Hello", "A0")
    world.say("Hello", f"A{KEPT}")
    assert len(client.messages) == KEPT + 1


def test_a_customers_message_is_logged_with_its_words(world: PhoneWorld) -> None:
    """The log has who wrote what to whom."""
    message_id = world.say("Hello")
    (event,) = world.events(pb.EVENT_KIND_CUSTOMER_SENT)
    assert (event.account_phone_number, event.customer_phone_number) == (ACCOUNT, CUSTOMER)
    assert (event.message_id, event.text, event.detail) == (message_id, "Hello", "text")


def test_only_accounts_are_written_to(world: PhoneWorld) -> None:
    """A number that nobody made an account gets nothing."""
    world.customer("+12025550112")
    request = pb.SendAsCustomerRequest(account_phone_number="+12025550112")
    request.content.text.body = "Hello"
    with pytest.raises(AccountNotFound):
        world.customer().send(request)


def test_typing_is_told_to_the_devices(world: PhoneWorld) -> None:
    """A chat state names the customer."""
    client = world.link()
    world.customer().type(world.account, typing=True)
    world.customer().type(world.account, typing=False)
    states = [(stanza.attribute("from"), stanza.children()[0].tag) for stanza in client.told("chatstate")]
    assert states == [(str(world.customer().person.lid), state) for state in ("composing", "paused")]


# Accounts write


def test_a_devices_message_is_in_log_and_mailbox_before_its_receipt(world: PhoneWorld) -> None:
    """The customer has it, with words, device and time, and the device hears that."""
    client = world.link()
    client.write(world.customer().person, text("Welcome"), "B1")
    (message,) = world.customer().mailbox.after(0)
    assert (message.cursor, message.message_id, message.account_phone_number) == (1, "B1", ACCOUNT)
    assert (message.text, message.content.text.body, message.device) == ("Welcome", "Welcome", client.device.number)
    (event,) = world.events(pb.EVENT_KIND_MESSAGE_SENT)
    assert (event.account_phone_number, event.customer_phone_number) == (ACCOUNT, CUSTOMER)
    assert (event.device, event.message_id, event.text) == (client.device.number, "B1", "Welcome")
    assert receipts(client.told("receipt")) == [("B1", "")]


def test_reading_tells_all_that_was_unread_once(world: PhoneWorld) -> None:
    """One read receipt names every unread message; a second look finds none."""
    client, customer = world.link(), world.customer()
    client.write(customer.person, text("one"), "B1")
    client.write(customer.person, text("two"), "B2")
    assert [customer.read(world.account), customer.read(world.account)] == [2, 0]
    *_, receipt = client.told("receipt")
    listed = receipt.child("list")
    assert (receipt.attribute("id"), receipt.attribute("type")) == ("B1", "read")
    assert listed is not None
    assert [item.attribute("id") for item in listed.children()] == ["B2"]
    (event,) = world.events(pb.EVENT_KIND_CUSTOMER_READ)
    assert event.message_id == "B2"


def test_a_withheld_receipt_leaves_the_message_there(world: PhoneWorld) -> None:
    """The customer has the message; the device does not hear it."""
    client = world.link()
    world.arm(pb.FAULT_KIND_WITHHOLD_RECEIPT)
    client.write(world.customer().person, text("one"), "B1")
    client.write(world.customer().person, text("two"), "B2")
    assert [message.text for message in world.customer().mailbox.after(0)] == ["one", "two"]
    assert receipts(client.told("receipt")) == [("B2", "")]


def test_the_owners_message_is_shown_to_linked_devices(world: PhoneWorld) -> None:
    """Customer and devices get it; the devices see to whom it went."""
    client = world.link()
    message_id = world.phones.owner(world.account).write(CUSTOMER, "From the phone")
    (message,) = world.customer().mailbox.after(0)
    assert (message.message_id, message.text, message.device) == (message_id, "From the phone", 0)
    (copy,) = client.messages
    assert copy.deviceSentMessage.message.conversation == "From the phone"
    assert copy.deviceSentMessage.destinationJID == str(world.customer().person.lid)
    assert client.told("message")[0].attribute("recipient") == str(world.customer().person.lid)


def test_nobody_writes_to_oneself(world: PhoneWorld) -> None:
    """A note to oneself goes to the linked devices only."""
    client = world.link()
    world.phones.owner(world.account).write(ACCOUNT, "Note")
    assert [message.deviceSentMessage.message.conversation for message in client.messages] == ["Note"]
    assert world.customer(ACCOUNT).mailbox.cursor == 0


def test_an_accounts_phone_stays_silent(world: PhoneWorld) -> None:
    """Neither a customer's message nor a linked device's copy makes the phone send a receipt."""
    client = world.link()
    client.write(world.customer().person, text("Welcome"), "B1")
    world.say("Hello")
    senders = {stanza.attribute("from") for stanza in client.told("receipt")}
    assert senders == {str(world.customer().person.lid)}


def test_one_account_hears_another(world: PhoneWorld) -> None:
    """The phone of an account is a customer's phone to every other account."""
    other = world.server.directory.add("+12025550101", is_account=True)
    world.phones.owner(other)
    client = world.link()
    client.write(other, text("Hello, colleague"), "B1")
    assert [message.text for message in world.customer("+12025550101").mailbox.after(0)] == ["Hello, colleague"]
    assert receipts(client.told("receipt")) == [("B1", "")]


# Retries


@pytest.mark.parametrize("times", [1, 2, 3])
def test_an_unreadable_send_arrives_once_when_sent_again(world: PhoneWorld, times: int) -> None:
    """The customer's phone asks until it can read; from the second time on with its keys."""
    client = world.link()
    client.write(world.customer().person, text("before"), "B0")
    world.arm(pb.FAULT_KIND_UNREADABLE_SEND, times)
    client.write(world.customer().person, text("Welcome"), "B1")
    assert [message.text for message in world.customer().mailbox.after(0)] == ["before", "Welcome"]
    asked = [stanza for stanza in client.told("receipt") if stanza.attribute("type") == "retry"]
    assert [stanza.child("keys") is not None for stanza in asked] == [number > 0 for number in range(times)]
    events = world.events(pb.EVENT_KIND_RETRY_ASKED)
    assert [(event.device, event.message_id) for event in events] == [(0, "B1")] * times
    client.write(world.customer().person, text("after"), "B2")
    assert world.customer().mailbox.after(2)[0].text == "after"


def test_nobody_asks_a_fifth_time(world: PhoneWorld) -> None:
    """A message that stays unreadable is given up."""
    client = world.link()
    world.arm(pb.FAULT_KIND_UNREADABLE_SEND, 0)
    client.write(world.customer().person, text("Welcome"), "B1")
    assert len(world.events(pb.EVENT_KIND_RETRY_ASKED)) == 4
    assert world.customer().mailbox.cursor == 0


@pytest.mark.parametrize("times", [1, 2, 3])
def test_an_unreadable_delivery_is_sent_again(world: PhoneWorld, times: int) -> None:
    """The customer's phone answers a retry receipt with the same message; the device gets it once."""
    client = world.link()
    world.arm(pb.FAULT_KIND_UNREADABLE_DELIVERY, times)
    message_id = world.say("Hello")
    assert [message.conversation for message in client.messages] == ["Hello"]
    told = client.told("message")
    assert [stanza.attribute("id") for stanza in told] == [message_id] * (times + 1)
    world.say("Again")
    assert [message.conversation for message in client.messages] == ["Hello", "Again"]


def test_the_owners_copy_is_sent_again_as_a_copy(world: PhoneWorld) -> None:
    """A linked device that cannot read what the owner wrote gets it again, still as the owner's."""
    client, owner = world.link(), world.phones.owner(world.account)
    client.write(world.customer().person, text("Welcome"), "B1")
    owner.write(CUSTOMER, "one")
    client.keyring.forget(str(world.account.lid))
    message_id = owner.write(CUSTOMER, "two")
    assert [message.deviceSentMessage.message.conversation for message in client.messages] == ["one", "two"]
    *_, first, second, third = client.told("message")
    assert {stanza.attribute("id") for stanza in (first, second, third)} == {message_id}
    assert third.attribute("recipient") == str(world.customer().person.lid)


def test_a_request_for_an_unknown_message_is_not_answered(world: PhoneWorld) -> None:
    """Whoever asks for what was never sent hears nothing, and breaks nothing."""
    client, customer = world.link(), world.customer()
    for children in ((), (Node("retry", {"id": "X", "count": "1"}),), (Node("retry", {"id": "X", "count": "x"}),)):
        attributes: Attributes = {"from": client.device.address("lid"), "id": "X", "type": "retry"}
        customer.push(Node("receipt", attributes, children))
    assert client.told("message") == []


def test_stanzas_of_strangers_break_nothing(world: PhoneWorld) -> None:
    """A message from nobody, without content or with rubbish in it, is not shown."""
    client, customer = world.link(), world.customer()
    sender = client.device.address("lid")
    rubbish = Node("enc", {"v": "2", "type": "msg"}, b"rubbish")
    for author, content in ((Address("5", "lid"), (rubbish,)), (sender, ()), (sender, (rubbish,)), ("@", (rubbish,))):
        customer.push(Node("message", {"from": author, "id": "B1"}, content))
    assert customer.mailbox.cursor == 0


# Restarts


def test_everything_survives_a_restart(world: PhoneWorld) -> None:
    """Sessions, mailbox, unread messages and sent messages are as before."""
    client = world.link()
    world.say("before")
    client.write(world.customer().person, text("one"), "B1")
    world.customer().read(world.account)
    client.write(world.customer().person, text("two"), "B2")
    key = world.phones.owner(world.account).phone.account_key
    world.restart()
    client.write(world.customer().person, text("three"), "B3")
    world.say("after")
    assert [message.text for message in world.customer().mailbox.after(0)] == ["one", "two", "three"]
    assert world.customer().read(world.account) == 2
    assert [message.conversation for message in client.messages] == ["before", "after"]
    assert world.phones.owner(world.account).phone.account_key == key


def test_a_message_of_before_a_restart_can_be_asked_for(world: PhoneWorld) -> None:
    """The newest messages outlive the process."""
    client = world.link()
    message_id = world.say("before")
    stanza = client.told("message")[0]
    world.restart()
    client.ask_again(stanza)
    assert [message.conversation for message in client.messages] == ["before", "before"]
    assert client.told("message")[-1].attribute("id") == message_id


def test_a_message_delivered_twice_is_shown_once(world: PhoneWorld) -> None:
    """What is in the mailbox is confirmed again, not shown again."""
    client, customer = world.link(), world.customer()
    client.write(customer.person, text("before"), "B0")
    keyring = Keyring.load(seeded_bytes("copy"), client.keyring.keys_record(), client.session_records())
    ciphertext = keyring.encrypt(str(customer.person.lid), pad(text("one").SerializeToString(), seeded_bytes("pad")))
    attributes: Attributes = {"from": client.device.address("lid"), "id": "B1", "type": "text"}
    stanza = Node("message", attributes, (Envelope("text").enc(ciphertext),))
    customer.push(stanza)
    customer.push(stanza)
    assert [message.text for message in customer.mailbox.after(0)] == ["before", "one"]
    assert receipts(client.told("receipt")) == [("B0", ""), ("B1", ""), ("B1", "")]


def test_message_under_a_used_key_is_dropped_and_logged() -> None:
    """A client that forgot what it sent encrypts two messages with one key: the phone shows the first, confirms both as
    phones do, and the log names the second.
    """
    world = PhoneWorld()
    client, customer = world.link(), world.customer()
    client.write(customer.person, Message(conversation="first"), "A1")
    peers = dict(client.keyring._peers)
    client.write(customer.person, Message(conversation="second"), "A2")
    client.keyring._peers = peers
    client.write(customer.person, Message(conversation="third"), "A3")
    assert [message.text for message in customer.mailbox.after(0)] == ["first", "second"]
    (lost,) = world.events(pb.EVENT_KIND_MESSAGE_LOST)
    assert (lost.message_id, lost.device, lost.customer_phone_number) == ("A3", 1, CUSTOMER)
    assert world.events(pb.EVENT_KIND_RETRY_ASKED) == []
