"""TLS without I/O: bytes of the network in, bytes of the application out, and back.

`loop.start_tls` would do it on the socket, but it loses bytes that the client sent right behind its CONNECT; here they
are simply the first bytes received. It is the same code under every event loop.

Owns: one connection's TLS. Refuses: sockets. Invariant: no plain byte is returned before the handshake is complete.
"""

import contextlib
import ssl
from typing import Final

from wamesh.emulator.wire.contract import WireFault

DISTRUST_HINT: Final = "does the client trust the emulator's CA?"
_PIECE_BYTES: Final = 1 << 16


class TlsServer:
    """The server's side of one TLS connection."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self.established = False
        self.ended = False
        """The client said that it sends nothing more."""

    def receive(self, data: bytes) -> bytes:
        """Takes bytes of the network and returns the plain bytes in them, perhaps none.

        There may be output to take afterwards, also when this raises WireFault.
        """
        self._incoming.write(data)
        try:
            if not self.established:
                self._tls.do_handshake()
                self.established = True
            return self._read()
        except ssl.SSLWantReadError:
            return b""
        except ssl.SSLError as error:
            raise WireFault(_words(error, self.established)) from error

    def seal(self, plain: bytes) -> None:
        """Encrypts; needs the handshake to be complete."""
        self._tls.write(plain)

    def end(self) -> None:
        """Says that nothing more will be sent."""
        with contextlib.suppress(ssl.SSLError):  # the client has not said so yet, or is gone
            self._tls.unwrap()

    def take_output(self) -> bytes:
        """Returns what must go to the network now, perhaps nothing."""
        return self._outgoing.read()

    def _read(self) -> bytes:
        pieces: list[bytes] = []
        try:
            while piece := self._tls.read(_PIECE_BYTES):
                pieces.append(piece)
            self.ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.ended = True
        return b"".join(pieces)


def _words(error: ssl.SSLError, established: bool) -> str:
    reason = error.reason or str(error)
    if established:
        return f"TLS failed: {reason}"
    return f"TLS handshake failed: {reason}" + (f"; {DISTRUST_HINT}" if "ALERT" in reason else "")
