"""Bytes to HTTP/1.1 requests, without I/O.

Owns: cutting, and the limits on what a client may send. Refuses: answering. Invariant: what is kept is never more than
one head and one body of the allowed size, besides whole requests that were not taken yet.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import httptools

from wamesh.emulator.wire.contract import WireFault

MAX_HEAD_BYTES: Final = 64 << 10
MAX_BODY_BYTES: Final = 64 << 20


class BadRequest(WireFault):
    """Not a request that we take; `status` is what to answer."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


@dataclass(frozen=True, slots=True)
class Request:
    """One whole request; header names are lower case, and of a repeated header the last counts."""

    method: str
    target: str
    headers: Mapping[str, str]
    keep_alive: bool
    upgrade: bool
    """Another protocol follows: the request is a CONNECT, or asks for an upgrade."""
    body: bytes = field(default=b"", repr=False)


class RequestReader:
    """Takes bytes, gives requests; after one with `upgrade` everything else is `rest`."""

    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self._unfinished_bytes = 0
        self._done: list[Request] = []
        self.rest = b""
        self.reading_head = False
        self.reading_body = False
        self.awaits_continue = False
        self._begin()

    def receive(self, data: bytes) -> list[Request]:
        """Returns the requests that `data` completed. Raises BadRequest."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self.rest = data[upgrade.args[0] :]
        except httptools.HttpParserCallbackError as error:
            if isinstance(error.__context__, BadRequest):
                raise error.__context__ from None
            raise
        except httptools.HttpParserError as error:
            raise BadRequest(400, f"not HTTP: {error}") from error
        self._unfinished_bytes = self._unfinished_bytes + len(data) if self.reading_head else 0
        self._limit_head(self._unfinished_bytes)
        done, self._done = self._done, []
        return done

    def _begin(self) -> None:
        self._target, self._headers = b"", dict[str, str]()
        self._body: list[bytes] = []
        self._head_bytes = self._body_bytes = 0

    def _limit_head(self, length: int) -> None:
        if length > MAX_HEAD_BYTES:
            raise BadRequest(431, f"a request head of more than {MAX_HEAD_BYTES} bytes")

    # Called by the parser

    def on_message_begin(self) -> None:
        self.reading_head = True
        self._begin()

    def on_url(self, piece: bytes) -> None:
        self._target += piece

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")
        self._head_bytes += len(name) + len(value)

    def on_headers_complete(self) -> None:
        self.reading_head, self.reading_body = False, True
        self._limit_head(self._head_bytes + len(self._target))
        length = self._headers.get("content-length", "0")
        if length.isdecimal() and int(length) > MAX_BODY_BYTES:
            raise BadRequest(413, f"a body of {length} bytes")
        self.awaits_continue = self._headers.get("expect", "").lower() == "100-continue"

    def on_body(self, piece: bytes) -> None:
        self._body_bytes += len(piece)
        if self._body_bytes > MAX_BODY_BYTES:
            raise BadRequest(413, f"a body of more than {MAX_BODY_BYTES} bytes")
        self._body.append(piece)

    def on_message_complete(self) -> None:
        self.reading_body = self.awaits_continue = False
        self._done.append(
            Request(
                method=self._parser.get_method().decode("latin-1"),
                target=self._target.decode("latin-1"),
                headers=self._headers,
                keep_alive=self._parser.should_keep_alive(),
                upgrade=self._parser.should_upgrade(),
                body=b"".join(self._body),
            )
        )
