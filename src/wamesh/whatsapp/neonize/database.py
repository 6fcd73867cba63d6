"""The library's own database, as `NeonizeDeviceStore` asks it: one statement at a time, passively.

Two adapters: `neonize_store_file` (an SQLite file on this machine) and `neonize_store_postgresql` (a schema on a server
that several gateways share).

Owns: the port, and the process that a statement runs in when it must not run in this one. Refuses: what is asked.
Invariant: a statement meets the tables that the library has made, or nothing.
"""

import pickle
import subprocess
import sys
from typing import Any, Final, Literal, Protocol

from wamesh.whatsapp.transport import DeviceStoreUnavailable

Mode = Literal["ro", "rw"]
Rows = list[tuple[Any, ...]]

ANSWER_SECONDS: Final = 8.0


class DeviceDatabase(Protocol):
    """Where the library keeps one company's device."""

    def lend(self) -> str:
        """Returns the name by which the library of this process opens it. From here on it is the library's."""
        ...

    def run(self, mode: Mode, sql: str, *arguments: Any) -> Rows:
        """Returns the rows; none when the library has not made its tables yet. `$1, $2, ...` stand for the arguments.

        Raises what the engine raises.
        """
        ...


def run_elsewhere(module: str, *question: Any) -> Rows:
    """Has `python -m module` answer: it reads a pickled question on standard input and prints pickled rows, or the
    DeviceStoreUnavailable that is raised here. A question may hold a password: it is in no argument list.

    Raises DeviceStoreUnavailable, CalledProcessError, TimeoutExpired.
    """
    answered = subprocess.run(
        [sys.executable, "-m", module],
        input=pickle.dumps(question),
        capture_output=True,
        timeout=ANSWER_SECONDS,
        check=True,
    )
    answer: Rows | DeviceStoreUnavailable = pickle.loads(answered.stdout)
    if isinstance(answer, DeviceStoreUnavailable):
        raise answer
    return answer
