"""A simulated WhatsApp for tests, in this process or in one of its own, on a free port, with the owner's and the
customers' hands.

`running_emulator()` serves the light network from a thread of this process: quick, and gone with the test.
`protocol_emulator()` serves WhatsApp's protocol in the same way. `emulator_process()` serves either from a process: it
survives whatever the test does to this one. All give a `RunningEmulator`, synchronous, usable from any thread; from
async code use `target` with a channel of its own.
"""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Protocol, TypeVar

import grpc

from wamesh.emulator.client.trust import Trust
from wamesh.emulator.memory.serving import serve_memory
from wamesh.emulator.serving import Emulator
from wamesh.emulator.timing import PairingPace
from wamesh.emulator.v1 import emulator_pb2 as pb
from wamesh.emulator.v1.emulator_pb2_grpc import EmulatorStub

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

WAIT_SECONDS: Final = 10.0
LOOPBACK: Final = "127.0.0.1:0"
_SERVE_FOR_EVER: Final = """
import asyncio
from pathlib import Path
from wamesh.emulator.{module} import {function}
async def main():
    emulator = await {function}({arguments})
    print(emulator.port, flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""
_SERVING: Final = {
    "memory": {"module": "memory.serving", "function": "serve_memory"},
    "protocol": {"module": "protocol_serving", "function": "serve_protocol"},
}


@dataclass(frozen=True)
class RunningEmulator:
    """A network at `target`; `stub` is its whole contract, the methods are what most tests need of it."""

    target: str
    stub: EmulatorStub

    def trust(self) -> Trust:
        """What a client of the protocol must believe; only of an emulator that speaks it."""
        wire = self.stub.GetWire(pb.GetWireRequest())
        return Trust(wire.address, wire.ca_certificate_pem.encode(), wire.root_public_key)

    def add_account(self, phone_number: str, push_name: str = "") -> pb.Account:
        return self.stub.AddAccount(pb.AddAccountRequest(phone_number=phone_number, push_name=push_name)).account

    def scan(self, phone_number: str, code: str, *, refuse: bool = False) -> int:
        """The owner's phone scans `code`; returns the device's number."""
        return self.stub.ScanQr(pb.ScanQrRequest(phone_number=phone_number, code=code, refuse=refuse)).device

    def say(self, customer: str, account: str, text: str, *, push_name: str = "", message_id: str = "") -> str:
        """The customer writes `text`; returns the message id."""
        return self.send(customer, account, text_content(text), push_name=push_name, message_id=message_id)

    def send(
        self, customer: str, account: str, content: pb.Content, *, push_name: str = "", message_id: str = ""
    ) -> str:
        """The customer sends any content; returns the message id."""
        request = pb.SendAsCustomerRequest(
            customer_phone_number=customer,
            account_phone_number=account,
            content=content,
            push_name=push_name,
            message_id=message_id,
        )
        return self.stub.SendAsCustomer(request).message_id

    def read(self, customer: str, account: str) -> int:
        """The customer opens the chat; returns how many messages were unread."""
        request = pb.ReadAsCustomerRequest(customer_phone_number=customer, account_phone_number=account)
        return self.stub.ReadAsCustomer(request).read_count

    def inject(self, account: str, kind: "pb.FaultKind.ValueType", *, count: int = 0, code: int = 0) -> None:
        """Makes something go wrong; for the rarer fields use `stub.InjectFault`."""
        fault = pb.InjectFaultRequest(account_phone_number=account, kind=kind, count=count, code=code)
        self.stub.InjectFault(fault)

    def events(self, *kinds: "pb.EventKind.ValueType", account: str = "", customer: str = "") -> Sequence[pb.Event]:
        """Every event of these kinds up to now (all kinds when none is given), in order."""
        wanted = pb.EventFilter(kinds=kinds, account_phone_number=account, customer_phone_number=customer)
        return self.stub.ListEvents(pb.ListEventsRequest(filter=wanted, page_size=10_000)).events

    def wait_for(
        self, kind: "pb.EventKind.ValueType", *, count: int = 1, account: str = "", customer: str = ""
    ) -> Sequence[pb.Event]:
        """Returns the first `count` events of a kind as soon as there are so many; fails the test after 10 s."""
        wanted = pb.EventFilter(kinds=[kind], account_phone_number=account, customer_phone_number=customer)
        call = self.stub.WatchEvents(pb.WatchEventsRequest(filter=wanted), timeout=WAIT_SECONDS)
        return [response.event for response in _take(call, count, pb.EventKind.Name(kind))]

    def received(self, customer: str, count: int) -> Sequence[pb.CustomerMessage]:
        """Returns the first `count` messages on the customer's phone as soon as there are so many; fails after 10 s."""
        request = pb.WatchCustomerRequest(customer_phone_number=customer)
        call = self.stub.WatchCustomer(request, timeout=WAIT_SECONDS)
        return [response.message for response in _take(call, count, f"messages to {customer}")]


