"""Runs one process of the mesh: settings, logs, event loop, and one line for a start that cannot be.

A start that only a person can repair (wrong setting, taken port, held data directory) ends at once with exit code 2 and
one sentence; whoever supervises the process does not start it again. One that fails because something is away that may
come back (the database) ends with exit code 1 and is started again.
"""

import asyncio
import importlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Final

import uvloop

from wamesh import logs, settings
from wamesh.errors import MeshError, Unavailable
from wamesh.rpc.server import PortTaken

EXIT_AWAY: Final = 1
EXIT_REFUSED: Final = 2

Run = Callable[[Any], Coroutine[Any, Any, None]]


def run_process(name: str, kind: type[settings.ProcessSettings], **arguments: Any) -> int:
    """Runs `wamesh.<name>.main.run` with its settings until it stops. Returns the exit code."""
    try:
        read = settings.load(kind, **arguments)
        logs.configure(name, read.log_format, read.log_level)
        run: Run = importlib.import_module(f"wamesh.{name}.main").run
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(run(read))
    except Unavailable as outage:
        refuse(name, str(outage))
        return EXIT_AWAY
    except (settings.WrongSetting, PortTaken, MeshError) as refusal:
        return refuse(name, str(refusal))
    except OSError as error:
        return refuse(name, f"{error.strerror or error}: {error.filename or 'the operating system refused'}.")
    return 0


def refuse(name: str, sentence: str) -> int:
    """Says why the start cannot be. Returns the exit code."""
    print(f"wamesh {name}: {sentence}", file=sys.stderr)
    return EXIT_REFUSED


def stop_with_parent() -> None:
    """Makes this process stop when its standard input closes: when its parent is gone, in whatever way it went."""

    def wait_for_end() -> None:
        while os.read(0, 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait_for_end, name="parent-watch", daemon=True).start()
