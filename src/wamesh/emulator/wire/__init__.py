"""The emulator's port: one loopback TCP port that is proxy, TLS server, websocket server and media host in one.

    TCP accept
      first byte 0x16 ------------------------------+
      `CONNECT host:port` -> 200 -> ----------------+--> TLS --> GET /ws/chat, upgrade --> websocket: a `Handler`
      anything else -> 400, closed                               anything else --------> a `MediaHost`

`listen` opens it; the rest is what it asks of those who serve on it.
"""

from wamesh.emulator.wire.certificates import Certificates
from wamesh.emulator.wire.contract import (
    Admission,
    Handler,
    Link,
    MediaHost,
    MediaRequest,
    MediaResponse,
    OpenHandler,
    Patience,
    ServiceDown,
)
from wamesh.emulator.wire.listener import WirePort, listen

__all__ = [
    "Admission",
    "Certificates",
    "Handler",
    "Link",
    "MediaHost",
    "MediaRequest",
    "MediaResponse",
    "OpenHandler",
    "Patience",
    "ServiceDown",
    "WirePort",
    "listen",
]
