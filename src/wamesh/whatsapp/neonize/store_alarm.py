"""Ends the process when its device store fails the library, before the library goes on without it.

The library does not stop for its store (neonize 0.5.2, measured 2026-11-23 with PostgreSQL down):

- a message whose secret could not be stored is sent all the same. `find_sent` would then say that the send never began,
  and a second copy would follow;
- a message that cannot be encrypted for a device because the store does not answer is sent without that device. With
  all devices left out the server acks it, and nobody ever gets it;
- a message that cannot be decrypted because the store does not answer is acked, its sender asked for it five times
  within some 20 ms, and then given up: it is lost.

Each time it writes a line to its log first, and waits until the line is taken. The process ends there: WhatsApp
delivers again what was not acked, and whoever sent looks the send up.

Owns: how those lines read. Refuses: every other failure, above all what a stranger's message can bring about: the error
must end as a database driver's does. Invariant: once such a line is taken, nothing more of this process is on the wire.
"""

import ctypes
import os
import re
import sys
from collections.abc import Callable
from typing import Any, Final, NoReturn

from wamesh.whatsapp.transport import EXIT_STORE_LOST

_DRIVER_ERRORS: Final = (
    r"dial (?:tcp|unix) \S+: (?:connect: [a-z ]+|i/o timeout)",
    r"(?:read|write) (?:tcp|unix) \S+: (?:(?:read|write): [a-z ]+|i/o timeout)",
    r"pq: [^\n]* \([0-9A-Z]{5}\)",
    r"driver: bad connection",
    r"sql: [a-zA-Z ]+",
    r"database is locked(?: \([A-Z_]+\))?",
    r"disk I/O error[a-z: ]*",
    r"database or disk is full[a-z: ]*",
    r"attempt to write a readonly database",
    r"unable to open database file[a-z: ]*",
)
_STORE_FAILED: Final = re.compile(
    r"Failed to store message secret key for outgoing message .*"
    rf"|(?:Error decrypting message|Failed to encrypt) .*: (?:{'|'.join(_DRIVER_ERRORS)})",
    re.DOTALL,
)


def is_store_failure(line: str) -> bool:
    """Whether the library says with this line that it goes on without its store."""
    return _STORE_FAILED.fullmatch(line) is not None


def watch_log(module: Any, message_of: Callable[[bytes], str]) -> None:
    """Looks at each line before `module`, the library's client, takes it as it does; `message_of` decodes one."""
    take = module.log_whatsmeow

    def look(address: int, size: int) -> None:
        if address and size > 0:
            line = message_of(ctypes.string_at(address, size))
            if is_store_failure(line):
                end_process(line)
        take(address, size)

    module.log_whatsmeow = look


def end_process(why: str) -> NoReturn:
    """Ends the process at once, for its device store fails."""
    try:
        os.write(sys.stderr.fileno(), f"session process ends, for its device store fails: {why}\n".encode())
    finally:
        os._exit(EXIT_STORE_LOST)
