"""The network's state, driven by hand: no server, no clock of its own, links that only remember."""

import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from wamesh.emulator.errors import AccountNotFound, CodeNotOnOffer, FrameOutOfPlace, NotConnected
from wamesh.emulator.memory.connection import Connection
from wamesh.emulator.memory.network import MemoryNetwork
from wamesh.emulator.memory.people import lid_of
from wamesh.emulator.timing import PairingPace
from wamesh.emulator.v1 import emulator_pb2 as pb
from wamesh.emulator.v1 import memory_wire_pb2 as wire

ACCOUNT = "+12025550100"
CUSTOMER = "+12025550111"
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


class RememberingLink:
    """A link that keeps what it was told."""

    def __init__(self) -> None:
        self.frames: list[wire.ConnectResponse] = []
        self.end = ""

    def push(self, frame: wire.ConnectResponse) -> None:
        assert not self.end
        self.frames.append(frame)

    def close(self) -> None:
        self.end = "closed"

    def cut(self) -> None:
        self.end = "cut"

    def kinds(self) -> list[str | None]:
        """The kinds of frames, in order."""
        return [frame.WhichOneof("frame") for frame in self.frames]


class World:
    """A network with one account, and shortcuts for its clients."""

    def __init__(self) -> None:
        self.later: list[tuple[timedelta, Callable[[], None]]] = []
        seeded = random.Random(7)
        self.network = MemoryNetwork(lambda: NOW, seeded.randbytes, self._call_later, PairingPace(codes=2))
        self.account = self.network.add_account(ACCOUNT, "Salon")

    def open(self) -> tuple[RememberingLink, Connection]:
        link = RememberingLink()
        return link, self.network.open(link)

    def pair(self) -> wire.PairSuccess:
        link, connection = self.open()
        connection.receive(wire.ConnectRequest(start_pairing=wire.StartPairing(client_name="test")))
        self.network.scan(ACCOUNT, link.frames[0].qr_offer.codes[0].code)
        return link.frames[-1].pair_success

    def log_in(self, pairing: wire.PairSuccess) -> tuple[RememberingLink, Connection]:
        link, connection = self.open()
        login = wire.Login(account_phone_number=ACCOUNT, device=pairing.device, credential=pairing.credential)
        connection.receive(wire.ConnectRequest(login=login))
        return link, connection

    def say(self, text: str, message_id: str = "") -> str:
        content = pb.Content(text=pb.TextContent(body=text))
        request = pb.SendAsCustomerRequest(
            customer_phone_number=CUSTOMER, account_phone_number=ACCOUNT, content=content, message_id=message_id
        )
        return self.network.post.from_customer(self.account, request)

    def arm(self, kind: "pb.FaultKind.ValueType") -> None:
        self.network.inject(pb.InjectFaultRequest(account_phone_number=ACCOUNT, kind=kind, count=1))

    def mailbox(self) -> list[str]:
        return [message.text for message in self.network.post.customer(CUSTOMER).mailbox.after(0)]

    def log(self, *kinds: "pb.EventKind.ValueType") -> Sequence[pb.Event]:
        return [event for event in self.network.log.after(0) if event.kind in kinds]

    def _call_later(self, delay: timedelta, function: Callable[[], None]) -> None:
        self.later.append((delay, function))


def send(message_id: str, text: str = "Hello", to: str = "12025550111@s.whatsapp.net") -> wire.ConnectRequest:
    return wire.ConnectRequest(send=wire.SendFrame(message_id=message_id, recipient=to, text=text))


def delivered(*deliveries: int) -> wire.ConnectRequest:
    return wire.ConnectRequest(delivered=wire.Delivered(deliveries=deliveries))


@pytest.fixture
def world() -> World:
    return World()


def test_every_code_of_an_offer_is_good_until_its_connection_ends(world: World) -> None:
    """Any shown code pairs; once the client is gone none does."""
    link, connection = world.open()
    connection.receive(wire.ConnectRequest(start_pairing=wire.StartPairing(client_name="test")))
    codes = [code.code for code in link.frames[0].qr_offer.codes]
    assert len(set(codes)) == 2
    connection.lost("gone")
    with pytest.raises(CodeNotOnOffer):
        world.network.scan(ACCOUNT, codes[1])