def text_content(text: str) -> pb.Content:
    """Words as content."""
    return pb.Content(text=pb.TextContent(body=text))


@contextmanager
def running_emulator(pace: PairingPace | None = None) -> Iterator[RunningEmulator]:
    """A fresh light network, served from a thread of this process."""
    with _served(serve_memory(LOOPBACK, pace)) as emulator:
        yield emulator


@contextmanager
def protocol_emulator(
    pace: PairingPace | None = None,
    *,
    directory: Path | None = None,
    wire_address: str = LOOPBACK,
    seed: int | None = None,
) -> Iterator[RunningEmulator]:
    """A network of WhatsApp's protocol, served from a thread of this process; fresh, or the one kept in `directory`."""
    from wamesh.emulator.protocol_serving import serve_protocol

    with _served(serve_protocol(LOOPBACK, wire_address, directory=directory, pace=pace, seed=seed)) as emulator:
        yield emulator


@contextmanager
def _served(serving: Coroutine[Any, Any, Emulator]) -> Iterator[RunningEmulator]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="emulator", daemon=True)
    thread.start()
    emulator = asyncio.run_coroutine_threadsafe(serving, loop).result(WAIT_SECONDS)
    try:
        with _connected(emulator.port) as running:
            yield running
    finally:
        asyncio.run_coroutine_threadsafe(emulator.stop(0), loop).result(WAIT_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(WAIT_SECONDS)
        loop.close()


@contextmanager
def emulator_process(
    network: Literal["memory", "protocol"] = "memory", *, directory: Path | None = None, wire_address: str = LOOPBACK
) -> Iterator[RunningEmulator]:
    """A network, served from a process of its own, which ends by SIGKILL; fresh, or the one kept in `directory`."""
    kept = f", directory=Path({str(directory)!r})" if directory else ""
    arguments = {"memory": repr(LOOPBACK), "protocol": f"{LOOPBACK!r}, {wire_address!r}{kept}"}
    command = [sys.executable, "-c", _SERVE_FOR_EVER.format(**_SERVING[network], arguments=arguments[network])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            with _connected(int(process.stdout.readline())) as emulator:
                yield emulator
        finally:
            process.kill()


@contextmanager
def _connected(port: int) -> Iterator[RunningEmulator]:
    target = f"127.0.0.1:{port}"
    with grpc.insecure_channel(target, options=[("grpc.enable_http_proxy", 0)]) as channel:
        yield RunningEmulator(target, EmulatorStub(channel))


class _Call(Protocol[T_co]):
    """A server stream, as much of it as is used here."""

    def __next__(self) -> T_co: ...

    def cancel(self) -> object: ...


def _take(call: "_Call[T]", count: int, what: str) -> list[T]:
    taken: list[T] = []
    try:
        while len(taken) < count:
            taken.append(next(call))
    except grpc.RpcError as error:
        raise AssertionError(f"{len(taken)} of {count} {what}: {error.code().name}") from None
    call.cancel()
    return taken
