"""The expansion of calendars in processes of their own, within limits of processor time and memory.

A text of 1 MiB can hold rules, zones and nesting that keep a computer busy for days, and no list of forbidden things is
complete. Here it has a few seconds, beside the service and not on its threads. The library that reads it stays out of
the service's memory too.

Owns those processes and their limits. Refuses to know what busy means (`ical.busy`). Invariant: every text is answered
by a set or by CalendarInvalid.
"""

import asyncio
import json
import resource
import signal
import subprocess
import sys
from typing import Final
from zoneinfo import ZoneInfo

import structlog

from wamesh.booking.ical.errors import CalendarInvalid
from wamesh.slots.spans import Span, Spans

MOST_SECONDS: Final = 8
"""Of processor time; a calendar of 10,000 events takes some two."""
MOST_BYTES: Final = 1024 * 1024 * 1024
_AT_ONCE: Final = 2
_TOO_MUCH: Final = "takes too much computing; remove old events, and rules that recur very often"
_UNREADABLE: Final = "cannot be read; export the calendar again"

_log = structlog.get_logger("booking")


class Expansion:
    """Expands calendars, a few at a time."""

    def __init__(self, most_seconds: int = MOST_SECONDS) -> None:
        self._most_seconds = most_seconds
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def busy(self, text: str, time_zone: str, stretch: Span) -> Spans:
        """Returns the instants of the stretch at which the calendar tells its owner as busy, as a canonical set.

        `time_zone` (IANA) is that of days, and of times without a zone. Raises CalendarInvalid.
        """
        order = json.dumps([self._most_seconds, text, time_zone, stretch])
        async with self._places:
            answer = await asyncio.to_thread(_run, order)
        if isinstance(answer, str):
            raise CalendarInvalid(answer)
        return tuple((start, end) for start, end in answer)


def _run(order: str) -> str | list[list[int]]:
    """Returns the spans, or the problem."""
    command = [sys.executable, "-m", __name__]
    child = subprocess.run(command, input=order.encode(), stdout=subprocess.PIPE, check=False)
    if child.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        return _TOO_MUCH
    if child.returncode:
        _log.error("a calendar ended its expansion", code=child.returncode)
        return _UNREADABLE
    answer: str | list[list[int]] = json.loads(child.stdout)
    return answer


def _answer(order: bytes) -> str | Spans:
    """Does the work of the process that is limited."""
    most_seconds, text, time_zone, (start, end) = json.loads(order)
    resource.setrlimit(resource.RLIMIT_CPU, (most_seconds, most_seconds + 1))
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # or the end at a limit would write the calendar to disk
    from wamesh.booking.ical.busy import busy_minutes

    try:
        return busy_minutes(text, ZoneInfo(time_zone), (start, end))
    except CalendarInvalid as invalid:
        return invalid.problem
    except MemoryError:
        return _TOO_MUCH


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_answer(sys.stdin.buffer.read())))
