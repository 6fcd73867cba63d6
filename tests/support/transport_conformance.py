"""The rules that every `Transport` keeps, run over any of them.

A test module makes a subclass of `OfflineRules` or `TransportRules` whose `network` fixture tells how to make the
transport and which network there is:

    class TestMemoryTransport(TransportRules):
        @pytest.fixture
        def network(self) -> Iterator[Network]:
            with running_emulator() as emulator:
                yield Network(make=..., make_unreachable=..., judge=emulator)
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, timedelta
from pathlib import Path
from typing import Final

import pytest
from support.emulator import RunningEmulator
from support.transport_client import Client, Maker, message_to

from wamesh.emulator.v1 import emulator_pb2 as pb
from wamesh.whatsapp.events import (
    ClientOutdated,
    Connected,
    ContentKind,
    Disconnected,
    KeepAliveRestored,
    KeepAliveTimedOut,
    LoggedOut,
    MessageReceived,
    PairCodeIssued,
    Paired,
    PairingFailed,
    PairingFailure,
    QrIssued,
    ReceiptKind,
    ReceiptReceived,
    Replaced,
    TemporarilyBanned,
)
from wamesh.whatsapp.jid import Jid
from wamesh.whatsapp.transport import NotSent, Rejected, Sent, Uncertain

ACCOUNT: Final = "+12025550100"
CUSTOMER: Final = "+12025550111"
ACCOUNT_NAME: Final = "Salon"
NAMELESS: Final = "+12025550101"


@dataclass
class Network:
    """A maker of transports and the network they reach.

    `make` connects to the network, `make_unreachable` to an address where nobody listens. `judge` drives and judges it.
    """

    make: Maker
    make_unreachable: Maker
    judge: RunningEmulator
    _stack: ExitStack = field(default_factory=ExitStack)

    def client(self, directory: Path, make: Maker | None = None) -> Client:
        """A client over `directory`, not started; stopped when the test ends."""
        directory.mkdir(exist_ok=True)
        client = Client(make or self.make, directory)
        self._stack.callback(client.stop)
        return client

    def paired(self, directory: Path) -> Client:
        """A client that has paired and is connected."""
        judge, client = self.judge, self.client(directory).start()
        judge.scan(ACCOUNT, client.wait(QrIssued).code)
        client.wait(Connected)
        return client

    @contextmanager
    def closing(self) -> Iterator["Network"]:
        """Stops every client at the end."""
        with self._stack:
            yield self


class OfflineRules:
    """What holds without any network."""

    def test_fresh_directory_is_unpaired(self, network: Network, tmp_path: Path) -> None:
        """A directory that never saw a pairing holds no device."""
        assert not network.client(tmp_path / "device").transport.paired

    def test_send_before_connect_is_not_sent(self, network: Network, tmp_path: Path) -> None:
        """Send never connects: without a connection it answers NotSent."""
        outcome = network.client(tmp_path / "device").transport.send(message_to(CUSTOMER))
        assert isinstance(outcome, NotSent)

    def test_unknown_secret_was_never_sent(self, network: Network, tmp_path: Path) -> None:
        """A secret that no send was begun with has no message id, also when nothing was ever stored."""
        assert network.client(tmp_path / "device").transport.find_sent(b"?" * 32) is None

    def test_unreachable_network_fails_pairing(self, network: Network, tmp_path: Path) -> None:
        """Without a device and without a network, connect reports UNAVAILABLE and returns."""
        client = network.client(tmp_path / "device", network.make_unreachable).start()
        client.join()
        assert client.events == [PairingFailed(PairingFailure.UNAVAILABLE)]

    def test_connect_may_be_called_again(self, network: Network, tmp_path: Path) -> None:
        """After connect has returned it may be called again, and reports afresh."""
        client = network.client(tmp_path / "device", network.make_unreachable).start()
        client.join()
        client.transport.connect()
        assert client.events == [PairingFailed(PairingFailure.UNAVAILABLE)] * 2

    def test_stop_without_connect_is_harmless(self, network: Network, tmp_path: Path) -> None:
        """Stop may be called when nothing runs, and more than once."""
        client = network.client(tmp_path / "device")
        client.transport.stop()
        client.transport.stop()
        assert client.events == []


class PairingRules:
    """How a device gets linked."""

    def test_scanned_qr_pairs_and_connects(self, network: Network, tmp_path: Path) -> None:
        """The scan of a shown code gives Paired, then Connected, and the device is stored."""
        client = network.paired(tmp_path / "device")
        paired = client.wait(Paired)
        assert (paired.phone_number, paired.name) == (ACCOUNT, ACCOUNT_NAME)
        assert paired.device.phone_number == ACCOUNT
        assert paired.device.device > 0
        assert client.transport.paired

    def test_qr_tells_how_long_it_is_valid(self, network: Network, tmp_path: Path) -> None:
        """The first code says how long it is on offer."""
        assert network.judge
        assert network.client(tmp_path / "device").start().wait(QrIssued).valid_for > timedelta(0)

    def test_pair_code_pairs_and_connects(self, network: Network, tmp_path: Path) -> None:
        """The owner may type a code instead of scanning; it is returned, and reported as an event."""
        judge, client = network.judge, network.client(tmp_path / "device").start()
        client.wait(QrIssued)
        code = client.transport.request_pair_code(ACCOUNT)
        judge.stub.EnterPairCode(pb.EnterPairCodeRequest(phone_number=ACCOUNT, code=code))
        client.wait(Connected)
        assert client.of(PairCodeIssued) == [PairCodeIssued(code)]

    def test_restart_needs_no_new_pairing(self, network: Network, tmp_path: Path) -> None:
        """A stored device logs in by itself: no code is shown."""
        network.paired(tmp_path / "device").stop()
        again = network.client(tmp_path / "device").start()
        again.wait(Connected)
        assert again.events == [Connected()]

    def test_logout_unlinks_and_forgets(self, network: Network, tmp_path: Path) -> None:
        """Logout removes the device at the network and here, reports LoggedOut, and ends connect."""
        client = network.paired(tmp_path / "device")
        client.transport.logout()
        client.join()
        network.judge.wait_for(pb.EVENT_KIND_DEVICE_REMOVED, account=ACCOUNT)
        assert client.events[-1] == LoggedOut(on_connect=False)
        assert not client.transport.paired

    def test_connect_while_running_is_an_error(self, network: Network, tmp_path: Path) -> None:
        """A transport holds one connection: a second connect beside the first is refused."""
        client = network.paired(tmp_path / "device")
        with pytest.raises(RuntimeError):
            client.transport.connect()


class MessageRules:
    """What comes in and goes out."""

    def test_messages_arrive_in_order(self, network: Network, tmp_path: Path) -> None:
        """Messages come out in the order in which the customer sent them."""
        client = network.paired(tmp_path / "device")
        texts = [f"line {number}" for number in range(20)]
        for text in texts:
            network.judge.say(CUSTOMER, ACCOUNT, text)
        client.wait(MessageReceived, len(texts))
        assert [event.message.text for event in client.of(MessageReceived)] == texts

    def test_message_carries_both_addresses(self, network: Network, tmp_path: Path) -> None:
        """A message names its sender by PN and LID, with number and name, in aware UTC time."""
        client = network.paired(tmp_path / "device")
        message_id = network.judge.say(CUSTOMER, ACCOUNT, "Hello", push_name="Ann")
        message = client.wait(MessageReceived).message
        assert (message.message_id, message.text, message.kind) == (message_id, "Hello", ContentKind.TEXT)
        assert (message.phone_number, message.push_name) == (CUSTOMER, "Ann")
        assert {message.sender.server, _server(message.sender_alternate)} == {"lid", "s.whatsapp.net"}
        assert (message.from_me, message.group, message.time.tzinfo) == (False, False, UTC)

    @pytest.mark.parametrize(
        ("content", "kind", "words"),
        [
            (pb.Content(image=pb.ImageContent(caption="Like this")), ContentKind.IMAGE, "Like this"),
            (pb.Content(voice=pb.VoiceContent()), ContentKind.AUDIO, ""),
            (pb.Content(sticker=pb.StickerContent()), ContentKind.STICKER, ""),
            (pb.Content(document=pb.DocumentContent(caption="Prices")), ContentKind.DOCUMENT, "Prices"),
            (pb.Content(location=pb.LocationContent(name="Office")), ContentKind.LOCATION, "Office"),
            (pb.Content(contact=pb.ContactContent(display_name="Bob")), ContentKind.CONTACT, "Bob"),
            (pb.Content(reaction=pb.ReactionContent(emoji="👍", message_id="A1")), ContentKind.REACTION, "👍"),
            (pb.Content(unsupported=pb.UnsupportedContent()), ContentKind.OTHER, ""),
        ],
        ids=lambda value: value.WhichOneof("content") if isinstance(value, pb.Content) else "",
    )
    def test_every_content_has_a_kind(
        self, network: Network, tmp_path: Path, content: pb.Content, kind: ContentKind, words: str
    ) -> None:
        """What is not text arrives with its kind and with the words it has."""
        client = network.paired(tmp_path / "device")
        network.judge.send(CUSTOMER, ACCOUNT, content)
        message = client.wait(MessageReceived).message
        assert (message.kind, message.text) == (kind, words)

    def test_message_sent_while_offline_arrives_at_login(self, network: Network, tmp_path: Path) -> None:
        """What was sent while nobody was connected is delivered at the next login, in order and once."""
        network.paired(tmp_path / "device").stop()
        network.judge.say(CUSTOMER, ACCOUNT, "one")
        network.judge.say(CUSTOMER, ACCOUNT, "two")
        client = network.client(tmp_path / "device").start()
        client.wait(MessageReceived, 2)
        network.judge.wait_for(pb.EVENT_KIND_DEVICE_RECEIVED, count=2)
        client.stop()
        again = network.client(tmp_path / "device").start()
        again.wait(Connected)
        network.judge.say(CUSTOMER, ACCOUNT, "three")
        again.wait(MessageReceived)
        assert [event.message.text for event in client.of(MessageReceived)] == ["one", "two"]
        assert [event.message.text for event in again.of(MessageReceived)] == ["three"]

    def test_owner_message_is_from_me(self, network: Network, tmp_path: Path) -> None:
        """What the owner writes on the phone arrives marked, in the customer's chat."""
        client = network.paired(tmp_path / "device")
        request = pb.SendAsOwnerRequest(
            account_phone_number=ACCOUNT, customer_phone_number=CUSTOMER, text="I take over"
        )
        network.judge.stub.SendAsOwner(request)
        network.judge.say(CUSTOMER, ACCOUNT, "Thanks")
        client.wait(MessageReceived, 2)
        owner, customer = (event.message for event in client.of(MessageReceived))
        assert (owner.from_me, owner.text, customer.from_me) == (True, "I take over", False)
        assert owner.chat == customer.chat

    def test_redelivered_message_keeps_its_id(self, network: Network, tmp_path: Path) -> None:
        """What the network delivers twice comes out once, or twice with the same chat and id."""
        client = network.paired(tmp_path / "device")
        network.judge.inject(ACCOUNT, pb.FAULT_KIND_DUPLICATE_DELIVERY, count=1)
        network.judge.say(CUSTOMER, ACCOUNT, "twice")
        network.judge.say(CUSTOMER, ACCOUNT, "once")
        client.wait(MessageReceived, 2)
        first, second = (event.message for event in client.of(MessageReceived)[:2])
        assert first.text == "twice"
        assert second == first or second.text == "once"

    def test_sent_message_reaches_the_customer(self, network: Network, tmp_path: Path) -> None:
        """Send answers Sent with the id under which the customer has the text, and the server's time."""
        client = network.paired(tmp_path / "device")
        outcome = client.transport.send(message_to(CUSTOMER, "See you at ten"))
        assert isinstance(outcome, Sent)
        (received,) = network.judge.received(CUSTOMER, 1)
        assert (received.message_id, received.text) == (outcome.message_id, "See you at ten")
        assert outcome.time.tzinfo is UTC

    def test_both_addresses_reach_the_same_customer(self, network: Network, tmp_path: Path) -> None:
        """A message to the PN and one to the LID of a customer land in one chat."""
        client = network.paired(tmp_path / "device")
        network.judge.say(CUSTOMER, ACCOUNT, "Hello")
        message = client.wait(MessageReceived).message
        for address in (message.sender, message.sender_alternate):
            assert isinstance(client.transport.send(message_to(str(address))), Sent)
        assert len(network.judge.received(CUSTOMER, 2)) == 2

    def test_quote_names_the_message_it_answers(self, network: Network, tmp_path: Path) -> None:
        """A message may answer one of the customer's."""
        client = network.paired(tmp_path / "device")
        question = network.judge.say(CUSTOMER, ACCOUNT, "When?")
        client.transport.send(message_to(CUSTOMER, "At ten", quoted=question))
        assert network.judge.received(CUSTOMER, 1)[0].quoted_message_id == question

    def test_receipts_tell_delivered_and_read(self, network: Network, tmp_path: Path) -> None:
        """The customer's phone confirms delivery at once, and reading when the chat is opened."""
        client = network.paired(tmp_path / "device")
        outcome = client.transport.send(message_to(CUSTOMER))
        client.wait(ReceiptReceived)
        network.judge.read(CUSTOMER, ACCOUNT)
        client.wait(ReceiptReceived, 2)
        assert isinstance(outcome, Sent)
        assert [(receipt.message_ids, receipt.kind) for receipt in client.of(ReceiptReceived)] == [
            ((outcome.message_id,), ReceiptKind.DELIVERED),
            ((outcome.message_id,), ReceiptKind.READ),
        ]

    def test_receipt_waits_for_an_author_who_is_offline(self, network: Network, tmp_path: Path) -> None:
        """A receipt that finds nobody connected comes at the next login."""
        client = network.paired(tmp_path / "device")
        client.transport.send(message_to(CUSTOMER))
        client.wait(ReceiptReceived)
        client.stop()
        network.judge.read(CUSTOMER, ACCOUNT)
        again = network.client(tmp_path / "device").start()
        assert again.wait(ReceiptReceived).kind is ReceiptKind.READ


