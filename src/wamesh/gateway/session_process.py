"""The process of one company's session: `python -m wamesh.gateway.session_process FD`.

It owns a transport and a journal, and does what the gateway tells it over the socket `FD`. It is a crash
domain: the client library may take it down, and the gateway may kill it, at any moment and without loss.

Threads: the main one reads commands; one writes what the socket did not take at once (`Link`); one runs the
transport's `connect`, whose callback appends to the journal and returns; one sends, a message at a time; rare
commands get a thread each; one watches the lease (`LeaseGuard`).

Owns: that order. Refuses: decisions (all are the gateway's), asyncio, grpc, and every import that is not
needed, since memory is paid once a company. Invariant: it is gone when its gateway is, and before its lease
is.
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
from typing import Final, NoReturn, cast

from wamesh.gateway.session_link import EXIT_STOPPED, LeaseGuard, Link
from wamesh.gateway.session_wire import (
    SPOOL_NAME,
    WireError,
    decode_send,
    encode_event,
    encode_outcome,
    encode_record,
)
from wamesh.gateway.spool import Entry, Spool
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


class SessionProcess:
    """One company's transport and journal, driven by commands."""

    def __init__(self, link: Link, guard: LeaseGuard, begin: pb.Begin) -> None:
        directory = Path(begin.directory)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._link = link
        self._guard = guard
        self._spool = Spool(directory / SPOOL_NAME)
        self._sends: queue.SimpleQueue[pb.Command] = queue.SimpleQueue()
        self._ended = False
        name = cast(TransportName, begin.transport)
        self._transport = make_transport(name, directory, self._on_event, dict(begin.options))

    def run(self) -> NoReturn:
        """Tells Ready, then obeys until the process ends. Never returns."""
        recovered = self._spool.recovered
        ready = pb.Ready(paired=self._transport.paired, unstored_records=len(recovered))
        self._link.tell(pb.Event(ready=ready))
        for entry in recovered:
            self._forward(entry.sequence, pb.Record.FromString(entry.payload))
        _in_thread(self._send_forever)
        while True:
            self._obey(self._link.next_command())

    def _obey(self, command: pb.Command) -> None:
        match command.WhichOneof("command"):
            case "extend_lease":
                self._guard.extend(command.extend_lease.lease_deadline_ns)
            case "stored":
                self._spool.forget(command.stored.sequence)
            case "send":
                self._sends.put(command)
            case "connect":
                _in_thread(self._connect)
            case "find_sent" | "request_pair_code" | "logout":
                _in_thread(lambda: self._link.tell(pb.Event(answer=self._answer(command))))
            case "stop":
                self._stop()
            case other:
                raise WireError(f"command {other} has no place here")

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

    def _stop(self) -> NoReturn:
        """Ends in order. The gateway kills what takes too long."""
        try:
            self._transport.stop()
        finally:
            self._link.flush()
            os._exit(EXIT_STOPPED)


def _in_thread(work: Callable[[], object]) -> None:
    threading.Thread(target=work, daemon=True).start()


def main() -> NoReturn:
    """Serves the socket whose descriptor is the first argument."""
    for sent_to_the_whole_group in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sent_to_the_whole_group, signal.SIG_IGN)  # the gateway drains, then ends this process
    link = Link(socket.socket(fileno=int(sys.argv[1])))
    command = link.next_command()
    if command.WhichOneof("command") != "begin":
        raise WireError("the first command must be Begin")
    guard = LeaseGuard(command.begin.lease_deadline_ns)
    SessionProcess(link, guard, command.begin).run()


if __name__ == "__main__":
    try:
        main()
    except DeviceStoreUnavailable as error:
        print(f"session process ends: {error}", file=sys.stderr, flush=True)
        os._exit(EXIT_STORE_LOST)
    except Exception:  # noqa: BLE001 - the library's threads must not keep a broken process alive
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
