"""kill -9 and SIGSTOP for the members of a running mesh, the session processes among them.

Owns: finding the processes, and when each was struck. Refuses: whom to strike. Invariant: a member that is down just
now is not struck, and is not counted.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import psutil

from wamesh.console.mesh import Mesh

SESSION: Final = "session"
"""The name of the session processes, which are children of the gateway and no members of their own."""


@dataclass(frozen=True, slots=True)
class Blow:
    """A member was struck at `moment`."""

    moment: datetime
    name: str


@dataclass(slots=True)
class Striker:
    """Strikes the members of one mesh and remembers each blow, in order."""

    mesh: Mesh
    blows: list[Blow] = field(default_factory=list)

    def kill(self, member: str) -> bool:
        """kill -9; False when the member is down already."""
        struck = self.processes(member)
        for process in struck:
            self.note(f"kill {member}")
            with suppress(psutil.NoSuchProcess):
                process.kill()
        return bool(struck)

    def terminate(self, member: str) -> None:
        """SIGTERM."""
        for process in self.processes(member):
            self.note(f"terminate {member}")
            with suppress(psutil.NoSuchProcess):
                process.terminate()

    def freeze(self, member: str, seconds: float) -> None:
        """SIGSTOP for a while; a session process that was frozen past its lease dies as soon as it wakes."""

        def thaw(process: psutil.Process) -> None:
            with suppress(psutil.NoSuchProcess):
                process.resume()
                self.note(f"thaw {member}")

        for process in self.processes(member):
            self.note(f"freeze {member}")
            with suppress(psutil.NoSuchProcess):
                process.suspend()
            asyncio.get_running_loop().call_later(seconds, thaw, process)

    def moments(self, *names: str) -> list[datetime]:
        """When blows of these names fell."""
        return [blow.moment for blow in self.blows if blow.name in names]

    def processes(self, member: str) -> list[psutil.Process]:
        """The running processes of a member; none while it is down."""
        try:
            if member == SESSION:
                return psutil.Process(self.mesh.pid_of("gateway")).children()
            return [psutil.Process(self.mesh.pid_of(member))]
        except psutil.NoSuchProcess:
            return []

    def note(self, name: str) -> None:
        """Remembers a blow that falls now."""
        self.blows.append(Blow(datetime.now(UTC), name))
