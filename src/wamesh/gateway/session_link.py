"""What ties a session process to its gateway: the socket, and the lease that it may not outlive.

Owns: the process's end of the socket, and its two ways of ending itself. Refuses: to know what commands mean.
Invariant: a process whose gateway is gone, or whose lease has passed, does not run on; whatever hangs.
"""

import os
import queue
import signal
import socket
import sys
import threading
from typing import Final, NoReturn

from wamesh.gateway.session_wire import LENGTH, frame_length, framed, machine_time_ns
from wamesh.session.v1 import session_pb2 as pb

EXIT_STOPPED: Final = 0
EXIT_ORPHANED: Final = 3
EXIT_LEASE_PASSED: Final = 4
LEASE_PASSED: Final = frozenset({EXIT_LEASE_PASSED, -signal.SIGALRM})
"""How the end of a process whose lease passed looks to its parent: said by itself, or by the kernel's timer."""

_KERNEL_GRACE_NS: Final = 250_000_000
_FLUSH_SECONDS: Final = 0.5


def _leave(code: int, why: str) -> NoReturn:
    """Ends the process at once: no handlers, no finalizers, nothing that a hung library could hold up."""
    try:
        os.write(sys.stderr.fileno(), f"session process ends: {why}\n".encode())
    finally:
        os._exit(code)


class Link:
    """The process's end of the socket. `tell` never blocks: one thread writes, in order."""

    def __init__(self, peer: socket.socket) -> None:
        self._peer = peer
        self._outgoing: queue.SimpleQueue[pb.Event | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write_forever, daemon=True)
        self._writer.start()

    def next_command(self) -> pb.Command:
        """Waits for the next command; ends the process when the gateway is gone. Raises WireError, DecodeError."""
        return pb.Command.FromString(self._read(frame_length(self._read(LENGTH.size))))

    def tell(self, event: pb.Event) -> None:
        """Queues an event for the gateway."""
        self._outgoing.put(event)

    def flush(self) -> None:
        """Writes what is queued, for at most half a second; nothing may be told after it."""
        self._outgoing.put(None)
        self._writer.join(_FLUSH_SECONDS)

    def _read(self, count: int) -> bytes:
        data = bytearray()
        while len(data) < count:
            try:
                part = self._peer.recv(count - len(data))
            except OSError:
                part = b""
            if not part:
                _leave(EXIT_ORPHANED, "its gateway is gone")
            data += part
        return bytes(data)

    def _write_forever(self) -> None:
        while (event := self._outgoing.get()) is not None:
            try:
                self._peer.sendall(framed(event))
            except OSError:
                _leave(EXIT_ORPHANED, "its gateway is gone")


class LeaseGuard:
    """Ends the process when its lease passes.

    Two watchers, since the library may hold the interpreter: a thread that says why it ends the process, and
    a moment later the kernel's own timer, whose SIGALRM nothing here handles. A process that was stopped
    (SIGSTOP, a frozen machine) through its deadline is killed by the pending signal before it runs another
    instruction of its own.
    """

    def __init__(self, deadline_ns: int) -> None:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        self._deadline_ns = deadline_ns
        self._arm()
        threading.Thread(target=self._watch, daemon=True).start()

    def extend(self, deadline_ns: int) -> None:
        """Moves the deadline, a moment of `machine_time_ns`; one that is earlier than the last is old news."""
        if deadline_ns > self._deadline_ns:
            self._deadline_ns = deadline_ns
            self._arm()

    def _arm(self) -> None:
        left_ns = self._deadline_ns + _KERNEL_GRACE_NS - machine_time_ns()
        signal.setitimer(signal.ITIMER_REAL, max(left_ns, 1_000) / 1e9)

    def _watch(self) -> None:
        pause = threading.Event()
        while (left_ns := self._deadline_ns - machine_time_ns()) > 0:
            pause.wait(min(left_ns / 1e9, 1.0))
        _leave(EXIT_LEASE_PASSED, "its lease was not renewed in time")