class DoubtRules:
    """What can be known about a send that did not go well."""

    def test_secret_finds_the_sent_message(self, network: Network, tmp_path: Path) -> None:
        """find_sent gives the id of a sent message, also to another transport and offline."""
        client = network.paired(tmp_path / "device")
        outcome = client.transport.send(message_to(CUSTOMER, secret=b"a" * 32))
        client.stop()
        other = network.client(tmp_path / "device").transport
        assert isinstance(outcome, Sent)
        assert other.find_sent(b"a" * 32) == outcome.message_id
        assert other.find_sent(b"b" * 32) is None

    def test_rejected_send_names_the_code(self, network: Network, tmp_path: Path) -> None:
        """A refusal of the server is Rejected with its code; the customer gets nothing."""
        client = network.paired(tmp_path / "device")
        network.judge.inject(ACCOUNT, pb.FAULT_KIND_REJECT_SEND, count=1, code=463)
        outcome = client.transport.send(message_to(CUSTOMER))
        assert isinstance(outcome, Rejected)
        assert outcome.code == 463
        assert network.judge.events(pb.EVENT_KIND_MESSAGE_SENT) == []

    def test_number_without_whatsapp_is_not_sent(self, network: Network, tmp_path: Path) -> None:
        """A recipient who is not on WhatsApp gives NotSent."""
        client = network.paired(tmp_path / "device")
        network.judge.inject(ACCOUNT, pb.FAULT_KIND_UNKNOWN_RECIPIENT, count=1)
        assert isinstance(client.transport.send(message_to(CUSTOMER)), NotSent)

    def test_missing_ack_is_uncertain(self, network: Network, tmp_path: Path) -> None:
        """Without an ack nobody knows whether the customer has it: Uncertain, and the secret gives the id that a later
        receipt would carry.
        """
        taken, lost = network.paired(tmp_path / "taken").transport, network.paired(tmp_path / "lost").transport
        with ThreadPoolExecutor(2) as executor:  # side by side, since a library may wait for more than a minute
            network.judge.inject(ACCOUNT, pb.FAULT_KIND_WITHHOLD_ACK, count=1)
            first = executor.submit(taken.send, message_to(CUSTOMER, secret=b"a" * 32))
            (sent,) = network.judge.wait_for(pb.EVENT_KIND_MESSAGE_SENT)
            network.judge.inject(ACCOUNT, pb.FAULT_KIND_LOSE_SEND, count=1)
            second = executor.submit(lost.send, message_to(CUSTOMER, secret=b"b" * 32))
            (vanished,) = network.judge.wait_for(pb.EVENT_KIND_MESSAGE_LOST)
        assert isinstance(first.result(), Uncertain)
        assert isinstance(second.result(), Uncertain)
        assert taken.find_sent(b"a" * 32) == sent.message_id
        assert lost.find_sent(b"b" * 32) == vanished.message_id

    def test_send_survives_a_short_network_loss(self, network: Network, tmp_path: Path) -> None:
        """A send whose connection breaks is repeated under its own id after the next login: Sent, and seen once."""
        client = network.paired(tmp_path / "device")
        network.judge.inject(ACCOUNT, pb.FAULT_KIND_DROP_AFTER_SEND, count=1)
        outcome = client.transport.send(message_to(CUSTOMER))
        assert isinstance(outcome, Sent)
        (repeated,) = network.judge.wait_for(pb.EVENT_KIND_MESSAGE_REPEATED)
        assert repeated.message_id == outcome.message_id
        assert len(network.judge.events(pb.EVENT_KIND_MESSAGE_SENT)) == 1

    def test_send_ends_uncertain_when_the_session_ends(self, network: Network, tmp_path: Path) -> None:
        """A send that waits when the session ends for good is Uncertain."""
        client = network.paired(tmp_path / "device")
        network.judge.inject(ACCOUNT, pb.FAULT_KIND_WITHHOLD_ACK)
        with _in_background(lambda: client.transport.send(message_to(CUSTOMER))) as sending:
            network.judge.wait_for(pb.EVENT_KIND_MESSAGE_SENT)
            network.judge.inject(ACCOUNT, pb.FAULT_KIND_REPLACED)
            assert isinstance(sending(), Uncertain)


