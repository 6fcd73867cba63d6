"""The numbers in WhatsApp's refusals that mean something to a client; both networks of the emulator go by them.

Read in whatsmeow of 2026-08-21 and measured with neonize 0.5.2.
"""

from typing import Final

UNLINKING: Final = frozenset({401, 403, 406})
"""A login refused with one of these ends the device: the client deletes its keys."""

NOT_ON_WHATSAPP: Final = 404
"""In the ack of a message: nobody has the number."""
