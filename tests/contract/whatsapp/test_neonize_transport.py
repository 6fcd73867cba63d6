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
from support.device_databases import DeviceDatabase
from support.emulator import protocol_emulator
from support.transport_client import Maker
from support.transport_conformance import ACCOUNT, ACCOUNT_NAME, Network, ProtocolRules, TransportRules
from support.transport_process import ChildTransport

from wamesh.whatsapp.neonize.native_environment import WrongEnvironment
from wamesh.whatsapp.neonize.store_file import FILE_NAME
from wamesh.whatsapp.transport import OnEvent, Transport

CLOSED_PROXY = {"proxy": "http://127.0.0.1:1"}
SECRET = b"s" * 32


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


class TestStoreFile:
    """The library's own store file; what holds for every store is in `test_neonize_store.py`."""

    @pytest.fixture
    def database(self, network: Network, tmp_path: Path) -> DeviceDatabase:
        """A store whose tables the library itself has made."""
        client = network.client(tmp_path / "device", network.make_unreachable).start()
        client.join()
        return DeviceDatabase(tmp_path / "device", {})

    def test_store_is_made_where_we_look_for_it(self, database: DeviceDatabase) -> None:
        """The library takes our database name, in WAL mode, with the tables we read."""
        with closing(sqlite3.connect(database.directory / FILE_NAME)) as file:
            (mode,) = file.execute("PRAGMA journal_mode").fetchone()
        assert (mode, database.store.paired) == ("wal", False)

    def test_lent_store_is_asked_from_outside(self, database: DeviceDatabase) -> None:
        """Once the library has the file its own process opens it no more, or the library would lose its locks."""
        database.link_device()
        database.write_secret(SECRET, "3EB0A1")
        path, store = database.directory / FILE_NAME, database.store
        store.lend()
        with path.open("rb+") as file:
            fcntl.lockf(file, fcntl.LOCK_EX, 1)
            assert (store.paired, store.find_sent(SECRET), store.find_sent(b"?" * 32)) == (True, "3EB0A1", None)
            store.forget()
            assert not store.paired
            assert is_locked(path)

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
