"""Bytes become the same requests, however they are divided."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wamesh.emulator.wire.requests import MAX_BODY_BYTES, MAX_HEAD_BYTES, BadRequest, Request, RequestReader

TRAFFIC = (
    b"POST /mms/image?auth=1 HTTP/1.1\r\nHost: mmg.whatsapp.net\r\nContent-Length: 4\r\n\r\nbody"
    b"PUT /chunked HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n2\r\n23\r\n0\r\n\r\n"
    b"GET /ws/chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\nnot http"
)


def _pieces(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    edges = [0, *sorted(cuts), len(data)]
    return (data[start:end] for start, end in pairwise(edges) if start < end)


@given(st.lists(st.integers(0, len(TRAFFIC)), max_size=12))
@settings(max_examples=200)
def test_division_does_not_matter(cuts: list[int]) -> None:
    """The requests are the same for every division, and what follows an upgrade is left as it is."""
    reader, requests, rest = RequestReader(), list[Request](), b""
    for piece in _pieces(TRAFFIC, cuts):
        if requests and requests[-1].upgrade:
            rest += piece
        else:
            requests += reader.receive(piece)
    assert [(r.method, r.target, r.body, r.upgrade) for r in requests] == [
        ("POST", "/mms/image?auth=1", b"body", False),
        ("PUT", "/chunked", b"one23", False),
        ("GET", "/ws/chat", b"", True),
    ]
    assert reader.rest + rest == b"not http"


def test_connect_ends_http() -> None:
    """The target is host and port; the bytes behind the head are the tunnel's."""
    reader = RequestReader()
    (request,) = reader.receive(b"CONNECT web.whatsapp.com:443 HTTP/1.1\r\nHost: x\r\n\r\n\x16\x03\x01")
    assert (request.method, request.target, request.upgrade) == ("CONNECT", "web.whatsapp.com:443", True)
    assert reader.rest == b"\x16\x03\x01"


@given(st.binary(max_size=300))
@settings(max_examples=200)
def test_any_bytes_give_requests_or_bad_request(data: bytes) -> None:
    """Nothing else is ever raised."""
    try:
        RequestReader().receive(data)
    except BadRequest as bad:
        assert bad.status in (400, 413, 431)


@pytest.mark.parametrize("end", [b"", b"\r\n\r\n"])
def test_head_is_limited(end: bytes) -> None:
    """A head that grows too large is refused, finished or not."""
    with pytest.raises(BadRequest) as refusal:
        RequestReader().receive(b"GET / HTTP/1.1\r\nX: " + b"x" * (MAX_HEAD_BYTES + 1) + end)
    assert refusal.value.status == 431


@pytest.mark.parametrize(
    "head",
    [
        b"PUT / HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1),
        b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % (MAX_BODY_BYTES + 1),
    ],
)
def test_body_is_limited(head: bytes) -> None:
    """A body over the limit is refused when it is announced, or when it gets there."""
    reader, piece = RequestReader(), bytes(1 << 20)
    with pytest.raises(BadRequest) as refusal:
        reader.receive(head)
        for _ in range(MAX_BODY_BYTES // len(piece) + 1):
            reader.receive(piece)
    assert refusal.value.status == 413
