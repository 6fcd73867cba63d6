"""A device store that several gateways share, and one that fails, under the unmodified library on the emulator."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from support.device_databases import DeviceDatabase, company_database
from support.emulator import RunningEmulator, protocol_emulator
from support.transport_client import Client, message_to
from support.transport_process import ChildTransport, ProcessGone

from wamesh.emulator.v1 import emulator_pb2 as pb
from wamesh.whatsapp.events import Connected, MessageReceived, Paired, QrIssued
from wamesh.whatsapp.transport import EXIT_STORE_LOST, OnEvent, Sent, SentRecordLost, Transport

pytestmark = pytest.mark.postgres

SALON, BARBER, CUSTOMER = "+12025550100", "+12025550101", "+12025550111"
SECRET = b"s" * 32


@dataclass
class Session:
    """A session process of one company, as one gateway runs it, and its end."""

    client: Client
    children: list[ChildTransport]

    @property
    def transport(self) -> Transport:
        return self.client.transport

    def kill(self) -> None:
        self.children[0].kill()

    def exit_code(self) -> int:
        return self.children[0].exit_code()


@dataclass
class Mesh:
    """Companies over one PostgreSQL and one emulator."""

    url: str
    emulator: RunningEmulator
    directory: Path
    led: Mapping[str, str]
    _sessions: list[Session] = field(default_factory=list)

    def database(self, company_id: int, gateway: str) -> DeviceDatabase:
        return company_database(self.directory / gateway, self.url, company_id)

    def session(self, company_id: int, gateway: str = "gateway-a") -> Session:
        """Starts the company's process on a gateway with a data directory of its own."""
        database = self.database(company_id, gateway)
        database.directory.mkdir(exist_ok=True)
        children: list[ChildTransport] = []

        def make(directory: Path, on_event: OnEvent) -> Transport:
            children.append(ChildTransport("emulator", directory, on_event, {**self.led, **database.options}))
            return children[-1]

        self._sessions.append(Session(Client(make, database.directory), children))
        self._sessions[-1].client.start()
        return self._sessions[-1]

    def paired(self, company_id: int, account: str) -> Session:
        session = self.session(company_id)
        self.emulator.scan(account, session.client.wait(QrIssued).code)
        session.client.wait(Connected)
        return session

    def close(self) -> None:
        for session in self._sessions:
            session.kill()


@pytest.fixture
def mesh(postgresql_url: str, tmp_path: Path) -> Iterator[Mesh]:
    with protocol_emulator() as emulator:
        emulator.add_account(SALON, "Salon")
        emulator.add_account(BARBER, "Barber")
        mesh = Mesh(postgresql_url, emulator, tmp_path, emulator.trust().options(tmp_path))
        yield mesh
        mesh.close()


@contextmanager
def broken(database: DeviceDatabase, table: str) -> Iterator[None]:
    """The library finds one of its tables gone while the context lasts."""
    database.execute(f"ALTER TABLE {table} RENAME TO {table}_away")
    try:
        yield
    finally:
        database.execute(f"ALTER TABLE {table}_away RENAME TO {table}")


class TestSharedStore:
    """One store, whichever gateway runs the session."""

    def test_another_gateway_takes_the_device_over(self, mesh: Mesh) -> None:
        """After kill -9 a gateway with a data directory of its own logs in without pairing and knows what was sent."""
        first = mesh.paired(1, SALON)
        sent = first.transport.send(message_to(CUSTOMER, secret=SECRET))
        assert isinstance(sent, Sent)
        first.kill()
        second = mesh.session(1, "gateway-b")
        second.client.wait(Connected)
        assert second.client.of(QrIssued) == []
        assert second.transport.find_sent(SECRET) == sent.message_id
        assert second.transport.find_sent(b"?" * 32) is None
        assert isinstance(second.transport.send(message_to(CUSTOMER, secret=b"t" * 32)), Sent)
        assert len(mesh.emulator.received(CUSTOMER, 2)) == 2

    def test_company_without_device_is_offered_codes(self, mesh: Mesh) -> None:
        """Another company's device in the same database is nobody else's: the second one pairs its own account."""
        mesh.paired(1, SALON)
        barber = mesh.paired(2, BARBER)
        (paired,) = barber.client.of(Paired)
        assert paired.phone_number == BARBER
        assert barber.transport.find_sent(SECRET) is None

    @pytest.mark.parametrize("connected", [True, False])
    def test_logout_removes_only_its_own_device(self, mesh: Mesh, connected: bool) -> None:
        """Unlinked at WhatsApp, or only forgotten here: the other company stays linked."""
        salon, barber = mesh.paired(1, SALON), mesh.paired(2, BARBER)
        if not connected:
            salon.client.stop()
        salon.transport.logout()
        salon.client.join()
        assert (salon.transport.paired, barber.transport.paired) == (False, True)
        assert isinstance(barber.transport.send(message_to(CUSTOMER)), Sent)
        with pytest.raises(SentRecordLost):
            salon.transport.find_sent(SECRET)


class TestFailingStore:
    """What the library does when its store fails must not reach the wire."""

    def test_message_whose_secret_is_not_stored_is_not_sent(self, mesh: Mesh) -> None:
        """The process ends instead, and the next one can say that the send never began."""
        session = mesh.paired(1, SALON)
        session.transport.send(message_to(CUSTOMER, "stored", secret=SECRET))
        with broken(mesh.database(1, "gateway-a"), "whatsmeow_message_secrets"):
            with pytest.raises(ProcessGone):
                session.transport.send(message_to(CUSTOMER, "not stored", secret=b"t" * 32))
            assert session.exit_code() == EXIT_STORE_LOST
        again = mesh.session(1)
        again.client.wait(Connected)
        assert again.transport.find_sent(b"t" * 32) is None
        assert isinstance(again.transport.send(message_to(CUSTOMER, "last", secret=b"u" * 32)), Sent)
        assert [each.text for each in mesh.emulator.received(CUSTOMER, 2)] == ["stored", "last"]

    def test_message_that_the_store_cannot_read_comes_again(self, mesh: Mesh) -> None:
        """The process ends before it acks a message that it could not decrypt; the next one gets it."""
        session = mesh.paired(1, SALON)
        mesh.emulator.say(CUSTOMER, SALON, "first")
        session.client.wait(MessageReceived)
        with broken(mesh.database(1, "gateway-a"), "whatsmeow_sessions"):
            mesh.emulator.say(CUSTOMER, SALON, "second")
            assert session.exit_code() == EXIT_STORE_LOST
        again = mesh.session(1)
        assert again.client.wait(MessageReceived).message.text == "second"
        assert mesh.emulator.events(pb.EVENT_KIND_MESSAGE_LOST) == []
