"""The unmodified library and the phones of the emulator's process: what one says, the other reads."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from support.emulator import RunningEmulator, protocol_emulator, text_content
from support.transport_client import Client, message_to
from support.transport_process import ChildTransport

from wamesh.emulator.v1 import emulator_pb2 as pb
from wamesh.whatsapp.events import (
    Connected,
    ContentKind,
    MessageReceived,
    Paired,
    QrIssued,
)
from wamesh.whatsapp.transport import OnEvent, Transport

ACCOUNT = "+12025550100"
CUSTOMERS = iter(f"+120255501{number}" for number in range(11, 99))


@dataclass
class Line:
    """A linked client of one account, and a customer nobody has met."""

    emulator: RunningEmulator
    client: Client
    customer: str

    def heard(
        self, content: pb.Content | str, addressing: "pb.Addressing.ValueType" = pb.ADDRESSING_LID
    ) -> MessageReceived:
        """The customer sends something; returns what the client makes of it."""
        seen = len(self.client.of(MessageReceived))
        request = pb.SendAsCustomerRequest(
            customer_phone_number=self.customer,
            account_phone_number=ACCOUNT,
            content=text_content(content) if isinstance(content, str) else content,
            addressing=addressing,
        )
        self.emulator.stub.SendAsCustomer(request)
        return self.client.wait(MessageReceived, seen + 1)

    def shown(self, *texts: str) -> list[str]:
        """The client sends words; returns all that the customer's phone shows."""
        seen = self.emulator.events(pb.EVENT_KIND_MESSAGE_SENT, customer=self.customer)
        for text in texts:
            self.client.transport.send(message_to(self.customer, text))
        return [message.text for message in self.emulator.received(self.customer, len(seen) + len(texts))]

    def asked(self) -> list[int]:
        """The devices that asked for a message again, in order."""
        return [event.device for event in self.emulator.events(pb.EVENT_KIND_RETRY_ASKED, customer=self.customer)]


def new_client(emulator: RunningEmulator, directory: Path) -> Client:
    """A client of the account, not linked yet."""
    emulator.add_account(ACCOUNT, "Salon")
    options = emulator.trust().options(directory)

    def make(directory: Path, on_event: OnEvent) -> Transport:
        return ChildTransport("emulator", directory, on_event, options)

    return Client(make, directory / "device").start()


def linked_client(emulator: RunningEmulator, directory: Path) -> Client:
    """A client that scanned its way in."""
    client = new_client(emulator, directory)
    emulator.scan(ACCOUNT, client.wait(QrIssued).code)
    client.wait(Connected)
    return client


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    with protocol_emulator() as emulator:
        client = linked_client(emulator, tmp_path_factory.mktemp("line"))
        yield Line(emulator, client, "")
        client.stop()


@pytest.fixture
def line(shared: Line) -> Line:
    return Line(shared.emulator, shared.client, next(CUSTOMERS))


@pytest.mark.parametrize(
    ("content", "kind", "text"),
    [
        (text_content("Hello"), ContentKind.TEXT, "Hello"),
        (pb.Content(image=pb.ImageContent(caption="look")), ContentKind.IMAGE, "look"),
        (pb.Content(video=pb.VideoContent(caption="film")), ContentKind.VIDEO, "film"),
        (pb.Content(voice=pb.VoiceContent()), ContentKind.AUDIO, ""),
        (pb.Content(document=pb.DocumentContent(file_name="a.pdf")), ContentKind.DOCUMENT, ""),
        (pb.Content(document=pb.DocumentContent(caption="prices")), ContentKind.DOCUMENT, "prices"),
        (pb.Content(sticker=pb.StickerContent()), ContentKind.STICKER, ""),
        (pb.Content(location=pb.LocationContent(name="here")), ContentKind.LOCATION, "here"),
        (pb.Content(contact=pb.ContactContent(display_name="Ada")), ContentKind.CONTACT, "Ada"),
        (pb.Content(reaction=pb.ReactionContent(emoji="👍", message_id="A1")), ContentKind.REACTION, "👍"),
        (pb.Content(unsupported=pb.UnsupportedContent()), ContentKind.OTHER, ""),
    ],
)
def test_the_library_reads_every_content(line: Line, content: pb.Content, kind: ContentKind, text: str) -> None:
    """Each kind comes as that kind, with its words."""
    message = line.heard(content).message
    assert (message.kind, message.text) == (kind, text)


def test_a_customer_may_be_known_by_number_first(line: Line) -> None:
    """Chat and sender are the phone number, the hidden id stands beside it; answers arrive in the same chat."""
    message = line.heard("Hello", addressing=pb.ADDRESSING_PHONE_NUMBER).message
    assert (message.chat.phone_number, message.sender.phone_number) == (line.customer, line.customer)
    assert message.sender_alternate is not None
    assert message.sender_alternate.is_hidden
    assert line.shown("Welcome") == ["Welcome"]


