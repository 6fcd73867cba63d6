"""`wamesh` as a user runs it: a process of its own, its two outputs and its exit code."""

import asyncio
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

WAMESH: Final = str(Path(sys.executable).with_name("wamesh"))
PATIENCE_SECONDS: Final = 90


@dataclass(frozen=True, slots=True)
class Finished:
    """A command that has ended."""

    code: int
    out: str
    err: str


async def start(*arguments: str, environment: Mapping[str, str] | None = None) -> asyncio.subprocess.Process:
    """Starts `wamesh` with arguments, in the environment of the tests and the given variables."""
    return await asyncio.create_subprocess_exec(
        WAMESH,
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **(environment or {})},
    )


async def wamesh(*arguments: str, environment: Mapping[str, str] | None = None) -> Finished:
    """Runs `wamesh` to its end."""
    process = await start(*arguments, environment=environment)
    out, err = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
    assert process.returncode is not None
    return Finished(process.returncode, out.decode(), err.decode())
