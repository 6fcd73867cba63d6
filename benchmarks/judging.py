"""The network's log as the judge of a run: it saw every connection and every message, whatever was killed meanwhile.

Owns: reading the log, the rule of one connection a device, the verdict and how it is told. Refuses: what a run was
about. Invariant: nothing here asks the programs that are judged.

Import it before grpc: it sets the environment that gRPC's C core reads once, when it loads.
"""

import os
import shutil
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wamesh.cli import GRPC_ENVIRONMENT

os.environ.update(GRPC_ENVIRONMENT)

from wamesh.emulator.v1 import emulator_pb2 as network


@dataclass(slots=True)
class Verdict:
    """What the log proves: how often what happened, and each rule that did not hold, in words."""

    counts: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)

    def judge_connections(self, log: Iterable[network.Event]) -> None:
        """A device has one logged-in connection at most, and none is replaced."""
        held: dict[tuple[str, int], int] = {}
        for event in log:
            device = (event.account_phone_number, event.device)
            if event.kind == network.EVENT_KIND_REPLACED:
                self.violations.append(f"connection {event.connection} of device {device} was replaced")
            elif event.kind == network.EVENT_KIND_LOGGED_IN:
                self.counts["logins"] += 1
                if device in held:
                    self.violations.append(f"device {device} logged in twice: {held[device]}, {event.connection}")
                held[device] = event.connection
            elif event.kind == network.EVENT_KIND_CONNECTION_CLOSED:
                held = {each: number for each, number in held.items() if number != event.connection}

    def tell(self, what: str, directory: Path) -> int:
        """Prints counts and violations; keeps the run's directory only for a run that broke a rule. Returns the exit
        code.
        """
        for name, count in sorted(self.counts.items()):
            print(f"{count:6}  {name}")
        for violation in self.violations:
            print(f"VIOLATION {violation}")
        if self.violations:
            print(f"databases and output of the mesh: {directory}")
            return 1
        shutil.rmtree(directory)
        print(f"{what}: every rule held")
        return 0


async def events(emulator: Any, after_cursor: int = 0) -> list[network.Event]:
    """The log from after a cursor on, all of it by default. `emulator` is a stub of its control service."""
    seen: list[network.Event] = []
    request = network.ListEventsRequest(after_cursor=after_cursor, page_size=10000)
    while (part := await emulator.ListEvents(request)).events:
        seen += part.events
        request.after_cursor = part.next_cursor
    return seen