class EndRules:
    """How a session ends, and what mends itself."""

    def test_replaced_is_final(self, network: Network, tmp_path: Path) -> None:
        """After Replaced connect returns, the device stays, and nothing logs in again."""
        client = network.paired(tmp_path / "device")
        network.judge.inject(ACCOUNT, pb.FAULT_KIND_REPLACED)
        client.join()
        assert client.events[-1] == Replaced()
        assert client.transport.paired
        assert len(network.judge.events(pb.EVENT_KIND_LOGGED_IN)) == 1

    def test_second_login_replaces_the_first(self, network: Network, tmp_path: Path) -> None:
        """Two transports over one device: the later login wins, the earlier ends Replaced."""
        first = network.paired(tmp_path / "device")
        second = network.client(tmp_path / "device").start()
        second.wait(Connected)
        first.join()
        assert first.events[-1] == Replaced()
        assert second.of(Replaced) == []

    def test_removed_device_is_logged_out(self, network: Network, tmp_path: Path) -> None:
        """When the owner removes the device, LoggedOut is final and the stored device is gone."""
        client = network.paired(tmp_path / "device")
        network.judge.inject(ACCOUNT, pb.FAULT_KIND_DEVICE_REMOVED)
        client.join()
        assert client.events[-1] == LoggedOut(on_connect=False)
        assert not client.transport.paired

    @pytest.mark.parametrize("code", [401, 403, 406])
    def test_refused_login_is_logged_out(self, network: Network, tmp_path: Path, code: int) -> None:
        """Codes 401, 403 and 406 at login mean that the device is unlinked."""
        network.paired(tmp_path / "device").stop()
        network.judge.inject(ACCOUNT, pb.FAULT_KIND_REFUSE_LOGIN, count=1, code=code)
        again = network.client(tmp_path / "device").start()
        again.join()
        assert again.events == [LoggedOut(on_connect=True, code=code)]
        assert not again.transport.paired

    def test_temporary_ban_tells_cause_and_expiry(self, network: Network, tmp_path: Path) -> None:
        """Code 402 at login is a ban with WhatsApp's cause and its duration; the device stays."""
        network.paired(tmp_path / "device").stop()
        fault = pb.InjectFaultRequest(
            account_phone_number=ACCOUNT, kind=pb.FAULT_KIND_REFUSE_LOGIN, count=1, code=402, ban_code=101
        )
        fault.ban_duration.FromSeconds(3600)
        network.judge.stub.InjectFault(fault)
        again = network.client(tmp_path / "device").start()
        again.join()
        assert again.events == [TemporarilyBanned(101, timedelta(hours=1))]
        assert again.transport.paired

    def test_ban_without_a_cause_is_a_ban(self, network: Network, tmp_path: Path) -> None:
        """Code 402 at login is a ban, also when WhatsApp tells neither cause nor length: it must not look like a dial
        to be tried again.
        """
        network.paired(tmp_path / "device").stop()
        network.judge.inject(ACCOUNT, pb.FAULT_KIND_REFUSE_LOGIN, count=1, code=402)
        again = network.client(tmp_path / "device").start()
        again.join()
        assert again.events == [TemporarilyBanned(0, None)]

    def test_old_client_is_outdated(self, network: Network, tmp_path: Path) -> None:
        """Code 405 at login means that this version is refused."""
        network.paired(tmp_path / "device").stop()
        network.judge.inject(ACCOUNT, pb.FAULT_KIND_REFUSE_LOGIN, count=1, code=405)
        again = network.client(tmp_path / "device").start()
        again.join()
        assert again.events == [ClientOutdated()]

    @pytest.mark.parametrize("code", [500, 503])
    def test_server_trouble_is_tried_again(self, network: Network, tmp_path: Path, code: int) -> None:
        """Codes 500 and 503 at login are a Disconnected that mends itself."""
        network.paired(tmp_path / "device").stop()
        network.judge.inject(ACCOUNT, pb.FAULT_KIND_REFUSE_LOGIN, count=1, code=code)
        again = network.client(tmp_path / "device").start()
        again.wait(Connected)
        assert [type(event) for event in again.events] == [Disconnected, Connected]
        assert not again.of(Disconnected)[0].final

    def test_network_loss_mends_itself(self, network: Network, tmp_path: Path) -> None:
        """A lost connection is told once, and the transport logs in again by itself."""
        client = network.paired(tmp_path / "device")
        network.judge.inject(ACCOUNT, pb.FAULT_KIND_DROP_CONNECTION)
        client.wait(Connected, 2)
        assert [event.final for event in client.of(Disconnected)] == [False]
        assert isinstance(client.transport.send(message_to(CUSTOMER)), Sent)

    def test_failed_first_dial_is_final(self, network: Network, tmp_path: Path) -> None:
        """A stored device that cannot reach the network at first reports a final Disconnected, and connect returns."""
        network.paired(tmp_path / "device").stop()
        again = network.client(tmp_path / "device", network.make_unreachable).start()
        again.join()
        (event,) = again.events
        assert isinstance(event, Disconnected)
        assert event.final

    def test_stop_keeps_the_device_and_says_nothing(self, network: Network, tmp_path: Path) -> None:
        """After stop connect returns, the device is stored, no event follows, and nothing is sent."""
        client = network.paired(tmp_path / "device")
        before = list(client.events)
        client.stop()
        network.judge.wait_for(pb.EVENT_KIND_CONNECTION_CLOSED, account=ACCOUNT)
        assert client.events == before
        assert client.transport.paired
        assert isinstance(client.transport.send(message_to(CUSTOMER)), NotSent)


