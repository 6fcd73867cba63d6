"""Tasks that nobody awaits: kept alive, logged when they fail, ended together.

Owns: the references, without which the loop would drop a running task. Refuses: to swallow. A refusal (MeshError) of a
task that has an awaiting caller reaches that caller, so only other errors are logged. Invariant: after `close` none
runs.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog

from wamesh.errors import MeshError

log = structlog.get_logger()
T = TypeVar("T")


class TaskSet:
    """The tasks of one owner; `facts` go into the log with each failure."""

    def __init__(self, **facts: object) -> None:
        self._facts = facts
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Runs the work in a task of its own and returns it."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def cancel(self) -> None:
        """Cancels what runs."""
        for task in tuple(self._tasks):
            task.cancel()

    async def close(self) -> None:
        """Cancels what runs and waits for its end."""
        tasks = tuple(self._tasks)
        self.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) and not isinstance(error, MeshError):
            log.error("task_failed", exc_info=error, **self._facts)
