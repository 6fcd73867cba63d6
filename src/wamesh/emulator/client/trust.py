"""What a client must believe to take the emulator for WhatsApp, and the forms in which a process is told.

Three beliefs: where WhatsApp is (the wire's address, an HTTP proxy), who vouches for its TLS certificate (a certificate
authority), and who vouches for its noise certificate (the root key).

Owns: the names of the options of transport `emulator` (for a session process) and of the variables of the environment
(for any other client), and the file with the authority's certificate. Refuses: asking the emulator what it is to be
believed by, which whoever starts the client does. Invariant: a Trust that exists names a loopback address and a key of
32 bytes.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from wamesh.emulator.loopback import is_loopback

CA_FILE_NAME: Final = "emulator-ca.pem"
KEY_BYTES: Final = 32

PROXY: Final = "HTTPS_PROXY"
GO_AUTHORITY: Final = "SSL_CERT_FILE"
NODE_AUTHORITY: Final = "NODE_EXTRA_CA_CERTS"
ROOT_KEY: Final = "WHATSAPP_ROOT_PUBLIC_KEY"
"""Hexadecimal digits; no client reads it by itself, its program does."""


class UntrustworthyEmulator(ValueError):
    """The options do not describe an emulator on this machine; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Trust:
    """How to reach and believe one emulator.

    `wire_address` is `host:port` on loopback, `ca_pem` one PEM certificate, `root_public_key` 32 bytes (Curve25519).
    Raises UntrustworthyEmulator.
    """

    wire_address: str
    ca_pem: bytes
    root_public_key: bytes

    def __post_init__(self) -> None:
        if not is_loopback(self.wire_address):
            raise UntrustworthyEmulator(f"the emulator must be on loopback; its address is {self.wire_address!r}")
        if len(self.root_public_key) != KEY_BYTES:
            raise UntrustworthyEmulator(f"root key has {len(self.root_public_key)} bytes, it must have {KEY_BYTES}")

    @property
    def proxy(self) -> str:
        """The wire as the client is told of it: an HTTP proxy."""
        return f"http://{self.wire_address}"

    def options(self, directory: Path) -> dict[str, str]:
        """Writes the authority's certificate into `directory` and returns the options of transport `emulator`.

        The same options give the session process its environment (`process_environment`), so they must exist before it
        starts. The file must stay: the library reads it at its first TLS handshake.
        """
        return {
            "wire_address": self.wire_address,
            "ca_file": self._write_authority(directory),
            "root_public_key": self.root_public_key.hex(),
        }

    def environment(self, directory: Path) -> dict[str, str]:
        """Writes the authority's certificate into `directory`, which must stay, and returns the variables that a
        client's process must be started with, whether its library is written in Go or for Node.
        """
        ca_file = self._write_authority(directory)
        return {
            PROXY: self.proxy,
            GO_AUTHORITY: ca_file,
            NODE_AUTHORITY: ca_file,
            ROOT_KEY: self.root_public_key.hex(),
        }

    def _write_authority(self, directory: Path) -> str:
        """Returns the file's path; whoever reads it meanwhile finds the old certificate or the new one, whole."""
        directory.mkdir(parents=True, exist_ok=True)
        ca_file = directory.absolute() / CA_FILE_NAME
        fresh = ca_file.with_suffix(".new")
        fresh.write_bytes(self.ca_pem)
        fresh.replace(ca_file)
        return str(ca_file)

    @classmethod
    def from_options(cls, options: Mapping[str, str]) -> Self:
        """Reads what `options` wrote. Raises UntrustworthyEmulator."""
        try:
            address, ca_pem = options["wire_address"], Path(options["ca_file"]).read_bytes()
            root_public_key = bytes.fromhex(options["root_public_key"])
        except KeyError as error:
            raise UntrustworthyEmulator(f"transport emulator needs the option {error}") from None
        except (OSError, ValueError) as error:
            raise UntrustworthyEmulator(f"an option of transport emulator cannot be read: {error}") from error
        return cls(address, ca_pem, root_public_key)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Self:
        """Reads what `environment` gave to this process. Raises UntrustworthyEmulator."""
        try:
            address = environment[PROXY].removeprefix("http://").rstrip("/")
            ca_pem = Path(environment[GO_AUTHORITY]).read_bytes()
            root_public_key = bytes.fromhex(environment[ROOT_KEY])
        except KeyError as error:
            raise UntrustworthyEmulator(f"{error.args[0]} is not set; see `wamesh emulator trust`") from None
        except (OSError, ValueError) as error:
            raise UntrustworthyEmulator(f"a variable of `wamesh emulator trust` cannot be read: {error}") from error
        return cls(address, ca_pem, root_public_key)
