"""A session process as the gateway holds it: started, spoken to, ended.

Owns: one operating system process, its socket, its output (the library prints where it likes: every line goes
into the structured log). Refuses: to know why it is started or ended. Invariant: when `end` has returned the
process is gone; when `events` has ended it is gone too, and every question it left open has failed with
ChildGone.
"""

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta
from itertools import count
from typing import Any, Final, cast

import structlog
from google.protobuf.message import DecodeError

from wamesh.gateway.process.wire import Frames, WireError, framed
from wamesh.session.v1 import session_pb2 as pb
from wamesh.whatsapp.neonize.native_environment import process_environment
from wamesh.whatsapp.transport import TransportName

log = structlog.get_logger()

_THRIFT: Final = {"GOGC": "50"}
"""Go's collector runs twice as often: 3 MB less a session at no measurable cost. The gateway's own GOGC wins."""
_HANGS_SECONDS: Final = 5.0
_LINE_BYTES: Final = 1 << 16
_SHOWN_CHARACTERS: Final = 2000


class ChildGone(Exception):
    """The process ended before it answered."""


class NeverAsked(ChildGone):
    """The process was gone before it was asked: it cannot have done anything."""


OnRecord = Callable[[pb.Journaled], None]


class SessionChild(asyncio.Protocol):
    """A running session process of one company: the gateway's end of its socket."""

    def __init__(self, company_id: int, process: asyncio.subprocess.Process, on_record: OnRecord) -> None:
        self._company_id = company_id
        self._process = process
        self._on_record = on_record
        self._frames = Frames()
        self._ids = count(1)
        self._open: dict[int, asyncio.Future[pb.Answer]] = {}
        self._events: asyncio.Queue[pb.Event | None] = asyncio.Queue()
        self._lost = asyncio.Event()
        self._logging = asyncio.create_task(self._log_forever())

    @classmethod
    async def start(cls, begin: pb.Begin, inherited: tuple[int, ...], on_record: OnRecord) -> "SessionChild":
        """Starts a process and tells it to begin; it inherits the descriptors besides its socket. Raises OSError.

        Records of its journal go to `on_record` as they come.
        """
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                variables = process_environment(cast(TransportName, begin.transport), begin.options)
                process = await _execute(theirs.fileno(), inherited, variables)
            child = cls(begin.company_id, process, on_record)
            await asyncio.get_running_loop().create_connection(lambda: child, sock=ours)
        except BaseException:
            ours.close()
            raise
        child.tell(pb.Command(begin=begin))
        return child

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How it ended: negative for a signal, None while it runs."""
        return self._process.returncode

    def tell(self, command: pb.Command) -> None:
        """Sends a command that has no answer; a process that is gone does not hear it, and that is no error."""
        if not self._socket.is_closing():
            self._socket.write(framed(command))

    async def ask(self, command: pb.Command) -> pb.Answer:
        """Sends a command and waits for its answer; the caller brings the deadline. Raises ChildGone, NeverAsked."""
        if self._socket.is_closing():
            raise NeverAsked
        command.id = next(self._ids)
        answer: asyncio.Future[pb.Answer] = asyncio.get_running_loop().create_future()
        self._open[command.id] = answer
        try:
            self.tell(command)
            return await answer
        finally:
            self._open.pop(command.id, None)

    async def events(self) -> AsyncIterator[pb.Event]:
        """Yields everything but answers and records, in order, until the process is gone. For one consumer."""
        while (event := await self._events.get()) is not None:
            yield event
        await self._gone_within(_HANGS_SECONDS)

    async def end(self, grace: timedelta) -> None:
        """Ends the process: asks it to stop, and kills it after `grace`. Returns when it is gone."""
        self.tell(pb.Command(stop=pb.Stop()))
        await self._gone_within(grace.total_seconds())
        await self._lost.wait()

    def kill(self) -> None:
        """Kills the process at once; `events` ends a moment later."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def _gone_within(self, seconds: float) -> None:
        """Waits for the process's end; kills it when that takes longer."""
        try:
            async with asyncio.timeout(seconds):
                await self._process.wait()
        except TimeoutError:
            self.kill()
            await self._process.wait()

    # What the event loop calls.

    def connection_made(self, transport: Any) -> None:
        """The socket is ours to write to."""
        self._socket: asyncio.Transport = transport

    def data_received(self, data: bytes) -> None:
        """Takes the frames that are whole; kills a process that cannot be understood."""
        try:
            for body in self._frames.feed(data):
                self._take(pb.Event.FromString(body))
        except (WireError, DecodeError) as error:
            log.error("session_process_incomprehensible", company_id=self._company_id, error=str(error))
            self.kill()
            self._socket.abort()

    def connection_lost(self, error: Exception | None) -> None:
        """From here on nothing can be answered any more."""
        self._close()
        self._lost.set()

    def _take(self, event: pb.Event) -> None:
        match event.WhichOneof("event"):
            case "answer":
                self._settle(event.answer)
            case "journaled":
                self._on_record(event.journaled)
            case _:
                self._events.put_nowait(event)

    def _settle(self, answer: pb.Answer) -> None:
        waiting = self._open.pop(answer.id, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    def _close(self) -> None:
        for waiting in self._open.values():
            if not waiting.done():
                waiting.set_exception(ChildGone())
        self._open.clear()
        self._events.put_nowait(None)

    async def _log_forever(self) -> None:
        output = self._process.stdout
        assert output is not None
        while True:
            try:
                line = await output.readline()
            except ValueError:  # a line longer than the buffer; it was dropped
                continue
            if not line:
                return
            text = line.decode(errors="replace").rstrip()[:_SHOWN_CHARACTERS]
            log.info("session_process_said", company_id=self._company_id, pid=self.pid, line=text)


async def _execute(
    socket_fd: int, inherited: tuple[int, ...], variables: Mapping[str, str]
) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "wamesh.gateway.process.main",
        str(socket_fd),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        limit=_LINE_BYTES,
        pass_fds=(socket_fd, *inherited),
        env={**_THRIFT, **os.environ, "PYTHONUNBUFFERED": "1", **variables},
    )
