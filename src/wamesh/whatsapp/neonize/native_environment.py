"""The environment that a session process must be *started* with.

The native library reads the environment its process was executed with; what Python sets later never reaches it
(measured, neonize 0.5.2). So whoever starts a session process sets these variables, and the transport refuses to work
without them.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from wamesh.whatsapp.transport import TransportName


class WrongEnvironment(Exception):
    """The process was started without a variable that the library must find in its first environment."""


def process_environment(transport: TransportName, options: Mapping[str, str] | None = None) -> Mapping[str, str]:
    """Returns the variables to add to the environment of a session process that uses this transport.

    The option `ca_file` (path of a PEM file) adds a certificate authority that the library trusts: the Go runtime reads
    it from SSL_CERT_FILE.
    """
    if transport == "memory":
        return {}
    # Without it customers see an AI label on every message.
    variables = {"NEONIZE_BOT_TAG": "off"}
    if ca_file := (options or {}).get("ca_file"):
        variables["SSL_CERT_FILE"] = ca_file
    return variables


def first_environment() -> Mapping[str, str]:
    """Returns the environment this process was executed with; where that cannot be read, today's."""
    try:
        raw = Path("/proc/self/environ").read_bytes()
    except OSError:
        return os.environ
    pairs = (entry.partition("=") for entry in raw.decode(errors="replace").split("\0") if entry)
    return {name: value for name, _, value in pairs}


def refuse_wrong_environment(
    transport: TransportName, environment: Mapping[str, str], options: Mapping[str, str] | None = None
) -> None:
    """Raises WrongEnvironment with the variable that is missing or wrong."""
    for name, value in process_environment(transport, options).items():
        if environment.get(name) != value:
            raise WrongEnvironment(f"start this process with {name}={value} in its environment")
