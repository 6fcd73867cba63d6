"""WhatsApp's padding of a message's content, applied before Signal encrypts it and removed after.

Owns the rule: 1 to 16 bytes are added, each of them their number (read in Baileys; whatsmeow adds 1 to 15 and checks
all it removes). Refuses malformed padding, and `v="3"` messages, which have none: that is the caller's to know.
Invariant: `unpad(pad(content, random_bytes)) == content`.
"""

from typing import Final

from wamesh.emulator.signal.curve import RandomBytes

PADDING_MAX: Final = 16


def pad(content: bytes, random_bytes: RandomBytes) -> bytes:
    """Returns the content with 1 to 16 bytes more; draws one random byte."""
    count = random_bytes(1)[0] % PADDING_MAX + 1
    return content + bytes([count]) * count


def unpad(padded: bytes) -> bytes:
    """Returns the content without its padding. Raises ValueError when there is no such padding."""
    count = padded[-1] if padded else 0
    if not 1 <= count <= min(PADDING_MAX, len(padded)) or padded[-count:] != bytes([count]) * count:
        raise ValueError("not padded as WhatsApp pads")
    return padded[:-count]
