"""An emulator that ends and starts again over its directory is the same WhatsApp."""

from pathlib import Path

import pytest
from support.emulator import RunningEmulator, protocol_emulator
from support.transport_client import Client, message_to
from support.transport_process import ChildTransport

from wamesh.emulator.client.trust import Trust
from wamesh.emulator.v1 import emulator_pb2 as pb
from wamesh.settings import WrongSetting
from wamesh.whatsapp.events import Connected, MessageReceived, QrIssued, ReceiptReceived
from wamesh.whatsapp.transport import OnEvent, Sent, Transport

ACCOUNT = "+12025550100"
CUSTOMER = "+12025550111"


def client_of(trust: Trust, directory: Path) -> Client:
    """Real neonize over `directory`, in a process of its own, led to the emulator."""
    options = trust.options(directory)

    def make(directory: Path, on_event: OnEvent) -> Transport:
        return ChildTransport("emulator", directory, on_event, options)

    return Client(make, directory)


def pair(emulator: RunningEmulator, client: Client) -> None:
    """Links the client's device to the account."""
    emulator.add_account(ACCOUNT, "Salon")
    emulator.scan(ACCOUNT, client.start().wait(QrIssued).code)
    client.wait(Connected)


def test_clients_go_on_after_a_restart(tmp_path: Path) -> None:
    """A client that stays redials, trusts the emulator as before, and both sides still read each other."""
    kept = tmp_path / "kept"
    with protocol_emulator(directory=kept) as emulator:
        trust = emulator.trust()
        client = client_of(trust, tmp_path)
        pair(emulator, client)
        emulator.say(CUSTOMER, ACCOUNT, "before")
        client.wait(MessageReceived)
        assert isinstance(client.transport.send(message_to(CUSTOMER, "answer")), Sent)
    with protocol_emulator(directory=kept, wire_address=trust.wire_address) as emulator:
        client.wait(Connected, 2)
        emulator.say(CUSTOMER, ACCOUNT, "after")
        client.wait(MessageReceived, 2)
        assert isinstance(client.transport.send(message_to(CUSTOMER, "again")), Sent)
        assert emulator.trust() == trust
        assert [event.message.text for event in client.of(MessageReceived)] == ["before", "after"]
        assert [message.text for message in emulator.received(CUSTOMER, 2)] == ["answer", "again"]
        client.stop()


def test_what_waits_for_a_device_waits_over_a_restart(tmp_path: Path) -> None:
    """Messages and receipts for a device that is away reach it at its login, though the emulator ended meanwhile."""
    kept = tmp_path / "kept"
    with protocol_emulator(directory=kept) as emulator:
        client = client_of(emulator.trust(), tmp_path)
        pair(emulator, client)
        outcome = client.transport.send(message_to(CUSTOMER, "question"))
        client.wait(ReceiptReceived)
        client.stop()
        emulator.say(CUSTOMER, ACCOUNT, "while you were away")
    with protocol_emulator(directory=kept) as emulator:
        emulator.read(CUSTOMER, ACCOUNT)
        client = client_of(emulator.trust(), tmp_path).start()
        assert client.wait(MessageReceived).message.text == "while you were away"
        assert isinstance(outcome, Sent)
        assert client.wait(ReceiptReceived).message_ids == (outcome.message_id,)
        client.stop()


def test_log_goes_on_where_it_ended(tmp_path: Path) -> None:
    """The event log keeps its lines and its count over a restart."""
    with protocol_emulator(directory=tmp_path) as emulator:
        emulator.add_account(ACCOUNT, "Salon")
        emulator.say(CUSTOMER, ACCOUNT, "one")
        before = emulator.events()
    with protocol_emulator(directory=tmp_path) as emulator:
        emulator.say(CUSTOMER, ACCOUNT, "two")
        after = emulator.events()
    assert after[: len(before)] == before
    assert [event.cursor for event in after] == list(range(1, len(after) + 1))
    assert [event.text for event in after if event.kind == pb.EVENT_KIND_CUSTOMER_SENT] == ["one", "two"]


def test_two_emulators_do_not_share_a_directory(tmp_path: Path) -> None:
    """The second emulator over a directory is refused with what to do."""
    with (
        protocol_emulator(directory=tmp_path),
        pytest.raises(WrongSetting, match="in use by another emulator"),
        protocol_emulator(directory=tmp_path),
    ):
        raise AssertionError("it started")


def test_seed_repeats_keys_and_ids() -> None:
    """Two emulators with one seed make the same root key and the same message ids."""

    def drawn(seed: int) -> tuple[bytes, str]:
        with protocol_emulator(seed=seed) as emulator:
            emulator.add_account(ACCOUNT)
            return emulator.trust().root_public_key, emulator.say(CUSTOMER, ACCOUNT, "Hello")

    assert drawn(7) == drawn(7)
    assert drawn(7) != drawn(8)


def test_wire_takes_no_address_off_this_machine() -> None:
    """Whoever reaches the wire may do anything to the network, so it stays on loopback."""
    with pytest.raises(WrongSetting, match="WAMESH_EMULATOR_WIRE_ADDRESS"), protocol_emulator(wire_address="0.0.0.0:0"):
        raise AssertionError("it started")
