"""The library's device store, seen by us: the same in a file and in PostgreSQL, with tables that the library made."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.device_databases import DeviceDatabase, company_database
from support.emulator import RunningEmulator, protocol_emulator
from support.transport_client import Client
from support.transport_process import ChildTransport

from wamesh.whatsapp.events import PairingFailed
from wamesh.whatsapp.transport import DeviceStoreUnavailable, OnEvent, SentRecordLost, Transport

SECRET = b"s" * 32
UNKNOWN = b"?" * 32


@pytest.fixture(scope="module")
def emulator() -> Iterator[RunningEmulator]:
    with protocol_emulator() as emulator:
        yield emulator


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest) -> str | None:
    return None if request.param == "sqlite" else str(request.getfixturevalue("postgresql_url"))


@pytest.fixture
def unmade(url: str | None, tmp_path: Path) -> DeviceDatabase:
    """A store that the library has never opened."""
    return company_database(tmp_path / "device", url, 7)


@pytest.fixture
def made(unmade: DeviceDatabase, emulator: RunningEmulator, tmp_path: Path) -> DeviceDatabase:
    """A store without a device, in which the library itself has made its tables."""
    let_library_open(unmade, emulator, tmp_path)
    return unmade


def let_library_open(database: DeviceDatabase, emulator: RunningEmulator, tmp_path: Path) -> None:
    """Has the library dial an address where nobody listens, with its store open."""
    options = {**emulator.trust().options(tmp_path), **database.options, "wire_address": "127.0.0.1:1"}
    children: list[ChildTransport] = []

    def make(directory: Path, on_event: OnEvent) -> Transport:
        children.append(ChildTransport("emulator", directory, on_event, options))
        return children[-1]

    client = Client(make, database.directory).start()
    client.join()
    children[0].kill()
    assert client.of(PairingFailed)


def test_fresh_store_holds_no_device(made: DeviceDatabase) -> None:
    """The library finds its tables' place, and no device."""
    assert (made.store.paired, made.store.lid(), made.store.push_name) == (False, None, "")


def test_linked_device_is_read(made: DeviceDatabase) -> None:
    """Who is linked, and the name once the library has learned it."""
    made.link_device()
    before = made.store.push_name
    made.execute("UPDATE whatsmeow_device SET push_name = 'Salon'")
    assert (made.store.paired, str(made.store.lid())) == (True, "264871930155482@lid")
    assert (before, made.store.push_name) == ("", "Salon")


def test_secret_of_the_library_is_found(made: DeviceDatabase) -> None:
    """A row of the library's secrets table gives the message id; other secrets were never sent."""
    made.link_device()
    made.write_secret(SECRET, "3EB0A1")
    assert (made.store.find_sent(SECRET), made.store.find_sent(UNKNOWN)) == ("3EB0A1", None)


def test_unlinked_device_takes_its_records_along(made: DeviceDatabase) -> None:
    """After the device is forgotten nothing can be said about what it sent, and nothing is guessed."""
    made.link_device()
    made.write_secret(SECRET, "3EB0A1")
    made.store.forget()
    assert not made.store.paired
    with pytest.raises(SentRecordLost):
        made.store.find_sent(SECRET)


def test_lent_store_is_still_asked(made: DeviceDatabase) -> None:
    """Questions have answers while the library has the store, and nothing changes for it."""
    made.link_device()
    made.write_secret(SECRET, "3EB0A1")
    store = made.store
    store.lend()
    assert (store.paired, store.find_sent(SECRET)) == (True, "3EB0A1")


def test_questions_to_an_unmade_store_have_answers(unmade: DeviceDatabase) -> None:
    """Before the library has made its tables nobody is linked, and nothing was ever sent."""
    store = unmade.store
    store.forget()
    assert (store.paired, store.lid(), store.push_name, store.find_sent(SECRET)) == (False, None, "", None)
    assert not unmade.directory.exists()


@pytest.mark.postgres
class TestSharedDatabase:
    """What several companies in one PostgreSQL must not share."""

    def test_companies_do_not_see_each_other(
        self, postgresql_url: str, emulator: RunningEmulator, tmp_path: Path
    ) -> None:
        """The library makes its tables in each schema, and a company without a device finds none, whoever has one."""
        one = company_database(tmp_path / "one", postgresql_url, 1)
        other = company_database(tmp_path / "other", postgresql_url, 2)
        for database in (one, other):
            let_library_open(database, emulator, tmp_path)
        one.link_device()
        one.write_secret(SECRET, "3EB0A1")
        assert (other.store.paired, one.store.paired) == (False, True)
        with pytest.raises(SentRecordLost):
            other.store.find_sent(SECRET)

    def test_forgetting_removes_only_the_own_device(
        self, postgresql_url: str, emulator: RunningEmulator, tmp_path: Path
    ) -> None:
        """The same device in two schemas, removed from one, is still in the other."""
        one = company_database(tmp_path / "one", postgresql_url, 1)
        other = company_database(tmp_path / "other", postgresql_url, 2)
        for database in (one, other):
            let_library_open(database, emulator, tmp_path)
            database.link_device()
        one.store.forget()
        assert (one.store.paired, other.store.paired) == (False, True)

    def test_making_ready_again_keeps_what_is_there(
        self, postgresql_url: str, emulator: RunningEmulator, tmp_path: Path
    ) -> None:
        """The next gateway makes the schema ready as well, and the device stays."""
        first = company_database(tmp_path / "one", postgresql_url, 1)
        let_library_open(first, emulator, tmp_path)
        first.link_device()
        again = company_database(tmp_path / "elsewhere", postgresql_url, 1)
        assert (again.options, again.store.paired) == (first.options, True)

    def test_server_that_refuses_is_named_without_password(self, postgresql_url: str, tmp_path: Path) -> None:
        """A store that cannot be asked says so; the sentence has no user and no password."""
        url = company_database(tmp_path, postgresql_url, 7).options["device_database"]
        wrong = url.replace("postgres@", "someone:hush@").replace("/test_", "/no_")
        with pytest.raises(DeviceStoreUnavailable) as raised:
            _ = DeviceDatabase(tmp_path, {"device_database": wrong}).store.paired
        assert "hush" not in str(raised.value)
