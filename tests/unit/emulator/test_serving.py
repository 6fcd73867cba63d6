"""Where the simulated network may listen."""

import pytest

from wamesh.emulator.serving import refuse_outside
from wamesh.settings import WrongSetting


@pytest.mark.parametrize("address", ["127.0.0.1:50053", "127.0.0.2:0", "localhost:50053", "[::1]:50053"])
def test_loopback_is_allowed(address: str) -> None:
    """Addresses of this machine's loopback pass."""
    refuse_outside(address)


@pytest.mark.parametrize("address", ["0.0.0.0:50053", "[::]:50053", "192.0.2.1:50053", "emulator.example:50053"])
def test_everything_else_is_refused(address: str) -> None:
    """Whoever reaches the port drives the network, so nobody outside may."""
    with pytest.raises(WrongSetting, match="loopback"):
        refuse_outside(address)
