"""Baileys, the other client of WhatsApp's protocol that people use, in a Node process driven from a test.

    def test_pairs(emulator: RunningEmulator, packages: Path, tmp_path: Path) -> None:
        with baileys(packages, emulator.trust(), tmp_path) as client:
            emulator.scan(ACCOUNT, client.event("qr")["qr"])
            client.event("connected")

Its packages come from npm, once for each lock file (`benchmarks/peers/install`). Without Node, or where npm cannot
install them, its tests are skipped with the reason printed.
"""

import json
import os
import queue
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from wamesh.emulator.client.trust import Trust

WAIT_SECONDS: Final = 20.0
NODE_VERSION: Final = 20
_ROOT: Final = Path(__file__).resolve().parents[2]
_DRIVER: Final = "tests/support/baileys_node/driver.mjs"


@pytest.fixture(scope="session")
def packages() -> Path:
    """A view of this tree with Node's packages beside it."""
    if missing := _missing():
        pytest.skip(f"Baileys needs Node: {missing}")
    install = subprocess.run([_ROOT / "benchmarks/peers/install"], capture_output=True, text=True, check=False)
    if install.returncode:
        pytest.skip(f"npm could not install Baileys: {install.stderr.strip()}")
    return Path(install.stdout.strip())


def _missing() -> str:
    """What keeps this machine from running Baileys; empty when nothing does."""
    absent = [name for name in ("node", "npm") if shutil.which(name) is None]
    if absent:
        return f"{' and '.join(absent)} not found"
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    major = int(version.removeprefix("v").partition(".")[0])
    return "" if major >= NODE_VERSION else f"node is {version}, it must be v{NODE_VERSION} or newer"


class Baileys:
    """A running driver: its events in order, and answers to what it is asked."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self._events: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._answers: queue.Queue[dict[str, Any] | None] = queue.Queue()
        threading.Thread(target=self._read, name="baileys", daemon=True).start()

    def event(self, name: str) -> dict[str, Any]:
        """Returns the next event of this name, passing over others; fails the test after 20 s."""
        return self._events_until(name)[-1]

    def events_until(self, name: str) -> list[str]:
        """Returns the names of the next events, up to the first of this name; fails the test after 20 s."""
        return [next(iter(event)) for event in self._events_until(name)]

    def _events_until(self, name: str) -> list[dict[str, Any]]:
        seen: list[dict[str, Any]] = []
        while not seen or name not in seen[-1]:
            seen.append(_next(self._events, f"Baileys tells no {name!r} after {seen}"))
        return seen

    def statuses(self, message_id: str, last: int) -> list[int]:
        """Returns what became of a sent message, in Baileys' numbers (3 delivered, 4 read), up to `last`."""
        seen: list[int] = []
        while last not in seen:
            found = self.event("status")
            if found["id"] == message_id:
                seen.append(found["status"])
        return seen

    def ask(self, action: str, **options: Any) -> Any:
        """Has it do something and returns the answer; fails the test when it refuses or is silent for 20 s."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": action, **options}) + "\n")
        self._process.stdin.flush()
        found = _next(self._answers, f"Baileys does not answer to {action!r}")
        assert "error" not in found, found["error"]
        return found["answer"]

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            told = json.loads(line)
            (self._answers if told.keys() & {"answer", "error"} else self._events).put(told)
        self._events.put(None)
        self._answers.put(None)


def _next(lines: "queue.Queue[dict[str, Any] | None]", why: str) -> dict[str, Any]:
    try:
        found = lines.get(timeout=WAIT_SECONDS)
    except queue.Empty:
        raise AssertionError(why) from None
    assert found is not None, f"{why}: its process ended"
    return found


@contextmanager
def baileys(packages: Path, trust: Trust, directory: Path) -> Iterator[Baileys]:
    """A Baileys that believes this emulator, with the keys in `directory`. It is stopped in
    order at the end, so that its keys are on disk."""
    options = trust.options(directory)
    environment = {
        "AUTH_DIRECTORY": str(directory / "auth"),
        "EMULATOR_ROOT_KEY": options["root_public_key"],
        "EMULATOR_WIRE": options["wire_address"],
        "NODE_ENV": "production",
        "NODE_EXTRA_CA_CERTS": options["ca_file"],
    }
    command = ["node", "--preserve-symlinks", "--preserve-symlinks-main", str(packages / _DRIVER)]
    with subprocess.Popen(
        command, env=os.environ | environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Baileys(process)
            assert process.stdin is not None
            process.stdin.close()  # which stops it
            process.wait(WAIT_SECONDS)
        finally:
            process.kill()
