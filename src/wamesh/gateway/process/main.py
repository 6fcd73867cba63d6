"""The process of one company's session: `python -m wamesh.gateway.process.main FD`.

It owns a transport and a journal, and does what the gateway tells it over the socket `FD`. It is a crash
domain: the client library may take it down, and the gateway may kill it, at any moment and without loss.

Threads: the main one builds the transport; one reads commands, from the first moment on, since the lease must be
extended however long that takes; one writes what the socket did not take at once (`Link`); one runs the transport's
`connect`, whose callback appends to the journal and returns; one sends, a message at a time; rare commands get a
thread each; one watches the lease (`LeaseGuard`).

However it ends, unless somebody kills it, it ends in order: the connection first, then what the library had taken from
it, which WhatsApp counts as delivered, into the journal.

Owns: that order. Refuses: decisions (all are the gateway's), asyncio, grpc, and every import that is not
needed, since memory is paid once a company. Invariant: it is gone soon after its gateway, and before its lease is.
"""

import os
import queue
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Final, NoReturn, Protocol, cast

from wamesh.gateway.process.link import (
    EXIT_ORPHANED,
    EXIT_STOPPED,
    GatewayGone,
    LeaseGuard,
    Link,
    leave,
    wake_with_parents_death,
)
from wamesh.gateway.process.spool import Entry, Spool
from wamesh.gateway.process.wire import (
    SPOOL_NAME,
    WireError,
    decode_send,
    encode_event,
    encode_outcome,
    encode_record,
)
from wamesh.session.v1 import session_pb2 as pb
from wamesh.whatsapp.events import Disconnected, Event, MessageReceived, ReceiptReceived, is_final
from wamesh.whatsapp.transport import (
    EXIT_STORE_LOST,
    DeviceStoreUnavailable,
    SentRecordLost,
    TransportName,
    Uncertain,
    make_transport,
)

_DISK_RETRY_SECONDS: Final = 1.0
_STOP_SECONDS: Final = 2.5
"""For the transport to stop: less than its gateway's patience with a process that ends."""


class SessionProcess:
    """One company's transport and journal, driven by commands."""

    def __init__(self, link: Link, begin: pb.Begin) -> None:
        directory = Path(begin.directory)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._link = link
        self._spool = Spool(directory / SPOOL_NAME)
        self._sends: queue.SimpleQueue[pb.Command] = queue.SimpleQueue()
        self._ended = False
        self._idle = threading.Event()
        self._idle.set()
        name = cast(TransportName, begin.transport)
        self._transport = make_transport(name, directory, self._on_event, dict(begin.options))

    def start(self) -> None:
        """Tells Ready, and what the journal still has; from here on it obeys."""
        recovered = self._spool.recovered
        ready = pb.Ready(paired=self._transport.paired, unstored_records=len(recovered))
        self._link.tell(pb.Event(ready=ready))
        for entry in recovered:
            self._forward(entry.sequence, pb.Record.FromString(entry.payload))
        _in_thread(self._send_forever)

    def obey(self, command: pb.Command) -> None:
        """Does what the gateway wants, or has a thread do what may take long."""
        match command.WhichOneof("command"):
            case "stored":
                self._spool.forget(command.stored.sequence)
            case "send":
                self._sends.put(command)
            case "connect":
                self._idle.clear()
                _in_thread(self._connect)
            case "find_sent" | "request_pair_code" | "logout":
                _in_thread(lambda: self._link.tell(pb.Event(answer=self._answer(command))))
            case "stop":
                self.end(EXIT_STOPPED, "its gateway stopped it")
            case other:
                raise WireError(f"command {other} has no place here")

    def end(self, code: int, why: str) -> NoReturn:
        """Ends in order. Whoever has no patience for it kills."""
        try:
            self._transport.stop()
            self._idle.wait(_STOP_SECONDS)
            self._link.flush()
        finally:
            leave(code, why)

    def _on_event(self, event: Event) -> None:
        """The transport's callback: durable first, and never waits for the gateway."""
        if isinstance(event, MessageReceived | ReceiptReceived):
            record = encode_record(event)
            # What a customer wrote survives the machine's fall; a receipt, which only the process's: a sync costs more
            # than the rest of it, and without it a send says SENT instead of DELIVERED.
            synced = isinstance(event, MessageReceived)
            self._forward(self._append(record.SerializeToString(), synced=synced).sequence, record)
            return
        self._ended = self._ended or is_final(event)
        self._link.tell(encode_event(event))

    def _append(self, record: bytes, *, synced: bool) -> Entry:
        """Appends, for as long as it takes: a full disk holds the transport back instead of losing a message."""
        while True:
            try:
                return self._spool.append(record, synced=synced)
            except OSError as error:
                print(f"the journal cannot be written, trying again: {error}", file=sys.stderr, flush=True)
                time.sleep(_DISK_RETRY_SECONDS)

    def _forward(self, sequence: int, record: pb.Record) -> None:
        self._link.tell(pb.Event(journaled=pb.Journaled(sequence=sequence, record=record)))

    def _connect(self) -> None:
        """Runs the transport's connection; tells its end also when the transport itself did not."""
        self._ended = False
        try:
            self._transport.connect()
            detail = "connect returned"
        except Exception as error:  # noqa: BLE001 - whatever it was, only the dial ends
            traceback.print_exc()
            detail = f"connect failed: {error}"
        if not self._ended:
            self._on_event(Disconnected(detail, final=True))
        self._idle.set()

    def _send_forever(self) -> NoReturn:
        while True:
            command = self._sends.get()
            try:
                outcome = self._transport.send(decode_send(command.send))
            except Exception as error:  # noqa: BLE001 - a send that raised may have sent
                traceback.print_exc()
                outcome = Uncertain(f"the transport raised {type(error).__name__}")
            self._link.tell(pb.Event(answer=encode_outcome(command.id, outcome)))

    def _answer(self, command: pb.Command) -> pb.Answer:
        answer = pb.Answer(id=command.id)
        try:
            self._do(command, answer)
        except Exception as error:  # noqa: BLE001 - the gateway hears of it and decides
            answer.failed.reason = f"{type(error).__name__}: {error}"
        return answer

    def _do(self, command: pb.Command, answer: pb.Answer) -> None:
        match command.WhichOneof("command"):
            case "find_sent":
                try:
                    message_id = self._transport.find_sent(command.find_sent.secret)
                    answer.found.CopyFrom(pb.Found(message_id=message_id))
                except SentRecordLost:
                    answer.forgotten.SetInParent()
            case "request_pair_code":
                number = command.request_pair_code.phone_number
                answer.pair_code.code = self._transport.request_pair_code(number)
            case "logout":
                self._transport.logout()
                answer.done.SetInParent()


