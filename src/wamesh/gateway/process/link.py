"""What ties a session process to its gateway: the socket, and the lease that it may not outlive.

Owns: the process's end of the socket, and what tells that it must end. Refuses: to know what commands mean, and what
there is to put in order before the end. Invariant: a process whose gateway is gone, or whose lease has passed, does not
run on; whatever hangs.
"""

import contextlib
import ctypes
import os
import signal
import socket
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import Final, NoReturn

from wamesh.gateway.process.wire import Frames, framed, machine_time_ns
from wamesh.session.v1 import session_pb2 as pb

EXIT_STOPPED: Final = 0
EXIT_ORPHANED: Final = 3
EXIT_LEASE_PASSED: Final = 4
LEASE_PASSED: Final = frozenset({EXIT_LEASE_PASSED, -signal.SIGALRM})
"""How the end of a process whose lease passed looks to its parent: said by itself, or by the kernel's timer."""

_KERNEL_GRACE_NS: Final = 250_000_000
_ORPHAN_SECONDS: Final = 3.0
_FLUSH_SECONDS: Final = 0.5
_READ_BYTES: Final = 1 << 16
_PR_SET_PDEATHSIG: Final = 1


class GatewayGone(Exception):
    """Nobody is at the other end of the socket."""


def leave(code: int, why: str) -> NoReturn:
    """Ends the process at once: no handlers, no finalizers, nothing that a hung library could hold up."""
    try:
        os.write(sys.stderr.fileno(), f"session process ends: {why}\n".encode())
    finally:
        os._exit(code)


def wake_with_parents_death() -> None:
    """Has the kernel continue this process when its gateway is gone, should it be stopped (SIGSTOP): so that it finds
    out, and its connection does not stay beside the next holder's. Linux alone can do it.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGCONT)


class Link:
    """The process's end of the socket. `tell` never blocks: what the socket does not take at once, a thread of its own
    writes, in order.
    """

    def __init__(self, peer: socket.socket) -> None:
        self._peer = peer
        self._frames = Frames()
        self._commands: deque[bytes] = deque()
        self._writing = threading.Condition()
        self._unwritten: deque[bytes] = deque()
        threading.Thread(target=self._write_forever, daemon=True).start()

    def next_command(self) -> pb.Command:
        """Waits for the next command. Raises GatewayGone, WireError, DecodeError."""
        while not self._commands:
            self._commands.extend(self._frames.feed(self._read()))
        return pb.Command.FromString(self._commands.popleft())

    def already_here(self) -> list[pb.Command]:
        """The commands that came together with the last one, and wait to be taken."""
        return [pb.Command.FromString(command) for command in self._commands]

    def tell(self, event: pb.Event) -> None:
        """Writes an event for the gateway, or queues it while the gateway is slow to read; to one that is gone nothing
        is told.
        """
        data = framed(event)
        with self._writing:
            if not self._unwritten:
                data = data[self._write_at_once(data) :]
            if data:
                self._unwritten.append(data)
                self._writing.notify_all()

    def flush(self) -> None:
        """Waits until everything is written, for at most half a second; nothing may be told after it."""
        with self._writing:
            self._writing.wait_for(lambda: not self._unwritten, _FLUSH_SECONDS)

    def _read(self) -> bytes:
        try:
            data = self._peer.recv(_READ_BYTES)
        except OSError:
            data = b""
        if not data:
            raise GatewayGone
        return data

    def _write_at_once(self, data: bytes) -> int:
        """Writes what the socket takes without waiting, and returns how many bytes that were."""
        try:
            return self._peer.send(data, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return 0
        except OSError:  # whoever reads finds out that the gateway is gone
            return len(data)

    def _write_forever(self) -> NoReturn:
        """Writes what is queued; it stays in the queue until it is written, so that nothing overtakes it."""
        while True:
            with self._writing:
                self._writing.wait_for(lambda: self._unwritten)
                data = self._unwritten[0]
            with contextlib.suppress(OSError):
                self._peer.sendall(data)
            with self._writing:
                self._unwritten.popleft()
                self._writing.notify_all()


class LeaseGuard:
    """Ends the process when its lease passes.

    Two watchers, since the library may hold the interpreter: a thread that says why it ends the process, and
    a moment later the kernel's own timer, whose SIGALRM nothing here handles. A process that was stopped
    (SIGSTOP, a frozen machine) through its deadline is killed by the pending signal before it runs another
    instruction of its own.
    """

    def __init__(self, deadline_ns: int) -> None:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        self.end: Callable[[int, str], NoReturn] = leave
        """How the process ends when its lease has passed; a quarter of a second later the kernel does it."""
        self._deadline_ns = deadline_ns
        self._arm()
        threading.Thread(target=self._watch, daemon=True).start()

    def extend(self, deadline_ns: int) -> None:
        """Moves the deadline, a moment of `machine_time_ns`; one that is earlier than the last is old news."""
        if deadline_ns > self._deadline_ns:
            self._deadline_ns = deadline_ns
            self._arm()

    def hurry(self) -> None:
        """The process is about to end: the kernel ends it if that takes longer than three seconds."""
        self._deadline_ns = min(self._deadline_ns, machine_time_ns() + round(_ORPHAN_SECONDS * 1e9))
        self._arm()

    def _arm(self) -> None:
        left_ns = self._deadline_ns + _KERNEL_GRACE_NS - machine_time_ns()
        signal.setitimer(signal.ITIMER_REAL, max(left_ns, 1_000) / 1e9)

    def _watch(self) -> None:
        pause = threading.Event()
        while (left_ns := self._deadline_ns - machine_time_ns()) > 0:
            pause.wait(min(left_ns / 1e9, 1.0))
        self.end(EXIT_LEASE_PASSED, "its lease was not renewed in time")
