"""What the texts of the library's errors say about a message, and about a connection that ended: the one place where
errors are matched by text.

The library has no error types across its boundary, only words (whatsmeow as of neonize 0.5.2, read
2026-09-21). The rule is caution: what is not known to come before the wire is uncertain. One trap: the bare
words `websocket not connected` come from repeating a frame that had been written already; the same words
*behind a prefix* come from before the first write.
"""

import re
from typing import Final

from wamesh.whatsapp.events import Disconnected, TemporarilyBanned
from wamesh.whatsapp.transport import NotSent, Rejected, SendOutcome, Uncertain

BEFORE_THE_WIRE: Final = (
    r"client is nil",
    r"the store doesn't contain a device JID",
    r"no LID found for .*",
    r"failed to get LID for .*",
    r"failed to get user info for .*",
    r"failed to get device list: .*",
    r"failed to get group members: .*",
    r"failed to send message node: websocket not connected",
    r"failed to send message node: frame socket is closed",
    r"failed to send message node: failed to marshal .*",
    r"can't encrypt message for device: .*",
    r"message recipient must be a user JID with no device part",
    r"unknown server .*",
)
"""Whole texts of errors after which nothing has reached the wire."""

_NOT_SENT: Final = re.compile("|".join(f"(?:{text})" for text in BEFORE_THE_WIRE), re.DOTALL)
_REJECTED: Final = re.compile(r"server returned error (\d+)")


def outcome_of(error: str) -> SendOutcome:
    """Returns what a failed send means for its message."""
    text = error.strip()
    rejected = _REJECTED.fullmatch(text)
    if rejected is not None:
        return Rejected(int(rejected[1]), text)
    return NotSent(text) if _NOT_SENT.fullmatch(text) else Uncertain(text)


def end_of(error: str) -> Disconnected | TemporarilyBanned:
    """Returns what it means that the library's `connect` ended with these words: as a rule, a dial that failed.

    Not so for a ban whose cause the library has no name for (code absent, or not 101 to 104 or 106): it cannot encode
    that event, and `connect` returns with protobuf's complaint (measured with neonize 0.5.2, 2026-11-22). The ban's
    length is lost with it.
    """
    if "neonize.TemporaryBan.Code not set" in error:
        return TemporarilyBanned(0, None)
    return Disconnected(error, final=True)
