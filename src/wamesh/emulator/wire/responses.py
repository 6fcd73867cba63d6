"""HTTP/1.1 answers as bytes.

Owns: status lines, and the headers that belong to the connection. Refuses: bodies of unknown length.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


def answer(status: int, body: bytes = b"") -> bytes:
    """A whole answer after which the connection closes."""
    return head(status, len(body), {"content-type": "text/plain"} if body else {}, keep_alive=False) + body


def head(status: int, length: int, headers: Mapping[str, str], *, keep_alive: bool) -> bytes:
    """The answer's bytes up to its body of `length` bytes.

    Raises ValueError for a header that would break out of its line.
    """
    own = {"content-length": str(length), "connection": "keep-alive" if keep_alive else "close"}
    lines = [f"HTTP/1.1 {status} {_phrase(status)}"]
    lines += [f"{name}: {value}" for name, value in {**headers, **own}.items()]
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a header must be one line")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
