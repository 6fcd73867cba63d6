"""Transport `emulator`: the very same neonize transport as in production, led to an emulator on this machine.

Three beliefs of the library are changed from outside (see `trust`): the proxy it dials, the authority it trusts for
TLS, the root key it trusts for noise. Its code, and ours, run as they do against WhatsApp.

The proxy serves the websocket and files alike, and no NO_PROXY rule lifts it (measured with neonize 0.5.2: the
websocket under NO_PROXY=*, and uploads and downloads through the emulator's port).
"""

from collections.abc import Mapping
from pathlib import Path

from wamesh.emulator.client import native_root_key
from wamesh.emulator.client.trust import Trust
from wamesh.whatsapp.neonize.transport import NeonizeTransport
from wamesh.whatsapp.transport import OnEvent, Transport


def open_transport(directory: Path, on_event: OnEvent, options: Mapping[str, str]) -> Transport:
    """Returns a neonize transport over `directory` whose WhatsApp is the emulator that `options` describe.

    Options as `Trust.options` returns them, and those of `wamesh.whatsapp.neonize.transport`; the proxy is the
    emulator's. Raises UntrustworthyEmulator, WrongEnvironment, RootKeyNotReplaced.
    """
    trust = Trust.from_options(options)
    transport = NeonizeTransport.open(directory, on_event, {**options, "proxy": trust.proxy})
    native_root_key.believe(trust)
    return transport
