"""Baileys on the emulator: a second client, written by other people, takes it for WhatsApp as neonize does.

Needs Node and npm. Numbers of statuses and errors are Baileys' own.
"""

import itertools
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
from support.baileys import Baileys, baileys, packages
from support.emulator import RunningEmulator, protocol_emulator

from wamesh.emulator.phones.samples import jpeg
from wamesh.emulator.v1 import emulator_pb2 as pb

pytestmark = pytest.mark.node
__all__ = ["packages"]

CUSTOMER_NAME: Final = "Alex"
ERROR, DELIVERED, READ = 0, 3, 4
LOGGED_OUT, CONNECTION_CLOSED, REPLACED, RESTART = 401, 428, 440, 515
FIRST_PREKEYS, MORE_PREKEYS = 812, 5
DOCUMENT: Final = b"%PDF-1.7" + bytes(range(256)) * 300


@dataclass(frozen=True, slots=True)
class Line:
    """A salon's number on the emulator, a directory for its Baileys, and a customer who knows nobody else."""

    emulator: RunningEmulator
    packages: Path
    directory: Path
    account: str
    customer: str

    def client(self) -> AbstractContextManager[Baileys]:
        """A Baileys with this line's keys."""
        return baileys(self.packages, self.emulator.trust(), self.directory)

    def link(self, client: Baileys) -> None:
        """Pairs it by QR code and waits until it is logged in."""
        self.emulator.scan(self.account, client.event("qr")["qr"])
        client.event("connected")

    def link_with_settings(self, client: Baileys) -> None:
        """Pairs it, and waits until it is logged in and has the key to the account's shared settings, in any order."""
        self.emulator.scan(self.account, client.event("qr")["qr"])
        if "settingsKey" not in client.events_until("connected"):
            client.event("settingsKey")

    def say(self, text: str) -> str:
        """The customer writes; returns the message id."""
        return self.emulator.say(self.customer, self.account, text, push_name=CUSTOMER_NAME)

    def inject(self, fault: pb.InjectFaultRequest) -> None:
        """Makes something go wrong for the account."""
        here = pb.InjectFaultRequest(account_phone_number=self.account)
        here.MergeFrom(fault)
        self.emulator.stub.InjectFault(here)

    def devices(self) -> list[pb.Device]:
        """The linked devices."""
        return list(self._account().devices)

    def push_name(self) -> str:
        """The name that the account goes by."""
        return self._account().push_name

    def _account(self) -> pb.Account:
        accounts = self.emulator.stub.ListAccounts(pb.ListAccountsRequest()).accounts
        return next(account for account in accounts if account.phone_number == self.account)

    def uploads(self) -> list[int]:
        """How many prekeys were uploaded each time."""
        return [event.code for event in self.emulator.events(pb.EVENT_KIND_PREKEYS_UPLOADED, account=self.account)]

    def queries(self) -> list[str]:
        """What the server was asked."""
        return [event.detail for event in self.emulator.events(pb.EVENT_KIND_QUERIED, account=self.account)]


@pytest.fixture(scope="module")
def emulator() -> Iterator[RunningEmulator]:
    """One network for all; each test has numbers of its own on it."""
    with protocol_emulator() as running:
        yield running


_numbers = itertools.count(1)


@pytest.fixture
def line(emulator: RunningEmulator, packages: Path, tmp_path: Path) -> Line:
    """A number that no device is linked to yet."""
    number = next(_numbers)
    account = f"+120255501{number:02}"
    emulator.add_account(account, "Salon")
    return Line(emulator, packages, tmp_path, account, f"+447700900{number:03}")


@pytest.fixture
def client(line: Line) -> Iterator[Baileys]:
    """A Baileys that is linked and logged in."""
    with line.client() as running:
        line.link(running)
        yield running


def text_of(event: dict[str, Any]) -> str:
    """The words of a received message."""
    content = event["message"]["message"]
    return str(content.get("conversation") or content["extendedTextMessage"]["text"])


# Linking


def test_pairs_by_qr_code_and_logs_in_after_the_restart(line: Line) -> None:
    """The phone scans the code; the client verifies the signatures, is told to restart, and logs in as that device."""
    lid = line.emulator.add_account(line.account).lid
    with line.client() as client:
        device = line.emulator.scan(line.account, client.event("qr")["qr"])
        client.event("paired")
        assert client.event("closed")["closed"] == RESTART
        me = client.event("connected")["me"]
    assert me["id"] == f"{line.account.removeprefix('+')}:{device}@s.whatsapp.net"
    assert me["lid"] == lid.replace("@", f":{device}@")


