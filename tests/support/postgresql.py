"""A private PostgreSQL server for a test run, from the programs that the system has installed.

It listens on a Unix socket in its own temporary directory and nowhere else, trusts whoever may enter there, and
never waits for a disk: it is thrown away at the end. PostgreSQL refuses to run as root, so root lends it a user.
"""

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

_SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "deadlock_timeout": "50ms",
}


class PostgresqlMissing(Exception):
    """No PostgreSQL server program is installed here; the text says what was looked for."""


class PostgresqlServer:
    """A running server that hands out databases."""

    def __init__(self, programs: Path, directory: Path, user: str | None) -> None:
        self._programs = programs
        self._directory = directory
        self._user = user
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
        data = str(self._directory / "data")
        self._run("initdb", "--no-sync", "--auth=trust", "--username=postgres", "--encoding=UTF8", "-D", data)
        settings = _SETTINGS | {"unix_socket_directories": str(self._directory)}
        options = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
        log = str(self._directory / "log")
        self._run("pg_ctl", "start", "--wait", "-D", data, "--log", log, "-o", options)

    def stop(self) -> None:
        """Ends the server at once; its data is not wanted any more."""
        self._run("pg_ctl", "stop", "--wait", "--mode=immediate", "-D", str(self._directory / "data"))

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self._programs / program), *arguments],
            cwd=self._directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            user=self._user,
            group=self._user and pwd.getpwnam(self._user).pw_gid,
            extra_groups=None if self._user is None else [],
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed: {done.stderr}")


@contextmanager
def running_postgresql() -> Iterator[PostgresqlServer]:
    """A server for the length of the block. Raises PostgresqlMissing."""
    programs = _find_programs()
    user = _user_for_server()
    directory = Path(tempfile.mkdtemp(prefix="wamesh-postgresql-"))
    try:
        if user is not None:
            shutil.chown(directory, user)
        server = PostgresqlServer(programs, directory, user)
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


def _user_for_server() -> str | None:
    """Whom to run the server as: None for ourselves, another user when we are root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
