"""The neonize transport keeps every rule, on unmodified neonize against the emulator's protocol.

Each transport runs in a process of its own, as in production: the native library may end its process. Nothing leaves
the machine: the library is led to the emulator, or given a proxy on a closed port of the loopback.
"""

import fcntl
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path

import pytest
from support.emulator import protocol_emulator
from support.transport_client import Maker
from support.transport_conformance import ACCOUNT, ACCOUNT_NAME, Network, ProtocolRules, TransportRules
from support.transport_process import ChildTransport

from wamesh.whatsapp.native_environment import WrongEnvironment
from wamesh.whatsapp.neonize_store import FILE_NAME, NeonizeDeviceStore
from wamesh.whatsapp.transport import OnEvent, SentRecordLost, Transport

CLOSED_PROXY = {"proxy": "http://127.0.0.1:1"}
SECRET = b"s" * 32
DEVICE = "12025550100:7@s.whatsapp.net"


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    children: list[ChildTransport] = []

    def maker(options: Mapping[str, str]) -> Maker:
        def make(directory: Path, on_event: OnEvent) -> Transport:
            children.append(ChildTransport("emulator", directory, on_event, options))
            return children[-1]

        return make

    with protocol_emulator() as emulator:
        emulator.add_account(ACCOUNT, ACCOUNT_NAME)
        led = emulator.trust().options(tmp_path)
        unreachable = led | {"wire_address": "127.0.0.1:1"}
        with Network(maker(led), maker(unreachable), emulator).closing() as network:
            yield network
        for child in children:
            child.kill()


class TestNeonizeTransport(TransportRules, ProtocolRules):
    """Every rule."""


class TestDeviceStore:
    """Our passive view of the library's own store file."""

    @pytest.fixture
    def store(self, network: Network, tmp_path: Path) -> NeonizeDeviceStore:
        """A store whose tables the library itself has made."""
        client = network.client(tmp_path / "device", network.make_unreachable).start()
        client.join()
        return NeonizeDeviceStore(tmp_path / "device")

    def test_store_is_made_where_we_look_for_it(self, store: NeonizeDeviceStore, tmp_path: Path) -> None:
        """The library takes our database name, in WAL mode, with the tables we read."""
        with closing(sqlite3.connect(tmp_path / "device" / FILE_NAME)) as database:
            (mode,) = database.execute("PRAGMA journal_mode").fetchone()
        assert (mode, store.paired) == ("wal", False)

    def test_secret_written_by_the_library_is_found(self, store: NeonizeDeviceStore, tmp_path: Path) -> None:
        """A row of the library's secrets table gives the message id; other secrets were never sent."""
        link_device(tmp_path / "device" / FILE_NAME)
        write_secret(tmp_path / "device" / FILE_NAME)
        assert (store.paired, store.find_sent(SECRET), store.find_sent(b"?" * 32)) == (True, "3EB0A1", None)
        assert str(store.lid()) == "264871930155482@lid"

    def test_push_name_is_read(self, store: NeonizeDeviceStore, tmp_path: Path) -> None:
        """Empty without a device and before the library has learned it."""
        names = [store.push_name]
        link_device(tmp_path / "device" / FILE_NAME)
        names.append(store.push_name)
        with closing(sqlite3.connect(tmp_path / "device" / FILE_NAME)) as database, database:
            database.execute("UPDATE whatsmeow_device SET push_name = 'Salon'")
        assert [*names, store.push_name] == ["", "", "Salon"]

    def test_unlinked_device_takes_its_records_along(self, store: NeonizeDeviceStore, tmp_path: Path) -> None:
        """After the device is forgotten nothing can be said about what it sent, and nothing is guessed."""
        link_device(tmp_path / "device" / FILE_NAME)
        write_secret(tmp_path / "device" / FILE_NAME)
        store.forget()
        assert not store.paired
        with pytest.raises(SentRecordLost):
            store.find_sent(SECRET)

    def test_lent_store_is_asked_from_outside(self, store: NeonizeDeviceStore, tmp_path: Path) -> None:
        """Once the library has the file its own process opens it no more, or the library would lose its locks."""
        path = tmp_path / "device" / FILE_NAME
        link_device(path)
        write_secret(path)
        store.lend()
        with path.open("rb+") as file:
            fcntl.lockf(file, fcntl.LOCK_EX, 1)
            assert (store.paired, store.find_sent(SECRET), store.find_sent(b"?" * 32)) == (True, "3EB0A1", None)
            store.forget()
            assert not store.paired
            assert is_locked(path)

    def test_asking_makes_no_store(self, tmp_path: Path) -> None:
        """Questions to a store that is not there are answered, and leave no file behind."""
        store = NeonizeDeviceStore(tmp_path)
        assert (store.paired, store.lid(), store.find_sent(SECRET)) == (False, None, None)
        assert list(tmp_path.iterdir()) == []

    def test_path_with_reserved_characters_is_one_file(self, network: Network, tmp_path: Path) -> None:
        """A directory name with characters that mean something in a database name works."""
        directory = tmp_path / "50% off? #1"
        network.client(directory, network.make_unreachable).start().join()
        assert (directory / FILE_NAME).exists()


def test_process_without_its_environment_is_refused(tmp_path: Path) -> None:
    """A process that was not started with NEONIZE_BOT_TAG=off cannot make the transport."""
    events: list[object] = []
    child = ChildTransport("neonize", tmp_path, events.append, CLOSED_PROXY, {"NEONIZE_BOT_TAG": "on"})
    with pytest.raises(WrongEnvironment, match="NEONIZE_BOT_TAG=off"):
        child.stop()


def is_locked(path: Path) -> bool:
    """Whether another process finds the first byte of the file locked."""
    try_it = "import fcntl, sys; fcntl.lockf(open(sys.argv[1], 'rb+'), fcntl.LOCK_EX | fcntl.LOCK_NB, 1)"
    return subprocess.run([sys.executable, "-c", try_it, path], stderr=subprocess.DEVNULL, check=False).returncode != 0


def link_device(path: Path) -> None:
    """Writes a device row as the library does after a pairing."""
    columns = {
        "jid": DEVICE,
        "lid": "264871930155482:7@lid",
        "registration_id": 1,
        "noise_key": bytes(32),
        "identity_key": bytes(32),
        "signed_pre_key": bytes(32),
        "signed_pre_key_id": 1,
        "signed_pre_key_sig": bytes(64),
        "adv_key": bytes(32),
        "adv_details": b"",
        "adv_account_sig": bytes(64),
        "adv_account_sig_key": bytes(32),
        "adv_device_sig": bytes(64),
    }
    insert(path, "whatsmeow_device", columns)


def write_secret(path: Path) -> None:
    """Writes a secret row as the library does before it writes to the socket."""
    chat, sender = "914804640375180@lid", "264871930155482:7@lid"
    columns = {"our_jid": DEVICE, "chat_jid": chat, "sender_jid": sender, "message_id": "3EB0A1", "key": SECRET}
    insert(path, "whatsmeow_message_secrets", columns)


def insert(path: Path, table: str, columns: Mapping[str, object]) -> None:
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(columns.values()))