def test_pairs_by_code(line: Line) -> None:
    """The code that the client shows is typed on the phone."""
    with line.client() as client:
        client.event("qr")
        code = client.ask("requestPairCode", phoneNumber=line.account)
        line.emulator.stub.EnterPairCode(pb.EnterPairCodeRequest(phone_number=line.account, code=code))
        client.event("connected")
    assert [device.number for device in line.devices()] == [1]


def test_refuses_a_forged_signature(line: Line) -> None:
    """A phone whose signature does not match links nothing."""
    line.inject(pb.InjectFaultRequest(kind=pb.FAULT_KIND_BAD_PAIRING, count=1))
    with line.client() as client:
        code = client.event("qr")["qr"]
        with pytest.raises(grpc.RpcError) as refused:
            line.emulator.scan(line.account, code)
    assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert line.devices() == []


def test_login_after_a_restart_needs_no_code(line: Line) -> None:
    """The device that was linked is still linked; its keys are found in order, so none is uploaded again."""
    with line.client() as client:
        line.link(client)
    with line.client() as client:
        events = client.events_until("connected")
    assert "qr" not in events
    assert line.uploads() == [FIRST_PREKEYS]


# Messages


def test_text_reaches_the_customer(line: Line, client: Baileys) -> None:
    """Sent to the phone number; decrypted by the customer's phone."""
    message_id = client.ask("send", to=line.customer, text="See you at 18:30.")
    message = line.emulator.received(line.customer, 1)[0]
    assert (message.text, message.message_id, message.device) == ("See you at 18:30.", message_id, 1)


def test_text_to_a_customer_who_is_known_asks_the_server_nothing(line: Line, client: Baileys) -> None:
    """Devices and keys of the first message serve the later ones: the account's own phone is listed, too."""
    client.ask("send", to=line.customer, text="one")
    line.emulator.received(line.customer, 1)
    before = [query for query in line.queries() if "privacy" not in query]
    for text in ("two", "three"):
        client.ask("send", to=line.customer, text=text)
    assert [message.text for message in line.emulator.received(line.customer, 3)] == ["one", "two", "three"]
    assert [query for query in line.queries() if "privacy" not in query] == before


def test_sent_text_is_delivered_and_read(line: Line, client: Baileys) -> None:
    """Both receipts of the customer's phone come back."""
    message_id = client.ask("send", to=line.customer, text="See you at 18:30.")
    line.emulator.received(line.customer, 1)
    assert line.emulator.read(line.customer, line.account) == 1
    assert client.statuses(message_id, READ) == [DELIVERED, READ]


def test_customers_text_is_received(line: Line, client: Baileys) -> None:
    """By hidden id, with the phone number and the name beside it; the receipt reaches the log."""
    message_id = line.say("Haircut tomorrow?")
    event = client.event("message")
    assert text_of(event) == "Haircut tomorrow?"
    key = event["message"]["key"]
    assert (key["id"], key["fromMe"]) == (message_id, False)
    assert key["remoteJid"].endswith("@lid")
    assert key["remoteJidAlt"] == f"{line.customer.removeprefix('+')}@s.whatsapp.net"
    assert event["message"]["pushName"] == CUSTOMER_NAME
    received = line.emulator.wait_for(pb.EVENT_KIND_DEVICE_RECEIVED, account=line.account)
    assert [each.message_id for each in received] == [message_id]


def test_dialogue_goes_both_ways(line: Line, client: Baileys) -> None:
    """One Signal session serves both directions, whichever side began."""
    for number in range(3):
        line.say(f"question {number}")
        assert text_of(client.event("message")) == f"question {number}"
        client.ask("send", to=line.customer, text=f"answer {number}")
        assert line.emulator.received(line.customer, number + 1)[-1].text == f"answer {number}"


def test_customers_text_is_marked_as_read(line: Line, client: Baileys) -> None:
    """The privacy settings allow read receipts, so one goes out."""
    message_id = line.say("Haircut tomorrow?")
    client.ask("read", keys=[client.event("message")["message"]["key"]])
    seen = line.emulator.wait_for(pb.EVENT_KIND_DEVICE_READ, account=line.account)
    assert [each.message_id for each in seen] == [message_id]