@pytest.mark.parametrize("times", [1, 2, 3])
@pytest.mark.parametrize("met", [True, False])
def test_a_send_that_was_unreadable_arrives(line: Line, met: bool, times: int) -> None:
    """The library answers the phone's retry receipts, in an old session as in a new one; later sends are readable."""
    if met:
        line.heard("Hello")
        line.shown("Welcome")
    line.emulator.inject(ACCOUNT, pb.FAULT_KIND_UNREADABLE_SEND, count=times)
    before = ["Welcome"] if met else []
    assert line.shown("at ten") == [*before, "at ten"]
    assert line.asked() == [0] * times
    assert line.shown("at eleven") == [*before, "at ten", "at eleven"]


@pytest.mark.parametrize("times", [1, 2, 3])
@pytest.mark.parametrize("met", [True, False])
def test_a_delivery_that_was_unreadable_arrives(line: Line, met: bool, times: int) -> None:
    """The phone answers the library's retry receipts, in an old session as in a new one; later ones are readable."""
    if met:
        line.heard("Hello")
        line.shown("Welcome")
    line.emulator.inject(ACCOUNT, pb.FAULT_KIND_UNREADABLE_DELIVERY, count=times)
    assert line.heard("at ten?").message.text == "at ten?"
    assert line.asked() == [1] * times
    assert line.heard("at eleven?").message.text == "at eleven?"
    assert line.shown("yes")[-1] == "yes"


def test_the_owners_words_are_the_accounts_own(line: Line) -> None:
    """The library shows what the owner wrote as from the account, in the customer's chat."""
    chat = line.heard("Hello").message.chat
    seen = len(line.client.of(MessageReceived))
    line.emulator.stub.SendAsOwner(
        pb.SendAsOwnerRequest(account_phone_number=ACCOUNT, customer_phone_number=line.customer, text="I take over")
    )
    message = line.client.wait(MessageReceived, seen + 1).message
    assert (message.from_me, message.text, message.chat) == (True, "I take over", chat)
    assert [shown.device for shown in line.emulator.received(line.customer, 1)] == [0]


def test_sessions_outlive_the_emulator(tmp_path: Path) -> None:
    """After a restart over the same documents both sides read on, and nothing that was read comes again."""
    with protocol_emulator(directory=tmp_path / "emulator") as emulator:
        client = linked_client(emulator, tmp_path)
        line, address = Line(emulator, client, next(CUSTOMERS)), emulator.trust().wire_address
        line.heard("before")
        line.shown("one")
    with protocol_emulator(directory=tmp_path / "emulator", wire_address=address) as emulator:
        client.wait(Connected, 2)
        line = Line(emulator, client, line.customer)
        assert line.heard("after").message.text == "after"
        assert line.shown("two") == ["one", "two"]
        assert emulator.read(line.customer, ACCOUNT) == 2
        assert line.asked() == []
        client.stop()


def test_a_bad_pairing_is_refused_by_the_library(tmp_path: Path) -> None:
    """A container whose code does not fit is no identity: the library hangs up, the owner hears that it was not linked.

    The library tells its own side nothing (measured with neonize 0.5.2).
    """
    with protocol_emulator() as emulator:
        client = new_client(emulator, tmp_path)
        code = client.wait(QrIssued).code
        emulator.inject(ACCOUNT, pb.FAULT_KIND_BAD_PAIRING, count=1)
        with pytest.raises(grpc.RpcError, match="refused the account's signature"):
            emulator.scan(ACCOUNT, code)
        emulator.wait_for(pb.EVENT_KIND_CONNECTION_CLOSED)
        assert emulator.events(pb.EVENT_KIND_PAIRED) == []
        client.stop()


def test_a_wrong_pair_code_does_not_spoil_the_right_one(tmp_path: Path) -> None:
    """The owner may mistype once."""
    with protocol_emulator() as emulator:
        client = new_client(emulator, tmp_path)
        client.wait(QrIssued)
        code = client.transport.request_pair_code(ACCOUNT)
        with pytest.raises(grpc.RpcError, match="the code is wrong"):
            emulator.stub.EnterPairCode(pb.EnterPairCodeRequest(phone_number=ACCOUNT, code="ZZZZ-ZZZZ"))
        device = emulator.stub.EnterPairCode(pb.EnterPairCodeRequest(phone_number=ACCOUNT, code=code)).device
        assert client.wait(Paired).device.device == device
        client.wait(Connected)
        client.stop()
