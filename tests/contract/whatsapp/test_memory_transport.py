"""The memory transport keeps every rule, against a network in this process."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from support.emulator import RunningEmulator, running_emulator
from support.transport_client import Client, Maker, message_to
from support.transport_conformance import ACCOUNT, ACCOUNT_NAME, CUSTOMER, Network, QuickNetworkRules, TransportRules
from support.transport_process import ChildTransport, ProcessGone

from wamesh.emulator.timing import PairingPace
from wamesh.emulator.v1 import emulator_pb2 as pb
from wamesh.whatsapp.events import Connected
from wamesh.whatsapp.transport import OnEvent, Transport, make_transport

QUICK = {
    "ack_seconds": "0.3",
    "redial_seconds": "0.05",
    "keep_alive_seconds": "0.2",
    "keep_alive_patience_seconds": "0.1",
}


def maker(target: str, options: Mapping[str, str] = QUICK) -> Maker:
    """Makes memory transports for the network at `target`."""

    def make(directory: Path, on_event: OnEvent) -> Transport:
        return make_transport("memory", directory, on_event, {"target": target, **options})

    return make


def network_of(emulator: RunningEmulator) -> Network:
    emulator.add_account(ACCOUNT, ACCOUNT_NAME)
    return Network(make=maker(emulator.target), make_unreachable=maker("127.0.0.1:1"), judge=emulator)


@pytest.fixture
def network() -> Iterator[Network]:
    with running_emulator() as emulator, network_of(emulator).closing() as network:
        yield network


@pytest.fixture
def quick_network() -> Iterator[Network]:
    pace = PairingPace(codes=2, first=timedelta(milliseconds=50), later=timedelta(milliseconds=50))
    with running_emulator(pace) as emulator, network_of(emulator).closing() as network:
        yield network


class TestMemoryTransport(TransportRules, QuickNetworkRules):
    """All of them."""


class TestKilledMemoryTransport:
    """What is left after `kill -9` of the transport's process."""

    def test_killed_send_is_found_by_its_secret(self, network: Network, tmp_path: Path) -> None:
        """A process killed while it waits for an ack has left the id under which the customer has the message."""
        child, client = connected_child(network, tmp_path)
        network.judge.inject(ACCOUNT, pb.FAULT_KIND_WITHHOLD_ACK)
        with ThreadPoolExecutor(1) as executor:
            sending = executor.submit(child.send, message_to(CUSTOMER, secret=b"a" * 32))
            (sent,) = network.judge.wait_for(pb.EVENT_KIND_MESSAGE_SENT)
            child.kill()
            assert isinstance(sending.exception(10), ProcessGone)
        assert network.client(tmp_path).transport.find_sent(b"a" * 32) == sent.message_id
        client.join()

    def test_network_sees_a_killed_process_leave(self, network: Network, tmp_path: Path) -> None:
        """A killed process is a closed connection: the next login replaces nobody."""
        child, client = connected_child(network, tmp_path)
        child.kill()
        client.join()
        connection = network.judge.events(pb.EVENT_KIND_LOGGED_IN)[-1].connection
        closed = network.judge.wait_for(pb.EVENT_KIND_CONNECTION_CLOSED, count=3)
        assert closed[-1].connection == connection
        network.client(tmp_path).start().wait(Connected)
        assert network.judge.events(pb.EVENT_KIND_REPLACED) == []


def connected_child(network: Network, directory: Path) -> tuple[ChildTransport, Client]:
    """A paired and connected transport in a process of its own."""
    network.paired(directory).stop()
    children: list[ChildTransport] = []

    def make(directory: Path, on_event: OnEvent) -> Transport:
        children.append(ChildTransport("memory", directory, on_event, {"target": network.judge.target}))
        return children[0]

    client = Client(make, directory).start()
    client.wait(Connected)
    return children[0], client