def test_pair_code_is_good_for_its_number_only(world: World) -> None:
    """A pair code works with or without the dash, and only for the number it was asked for."""
    world.network.add_account(CUSTOMER, "")
    link, connection = world.open()
    connection.receive(wire.ConnectRequest(start_pairing=wire.StartPairing(client_name="test")))
    connection.receive(wire.ConnectRequest(request_pair_code=wire.RequestPairCode(phone_number=ACCOUNT)))
    code = link.frames[-1].pair_code.code
    with pytest.raises(CodeNotOnOffer):
        world.network.enter_pair_code(CUSTOMER, code)
    assert world.network.enter_pair_code(ACCOUNT, code.replace("-", "")).number == 1


def test_device_numbers_are_never_used_twice(world: World) -> None:
    """A device linked after another was removed gets a new number."""
    first = world.pair()
    world.network.unlink(world.account, world.account.devices[first.device], "test")
    assert world.pair().device == first.device + 1


@pytest.mark.parametrize("change", [{"device": 9}, {"credential": bytes(32)}, {"account_phone_number": CUSTOMER}])
def test_wrong_credentials_are_logged_out(world: World, change: dict[str, object]) -> None:
    """An unknown account, device or credential is refused with 401."""
    pairing = world.pair()
    login = wire.Login(account_phone_number=ACCOUNT, device=pairing.device, credential=pairing.credential)
    login.MergeFrom(wire.Login(**change))  # type: ignore[arg-type]
    link, connection = world.open()
    connection.receive(wire.ConnectRequest(login=login))
    assert (link.frames[0].login_failure.code, link.end) == (401, "closed")


def test_second_login_replaces_the_first(world: World) -> None:
    """A device has one connection: the earlier one hears replaced and is closed before the later one is in."""
    pairing = world.pair()
    first, _ = world.log_in(pairing)
    second, connection = world.log_in(pairing)
    assert first.frames[-1].stream_end.reason == wire.STREAM_END_REASON_REPLACED
    assert (first.end, second.end) == ("closed", "")
    assert world.account.connections() == [connection]
    kinds = [event.kind for event in world.log(pb.EVENT_KIND_REPLACED, pb.EVENT_KIND_LOGGED_IN)]
    assert kinds == [pb.EVENT_KIND_LOGGED_IN, pb.EVENT_KIND_REPLACED, pb.EVENT_KIND_LOGGED_IN]


def test_late_end_of_a_replaced_connection_changes_nothing(world: World) -> None:
    """When the replaced client finally goes, the new connection stays the device's own."""
    pairing = world.pair()
    _, first = world.log_in(pairing)
    _, second = world.log_in(pairing)
    first.lost("gone")
    assert world.account.connections() == [second]


def test_delivery_waits_until_it_is_confirmed(world: World) -> None:
    """What was pushed but not confirmed comes again at the next login; what was confirmed does not."""
    pairing = world.pair()
    link, connection = world.log_in(pairing)
    world.say("one")
    world.say("two")
    first, second = (frame.inbound for frame in link.frames[1:])
    connection.receive(delivered(first.delivery))
    connection.lost("gone")
    again, _ = world.log_in(pairing)
    assert [frame.inbound.message_id for frame in again.frames[1:]] == [second.message_id]


def test_repeated_customer_message_is_delivered_once(world: World) -> None:
    """The same message id of a customer is the same message."""
    link, _ = world.log_in(world.pair())
    assert world.say("one", "A1") == world.say("one", "A1") == "A1"
    assert link.kinds() == ["login_success", "inbound"]


def test_repeated_send_reaches_the_customer_once(world: World) -> None:
    """The same message id of a device is the same message; each time it is acked."""
    link, connection = world.log_in(world.pair())
    connection.receive(send("3EB0A1"))
    connection.receive(send("3EB0A1"))
    assert world.mailbox() == ["Hello"]
    assert link.kinds().count("send_ack") == 2
    assert len(world.log(pb.EVENT_KIND_MESSAGE_REPEATED)) == 1


