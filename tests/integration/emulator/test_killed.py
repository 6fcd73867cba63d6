"""kill -9 of the emulator under traffic: whatever it had said yes to is there afterwards, once, and readable.

Each direction has a customer of its own: when neonize 0.5.2 writes to somebody from whom it is just reading, it may
encrypt two messages with one key (two threads read and write one session), and the second one is lost.
"""

import threading
from collections import Counter
from pathlib import Path

import grpc
from support.emulator import RunningEmulator, emulator_process
from support.transport_client import Client, message_to
from support.transport_process import ChildTransport

from wamesh.emulator.client.trust import Trust
from wamesh.emulator.v1 import emulator_pb2 as pb
from wamesh.whatsapp.events import Connected, MessageReceived, QrIssued
from wamesh.whatsapp.transport import NotSent, OnEvent, Sent, Transport

ACCOUNT = "+12025550100"
CUSTOMER = "+12025550111"
ASKING = "+12025550112"
TRAFFIC_SECONDS = (0.3, 0.7, 0.5)
"""How long each emulator lives under traffic."""


def client_of(trust: Trust, directory: Path) -> Client:
    """Real neonize over `directory`, in a process of its own, led to the emulator."""
    options = trust.options(directory)

    def make(directory: Path, on_event: OnEvent) -> Transport:
        return ChildTransport("emulator", directory, on_event, options)

    return Client(make, directory)


class Traffic:
    """Messages both ways for as long as the block runs; `taken` and `acked` are what the emulator has said yes to."""

    def __init__(self) -> None:
        self.acked: list[str] = []
        self.attempted: set[str] = set()
        self.taken: list[str] = []
        self._number = 0
        self._over = threading.Event()

    def run(self, emulator: RunningEmulator, client: Client, seconds: float) -> list[threading.Thread]:
        """Starts both directions and returns after `seconds`, in the middle of it."""
        self._over.clear()
        threads = [
            threading.Thread(target=self._write, args=(client,)),
            threading.Thread(target=self._say, args=(emulator,)),
        ]
        for thread in threads:
            thread.start()
        threads[1].join(seconds)
        return threads

    def stop(self, threads: list[threading.Thread]) -> None:
        self._over.set()
        for thread in threads:
            thread.join()

    def _write(self, client: Client) -> None:
        while not self._over.is_set():
            self._number += 1
            text = f"answer {self._number}"
            self.attempted.add(text)
            outcome = client.transport.send(message_to(CUSTOMER, text, secret=self._number.to_bytes(32)))
            if isinstance(outcome, Sent):
                self.acked.append(text)
            else:
                if isinstance(outcome, NotSent):
                    self.attempted.discard(text)
                return

    def _say(self, emulator: RunningEmulator) -> None:
        while not self._over.is_set():
            text = f"question {len(self.taken)} of {emulator.target}"
            try:
                emulator.say(ASKING, ACCOUNT, text)
            except (grpc.RpcError, ValueError):  # the emulator was killed; a ValueError is its channel that was closed
                return
            self.taken.append(text)


def test_nothing_that_was_acked_is_lost(tmp_path: Path) -> None:
    """Each acked message is on the customer's phone once, each question taken reaches the client once, and nobody asks
    for anything again: no session was ahead of its record.
    """
    kept, traffic = tmp_path / "kept", Traffic()
    with emulator_process("protocol", directory=kept) as emulator:
        trust = emulator.trust()
        client = client_of(trust, tmp_path)
        emulator.add_account(ACCOUNT, "Salon")
        emulator.scan(ACCOUNT, client.start().wait(QrIssued).code)
        client.wait(Connected)
        threads = traffic.run(emulator, client, TRAFFIC_SECONDS[0])
    for kill, seconds in enumerate(TRAFFIC_SECONDS[1:], 1):
        traffic.stop(threads)
        with emulator_process("protocol", directory=kept, wire_address=trust.wire_address) as emulator:
            client.wait(Connected, kill + 1)
            threads = traffic.run(emulator, client, seconds)
    traffic.stop(threads)
    with emulator_process("protocol", directory=kept, wire_address=trust.wire_address) as emulator:
        client.wait(Connected, len(TRAFFIC_SECONDS) + 1)
        last = emulator.say(ASKING, ACCOUNT, "last question")
        assert isinstance(client.transport.send(message_to(CUSTOMER, "last answer")), Sent)
        _check(emulator, client, traffic, last)
        client.stop()


def _check(emulator: RunningEmulator, client: Client, traffic: Traffic, last: str) -> None:
    shown, heard = _shown(emulator), _heard_up_to(client, last)
    assert traffic.acked
    assert traffic.taken
    assert _twice(shown) == _twice(heard) == []
    assert set(traffic.acked) <= set(shown) <= traffic.attempted | {"last answer"}
    assert set(traffic.taken) <= set(heard)
    assert emulator.events(pb.EVENT_KIND_RETRY_ASKED) == []


def _twice(texts: list[str]) -> list[str]:
    return [text for text, count in Counter(texts).items() if count > 1]


def _shown(emulator: RunningEmulator) -> list[str]:
    count = len(emulator.events(pb.EVENT_KIND_MESSAGE_SENT, customer=CUSTOMER))
    return [message.text for message in emulator.received(CUSTOMER, count)]


def _heard_up_to(client: Client, last: str) -> list[str]:
    """What the client heard, once the message with this id is among it."""
    number = 1
    while client.wait(MessageReceived, number).message.message_id != last:
        number += 1
    return [event.message.text for event in client.of(MessageReceived)]
