"""The small signs between customers and the unmodified library: typing, marks, reactions, and keys running low."""

from collections.abc import Iterator
from typing import Final

import pytest
from support.emulator import RunningEmulator, protocol_emulator
from support.library_client import LibraryClient, linked_library

from wamesh.emulator.v1 import emulator_pb2 as pb

ACCOUNT: Final = "+12025550100"
CUSTOMER: Final = "+12025550111"
FIRST_PREKEYS: Final = 812
MORE_PREKEYS: Final = 50


@pytest.fixture(scope="module")
def emulator() -> Iterator[RunningEmulator]:
    with protocol_emulator() as emulator:
        emulator.add_account(ACCOUNT, "Salon")
        yield emulator


@pytest.fixture(scope="module")
def library(emulator: RunningEmulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LibraryClient]:
    with linked_library(emulator, ACCOUNT, tmp_path_factory.mktemp("library")) as client:
        yield client


def test_typing_is_told(emulator: RunningEmulator, library: LibraryClient) -> None:
    """The server hears that the salon types, and to whom."""
    library.type(CUSTOMER)
    typed = emulator.wait_for(pb.EVENT_KIND_TYPING, account=ACCOUNT)
    assert [(each.customer_phone_number, each.detail) for each in typed] == [(CUSTOMER, "composing")]


def test_a_customer_types(emulator: RunningEmulator, library: LibraryClient) -> None:
    """The library is told who types, by the hidden id that a message of theirs carries, too."""
    emulator.say(CUSTOMER, ACCOUNT, "One moment.")
    sender = library.wait("message")["sender"]
    emulator.stub.TypeAsCustomer(pb.TypeAsCustomerRequest(customer_phone_number=CUSTOMER, account_phone_number=ACCOUNT))
    assert library.wait("typing")["sender"] == sender


def test_a_message_is_marked_as_read(emulator: RunningEmulator, library: LibraryClient) -> None:
    """The mark reaches the customer for the message that it names."""
    message_id = emulator.say(CUSTOMER, ACCOUNT, "Are you open?")
    library.mark_read(CUSTOMER, library.wait("message")["id"])
    seen = emulator.wait_for(pb.EVENT_KIND_DEVICE_READ, account=ACCOUNT)
    assert [each.message_id for each in seen] == [message_id]


def test_a_reaction_is_shown(emulator: RunningEmulator, library: LibraryClient) -> None:
    """The customer sees the emoji on the message it belongs to."""
    message_id = emulator.say(CUSTOMER, ACCOUNT, "Thank you!")
    assert library.wait("message")["id"] == message_id
    library.react(CUSTOMER, message_id, "👍")
    reactions = [each.content.reaction for each in emulator.received(CUSTOMER, 1)]
    assert reactions == [pb.ReactionContent(message_id=message_id, emoji="👍")]


def test_numbers_are_found(emulator: RunningEmulator, library: LibraryClient) -> None:
    """A number that has WhatsApp is told from one that has not."""
    library.find(CUSTOMER)
    assert library.wait("found")["answer"] == "True"
    unknown = pb.InjectFaultRequest(account_phone_number=ACCOUNT, kind=pb.FAULT_KIND_UNKNOWN_RECIPIENT, count=1)
    emulator.stub.InjectFault(unknown)
    library.find(CUSTOMER)
    assert library.wait("found")["answer"] == "False"


def test_few_prekeys_are_filled_up(emulator: RunningEmulator, library: LibraryClient) -> None:
    """The server's low count makes the library upload more."""
    emulator.inject(ACCOUNT, pb.FAULT_KIND_FEW_PREKEYS)
    uploads = emulator.wait_for(pb.EVENT_KIND_PREKEYS_UPLOADED, count=2, account=ACCOUNT)
    assert [each.code for each in uploads] == [FIRST_PREKEYS, MORE_PREKEYS]
