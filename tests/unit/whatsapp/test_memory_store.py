"""The memory transport's device store."""

from pathlib import Path

from wamesh.whatsapp.jid import Jid
from wamesh.whatsapp.memory.store import LinkedDevice, MemoryDeviceStore

DEVICE = LinkedDevice("+12025550100", Jid.parse("264871930155482@lid"), 7, bytes(32), "Salon")
CHAT = Jid("12025550111")


def test_saved_device_is_there_for_the_next_process(tmp_path: Path) -> None:
    """A store opened anew over the same directory holds the device."""
    MemoryDeviceStore(tmp_path).save(DEVICE)
    assert MemoryDeviceStore(tmp_path).device() == DEVICE


def test_store_holds_one_device(tmp_path: Path) -> None:
    """A new pairing takes the place of the old one."""
    store = MemoryDeviceStore(tmp_path)
    store.save(DEVICE)
    other = LinkedDevice("+12025550101", DEVICE.lid, 1, bytes(32), "")
    store.save(other)
    assert store.device() == other


def test_forgotten_device_leaves_what_it_sent(tmp_path: Path) -> None:
    """The device goes, the record of its sends stays."""
    store = MemoryDeviceStore(tmp_path)
    store.save(DEVICE)
    store.remember_send(b"a" * 32, CHAT, "3EB0A1")
    store.forget()
    assert (store.device(), store.find_sent(b"a" * 32)) == (None, "3EB0A1")


def test_second_store_sees_a_send_at_once(tmp_path: Path) -> None:
    """What one process has remembered, another finds."""
    first, second = MemoryDeviceStore(tmp_path), MemoryDeviceStore(tmp_path)
    first.remember_send(b"a" * 32, CHAT, "3EB0A1")
    assert (second.find_sent(b"a" * 32), second.find_sent(b"b" * 32)) == ("3EB0A1", None)


def test_device_address_is_the_number_with_its_device() -> None:
    """A device's own address is the PN form with the device number."""
    assert str(DEVICE.jid) == "12025550100:7@s.whatsapp.net"