def test_owners_own_text_is_received_as_own(line: Line, client: Baileys) -> None:
    """What the owner writes on the phone reaches the linked device, in the customer's chat."""
    request = pb.SendAsOwnerRequest(
        account_phone_number=line.account, customer_phone_number=line.customer, text="I'll call you."
    )
    line.emulator.stub.SendAsOwner(request)
    event = client.event("message")
    assert (text_of(event), event["message"]["key"]["fromMe"]) == ("I'll call you.", True)


def test_text_that_came_while_away_is_delivered_at_login(line: Line) -> None:
    """The server keeps it until the device has it."""
    with line.client() as client:
        line.link(client)
    line.say("Are you there?")
    with line.client() as client:
        assert text_of(client.event("message")) == "Are you there?"


def test_typing_is_told(line: Line, client: Baileys) -> None:
    """The server hears that the salon types."""
    client.ask("type", chat=f"{line.customer.removeprefix('+')}@s.whatsapp.net")
    typed = line.emulator.wait_for(pb.EVENT_KIND_TYPING, account=line.account)
    assert [(each.customer_phone_number, each.detail) for each in typed] == [(line.customer, "composing")]


def test_numbers_are_found(line: Line, client: Baileys) -> None:
    """A number that has WhatsApp is told from one that has not."""
    jid = f"{line.customer.removeprefix('+')}@s.whatsapp.net"
    assert client.ask("areOnWhatsApp", numbers=[jid]) == [{"jid": jid, "exists": True}]
    line.inject(pb.InjectFaultRequest(kind=pb.FAULT_KIND_UNKNOWN_RECIPIENT, count=1))
    assert client.ask("areOnWhatsApp", numbers=[jid]) == []


# Settings that the account's devices share


def test_accounts_new_name_reaches_the_client(line: Line) -> None:
    """The owner changes the push name: the client is told, fetches the patch, checks its codes, and takes it over."""
    with line.client() as client:
        line.link_with_settings(client)
        line.emulator.add_account(line.account, "Studio")
        while client.event("named")["named"] != "Studio":
            pass


def test_clients_new_name_is_the_accounts(line: Line) -> None:
    """The client changes the push name by a patch of its own, twice; the phone can read them."""
    with line.client() as client:
        line.link_with_settings(client)
        for name in ("Studio", "Atelier"):
            client.ask("rename", name=name)
            assert line.push_name() == name


# Files


def test_document_reaches_the_customer(line: Line, client: Baileys) -> None:
    """Encrypted by the client, uploaded to the media host, decrypted by the customer's phone."""
    data = b64encode(DOCUMENT).decode()
    client.ask("sendDocument", to=line.customer, data=data, fileName="prices.pdf", mimetype="application/pdf")
    document = line.emulator.received(line.customer, 1)[0].content.document
    assert (document.data, document.file_name, document.media_type) == (DOCUMENT, "prices.pdf", "application/pdf")


def test_customers_picture_is_downloaded(line: Line, client: Baileys) -> None:
    """Decrypted by the client, as the customer's phone sent it."""
    content = pb.Content(image=pb.ImageContent(caption="Like this?", data=jpeg()))
    message_id = line.emulator.send(line.customer, line.account, content)
    assert client.event("message")["message"]["message"]["imageMessage"]["caption"] == "Like this?"
    assert b64decode(client.ask("download", id=message_id)) == jpeg()


# What goes wrong


def test_unreadable_send_is_repeated_for_the_phone_that_asks(line: Line, client: Baileys) -> None:
    """The retry receipt brings the same message again, under the same id; the customer sees it once."""
    line.inject(pb.InjectFaultRequest(kind=pb.FAULT_KIND_UNREADABLE_SEND, count=1))
    message_id = client.ask("send", to=line.customer, text="again")
    client.ask("send", to=line.customer, text="after")
    received = line.emulator.received(line.customer, 2)
    assert sorted(message.text for message in received) == ["after", "again"]
    assert message_id in {message.message_id for message in received}