def _in_thread(work: Callable[[], object]) -> None:
    threading.Thread(target=work, daemon=True).start()


class Obedient(Protocol):
    """Whoever does what the gateway wants; `SessionProcess`."""

    def obey(self, command: pb.Command) -> None: ...
    def end(self, code: int, why: str) -> NoReturn: ...


class CommandReader:
    """Reads commands from the moment it is made: extends the lease at once, and has the rest obeyed, in order, as soon
    as somebody is there to do it. Without a gateway the process ends.
    """

    def __init__(self, link: Link, guard: LeaseGuard) -> None:
        self._link = link
        self._guard = guard
        self._process: Obedient | None = None
        self._is_there = threading.Event()
        _in_thread(self._read_forever)

    def hand_to(self, process: Obedient) -> None:
        """From here on the process is given the commands, and ends in order."""
        self._process = process
        self._guard.end = process.end
        self._is_there.set()

    def _read_forever(self) -> NoReturn:
        try:
            while True:
                self._take(self._link.next_command())
        except GatewayGone:
            self._guard.hurry()
            end = leave if self._process is None else self._process.end
            end(EXIT_ORPHANED, "its gateway is gone")
        except Exception as error:  # noqa: BLE001 - a process that hears nothing more must not run on
            _end_by(error)

    def _take(self, command: pb.Command) -> None:
        if command.WhichOneof("command") == "extend_lease":
            self._guard.extend(command.extend_lease.lease_deadline_ns)
            return
        self._is_there.wait()
        assert self._process is not None
        self._process.obey(command)


def newest_deadline_ns(begin: pb.Command, *later: pb.Command) -> int:
    """The deadline to begin with: on a machine so busy that this process came up late, Begin's may have passed already,
    and what extended it waits behind.
    """
    return max(begin.begin.lease_deadline_ns, *(each.extend_lease.lease_deadline_ns for each in later), 0)


def main() -> NoReturn:
    """Serves the socket whose descriptor is the first argument."""
    for sent_to_the_whole_group in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sent_to_the_whole_group, signal.SIG_IGN)  # the gateway drains, then ends this process
    wake_with_parents_death()
    link = Link(socket.socket(fileno=int(sys.argv[1])))
    command = link.next_command()
    if command.WhichOneof("command") != "begin":
        raise WireError("the first command must be Begin")
    reader = CommandReader(link, LeaseGuard(newest_deadline_ns(command, *link.already_here())))
    process = SessionProcess(link, command.begin)
    process.start()
    reader.hand_to(process)
    while True:
        signal.pause()


def _end_by(error: Exception) -> NoReturn:
    """Ends the process: the library's threads must not keep a broken one alive."""
    if isinstance(error, DeviceStoreUnavailable):
        print(f"session process ends: {error}", file=sys.stderr, flush=True)
        os._exit(EXIT_STORE_LOST)
    traceback.print_exception(error)
    sys.stderr.flush()
    os._exit(1)


if __name__ == "__main__":
    try:
        main()
    except GatewayGone:
        leave(EXIT_ORPHANED, "its gateway is gone")
    except Exception as error:  # noqa: BLE001 - whatever it was
        _end_by(error)
