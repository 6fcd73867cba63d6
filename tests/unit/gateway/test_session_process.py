"""What a session process hears while it is still being built, and when nobody speaks any more."""

import queue
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from wamesh.gateway.process.link import EXIT_ORPHANED, LeaseGuard, Link
from wamesh.gateway.process.main import CommandReader, newest_deadline_ns
from wamesh.gateway.process.wire import framed
from wamesh.session.v1 import session_pb2 as pb

WAIT_SECONDS = 10
KEPT_OPEN: list[socket.socket] = []


class NotedGuard(LeaseGuard):
    """A guard that ends nothing and notes its deadlines."""

    def __init__(self) -> None:
        self.deadlines: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.hurries = 0

    def extend(self, deadline_ns: int) -> None:
        self.deadlines.put(deadline_ns)

    def hurry(self) -> None:
        self.hurries += 1


class NotedProcess:
    """Notes what it is told, and goes on."""

    def __init__(self) -> None:
        self.obeyed: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.ended: queue.SimpleQueue[int] = queue.SimpleQueue()

    def obey(self, command: pb.Command) -> None:
        self.obeyed.put(command.id)

    def end(self, code: int, why: str) -> Any:
        self.ended.put(code)


@pytest.fixture
def ends() -> Iterator[tuple[Link, socket.socket]]:
    """A link, and the gateway's end of it, which a test closes if anybody: a reader without a process would end this
    one.
    """
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
    process = NotedProcess()
    reader.hand_to(process)
    assert [process.obeyed.get(timeout=WAIT_SECONDS) for _ in range(2)] == [1, 2]


def test_a_process_whose_gateway_is_gone_ends_in_order(ends: tuple[Link, socket.socket]) -> None:
    """So that what the library has taken reaches the journal; the kernel sees to it that this takes no longer than it
    may. Telling a gateway that is gone does no harm.
    """
    link, gateway = ends
    guard, process = NotedGuard(), NotedProcess()
    CommandReader(link, guard).hand_to(process)
    gateway.close()
    assert process.ended.get(timeout=WAIT_SECONDS) == EXIT_ORPHANED
    assert guard.hurries == 1
    for _ in range(3):
        link.tell(pb.Event(ready=pb.Ready()))
    link.flush()


def test_a_process_whose_lease_passes_ends_in_order(ends: tuple[Link, socket.socket]) -> None:
    """By the same way, and the kernel's timer behind it."""
    guard, process = NotedGuard(), NotedProcess()
    CommandReader(ends[0], guard).hand_to(process)
    assert guard.end == process.end


def test_a_process_that_came_up_late_begins_with_the_newest_deadline(ends: tuple[Link, socket.socket]) -> None:
    """The renewals that came meanwhile are there already, behind Begin."""
    link, gateway = ends
    begin = pb.Command(begin=pb.Begin(lease_deadline_ns=1))
    extend = pb.Command(extend_lease=pb.ExtendLease(lease_deadline_ns=2))
    gateway.sendall(framed(begin) + framed(extend) + framed(pb.Command(stop=pb.Stop())))
    assert newest_deadline_ns(link.next_command(), *link.already_here()) == 2
    assert link.next_command() == extend
    assert newest_deadline_ns(begin) == 1