def test_both_addresses_are_one_customer(world: World) -> None:
    """A known customer has one mailbox under PN and LID; a LID that nobody has is not on WhatsApp."""
    link, connection = world.log_in(world.pair())
    connection.receive(send("A1", "by number"))
    connection.receive(send("A2", "by lid", to=str(lid_of(CUSTOMER))))
    connection.receive(send("A3", "lost", to="1@lid"))
    assert world.mailbox() == ["by number", "by lid"]
    assert link.frames[-1].send_ack.error_code == 404


def test_delayed_ack_comes_when_its_time_has_come(world: World) -> None:
    """The customer has the message at once; the ack waits for its delay."""
    link, connection = world.log_in(world.pair())
    fault = pb.InjectFaultRequest(account_phone_number=ACCOUNT, kind=pb.FAULT_KIND_DELAY_ACK, count=1)
    fault.delay_duration.FromSeconds(3)
    world.network.inject(fault)
    connection.receive(send("A1"))
    assert ("send_ack" in link.kinds(), world.mailbox()) == (False, ["Hello"])
    ((delay, ack),) = world.later
    ack()
    assert (delay, link.kinds()[-1]) == (timedelta(seconds=3), "send_ack")


def test_second_device_sees_what_the_first_sends(world: World) -> None:
    """The other devices of an account are shown its own messages."""
    _, first = world.log_in(world.pair())
    second, _ = world.log_in(world.pair())
    first.receive(send("A1", "Welcome"))
    shown = second.frames[1].inbound
    assert (shown.from_me, shown.content.text.body, shown.message_id) == (True, "Welcome", "A1")


def test_reading_twice_reads_once(world: World) -> None:
    """The chat opened again has nothing unread, and sends no receipt."""
    link, connection = world.log_in(world.pair())
    connection.receive(send("A1"))
    assert [world.network.post.read(world.account, CUSTOMER) for _ in range(2)] == [1, 0]
    kinds = [frame.receipt.kind for frame in link.frames if frame.HasField("receipt")]
    assert kinds == [wire.RECEIPT_FRAME_KIND_DELIVERED, wire.RECEIPT_FRAME_KIND_READ]


@pytest.mark.parametrize("kind", [pb.FAULT_KIND_REPLACED, pb.FAULT_KIND_DROP_CONNECTION])
def test_fault_on_nobody_is_refused(world: World, kind: "pb.FaultKind.ValueType") -> None:
    """What needs a connection is refused while there is none, instead of passing in silence."""
    world.pair()
    with pytest.raises(NotConnected):
        world.arm(kind)


def test_unknown_account_is_refused(world: World) -> None:
    """A fault, a scan or a message for an account nobody made names the account."""
    with pytest.raises(AccountNotFound, match=r"\+12025550111"):
        world.network.scan(CUSTOMER, "code")


@pytest.mark.parametrize(
    "frame",
    [send("A1"), delivered(1), wire.ConnectRequest(keep_alive=wire.KeepAlive()), wire.ConnectRequest()],
    ids=["send", "delivered", "keep_alive", "nothing"],
)
def test_frames_before_a_login_are_out_of_place(world: World, frame: wire.ConnectRequest) -> None:
    """Nothing works before a login."""
    _, connection = world.open()
    with pytest.raises(FrameOutOfPlace):
        connection.receive(frame)


def test_second_login_on_one_connection_is_out_of_place(world: World) -> None:
    """A connection logs in once."""
    pairing = world.pair()
    _, connection = world.log_in(pairing)
    login = wire.Login(account_phone_number=ACCOUNT, device=pairing.device, credential=pairing.credential)
    with pytest.raises(FrameOutOfPlace):
        connection.receive(wire.ConnectRequest(login=login))


def test_log_has_no_gaps_and_one_clock(world: World) -> None:
    """Cursors count 1, 2, 3, ...; every line has the network's time."""
    _, connection = world.log_in(world.pair())
    connection.receive(send("A1"))
    events = world.network.log.after(0)
    assert [event.cursor for event in events] == list(range(1, len(events) + 1))
    assert {event.event_time.ToDatetime(UTC) for event in events} == {NOW}


def test_seeded_network_repeats_itself() -> None:
    """Under one seed two runs write the same log."""
    logs = []
    for _ in range(2):
        world = World()
        world.log_in(world.pair())
        world.say("Hello")
        logs.append(list(world.network.log.after(0)))
    assert logs[0] == logs[1]
