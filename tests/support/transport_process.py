"""A transport in a process of its own, driven from a test: for libraries that may end their process, and for killing
it.

`ChildTransport` is a `Transport`; every call crosses a socket as a pickle. `python -m support.transport_process FD` is
its other end.
"""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from wamesh.whatsapp.neonize.native_environment import process_environment
from wamesh.whatsapp.transport import OnEvent, OutgoingMessage, SendOutcome, Transport, TransportName, make_transport

_TESTS: Final = Path(__file__).resolve().parents[1]
_ANSWER_SECONDS: Final = 90.0


class ProcessGone(Exception):
    """The process ended before it answered."""


class ChildTransport:
    """`make_transport(name, directory, on_event, options)` in a new process with `environment` added to this one's."""

    def __init__(
        self,
        name: TransportName,
        directory: Path,
        on_event: OnEvent,
        options: Mapping[str, str],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "support.transport_process", str(theirs.fileno())],
                env=os.environ
                | process_environment(name, options)
                | {"PYTHONPATH": str(_TESTS)}
                | dict(environment or {}),
                pass_fds=[theirs.fileno()],
            )
        self._on_event = on_event
        self._connection = Connection(ours.detach())
        self._writing = threading.Lock()
        self._ids = count(1)
        self._open: dict[int, Future[Any]] = {}
        self._connection.send((name, directory, dict(options)))
        threading.Thread(target=self._read, name="child-transport", daemon=True).start()

    @property
    def paired(self) -> bool:
        return bool(self._ask("paired"))

    def connect(self) -> None:
        self._ask("connect", timeout=None)

    def request_pair_code(self, phone_number: str) -> str:
        return str(self._ask("request_pair_code", phone_number))

    def send(self, message: OutgoingMessage) -> SendOutcome:
        outcome: SendOutcome = self._ask("send", message)
        return outcome

    def find_sent(self, secret: bytes) -> str | None:
        found: str | None = self._ask("find_sent", secret)
        return found

    def logout(self) -> None:
        self._ask("logout")

    def stop(self) -> None:
        self._ask("stop")

    def kill(self) -> None:
        """Ends the process as `kill -9` does."""
        self._process.kill()
        self._process.wait()

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def exit_code(self) -> int:
        """Waits until the process has ended by itself, and returns how; fails the test after 90 s."""
        return self._process.wait(_ANSWER_SECONDS)

    def _ask(self, method: str, *arguments: Any, timeout: float | None = _ANSWER_SECONDS) -> Any:
        number, answer = next(self._ids), Future[Any]()
        self._open[number] = answer
        with self._writing:
            self._connection.send((number, method, arguments))
        return answer.result(timeout)

    def _read(self) -> None:
        try:
            while True:
                number, error, value = self._connection.recv()
                if number == 0:
                    self._on_event(value)
                elif error is not None:
                    self._open.pop(number).set_exception(error)
                else:
                    self._open.pop(number).set_result(value)
        except (EOFError, OSError):
            for answer in self._open.values():
                answer.set_exception(ProcessGone())


class _Host:
    """The process's side: one transport, one thread for each call."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._writing = threading.Lock()
        name, directory, options = connection.recv()
        self._transport: Transport | None = None
        try:
            self._transport = make_transport(name, directory, lambda event: self._tell(0, None, event), options)
        except Exception as error:  # noqa: BLE001 - every call answers with it
            self._refusal = error

    def run(self) -> None:
        while True:
            number, method, arguments = self._connection.recv()
            threading.Thread(target=self._answer, args=(number, method, arguments), daemon=True).start()

    def _answer(self, number: int, method: str, arguments: tuple[Any, ...]) -> None:
        try:
            if self._transport is None:
                raise self._refusal
            found = getattr(self._transport, method)
            self._tell(number, None, found(*arguments) if callable(found) else found)
        except Exception as error:  # noqa: BLE001 - the test on the other side gets it
            self._tell(number, error, None)

    def _tell(self, number: int, error: Exception | None, value: Any) -> None:
        with self._writing:
            self._connection.send((number, error, value))


if __name__ == "__main__":
    try:
        _Host(Connection(int(sys.argv[1]))).run()
    except EOFError:
        os._exit(0)