def test_unreadable_delivery_is_asked_for_again(line: Line, client: Baileys) -> None:
    """The device's retry receipt makes the customer's phone encrypt anew."""
    line.inject(pb.InjectFaultRequest(kind=pb.FAULT_KIND_UNREADABLE_DELIVERY, count=1))
    message_id = line.say("Can you read this?")
    retry = line.emulator.wait_for(pb.EVENT_KIND_RETRY_ASKED, account=line.account)
    assert [each.message_id for each in retry] == [message_id]
    event = client.event("message")
    while not event["message"].get("message"):
        event = client.event("message")  # a placeholder comes first
    assert text_of(event) == "Can you read this?"


def test_message_delivered_twice_is_shown_once(line: Line, client: Baileys) -> None:
    """The second copy cannot be decrypted again, and does not block what follows; Baileys may tell that one first."""
    line.inject(pb.InjectFaultRequest(kind=pb.FAULT_KIND_DUPLICATE_DELIVERY, count=1))
    line.say("once")
    line.say("twice")
    assert sorted(text_of(client.event("message")) for _ in range(2)) == ["once", "twice"]


def test_refused_send_is_told_as_an_error(line: Line, client: Baileys) -> None:
    """The ack carries the code; Baileys reports it after its send has returned."""
    line.inject(pb.InjectFaultRequest(kind=pb.FAULT_KIND_REJECT_SEND, count=1, code=463))
    message_id = client.ask("send", to=line.customer, text="no")
    assert client.statuses(message_id, ERROR) == [ERROR]


def test_few_prekeys_are_filled_up(line: Line, client: Baileys) -> None:
    """The server's low count makes it upload more, the digest after login does not."""
    line.inject(pb.InjectFaultRequest(kind=pb.FAULT_KIND_FEW_PREKEYS))
    line.emulator.wait_for(pb.EVENT_KIND_PREKEYS_UPLOADED, count=2, account=line.account)
    assert line.uploads() == [FIRST_PREKEYS, MORE_PREKEYS]


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (pb.InjectFaultRequest(kind=pb.FAULT_KIND_DROP_CONNECTION), CONNECTION_CLOSED),
        (pb.InjectFaultRequest(kind=pb.FAULT_KIND_CLOSE_WEBSOCKET), CONNECTION_CLOSED),
        (pb.InjectFaultRequest(kind=pb.FAULT_KIND_STREAM_ERROR, code=503), 503),
    ],
    ids=["cut", "closed", "stream error"],
)
def test_lost_connection_is_made_again(line: Line, client: Baileys, fault: pb.InjectFaultRequest, status: int) -> None:
    """However a connection ends, the client is told how, and comes back by itself without a code."""
    line.inject(fault)
    closed = client.event("closed")
    assert (closed["closed"], closed["forGood"]) == (status, False)
    assert "qr" not in client.events_until("connected")


@pytest.mark.parametrize("code", [403, 405, 503])
def test_refused_login_is_told(line: Line, client: Baileys, code: int) -> None:
    """The reason of a refusal reaches the application as it is."""
    line.inject(pb.InjectFaultRequest(kind=pb.FAULT_KIND_REFUSE_LOGIN, code=code, count=1))
    line.inject(pb.InjectFaultRequest(kind=pb.FAULT_KIND_DROP_CONNECTION))
    client.event("closed")
    assert client.event("closed")["closed"] == code


def test_second_holder_replaces_the_first(line: Line, client: Baileys) -> None:
    """Two processes with one device's keys: the first is told 440, and stays down."""
    with line.client() as second:
        second.event("connected")
        closed = client.event("closed")
        assert (closed["closed"], closed["forGood"]) == (REPLACED, True)
        second.ask("send", to=line.customer, text="I am here now.")
        assert line.emulator.received(line.customer, 1)[0].text == "I am here now."
    assert len(line.emulator.events(pb.EVENT_KIND_REPLACED, account=line.account)) == 1


def test_removed_device_is_logged_out(line: Line, client: Baileys) -> None:
    """The owner removes it on the phone: 401 at once, and 401 at every later login."""
    line.inject(pb.InjectFaultRequest(kind=pb.FAULT_KIND_DEVICE_REMOVED))
    assert client.event("closed")["closed"] == LOGGED_OUT
    with line.client() as again:
        assert again.event("closed")["closed"] == LOGGED_OUT


def test_logout_unlinks_the_device(line: Line, client: Baileys) -> None:
    """The client's own logout reaches the server."""
    client.ask("logout")
    line.emulator.wait_for(pb.EVENT_KIND_DEVICE_REMOVED, account=line.account)
    assert line.devices() == []