class TransportRules(OfflineRules, PairingRules, MessageRules, DoubtRules, EndRules):
    """Every rule."""


class QuickNetworkRules:
    """Rules about waiting, for networks and transports whose patience a test can shorten."""

    def test_unscanned_codes_run_out(self, quick_network: Network, tmp_path: Path) -> None:
        """Each code follows the last by itself; when they are used up pairing fails with TIMED_OUT."""
        client = quick_network.client(tmp_path / "device").start()
        client.join()
        assert len({event.code for event in client.of(QrIssued)}) == 2
        assert client.events[-1] == PairingFailed(PairingFailure.TIMED_OUT)

    def test_refused_code_fails_pairing(self, network: Network, tmp_path: Path) -> None:
        """When the owner refuses, pairing fails with REFUSED."""
        client = network.client(tmp_path / "device").start()
        network.judge.scan(ACCOUNT, client.wait(QrIssued).code, refuse=True)
        client.join()
        assert client.events[-1] == PairingFailed(PairingFailure.REFUSED)

    def test_silent_network_is_reported_and_restored(self, network: Network, tmp_path: Path) -> None:
        """Unanswered keep-alives are told once, and so is the first answer after them."""
        client = network.paired(tmp_path / "device")
        network.judge.inject(ACCOUNT, pb.FAULT_KIND_KEEP_ALIVE_UNANSWERED, count=1)
        client.wait(KeepAliveRestored)
        assert len(client.of(KeepAliveTimedOut)) == 1


