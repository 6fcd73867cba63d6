"""The library's own protobuf modules, without its native code."""

from typing import Any

from wamesh.emulator.messages import definitions, e2e

neonize_pb2: Any = definitions("Neonize_pb2")
e2e_pb2: Any = e2e
