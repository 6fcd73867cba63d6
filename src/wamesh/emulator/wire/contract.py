"""What the port gives to those who serve on it, and what it asks of them.

Owns: the protocols and values at the room's edge. Refuses: bytes' meaning. Everything is called on the port's event
loop, one call at a time.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import Protocol


class Link(Protocol):
    """The way back to one websocket client. Nothing blocks or raises, and what is called after the end does nothing."""

    def write(self, data: bytes) -> None:
        """Queues `data` as one binary websocket message; all of one turn of the loop leave in one TCP write.

        A client that leaves more than 16 MiB unread is aborted.
        """
        ...

    def close(self) -> None:
        """Sends what is queued, a websocket close frame (1000), then closes TCP; nothing is received any more."""
        ...

    def abort(self) -> None:
        """Resets the TCP connection (RST) at once; what is queued is lost, and nothing is received any more."""
        ...

    def slow_down(self, delay: timedelta) -> None:
        """Each later write (and close) waits so long; order is kept. Zero restores the usual speed."""
        ...

    def hold(self, duration: timedelta) -> None:
        """What is written from now on (and close) leaves when `duration` is over, or later; order is kept."""
        ...


class Handler(Protocol):
    """Who serves one websocket client. It may call its link from any of these."""

    def received(self, data: bytes) -> None:
        """The client sent bytes: a message, or a fragment of one. Frames inside are not aligned to it."""
        ...

    def closed(self, detail: str) -> None:
        """The connection is over, by whomever; called exactly once, last, and never inside a call of the link."""
        ...


OpenHandler = Callable[[Link], Handler]


@dataclass(frozen=True, slots=True)
class MediaRequest:
    """One HTTPS request that is no websocket.

    `host` has no port; `path` and `query` are decoded, of a repeated query name the last counts; header names are lower
    case.
    """

    method: str
    host: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class MediaResponse:
    """The answer; content-length and connection are the port's business."""

    status: int
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict)


class MediaHost(Protocol):
    """Who serves uploads and downloads."""

    def handle(self, request: MediaRequest) -> MediaResponse:
        """Answers at once."""
        ...


class ServiceDown(Enum):
    """How a connection is refused while WhatsApp is said to be unreachable."""

    UNAVAILABLE = "503 to CONNECT"
    """As a proxy answers whose target is down; a client that speaks TLS at once is reset."""
    RESET = "TCP reset"


Admission = Callable[[str], ServiceDown | None]
"""Asked once for each connection, with the host that CONNECT names (empty when the client speaks TLS at once); None
admits it.
"""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the port waits for a client before it aborts the connection.

    `head` for CONNECT or a TLS hello, and again for everything up to the end of the first request, and for each later
    head; `body` for a whole body, or for a whole answer to be read; `idle` between two requests.
    """

    head: timedelta = timedelta(seconds=20)
    body: timedelta = timedelta(seconds=120)
    idle: timedelta = timedelta(seconds=90)


class WireFault(Exception):
    """The client broke a rule of the wire; the text is for the log. Ends its connection, and only that."""
