"""Processes that stand still."""

import os
import signal
import time
from pathlib import Path
from typing import Final

_DEADLINE_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.002
_STOPPED: Final = "T"


def freeze(pid: int) -> None:
    """Sends SIGSTOP and returns when every thread stands still.

    The signal reaches one thread, and the others run on until that one was scheduled: on a busy machine, long enough to
    answer what they should not.
    """
    os.kill(pid, signal.SIGSTOP)
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while any(_state(thread) != _STOPPED for thread in Path(f"/proc/{pid}/task").iterdir()):
        assert time.monotonic() < deadline, f"process {pid} does not stop"
        time.sleep(_POLL_SECONDS)


def _state(thread: Path) -> str:
    """One letter, after the name in brackets, which may hold anything."""
    return (thread / "stat").read_text().rpartition(")")[2].split()[0]
