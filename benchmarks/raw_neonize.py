"""What neonize does by itself: a process that pairs on the emulator, then sends in a loop when it is told to.

Speaks JSON lines. Its argument holds the options of transport `emulator`, `directory` and `database_suffix`. It prints
`{"qr": text}` for each code and `{"connected": true}`; then each line `{"callers", "count", "recipients"}` on standard
input is answered by `{"latencies": [seconds], "elapsed": seconds}`. Nothing of wamesh lies on the measured path:
`NewClient.send_message` with plain text, from so many threads.
"""

import itertools
import json
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pylibmagic  # noqa: F401 - puts libmagic where neonize looks for it

# isort: split
from neonize.client import NewClient, ProxySettings
from neonize.events import ConnectedEv
from neonize.proto.waE2E.WAWebProtobufsE2E_pb2 import Message
from neonize.utils import build_jid

from wamesh.emulator.client.native_root_key import believe
from wamesh.emulator.client.trust import Trust


def say(**line: Any) -> None:
    """Prints one JSON line."""
    print(json.dumps(line), flush=True)


def connect(options: dict[str, str]) -> NewClient:
    """Returns a client that is logged in, after a QR code was shown and scanned."""
    trust = Trust.from_options(options)
    believe(trust)
    client = NewClient(str(Path(options["directory"]) / "raw.db") + options["database_suffix"])
    connected = threading.Event()
    client.qr(lambda _, code: say(qr=code.decode()))
    client.event(ConnectedEv)(lambda *_: connected.set())
    threading.Thread(target=client.connect, args=(ProxySettings(trust.proxy),), daemon=True).start()
    connected.wait()
    say(connected=True)
    return client


def measure(client: NewClient, callers: int, count: int, recipients: list[str]) -> dict[str, Any]:
    """Sends `count` texts from so many threads, to each recipient in turn."""
    chats = itertools.cycle([build_jid(number.removeprefix("+")) for number in recipients])
    latencies: list[float] = []

    def send(_: int) -> None:
        started = time.perf_counter()
        client.send_message(next(chats), Message(conversation="See you tomorrow at 18:30."))
        latencies.append(time.perf_counter() - started)

    started = time.perf_counter()
    with ThreadPoolExecutor(callers) as threads:
        list(threads.map(send, range(count)))
    return {"latencies": latencies, "elapsed": time.perf_counter() - started}


if __name__ == "__main__":
    running = connect(json.loads(sys.argv[1]))
    for order in sys.stdin:
        say(**measure(running, **json.loads(order)))
