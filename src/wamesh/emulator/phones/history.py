"""The history that a phone gives a new device: none, said in the way that clients wait for.

A phone tells each new device what was written before it came (`HISTORY_SYNC_NOTIFICATION`). Baileys begins to fetch the
shared settings when it hears so, and waits for it for 20 s unless it was told not to (measured with 7.0.0-rc14);
whatsmeow waits for nothing. An emulated phone keeps no chats, so the first part of its history, small enough to travel
inside the message, is all of it, and empty (fields read in Baileys 7 and in whatsmeow of 2026-08-21).
"""

import zlib
from typing import Any, Final

from wamesh.emulator.messages import HistorySync, Message, ProtocolMessage

COMPLETE: Final = 100
"""Percent."""


def empty_history() -> Any:
    """Returns the `Message` for a device that has just come in."""
    history = HistorySync(syncType=HistorySync.INITIAL_BOOTSTRAP, chunkOrder=1, progress=COMPLETE)
    message = Message()
    message.protocolMessage.type = ProtocolMessage.HISTORY_SYNC_NOTIFICATION
    notification = message.protocolMessage.historySyncNotification
    notification.syncType = history.syncType
    notification.chunkOrder = history.chunkOrder
    notification.progress = history.progress
    notification.initialHistBootstrapInlinePayload = zlib.compress(history.SerializeToString())
    return message
