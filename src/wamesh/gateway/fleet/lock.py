"""The lock on a data directory: one gateway on it at a time, session processes included.

The lock is `flock` on an open file, so the kernel drops it when the last process that has the descriptor is
gone, in whatever way it went. Session processes inherit it: a new gateway cannot start beside a session of
the old one.

Owns: taking the lock, and the name of this gateway that lives beside it. Refuses: stale-lock heuristics;
there are no stale locks. Invariant: whoever holds a `DataDirectory` is alone on it.
"""

import fcntl
import os
import secrets
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path, PurePath
from typing import Final, Self

from wamesh.errors import FailedPrecondition

PATIENCE: Final = timedelta(seconds=5)
_POLL_SECONDS: Final = 0.05


class DirectoryInUse(FailedPrecondition):
    """Another gateway, or a session process of one, is on the data directory."""

    reason = "DATA_DIRECTORY_IN_USE"

    def __init__(self, directory: Path) -> None:
        super().__init__(
            f"Another gateway is using {directory}: stop it, or start this one with another data directory.",
            {"directory": str(directory)},
        )


@dataclass(frozen=True, slots=True)
class DataDirectory:
    """A data directory held alone. `node` names this gateway for ever; `lock_fd` is for its session processes."""

    path: Path
    node: str
    lock_fd: int

    def of_company(self, company_id: int) -> Path:
        """Returns the company's own directory: device store and journal. It need not exist yet."""
        return self.path / "sessions" / str(company_id)

    def companies_with(self, name: PurePath) -> list[int]:
        """Returns the companies in whose directory is a file of this name that is not empty."""
        found = (path for path in self.path.glob(f"sessions/*/{name}") if path.stat().st_size)
        return sorted(int(path.parent.name) for path in found)

    def close(self) -> None:
        """Lets the directory go, once every process that inherited the descriptor is gone too."""
        os.close(self.lock_fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_directory(
    path: Path,
    patience: timedelta = PATIENCE,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> DataDirectory:
    """Returns the directory (made when missing, for its owner only), locked; waits up to `patience` for
    another to end.

    Blocks, so call it before any loop runs. Raises DirectoryInUse; OSError when it cannot be written.
    """
    path = path.absolute()
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock_fd = os.open(path / "gateway.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        _lock(lock_fd, path, monotonic() + patience.total_seconds(), monotonic, sleep)
        return DataDirectory(path, _node_name(path), lock_fd)
    except BaseException:
        os.close(lock_fd)
        raise


def _lock(
    lock_fd: int, path: Path, deadline: float, monotonic: Callable[[], float], sleep: Callable[[float], None]
) -> None:
    while True:
        try:
            return fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if monotonic() >= deadline:
                raise DirectoryInUse(path) from None
            sleep(_POLL_SECONDS)


def _node_name(path: Path) -> str:
    """The directory's own name for its gateway, drawn once: a host name alone is not unique."""
    file = path / "node"
    if not file.exists():
        draft = file.with_suffix(".new")
        draft.write_text(f"{socket.gethostname()}-{secrets.token_hex(4)}\n")
        draft.replace(file)
    return file.read_text().strip()
