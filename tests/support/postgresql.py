"""A private PostgreSQL server for a test run, from the programs that the system has installed.

It listens on a Unix socket in its own temporary directory and nowhere else, trusts whoever may enter there, and
never waits for a disk: it is thrown away at the end. A benchmark has it be `DURABLE` instead, as a server is by
default, and may restart it. PostgreSQL refuses to run as root, so root lends it a user.
"""

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import quote

FORGETFUL = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "deadlock_timeout": "50ms",
}
DURABLE: Mapping[str, str] = {}

StopMode = Literal["fast", "immediate"]
"""`fast` breaks all connections and writes a checkpoint; `immediate` is a crash, which the next start repairs."""


class PostgresqlMissing(Exception):
    """No PostgreSQL server program is installed here; the text says what was looked for."""


class PostgresqlServer:
    """A running server that hands out databases."""

    def __init__(self, settings: Mapping[str, str], programs: Path, directory: Path, user: str | None) -> None:
        self._settings = settings
        self._programs = programs
        self._directory = directory
        self._as_user = [] if user is None else _becoming(user)
        self._names = (f"test_{number}" for number in itertools.count(1))

    @contextmanager
    def fresh_database(self) -> Iterator[str]:
        """The URL of a new, empty database, which is dropped at the end."""
        name = next(self._names)
        self._run("createdb", "--host", str(self._directory), "--username", "postgres", name)
        try:
            yield f"postgresql://postgres@/{name}?host={quote(str(self._directory))}"
        finally:
            self._run("dropdb", "--force", "--host", str(self._directory), "--username", "postgres", name)

    def start(self) -> None:
        """Creates the cluster and returns when it answers."""
        self._run("initdb", "--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "-D", self._data)
        self._up()

    def restart(self, mode: StopMode, away_seconds: float = 0.0) -> None:
        """Ends the server, leaves it away for so long, and starts it on the same data; returns when it answers."""
        self._down(mode)
        time.sleep(away_seconds)
        self._up()

    def stop(self) -> None:
        """Ends the server at once; its data is not wanted any more."""
        self._down("immediate")

    @property
    def _data(self) -> str:
        return str(self._directory / "data")

    def _up(self) -> None:
        settings = {**self._settings, "listen_addresses": "", "unix_socket_directories": str(self._directory)}
        options = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
        self._run("pg_ctl", "start", "--wait", "-D", self._data, "--log", str(self._directory / "log"), "-o", options)

    def _down(self, mode: StopMode) -> None:
        self._run("pg_ctl", "stop", "--wait", f"--mode={mode}", "-D", self._data)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [*self._as_user, str(self._programs / program), *arguments],
            cwd=self._directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed: {done.stderr}")


@contextmanager
def running_postgresql(settings: Mapping[str, str] = FORGETFUL) -> Iterator[PostgresqlServer]:
    """A server for the length of the block. Raises PostgresqlMissing."""
    programs = _find_programs()
    user = _user_for_server()
    directory = Path(tempfile.mkdtemp(prefix="wamesh-postgresql-"))
    try:
        if user is not None:
            shutil.chown(directory, user)
        server = PostgresqlServer(settings, programs, directory, user)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _find_programs() -> Path:
    """The directory of the newest installed server's programs."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    found = str(installed[-1]) if installed else shutil.which("initdb")
    if found is None:
        raise PostgresqlMissing("initdb is neither in /usr/lib/postgresql/*/bin nor on the PATH")
    return Path(found).resolve().parent


def _becoming(user: str) -> list[str]:
    """What runs a program as another user: one of util-linux, since `subprocess` would fork to do it, and a fork of a
    process that has loaded gRPC may break.
    """
    group = pwd.getpwnam(user).pw_gid
    return ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--"]


def _user_for_server() -> str | None:
    """Whom to run the server as: None for ourselves, another user when we are root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
