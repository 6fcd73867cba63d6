"""Where files go: the hosts for uploads and downloads, and a token that names who uploads."""

import re
from collections.abc import Iterator
from typing import Final

from wamesh.emulator.codec import Node
from wamesh.emulator.server.effects import Context, Effect
from wamesh.emulator.server.stanzas.replies import result

HOST: Final = "mmg.whatsapp.net"
"""Serves both; it is also the host of clients that do not ask (read in Baileys)."""

_VALID_SECONDS: Final = 3600
_TOKEN: Final = re.compile(r"([1-9][0-9]{6,14})\.([1-9][0-9]{0,4})")


def upload_token(device_name: str) -> str:
    """Returns what the device shows when it uploads: here its own name, for the log."""
    return device_name.removeprefix("+").replace(":", ".")


def uploader(token: str) -> tuple[str, int]:
    """Returns the phone number and the device number behind a token; ("", 0) for one that names nobody."""
    named = _TOKEN.fullmatch(token)
    return (f"+{named[1]}", int(named[2])) if named else ("", 0)


def tell(query: Node, context: Context) -> Iterator[Effect]:
    """Answers `<media_conn/>`."""
    attributes = {
        "auth": upload_token(context.sender.name),
        "ttl": str(_VALID_SECONDS),
        "auth_ttl": str(_VALID_SECONDS),
        "max_buckets": "12",
    }
    yield result(query, Node("media_conn", attributes, (Node("host", {"hostname": HOST}),)))
