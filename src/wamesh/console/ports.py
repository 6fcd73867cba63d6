"""Which addresses of this machine are free to listen on, now."""

import random
import socket
from typing import Final

_CANDIDATES: Final = range(10_000, 32_768)
"""Below the ports that Linux gives to outgoing connections, any of which could take a port before it is listened on."""


def is_free(address: str) -> bool:
    """Whether `host:port` can be listened on; port 0 always can."""
    host, _, port = address.rpartition(":")
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(place)
    except OSError:
        return False
    return True


def free_ports(count: int) -> list[int]:
    """So many different free ports of 127.0.0.1, by chance: two programs that ask at once hardly get the same."""
    ports: list[int] = []
    chance = random.SystemRandom()
    while len(ports) < count:
        port = chance.choice(_CANDIDATES)
        if port not in ports and is_free(f"127.0.0.1:{port}"):
            ports.append(port)
    return ports
