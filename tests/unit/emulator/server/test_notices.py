from wamesh.emulator.codec import Address
from wamesh.emulator.server.notices import device_hash


def test_device_hash_ignores_the_order() -> None:
    """Two lists of the same devices have one hash: `2:` and eight characters."""
    devices = [Address("12025550100", "s.whatsapp.net", number) for number in (0, 1, 12)]
    assert device_hash(devices) == device_hash(reversed(devices))
    assert device_hash(devices).startswith("2:")
    assert len(device_hash(devices)) == 10


def test_device_hash_tells_lists_apart() -> None:
    """A list with one device more has another hash."""
    phone = Address("12025550100", "s.whatsapp.net")
    assert device_hash([phone]) != device_hash([phone, phone.with_device(1)])
