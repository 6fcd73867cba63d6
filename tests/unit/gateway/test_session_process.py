"""What a session process hears while it is still being built."""

import queue
import socket
from collections.abc import Iterator

import pytest

from wamesh.gateway.process.link import LeaseGuard, Link
from wamesh.gateway.process.main import CommandReader, newest_deadline_ns
from wamesh.gateway.process.wire import framed
from wamesh.session.v1 import session_pb2 as pb

WAIT_SECONDS = 10
KEPT_OPEN: list[socket.socket] = []


class NotedGuard(LeaseGuard):
    """A guard that ends nothing and notes its deadlines."""

    def __init__(self) -> None:
        self.deadlines: queue.SimpleQueue[int] = queue.SimpleQueue()

    def extend(self, deadline_ns: int) -> None:
        self.deadlines.put(deadline_ns)


@pytest.fixture
def ends() -> Iterator[tuple[Link, socket.socket]]:
    """A link, and the gateway's end of it. Neither is ever closed: the threads of the link would end this process."""
    ours, theirs = socket.socketpair()
    KEPT_OPEN.extend((ours, theirs))
    yield Link(theirs), ours


def test_the_lease_is_extended_before_anybody_obeys(ends: tuple[Link, socket.socket]) -> None:
    """However long the transport takes to be built: else a machine that starts many at once would start them for ever.

    The other commands wait, and keep their order.
    """
    link, gateway = ends
    guard = NotedGuard()
    reader = CommandReader(link, guard)
    gateway.sendall(framed(pb.Command(extend_lease=pb.ExtendLease(lease_deadline_ns=1))))
    assert guard.deadlines.get(timeout=WAIT_SECONDS) == 1
    gateway.sendall(b"".join(framed(pb.Command(id=number, connect=pb.Connect())) for number in (1, 2)))
    obeyed: queue.SimpleQueue[int] = queue.SimpleQueue()
    reader.hand_to(lambda command: obeyed.put(command.id))
    assert [obeyed.get(timeout=WAIT_SECONDS) for _ in range(2)] == [1, 2]


def test_a_process_that_came_up_late_begins_with_the_newest_deadline(ends: tuple[Link, socket.socket]) -> None:
    """The renewals that came meanwhile are there already, behind Begin."""
    link, gateway = ends
    begin = pb.Command(begin=pb.Begin(lease_deadline_ns=1))
    extend = pb.Command(extend_lease=pb.ExtendLease(lease_deadline_ns=2))
    gateway.sendall(framed(begin) + framed(extend) + framed(pb.Command(stop=pb.Stop())))
    assert newest_deadline_ns(link.next_command(), *link.already_here()) == 2
    assert link.next_command() == extend
    assert newest_deadline_ns(begin) == 1
