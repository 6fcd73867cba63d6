"""A call to a running process of the mesh from the terminal, and the one line that says why it cannot be.

Owns: the channel, the sentence of a refusal, the exit code. Refuses: what is called. Invariant: a command ends with 0
for done, 1 for what the other side refused, 2 for what only a person can repair here.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import grpc
from google.protobuf.descriptor import ServiceDescriptor

from wamesh import settings
from wamesh.console.process import refuse
from wamesh.rpc.client import open_channel
from wamesh.rpc.errors import refusal_of

EXIT_FAILED: Final = 1


@dataclass(frozen=True, slots=True)
class Service:
    """A process that can be called: its name on the command line, its contract, and the settings with its target.

    `start` is the command that starts one.
    """

    name: str
    descriptor: ServiceDescriptor
    stub: Callable[[Any], Any]
    settings: type[settings.ProcessSettings]
    start: str = "wamesh up"


def connected(service: Service, call: Callable[[Any], Awaitable[int]]) -> int:
    """Runs the call with a stub of the service; prints a refusal. Returns the exit code.

    Ctrl-C, or a reader of the output that has gone, ends it like the end of a stream.
    """
    try:
        target = getattr(settings.load(service.settings), f"{service.name}_target")
    except settings.WrongSetting as wrong:
        return refuse(service.name, str(wrong))

    async def run() -> int:
        _cancel_at_ctrl_c()
        async with open_channel(target, [service.descriptor]) as channel:
            return await call(service.stub(channel))

    try:
        return asyncio.run(run())
    except grpc.aio.AioRpcError as error:
        return _print_refusal(service, target, error)
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 0
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the interpreter's end complains
        return 0


def _cancel_at_ctrl_c() -> None:
    """Cancels this task at Ctrl-C by a handler of the loop, which wakes it up. asyncio's own way may wait for another
    event when the signal comes in the moment before the loop falls asleep.
    """
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, task.cancel)


def _print_refusal(service: Service, target: str, error: grpc.aio.AioRpcError) -> int:
    refusal = refusal_of(error)
    if refusal.code == grpc.StatusCode.UNAVAILABLE and not refusal.reason:
        variable = f"WAMESH_{service.name.upper()}_TARGET"
        sentence = f"no {service.name} answers at {target}; start one with `{service.start}`, or set {variable}."
    else:
        sentence = f"{refusal.reason or refusal.code.name}: {refusal.message}"
    refuse(service.name, sentence)
    return EXIT_FAILED
