"""Lets a keyring and npm's libsignal talk, and writes down what was said: `vectors.json`.

    npm install libsignal@6.0.0
    NODE_PATH=node_modules PYTHONPATH=src:tests python tests/unit/emulator/signal/libsignal_node/record.py

Every line is what the keyring did: a message it `encrypt`ed was decrypted by libsignal before it was written down,
and one it `decrypt`ed was encrypted by libsignal. The keyring draws from `seeded_bytes(<scenario>)`, so a replay
makes the same bytes; a change of what it draws in which order asks for a new recording.
"""

import json
import random
import subprocess
from pathlib import Path
from typing import Any, TypeAlias

from support.randomness import seeded_bytes
from support.signal_bundles import bundle_from_json, bundle_to_json

from wamesh.emulator.signal import Ciphertext, Keyring

HERE = Path(__file__).parent
PEER = "libsignal"
Line: TypeAlias = dict[str, Any]


class Libsignal:
    """The other phone."""

    def __init__(self) -> None:
        command = ["node", str(HERE / "phone.js")]
        self._node = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def call(self, operation: str, **request: Any) -> Line:
        """Runs one operation of phone.js; RuntimeError when it failed there."""
        assert self._node.stdin and self._node.stdout
        self._node.stdin.write(json.dumps({"operation": operation, **request}) + "\n")
        self._node.stdin.flush()
        answer: Line = json.loads(self._node.stdout.readline())
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    def close(self) -> None:
        """Ends the process."""
        self._node.communicate()


class Recording:
    """One scenario: its lines, and the messages on their way in both directions."""

    def __init__(self, name: str, libsignal: Libsignal) -> None:
        self.lines: list[Line] = []
        self._libsignal = libsignal
        self._keyring = Keyring.create(seeded_bytes(name))
        self._sent: list[tuple[str, Ciphertext]] = []
        self._received: list[tuple[str, Ciphertext]] = []
        self._messages = 0
        libsignal.call("install")

    def reinstall_libsignal(self) -> None:
        """The other phone loses everything."""
        self._libsignal.call("install")

    def keyring_starts(self, *, one_time: bool) -> None:
        """The keyring begins a session."""
        bundle = self._libsignal.call("bundle", one_time=one_time)
        self._keyring.start_session(PEER, bundle_from_json(bundle))
        self.lines.append({"do": "start", "bundle": bundle})

    def libsignal_starts(self, *, one_time: bool) -> None:
        """The other phone begins a session."""
        bundle = bundle_to_json(self._keyring.bundle(one_time=one_time))
        self._libsignal.call("start", bundle=bundle)
        self.lines.append({"do": "bundle", "one_time": one_time, "bundle": bundle})

    def send(self) -> None:
        """The keyring writes; the message stays on its way."""
        plaintext = self._next_plaintext("keyring")
        ciphertext = self._keyring.encrypt(PEER, plaintext)
        self._sent.append((plaintext.hex(), ciphertext))
        self.lines.append(_line("encrypt", plaintext, ciphertext))

    def arrive(self, index: int = 0) -> None:
        """The other phone reads one of the keyring's messages."""
        plaintext, (kind, data) = self._sent.pop(index)
        assert self._libsignal.call("decrypt", kind=kind, data=data.hex()) == {"plaintext": plaintext}

    def libsignal_sends(self) -> None:
        """The other phone writes; the message stays on its way."""
        plaintext = self._next_plaintext("libsignal")
        answer = self._libsignal.call("encrypt", plaintext=plaintext.hex())
        self._received.append((plaintext.hex(), Ciphertext(answer["kind"], bytes.fromhex(answer["data"]))))

    def receive(self, index: int = 0) -> None:
        """The keyring reads one of the other phone's messages."""
        plaintext, ciphertext = self._received.pop(index)
        assert self._keyring.decrypt(PEER, *ciphertext).hex() == plaintext
        self.lines.append(_line("decrypt", bytes.fromhex(plaintext), ciphertext))

    def wander(self, steps: int, dice: random.Random) -> None:
        """Both write and read at random, now and then out of order."""
        for _ in range(steps):
            dice.choice((self.send, self.libsignal_sends))()
            if self._sent and dice.random() < 0.8:
                self.arrive(dice.randrange(len(self._sent)))
            if self._received and dice.random() < 0.8:
                self.receive(dice.randrange(len(self._received)))

    def _next_plaintext(self, author: str) -> bytes:
        self._messages += 1
        return f"{self._messages} from {author}".encode() * (self._messages % 4)


def keyring_begins(recording: Recording, *, one_time: bool) -> None:
    """The keyring's prekey messages cross before libsignal answers; then both talk."""
    recording.keyring_starts(one_time=one_time)
    for _ in range(3):
        recording.send()
    for index in (1, 0, 0):
        recording.arrive(index)
    recording.libsignal_sends()
    recording.receive()
    recording.wander(30, random.Random(1))


def libsignal_begins(recording: Recording, *, one_time: bool) -> None:
    """The same the other way round."""
    recording.libsignal_starts(one_time=one_time)
    for _ in range(3):
        recording.libsignal_sends()
    for index in (2, 0, 0):
        recording.receive(index)
    recording.send()
    recording.arrive()
    recording.wander(30, random.Random(2))


def libsignal_is_reinstalled(recording: Recording) -> None:
    """After a talk libsignal comes back with a new identity, and later begins yet another session."""
    libsignal_begins_briefly(recording)
    recording.reinstall_libsignal()
    libsignal_begins_briefly(recording)
    libsignal_begins_briefly(recording)


def libsignal_begins_briefly(recording: Recording) -> None:
    """One message each way in a session that libsignal began."""
    recording.libsignal_starts(one_time=True)
    recording.libsignal_sends()
    recording.receive()
    recording.send()
    recording.arrive()


def long_gap(recording: Recording) -> None:
    """Dozens of messages are overtaken by the newest one and arrive after it."""
    recording.libsignal_starts(one_time=True)
    for _ in range(60):
        recording.libsignal_sends()
    recording.receive(59)
    for _ in range(59):
        recording.receive()


def main() -> None:
    """Records all scenarios."""
    libsignal = Libsignal()
    scenarios: dict[str, list[Line]] = {}
    for name, play in {
        "keyring begins with a one-time prekey": lambda r: keyring_begins(r, one_time=True),
        "keyring begins without a one-time prekey": lambda r: keyring_begins(r, one_time=False),
        "libsignal begins with a one-time prekey": lambda r: libsignal_begins(r, one_time=True),
        "libsignal begins without a one-time prekey": lambda r: libsignal_begins(r, one_time=False),
        "libsignal is reinstalled": libsignal_is_reinstalled,
        "long gap": long_gap,
    }.items():
        recording = Recording(name, libsignal)
        play(recording)
        scenarios[name] = recording.lines
    libsignal.close()
    lines = ",\n".join(
        f"{json.dumps(name)}: [\n" + ",\n".join(json.dumps(line) for line in said) + "\n]"
        for name, said in scenarios.items()
    )
    (HERE / "vectors.json").write_text(f"{{\n{lines}\n}}\n")


def _line(what: str, plaintext: bytes, ciphertext: Ciphertext) -> Line:
    return {"do": what, "plaintext": plaintext.hex(), "kind": ciphertext.kind, "data": ciphertext.data.hex()}


if __name__ == "__main__":
    main()