class ProtocolRules:
    """What only WhatsApp's protocol shows, for transports that speak it."""

    def test_nobody_looks_here(self, network: Network, tmp_path: Path) -> None:
        """Each login says once that nobody looks here, and never that somebody does: the owner's phone goes on
        ringing.
        """
        client = network.paired(tmp_path / "device")
        network.judge.wait_for(pb.EVENT_KIND_PRESENCE)
        client.transport.send(message_to(CUSTOMER))
        client.stop()
        again = network.client(tmp_path / "device").start()
        again.wait(Connected)
        network.judge.wait_for(pb.EVENT_KIND_PRESENCE, count=2)
        again.transport.send(message_to(CUSTOMER))
        assert [event.detail for event in network.judge.events(pb.EVENT_KIND_PRESENCE)] == ["unavailable"] * 2

    def test_nobody_looks_here_once_there_is_a_name(self, network: Network, tmp_path: Path) -> None:
        """An account that gets its name later hears so then: a presence carries the name."""
        network.judge.add_account(NAMELESS)
        client = network.client(tmp_path / "device").start()
        network.judge.scan(NAMELESS, client.wait(QrIssued).code)
        client.wait(Connected)
        client.transport.send(message_to(CUSTOMER))
        assert network.judge.events(pb.EVENT_KIND_PRESENCE) == []
        network.judge.add_account(NAMELESS, ACCOUNT_NAME)
        assert network.judge.wait_for(pb.EVENT_KIND_PRESENCE)[0].detail == "unavailable"

    def test_messages_carry_no_label(self, network: Network, tmp_path: Path) -> None:
        """No message says that a machine wrote it: the customer's phone shows no AI label beside it."""
        client = network.paired(tmp_path / "device")
        question = network.judge.say(CUSTOMER, ACCOUNT, "When?")
        client.transport.send(message_to(CUSTOMER, "At ten"))
        client.transport.send(message_to(CUSTOMER, "Or at eleven", quoted=question))
        sent = network.judge.wait_for(pb.EVENT_KIND_MESSAGE_SENT, count=2)
        assert [(event.text, event.detail) for event in sent] == [("At ten", ""), ("Or at eleven", "")]


def _server(address: Jid | None) -> str:
    return address.server if address else ""


@contextmanager
def _in_background(work: Callable[[], object]) -> Iterator[Callable[[], object]]:
    """Runs `work` on a thread; the yielded function waits for its result, at most 10 s."""
    with ThreadPoolExecutor(1) as executor:
        future = executor.submit(work)
        yield lambda: future.result(10)
