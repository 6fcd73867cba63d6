"""The process's end of the socket: nothing overtakes, nothing blocks, nothing is left behind."""

import socket
import threading
from collections.abc import Iterator

import pytest

from wamesh.gateway.process.link import Link
from wamesh.gateway.process.wire import Frames, framed
from wamesh.session.v1 import session_pb2 as pb


@pytest.fixture
def ends() -> Iterator[tuple[Link, socket.socket]]:
    """A link, and the gateway's end of a socket that holds little."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(10)
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        yield Link(theirs), ours


def answers(count: int) -> list[pb.Event]:
    return [pb.Event(answer=pb.Answer(id=number, failed=pb.Failed(reason="x" * 200))) for number in range(count)]


def received(peer: socket.socket, count: int) -> list[int]:
    """The ids of so many answers."""
    frames, ids = Frames(), list[int]()
    while len(ids) < count:
        ids += [pb.Event.FromString(body).answer.id for body in frames.feed(peer.recv(1000))]
    return ids


def test_telling_never_waits_for_a_slow_gateway(ends: tuple[Link, socket.socket]) -> None:
    """More than the socket holds is told without a reader, and arrives whole and in order once there is one."""
    link, gateway = ends
    for event in answers(500):
        link.tell(event)
    assert received(gateway, 500) == list(range(500))


def test_flush_waits_for_what_is_queued(ends: tuple[Link, socket.socket]) -> None:
    """Once it returns the gateway can read everything."""
    link, gateway = ends
    for event in answers(100):
        link.tell(event)
    reading = threading.Thread(target=lambda: received(gateway, 100))
    reading.start()
    link.flush()
    reading.join(10)
    assert not reading.is_alive()


def test_commands_come_one_by_one(ends: tuple[Link, socket.socket]) -> None:
    """However many arrive at once."""
    link, gateway = ends
    gateway.sendall(b"".join(framed(pb.Command(id=number)) for number in (1, 2, 3)))
    assert [link.next_command().id for _ in range(3)] == [1, 2, 3]
