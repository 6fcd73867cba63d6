"""What counts as this machine: the emulator and everything that is led to it stay on loopback."""

import ipaddress


def is_loopback(address: str) -> bool:
    """True when the host of `host:port` is this machine's loopback; a name other than `localhost` is not."""
    host = address.rpartition(":")[0].strip("[]")
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
